"""Who each face is, judged from the whole session once it is over.

While frames come in (`persons.py`) a face can be compared only with what came before. Here every
track is compared with everybody who showed more of themselves, what came later included; so nothing
confirms itself, and a glimpse casts no doubt on who was in view for long. A face that was in doubt
after a cut is settled by what its track showed afterwards, and somebody who was taken for a new
person by mistake is recognised.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.looks import Appearance, Kinds, Mean
from echodepth_cli.face.odds import (
    INTERLUDE,
    SEEN_BEFORE,
    SURE,
    bounded,
    colour_odds,
    placed,
    shape_odds,
    shapes_apart,
)
from echodepth_cli.face.tracks import Sighting
from echodepth_cli.records import Box

DIMENSIONS: Final = 16
COLOURS: Final = 9
"""Lengths of a signature and of the colours around a face."""

_SWEEPS: Final = 8
"""Rounds in which all tracks are judged again; more change nothing in practice."""

_HEARINGS: Final = 3
"""So often who is in doubt is judged again, by all who are not."""

_TEACHERS: Final = 400
"""So many tracks, those that showed most, say what everybody looks like; so the time that judging
takes grows as the number of tracks does, not as its square."""

_REMEMBERED: Final = 400
"""A long track says no more of a person's looks than so many faces."""

_MERGES: Final = math.log(SURE / (1 - SURE))


