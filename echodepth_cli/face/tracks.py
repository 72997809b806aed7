"""Follow faces from one sampled frame to the next, as far as place and size alone can tell.

A track is a face seen without interruption: it ends at a cut, when the face is gone for longer
than a blink of the detector, and where the face turns into another one. Who it is, is decided for
whole tracks in `persons.py`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.colours import apart, is_mostly_unchanged
from echodepth_cli.face.cuts import CutDetector, Look
from echodepth_cli.face.looks import Appearance, Mean
from echodepth_cli.face.signature import Signature, distance, signature
from echodepth_cli.records import Box, FaceObservation

WINDOW_FACES: Final = 4
WINDOW_S: Final = 1.5
"""What a track must have shown of itself before anything is said of it: faces and seconds."""

_GONE_S: Final = 1.6
"""A face missed for longer has left; at two frames per second the detector may blink twice."""

_MISSED_FRAMES: Final = 2
"""At slow sampling a face may still be missed in one frame."""

_REACH: Final = 0.5
_REACH_PER_S: Final = 1.5
_FARTHEST: Final = 1.5
"""How far a face may move between frames, in face widths: at once, per second, at most."""

_COASTS_S: Final = 0.2

_UNLIKE: Final = 4.5
"""One picture this unlike a track does not go on it; see `signature`."""

_OTHER_COLOURS: Final = 16.0
"""One picture whose colours are so far from a track's does not go on it; see `colours`."""

_IN_PLACE: Final = 0.25
"""A face so near to where another is expected, in face sizes and in growth, has its very place."""

_AT_ONCE_S: Final = 1.0

GROWTH: Final = 0.7
"""Natural logarithm of the largest change of size between frames."""


@dataclass(slots=True, eq=False)
class Sighting:
    """One face in one frame, and the track it is on."""

    offset_s: float
    face: FaceObservation
    signature: Signature | None
    track: Track
    steadiness: float = 1.0
    """How well the face fits the rest of its track, 0..1."""
    is_settled: bool = False
    """Whether it stays on its track for good."""


@dataclass(slots=True, eq=False)
class Track:
    """One face without interruption; ``recent`` may still turn out to be another one."""

    first_s: float
    recent: deque[Sighting] = field(default_factory=deque)
    settled: Appearance = field(default_factory=Appearance)
    last: Sighting | None = None
    missed: int = 0
    is_over: bool = False
    after_cut: bool = False
    """Whether it began at a cut, where place says little."""
    motion_per_s: tuple[float, float] = (0.0, 0.0)
    """How fast its centre last moved, in fractions of the frame."""
    person: int | None = None
    certainty: float = 0.0
    is_first: bool = False
    """Whether the person is known from this track."""
    others: set[int] = field(default_factory=set)
    """Persons seen beside it."""
    number: int = 0
    """From 1, in the order in which tracks are settled; 0 before."""
    in_place_of: Track | None = None
    """The track that was missing where this one began."""
    interlude_of: Track | None = None
    """The track that was in this one's place before and after it, all within a second or so."""

    @property
    def has_window(self) -> bool:
        """Whether enough has been seen to say who it is."""
        known = sum(s.signature is not None for s in self.recent)
        span_s = self.recent[-1].offset_s - self.recent[0].offset_s if self.recent else 0.0
        return known >= WINDOW_FACES and span_s >= WINDOW_S

    def add(self, sighting: Sighting) -> None:
        """Take the face of the newest frame."""
        self.interlude_of = None
        if self.last is not None and sighting.offset_s > self.last.offset_s:
            elapsed_s = sighting.offset_s - self.last.offset_s
            before, after = self.last.face.box, sighting.face.box
            self.motion_per_s = (
                (after.x + after.w / 2 - before.x - before.w / 2) / elapsed_s,
                (after.y + after.h / 2 - before.y - before.h / 2) / elapsed_s,
            )
        self.recent.append(sighting)
        self.last, self.missed = sighting, 0

    def box_at(self, offset_s: float) -> Box | None:
        """Return where the face is expected; heads go on moving for a fifth of a second."""
        if self.last is None:
            return None
        box, ahead_s = self.last.face.box, min(offset_s - self.last.offset_s, _COASTS_S)
        dx, dy = self.motion_per_s
        return Box(box.x + dx * ahead_s, box.y + dy * ahead_s, box.w, box.h)

    def recent_appearance(self) -> Appearance:
        """Return how the face looks in what is not settled yet."""
        return Appearance(
            Mean.of(sighting.signature for sighting in self.recent),
            Mean.of(sighting.face.colours for sighting in self.recent),
        )


