"""Who of the persons in a recording is the subject, and how clear that is.

`Cast` counts as frames come in; `choose` picks one person when all have been counted. What is
counted is time, so that nothing depends on the sampling rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from echodepth_cli.config import SUBJECT_RULES
from echodepth_cli.errors import UsageError
from echodepth_cli.face.odds import SURE
from echodepth_cli.face.persons import SeenFace, SeenFrame
from echodepth_cli.face.quality import LOW_CONFIDENCE
from echodepth_cli.records import Box

_LONGEST_FRAME_S: Final = 2.0
"""A frame stands for no longer, however long the hole after it."""

_BRIEF: Final = 0.1
"""Who is in view for less than this share of the longest time only passes by."""

_CLEAR: Final = 0.6
"""A choice less certain than this is called close: the next person has two thirds as much."""

_NEAR_S: Final = 2.0
"""How far from the moment asked for the main face may be looked for."""

_PAUSE_S: Final = 1.0
"""A shorter absence does not interrupt a stretch in view."""


@dataclass(slots=True)
class Spans:
    """Stretches of time, joined where they touch or nearly do."""

    pause_s: float = _PAUSE_S
    items: list[tuple[float, float]] = field(default_factory=list)

    def add(self, start_s: float, end_s: float) -> None:
        """Take the next stretch; ``start_s`` never falls."""
        if self.items and start_s - self.items[-1][1] < self.pause_s:
            start_s = self.items.pop()[0]
        self.items.append((start_s, end_s))


@dataclass(slots=True)
class Person:
    """What one person's faces add up to."""

    number: int
    seen_s: float = 0.0
    """Seconds in view."""
    in_view: Spans = field(default_factory=Spans)
    weight: float = 0.0
    """Seconds in view by size and by how well the face is seen."""
    beside_s: float = 0.0
    """Seconds in view together with others."""
    leftmost_s: float = 0.0
    rightmost_s: float = 0.0
    uncertain_s: float = 0.0
    """Seconds in which it is not sure that it is this person."""
    frames_clear: int = 0
    """Frames in which it is this person for sure, seen well enough to be reported on."""
    best_s: float = 0.0
    """The moment that shows the face best."""
    best_box: Box | None = None
    _size_s: float = 0.0
    _centre_s: float = 0.0
    _best: float = -1.0

    @property
    def size(self) -> float:
        """Return the mean side of the face rectangle, a fraction of the frame's."""
        return self._size_s / self.seen_s if self.seen_s else 0.0

    @property
    def centre_x(self) -> float:
        """Return where the face is across, 0 left to 1 right, on average."""
        return self._centre_s / self.seen_s if self.seen_s else 0.5

    def add(self, seen: SeenFace, offset_s: float, duration_s: float) -> None:
        """Count one sighting that stands for ``duration_s``."""
        box, size = seen.face.box, side(seen.face.box)
        self.seen_s += duration_s
        self.in_view.add(offset_s, offset_s + duration_s)
        self.weight += duration_s * size * seen.face.confidence
        self.uncertain_s += duration_s if seen.certainty < SURE else 0.0
        self.frames_clear += seen.certainty >= SURE and seen.face.confidence >= LOW_CONFIDENCE
        self._size_s += duration_s * size
        self._centre_s += duration_s * (box.x + box.w / 2)
        clarity = seen.face.confidence * seen.certainty * math.sqrt(size)
        if clarity > self._best:
            self._best, self.best_s, self.best_box = clarity, offset_s, box


@dataclass(frozen=True, slots=True)
class Choice:
    """The subject, and why."""

    person: int | None
    """None where no face was found at all."""
    rule: str
    """One of `SUBJECT_RULES`, `number` or `moment`."""
    certainty: float
    """0..1; 0.5 where the next person would have done as well."""
    is_clear: bool
    reason: str
    """A plain sentence."""


class Cast:
    """The persons of one recording; push settled frames in order, then `finish`."""

    def __init__(self, at_s: float | None = None) -> None:
        """``at_s`` is the moment whose main face will be asked for."""
        self.persons: dict[int, Person] = {}
        self.nearest: tuple[float, SeenFace] | None = None
        """(offset, main face) of the frame with a face that is nearest to ``at_s``."""
        self._at_s = at_s
        self._last: SeenFrame | None = None
        self._duration_s = 0.0

    def push(self, frame: SeenFrame) -> None:
        """Take the next frame."""
        if self._last is not None:
            self._duration_s = min(frame.offset_s - self._last.offset_s, _LONGEST_FRAME_S)
            self._count(self._last)
        self._last = frame
        if self._at_s is not None and frame.faces:
            main = max(frame.faces, key=lambda seen: side(seen.face.box))
            away_s = abs(frame.offset_s - self._at_s)
            if self.nearest is None or away_s < abs(self.nearest[0] - self._at_s):
                self.nearest = frame.offset_s, main

    def finish(self) -> None:
        """Count the last frame, which stands for as long as the one before."""
        if self._last is not None:
            self._count(self._last)
        self._last = None

    def _count(self, frame: SeenFrame) -> None:
        for seen in frame.faces:
            person = self.persons.setdefault(seen.person, Person(seen.person))
            person.add(seen, frame.offset_s, self._duration_s)
            person.beside_s += self._duration_s if len(frame.faces) > 1 else 0.0
        if len(frame.faces) > 1:
            # Faces come left to right.
            self.persons[frame.faces[0].person].leftmost_s += self._duration_s
            self.persons[frame.faces[-1].person].rightmost_s += self._duration_s