@dataclass(slots=True, eq=False)
class TrackRecord:
    """What is kept of a track: how it looked, where and when, and who was beside it."""

    number: int
    after_cut: bool
    """Whether it began at a cut, where place says little."""
    first_s: float
    first_box: Box
    last_s: float
    last_box: Box
    person: int = 0
    """Who it was taken for while it was seen."""
    interlude_of: int = 0
    """Number of the track that it interrupted, see `tracks.Track`; 0 for none."""
    certainty: float = 0.0
    looks: Appearance = field(default_factory=Appearance)
    kinds: Kinds = field(default_factory=Kinds)
    beside: set[int] = field(default_factory=set)
    """Numbers of the tracks seen in the same frames."""
    faces: int = 0

    def add(self, sighting: Sighting) -> None:
        """Take the next face."""
        self.looks.add(sighting.signature, sighting.face.colours)
        self.kinds.add(sighting.face.colours)
        self.faces += 1
        self.last_s, self.last_box = sighting.offset_s, sighting.face.box


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a track is taken for in the end."""

    person: int
    """From 1, in order of appearance."""
    certainty: float


def identify(tracks: Sequence[TrackRecord]) -> dict[int, Identity]:
    """Return by number who each track is."""
    tracks = sorted(tracks, key=_by_what_they_showed)
    kinds = _KindsOfAll([track.kinds for track in tracks])
    cast = _settled(tracks, kinds)
    # Where nobody was seen beside anybody, nothing but looks would say that a second judgement is
    # better than the first, and alike people would make each other sure.
    for _ in range(_HEARINGS if cast.has_company else 0):
        # Who showed most may have shown it badly, a hand before the face, say.
        again = _settled(tracks, kinds, last=cast.doubtful)
        if again.faces_in_doubt >= cast.faces_in_doubt or again.persons > cast.persons:
            break
        cast = again
    return cast.identities()


def _settled(
    tracks: Sequence[TrackRecord], kinds: _KindsOfAll, last: Set[int] = frozenset()
) -> _Cast:
    cast = _Cast(tracks, kinds, last)
    for sweep in range(_SWEEPS):
        changed = cast.sweep()
        # The first takes what others say of a track from what was thought while frames came in.
        if not cast.merge() and not changed and (sweep or not cast.has_company):
            break
    return cast


class _Cast:
    """The tracks, those that showed most first, and whom each is taken for at present."""

    def __init__(self, tracks: Sequence[TrackRecord], kinds: _KindsOfAll, last: Set[int]) -> None:
        """Take the tracks in order; those whose numbers are in ``last`` teach none of the others.

        ``kinds`` are those of the tracks.
        """
        order = sorted(range(len(tracks)), key=lambda n: tracks[n].number in last)
        self._tracks = [tracks[n] for n in order]
        at = {t.number: k for k, t in enumerate(self._tracks)}
        self._beside = [[at[n] for n in sorted(t.beside)] for t in self._tracks]
        self._interrupted = [at.get(t.interlude_of) for t in self._tracks]
        self._first_s = np.array([t.first_s for t in self._tracks])
        self._last_s = np.array([t.last_s for t in self._tracks])
        self._shapes = _stacked([t.looks.shape for t in self._tracks], DIMENSIONS)
        self._faces = np.array(
            [min(t.looks.shape.count, _REMEMBERED) for t in self._tracks], dtype=np.float64
        )
        self._colours = _stacked([t.looks.colours for t in self._tracks], COLOURS)
        self._kinds, self._known_as = kinds, np.array(order, dtype=np.intp)
        kinds.teach(self._known_as[:_TEACHERS])
        self._person = np.array([t.person for t in self._tracks])
        self._certainty = np.array([t.certainty for t in self._tracks])
        self._by_itself = self._certainty.copy()
        """How sure each would be without regard to who was beside it: what it says of those."""
        self._next = 1 + int(self._person.max(initial=0))

    @property
    def has_company(self) -> bool:
        """Whether any two were in one frame."""
        return any(self._beside)

    @property
    def doubtful(self) -> set[int]:
        """Numbers of the tracks in doubt."""
        return {t.number for t, c in zip(self._tracks, self._certainty, strict=True) if c < SURE}

    @property
    def faces_in_doubt(self) -> int:
        """Faces on tracks in doubt."""
        doubtful = self.doubtful
        return sum(t.faces for t in self._tracks if t.number in doubtful)

    @property
    def persons(self) -> int:
        """How many there are."""
        return len(np.unique(self._person))

    def identities(self) -> dict[int, Identity]:
        """Return the result, persons numbered in order of appearance."""
        persons = [int(n) for n in self._person]
        places = [(t.first_s, t.first_box.x) for t in self._tracks]
        appeared = [n for _, n in sorted(zip(places, persons, strict=True))]
        numbers = {person: k for k, person in enumerate(dict.fromkeys(appeared), start=1)}
        return {
            track.number: Identity(numbers[person], float(certainty))
            for track, person, certainty in zip(self._tracks, persons, self._certainty, strict=True)
        }

    def sweep(self) -> bool:
        """Judge every track again by all others; return whether any changed hands."""
        changed = False
        for k in range(len(self._tracks)):
            weights, company = self._weights(k), self._company(k)
            mine = int(self._person[k])
            # Nobody showed more of this person, or somebody new is a way out.
            weights[mine if mine not in weights else self._next] = 0.0
            chances = _chances({n: w + company.get(n, 0.0) for n, w in weights.items()})
            person = max(chances, key=lambda n: (chances[n], n == mine, -n))
            self._by_itself[k] = _chances(weights)[person]
            self._next = max(self._next, person + 1)
            changed |= person != mine
            self._person[k], self._certainty[k] = person, chances[person]
        return changed

    def merge(self) -> bool:
        """Take the two persons most surely one for one; return whether there were any."""
        taught = self._teaching()
        persons, whose, shapes, faces = self._looks(taught)
        colours, _ = _pooled(self._colours[taught], self._faces[taught] + 1, whose, len(persons))
        met = {tuple(sorted(pair)) for pair in self._meetings()}
        best, found = _MERGES, None
        for i, one in enumerate(persons):
            apart = shapes_apart(shapes[i], shapes)
            shape = shape_odds(apart, np.maximum(np.minimum(faces[i], faces), 1))
            weight = SEEN_BEFORE + np.nan_to_num(shape) + colour_odds(colours[i], colours)
            for j in range(i + 1, len(persons)):
                if weight[j] > best and (one, persons[j]) not in met:
                    best, found = float(weight[j]), (one, persons[j])
        if found is None:
            return False
        self._person[self._person == found[1]] = found[0]
        return True

    def _meetings(self) -> Iterator[tuple[int, int]]:
        """Yield the persons who were in one frame."""
        for k, others in enumerate(self._beside):
            for j in others:
                yield int(self._person[k]), int(self._person[j])

    def _teaching(self) -> NDArray[np.bool_]:
        """Return which tracks say what their persons look like: the sure ones, and the largest."""
        teaching = self._certainty >= SURE
        _, founders = np.unique(self._person, return_index=True)
        teaching[founders] = True
        return teaching

    def _looks(
        self, taught: NDArray[np.bool_]
    ) -> tuple[list[int], NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """Return the persons known from these tracks, whose each is, mean shapes, their faces."""
        persons, whose = np.unique(self._person[taught], return_inverse=True)
        shape, faces = _pooled(self._shapes[taught], self._faces[taught], whose, len(persons))
        return [int(n) for n in persons], whose, shape, faces

    def _weights(self, k: int) -> dict[int, float]:
        """Return by person how much likelier a track is theirs than someone new's, as log odds."""
        taught = self._teaching()
        taught[min(k, _TEACHERS) :] = False
        persons, _, shapes, faces = self._looks(taught)
        apart = shapes_apart(self._shapes[k], shapes)
        least = np.maximum(np.minimum(self._faces[k], faces), 1)
        shape = np.nan_to_num(shape_odds(apart, least))
        weights = {}
        for person, alike in zip(persons, shape, strict=True):
            theirs = np.flatnonzero(taught & (self._person == person))
            colours = self._kinds.odds(int(self._known_as[k]), self._known_as[theirs])
            likeness = bounded(float(alike) + colours)
            weights[person] = SEEN_BEFORE + likeness + self._place(k, theirs)
        interrupted = self._interrupted[k]
        if interrupted is not None and (owner := int(self._person[interrupted])) in weights:
            weights[owner] += INTERLUDE
        return weights

    def _company(self, k: int) -> dict[int, float]:
        """Return by person what is against a track being theirs: two in one frame are two people.

        What others owe to this very track they may not give back, or two doubts become certainty.
        """
        against: dict[int, float] = {}
        for j in self._beside[k]:
            person, certainty = int(self._person[j]), float(self._by_itself[j])
            weight = math.log(1 - certainty) if certainty < SURE else -math.inf
            against[person] = against.get(person, 0.0) + weight
        return against

    def _place(self, k: int, theirs: NDArray[np.intp]) -> float:
        """Return what place adds: where the person was last, or is next."""
        # Of tracks that go on meanwhile, `interlude_of` says all there is to say.
        before = theirs[self._last_s[theirs] <= self._first_s[k]]
        after = theirs[self._first_s[theirs] >= self._last_s[k]]
        found = [0.0]
        if len(before):
            found.append(self._follows(int(before[self._last_s[before].argmax()]), k))
        if len(after):
            found.append(self._follows(k, int(after[self._first_s[after].argmin()])))
        return max(found)

    def _follows(self, one: int, other: int) -> float:
        before, after = self._tracks[one], self._tracks[other]
        gap_s = after.first_s - before.last_s
        return placed(after.first_box, before.last_box, gap_s, after_cut=after.after_cut)