class Tracks:
    """The faces in view; `push` returns this frame's sightings, each on its track."""

    def __init__(self) -> None:
        self.live: list[Track] = []
        self._cuts = CutDetector()

    @property
    def knows_cuts(self) -> bool:
        """Whether the newest frame could be compared with the one before."""
        return self._cuts.can_tell

    def push(
        self, offset_s: float, faces: Sequence[FaceObservation], look: Look | None
    ) -> list[Sighting]:
        """Take the next frame's faces; tracks that are over stay in nobody's list but yours."""
        self._cuts.push(look)
        self._end_cut_and_gone(offset_s)
        distinct = sorted(without_doubles(faces), key=lambda face: face.box.x)
        marks = [signature(face) for face in distinct]
        owners = _match(self.live, distinct, marks, offset_s)
        sightings = []
        going_on = {id(owner) for owner in owners if owner}
        for face, mark, owner in zip(distinct, marks, owners, strict=True):
            if owner:
                self._note_interludes(owner, offset_s, face)
            track = owner or self._begin(offset_s, face, going_on)
            sighting = Sighting(offset_s, face, mark, track)
            track.add(sighting)
            sightings.append(sighting)
        for track in self.live:
            if track.last is not None and track.last.offset_s != offset_s:
                track.missed += 1
        return sightings

    def end(self) -> None:
        """End all tracks."""
        for track in self.live:
            track.is_over = True
        self.live = []

    def _begin(self, offset_s: float, face: FaceObservation, going_on: set[int]) -> Track:
        cut = self._cuts.is_cut or self._cuts.is_cut_around(face.box)
        track = Track(offset_s, after_cut=cut)
        idle = (t for t in self.live if id(t) not in going_on)
        track.in_place_of = next((t for t in idle if _takes_place(face, t, offset_s)), None)
        self.live.append(track)
        return track

    def _note_interludes(self, owner: Track, offset_s: float, face: FaceObservation) -> None:
        """Note the tracks that began and ended in a track's place while it was missing."""
        for track in self.live:
            if track.in_place_of is owner and track.last is not None:
                is_over = track.last.offset_s < offset_s
                if is_over and _takes_place(face, track, offset_s):
                    track.interlude_of = owner

    def _end_cut_and_gone(self, offset_s: float) -> None:
        for track in self.live:
            if track.last is None:
                continue
            gone = offset_s - track.last.offset_s > _GONE_S and track.missed >= _MISSED_FRAMES
            cut = self._cuts.is_cut or self._cuts.is_cut_around(track.last.face.box)
            track.is_over = gone or cut
        self.live = [track for track in self.live if not track.is_over]

    def split(self, track: Track) -> None:
        """End a track whose newest faces are another person's, and begin that person's."""
        known = track.settled.shape.value
        if known is None:
            return
        rest = list(track.recent)
        first = _change_point(known, rest)
        fresh = Track(rest[first].offset_s, after_cut=True, last=rest[-1])
        for sighting in rest[first:]:
            sighting.track = fresh
            fresh.recent.append(sighting)
        track.recent = deque(rest[:first])
        track.last, track.is_over = (rest[first - 1] if first else track.last), True
        self.live[self.live.index(track)] = fresh


def without_doubles(faces: Sequence[FaceObservation]) -> list[FaceObservation]:
    """Return the faces, most trusted first, without those that are an earlier one again."""
    kept: list[FaceObservation] = []
    for face in sorted(faces, key=lambda f: (-f.confidence, -f.box.w * f.box.h, f.box.x)):
        if not any(_is_same_place(face.box, other.box) for other in kept):
            kept.append(face)
    return kept