def choose(cast: Cast, subject: str, at_s: float | None = None) -> Choice:
    """Return the subject: by a rule of `SUBJECT_RULES`, by number, or at the moment ``at_s``.

    Raises UsageError when nobody has that number or no face is near that moment.
    """
    if not cast.persons:
        return Choice(None, "main", 0.0, False, "No face was found.")
    if at_s is not None:
        return _at_moment(cast, at_s)
    if subject not in SUBJECT_RULES:
        return _by_number(cast, subject)
    if len(cast.persons) == 1:
        return Choice(next(iter(cast.persons)), subject, 1.0, True, "Only one person is in view.")
    if subject in ("left", "right"):
        return _by_side(cast, subject)
    value, words = _MEASURES[subject]
    return _by_most(subject, list(cast.persons.values()), value, words)


def side(box: Box) -> float:
    """Return the side of the square as large as a face rectangle, a fraction of the frame's."""
    return math.sqrt(max(box.w, 0.0) * max(box.h, 0.0))


_MEASURES: Final[dict[str, tuple[Callable[[Person], float], str]]] = {
    "main": (lambda p: p.weight, "in view longest and largest"),
    "largest": (lambda p: p.size, "the largest"),
    "longest": (lambda p: p.seen_s, "in view longest"),
}


def _by_most(
    rule: str, persons: Sequence[Person], value: Callable[[Person], float], words: str
) -> Choice:
    if rule == "largest":
        persons = _lasting(persons)
    ranked = sorted(persons, key=lambda p: (-value(p), p.number))
    best, rest = ranked[0], value(ranked[1]) if len(ranked) > 1 else 0.0
    total = value(best) + rest
    certainty = value(best) / total if total else 0.5
    reason = f"Person {best.number} is {words}"
    if certainty >= _CLEAR:
        return Choice(best.number, rule, certainty, True, f"{reason}.")
    return Choice(
        best.number, rule, certainty, False, f"{reason}, but person {ranked[1].number} nearly so."
    )


def _by_side(cast: Cast, rule: str) -> Choice:
    persons = _lasting(list(cast.persons.values()))
    sign = 1 if rule == "left" else -1
    ranked = sorted(persons, key=lambda p: (sign * p.centre_x, p.number))
    best = ranked[0]
    apart = abs(ranked[1].centre_x - best.centre_x) if len(ranked) > 1 else 1.0
    on_side_s = best.leftmost_s if rule == "left" else best.rightmost_s
    certainty = on_side_s / best.beside_s if best.beside_s else min(1.0, 0.5 + apart)
    reason = f"Person {best.number} is on the {rule}"
    if certainty < SURE:
        reason += f" on average, but only for {100 * certainty:.0f} % of the time beside others"
    return Choice(best.number, rule, certainty, certainty >= SURE, f"{reason}.")


def _by_number(cast: Cast, subject: str) -> Choice:
    number = int(subject)
    if number not in cast.persons:
        known = ", ".join(str(n) for n in sorted(cast.persons))
        raise UsageError(f"--subject {number}: nobody has this number; persons found: {known}")
    return Choice(number, "number", 1.0, True, f"Person {number} was asked for.")


def _at_moment(cast: Cast, at_s: float) -> Choice:
    if cast.nearest is None or abs(cast.nearest[0] - at_s) > _NEAR_S:
        where = "" if cast.nearest is None else f"; the nearest is at {cast.nearest[0]:.1f} s"
        raise UsageError(f"--subject-at {at_s:g}: no face within {_NEAR_S:g} s of it{where}")
    offset_s, seen = cast.nearest
    reason = f"Person {seen.person} is the main face at {offset_s:.1f} s."
    return Choice(seen.person, "moment", seen.certainty, seen.certainty >= SURE, reason)


def _lasting(persons: Sequence[Person]) -> list[Person]:
    longest_s = max(person.seen_s for person in persons)
    return [person for person in persons if person.seen_s >= _BRIEF * longest_s]