class _KindsOfAll:
    """How likely the colours of tracks are of one person, each kind of one by any of the other.

    What was worked out once is kept, whoever is judged by whom later.
    """

    def __init__(self, kinds: Sequence[Kinds]) -> None:
        self._kinds = [_stacked(of_one.means, COLOURS) for of_one in kinds]
        counts = [np.array([float(m.count) for m in of_one.means]) for of_one in kinds]
        self._shares = [count / max(count.sum(), 1.0) for count in counts]
        self._column = np.full(len(kinds), -1)
        """Where in the tables of odds each track that teaches is."""
        self._lessons: list[_Lesson] = []
        self._odds: dict[int, NDArray[np.float64]] = {}
        """By track: (its kinds, those that teach)."""
        self._heard: dict[int, int] = {}
        """By track: of how many lessons the odds are known."""

    def teach(self, tracks: NDArray[np.intp]) -> None:
        """Let these tracks, and all named before, say what their persons' colours are."""
        new = tracks[self._column[tracks] < 0]
        if len(new):
            self._column[new] = self._column.max() + 1 + np.arange(len(new))
            self._lessons.append(_Lesson([self._kinds[n] for n in new]))

    def odds(self, k: int, theirs: NDArray[np.intp]) -> float:
        """Return the log odds that a track's colours are those of the person of other tracks."""
        found = self._by_track(k)[:, self._column[theirs]].max(axis=1, initial=-np.inf)
        return float(self._shares[k] @ found) if np.isfinite(found).all() else 0.0

    def _by_track(self, k: int) -> NDArray[np.float64]:
        """Return the odds of each kind of a track by the most alike of each teaching track."""
        missed = self._lessons[self._heard.get(k, 0) :]
        if missed:
            known = self._odds.get(k, np.empty((len(self._kinds[k]), 0)))
            self._odds[k] = np.hstack([known, *(one.odds(self._kinds[k]) for one in missed)])
            self._heard[k] = len(self._lessons)
        return self._odds.get(k, np.empty((len(self._kinds[k]), 0)))


class _Lesson:
    """The kinds of colours of some tracks, to compare those of others with."""

    def __init__(self, kinds: Sequence[NDArray[np.float64]]) -> None:
        self._count = len(kinds)
        self._all = np.concatenate(kinds)
        lengths = np.array([len(rows) for rows in kinds], dtype=np.intp)
        self._coloured = np.flatnonzero(lengths)
        self._begin = (np.cumsum(lengths) - lengths)[self._coloured]

    def odds(self, kinds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log odds of each kind by the most alike of each of the tracks."""
        nearest = np.full((len(kinds), self._count), -np.inf)
        if len(self._coloured):
            each = colour_odds(kinds[:, None], self._all)
            nearest[:, self._coloured] = np.maximum.reduceat(each, self._begin, axis=1)
        return nearest


def _by_what_they_showed(track: TrackRecord) -> tuple[float, ...]:
    looks = track.looks
    return -looks.shape.count, -looks.colours.count, track.first_s, track.first_box.x


def _stacked(means: Sequence[Mean], length: int) -> NDArray[np.float64]:
    """Return (N, length) values, NaN where nothing is known."""
    values = [np.full(length, np.nan) if m.value is None else m.value for m in means]
    return np.array(values, dtype=np.float64).reshape(-1, length)


def _pooled(
    values: NDArray[np.float64], counts: NDArray[np.float64], whose: NDArray[np.intp], groups: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (groups, D) means weighted by ``counts``, NaN left out, and the summed counts."""
    weights = counts[:, None] * np.isfinite(values)
    belongs = (whose == np.arange(groups)[:, None]).astype(np.float64)
    sums, totals = belongs @ (np.nan_to_num(values) * weights), belongs @ weights
    means = np.where(totals > 0, sums / np.maximum(totals, 1), np.nan)
    return means, totals.max(axis=1, initial=0.0)


def _chances(weights: Mapping[int, float]) -> dict[int, float]:
    top = max(weights.values())
    odds = {n: math.exp(w - top) for n, w in weights.items()}
    total = sum(odds.values())
    return {n: odd / total for n, odd in odds.items()}