def separation(one: Box, other: Box) -> float:
    """Return the distance of two boxes' centres in face sizes, along the worse axis."""
    return max(
        abs(one.x + one.w / 2 - other.x - other.w / 2) / max(one.w, other.w, 1e-6),
        abs(one.y + one.h / 2 - other.y - other.h / 2) / max(one.h, other.h, 1e-6),
    )


def growth(one: Box, other: Box) -> float:
    """Return the natural logarithm of how many times larger one box is, without sign."""
    return abs(math.log(max(one.w * one.h, 1e-9) / max(other.w * other.h, 1e-9))) / 2


def _is_same_place(one: Box, other: Box) -> bool:
    return separation(one, other) < 0.4 and growth(one, other) < 0.6


def _takes_place(face: FaceObservation, track: Track, offset_s: float) -> bool:
    """Return whether a face is where a track was within the last second, as large, coloured so."""
    if track.last is None or offset_s - track.last.offset_s > _AT_ONCE_S:
        return False
    last = track.last.face
    is_there = separation(face.box, last.box) < _IN_PLACE and growth(face.box, last.box) < _IN_PLACE
    if not is_there or face.colours is None or last.colours is None:
        return False
    return is_mostly_unchanged(face.colours, last.colours)


def _match(
    tracks: Sequence[Track],
    faces: Sequence[FaceObservation],
    marks: Sequence[Signature | None],
    offset_s: float,
) -> list[Track | None]:
    """Return for each face the track it goes on, by the least total distance."""
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}
    for track in tracks:
        grown: dict[int, tuple[float, tuple[int, ...]]] = {}
        costs = [_step_cost(track, f, m, offset_s) for f, m in zip(faces, marks, strict=True)]
        for taken, (total, chosen) in best.items():
            options = [(taken, total + 1.0, (*chosen, -1))]
            options += [
                (taken | 1 << k, total + cost, (*chosen, k))
                for k, cost in enumerate(costs)
                if cost < 1.0 and not taken >> k & 1
            ]
            for mask, cost, picks in options:
                if mask not in grown or cost < grown[mask][0]:
                    grown[mask] = (cost, picks)
        best = grown
    _, picks = min(best.values(), key=lambda entry: entry[0])
    owner = {k: track for track, k in zip(tracks, picks, strict=True) if k >= 0}
    return [owner.get(k) for k in range(len(faces))]


def _step_cost(
    track: Track, face: FaceObservation, mark: Signature | None, offset_s: float
) -> float:
    """Return how unlikely it is that a track goes on with a face; 1 or more is never."""
    before = track.box_at(offset_s)
    if track.last is None or before is None:
        return math.inf
    elapsed_s = offset_s - track.last.offset_s
    reach = min(_REACH + _REACH_PER_S * elapsed_s, _FARTHEST)
    away = separation(before, face.box) / reach
    grown = growth(before, face.box) / GROWTH
    if away >= 1 or grown >= 1:
        return math.inf
    known = track.settled.shape.value
    if known is None:
        known = track.last.signature
    unlike = 0.0 if known is None or mark is None else distance(known, mark) / _UNLIKE
    other_clothes = _other_colours(track, face)
    return 0.5 * away**2 + 0.25 * grown**2 + min(unlike, 1.0) ** 2 + other_clothes**2


def _other_colours(track: Track, face: FaceObservation) -> float:
    """Return how unlike the colours are: someone who walks past would take the track along."""
    known: NDArray[Any] | None = track.settled.colours.value
    if known is None and track.last is not None:
        known = track.last.face.colours
    if known is None or face.colours is None:
        return 0.0
    return min((apart(known, face.colours) or 0.0) / _OTHER_COLOURS, 1.0)


def _change_point(known: Signature, sightings: Sequence[Sighting]) -> int:
    """Return the index of the first sighting that is no longer of the known person."""
    marks = [s.signature for s in sightings]
    fresh = np.mean([m for m in marks[len(marks) // 2 :] if m is not None] or [known], axis=0)
    lean = [0.0 if m is None else distance(known, m) ** 2 - distance(fresh, m) ** 2 for m in marks]
    tails = np.cumsum(lean[::-1])[::-1]
    return int(np.argmax(tails))
