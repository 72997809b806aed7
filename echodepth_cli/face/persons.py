"""Say who each face in a recording is: the same few people, by number, in order of appearance.

A track (`tracks.py`) is one face without interruption; here each is given to a person, by the
proportions of the face, by its place, and by who else is in view. That takes a look at a track's
first seconds, so frames come out a little later than they go in, in order, each once. How sure an
identity is goes with every face. Nothing depends on anything but what is pushed.

    tracker = PersonTracker()
    for each sampled frame:
        for seen in tracker.push(index, offset_s, faces, look): ...
    for seen in tracker.end(): ...
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from echodepth_cli.face.cuts import Look
from echodepth_cli.face.signature import distance
from echodepth_cli.face.tracks import (
    WINDOW_FACES,
    WINDOW_S,
    Appearance,
    Mean,
    Sighting,
    Track,
    Tracks,
    growth,
    separation,
)
from echodepth_cli.records import Box, FaceObservation

SURE: Final = 0.90
"""An identity less certain than this is reported as uncertain and lowers the confidence."""

_WAIT_S: Final = 5.0
"""A track is given to someone by then, however little its face shows."""

_STEADY: Final = 7.0
_STEADY_BLIND: Final = 4.0
"""Log odds that a track stays the same person: no cut was seen; cuts could not be seen."""

_PARTS: Final = -1.0
"""Log odds at which its newest faces are taken off a track: nearly three to one against."""

_STRONG: Final = 8.0
"""Log odds beyond which likeness is not counted; its spreads are not known that well."""

_NEAR: Final = 0.75
"""A face so near to where a person was last, in face sizes, is in that person's place."""

_SOON_S: Final = 3.0
_BACK_SOON: Final = 2.0
_IN_PLACE: Final = 0.7
_SEEN_BEFORE: Final = 0.5
"""Log odds: back in place within seconds; in place; someone known rather than someone new."""


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face and who it is."""

    person: int
    """From 1, in order of appearance."""
    certainty: float
    """Probability of the identity, 0..1."""
    face: FaceObservation


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """Who is in one sampled frame, left to right, each person at most once."""

    index: int
    offset_s: float
    faces: tuple[SeenFace, ...]


@dataclass(slots=True, eq=False)
class _Person:
    number: int
    looks: Appearance = field(default_factory=Appearance)
    box: Box | None = None
    last_s: float = -math.inf


@dataclass(slots=True, eq=False)
class _Held:
    index: int
    offset_s: float
    sightings: list[Sighting]


class PersonTracker:
    """Gives every face a person's number; see the module."""

    def __init__(self) -> None:
        self._tracks = Tracks()
        self._held: deque[_Held] = deque()
        self._people: list[_Person] = []

    def push(
        self,
        index: int,
        offset_s: float,
        faces: Sequence[FaceObservation],
        look: Look | None = None,
    ) -> list[SeenFrame]:
        """Take the faces of the next frame; return the frames that are now settled.

        ``look`` is what `cuts.look_of` makes of the picture; without it cuts go unnoticed.
        """
        self._held.append(_Held(index, offset_s, self._tracks.push(offset_s, faces, look)))
        for track in list(self._tracks.live):
            self._judge_steadiness(track)
        return self._advance(offset_s)

    def end(self) -> list[SeenFrame]:
        """Return the frames still held; nothing may be pushed afterwards."""
        self._tracks.end()
        return self._advance(math.inf)

    def _advance(self, now_s: float) -> list[SeenFrame]:
        tracks = list(dict.fromkeys(s.track for held in self._held for s in held.sightings))
        for track in tracks:
            due = track.is_over or track.has_window or now_s - track.first_s >= _WAIT_S
            if due and (track.person is None or track.certainty < SURE):
                self._identify(track)
            if track.person is not None:
                self._settle(track, now_s)
        return self._release()

    def _identify(self, track: Track) -> None:
        """Give a track to the likeliest person, known or new, all others in view considered."""
        looks = Appearance(replace(track.settled.shape), replace(track.settled.colours))
        for sighting in track.recent:
            looks.add(sighting)
        beside = self._beside(track)
        taken = track.others | {t.person for t in beside if t.person is not None}
        odds = {n: w for n, w in self._odds(track, looks).items() if n not in taken}
        rivals = [self._odds(t, t.recent_appearance()) for t in beside if t.person is None]
        likely = _joint(odds, rivals)
        number = max(likely, key=lambda n: (likely[n], -n))
        track.certainty = likely[number]
        if number:
            track.person, track.is_first = number, False
        elif not track.is_first:
            track.person, track.is_first = self._new_person(track), True

    def _odds(self, track: Track, looks: Appearance) -> dict[int, float]:
        """Return by person how much likelier the track is theirs than someone new's."""
        first = track.recent[0] if track.recent else track.last
        odds = {}
        for person in self._people:
            if track.is_first and person.number == track.person:
                continue
            weight = _SEEN_BEFORE + _alike(looks, person.looks)
            if first is not None and person.box is not None:
                weight += _placed(first.face.box, person.box, first.offset_s - person.last_s, track)
            odds[person.number] = math.exp(weight)
        return odds

    def _beside(self, track: Track) -> list[Track]:
        """Return the tracks that share a held frame with a track, and so are other people."""
        frames = [h for h in self._held if any(s.track is track for s in h.sightings)]
        others = (s.track for h in frames for s in h.sightings if s.track is not track)
        return list(dict.fromkeys(others))

    def _new_person(self, track: Track) -> int:
        person = _Person(len(self._people) + 1)
        for sighting in track.recent:
            person.looks.add(sighting)
        self._people.append(person)
        return person.number

    def _settle(self, track: Track, now_s: float) -> None:
        """Move what no longer can change from a track's recent faces to its past."""
        while track.recent and (track.is_over or _can_spare_first(track, now_s)):
            sighting = track.recent.popleft()
            sighting.is_settled = True
            track.settled.add(sighting)
            person = self._people[(track.person or 0) - 1]
            if track.certainty >= SURE or track.is_first:
                # Doubtful faces teach nothing, or a doubt would confirm itself.
                person.looks.add(sighting)
                person.box, person.last_s = sighting.face.box, sighting.offset_s

    def _judge_steadiness(self, track: Track) -> None:
        """Doubt the recent faces of a track that look unlike those before, or part them off.

        What speaks against them weighs more when they look like someone else who is known.
        """
        recent = track.recent_appearance()
        if (
            min(track.settled.shape.count, recent.shape.count) < WINDOW_FACES
            or not track.has_window
        ):
            return
        others = [_alike(recent, p.looks) for p in self._people if p.number != track.person]
        steady = _STEADY if self._tracks.knows_cuts else _STEADY_BLIND
        stays = steady + _alike(recent, track.settled) - max([0.0, *others])
        if stays < _PARTS:
            self._tracks.split(track)
            return
        odds = math.exp(stays)
        for sighting in track.recent:
            sighting.steadiness = min(sighting.steadiness, odds / (1 + odds))

    def _release(self) -> list[SeenFrame]:
        out = []
        while self._held and all(s.is_settled for s in self._held[0].sightings):
            held = self._held.popleft()
            present = {s.track.person for s in held.sightings if s.track.person is not None}
            for sighting in held.sightings:
                sighting.track.others |= present - {sighting.track.person}
            faces = (
                SeenFace(s.track.person or 0, min(s.track.certainty, s.steadiness), s.face)
                for s in held.sightings
            )
            out.append(SeenFrame(held.index, held.offset_s, tuple(faces)))
        return out


def _joint(odds: dict[int, float], rivals: Sequence[dict[int, float]]) -> dict[int, float]:
    """Return the probability of each person for one track, 0 for someone new.

    ``odds`` are the track's own, ``rivals`` those of tracks beside it that are not decided either:
    two tracks in one frame are never one person, so what fits another better is less likely here.
    """
    shared: dict[frozenset[int], float] = {frozenset(): 1.0}
    for rival in rivals:
        grown: dict[frozenset[int], float] = {}
        for used, weight in shared.items():
            for number, odd in {0: 1.0, **rival}.items():
                if number and number in used:
                    continue
                key = used | {number} if number else used
                grown[key] = grown.get(key, 0.0) + weight * odd
        shared = grown
    weights = {0: sum(shared.values())}
    for number, odd in odds.items():
        weights[number] = odd * sum(w for used, w in shared.items() if number not in used)
    total = sum(weights.values())
    return {number: weight / total for number, weight in weights.items()}


def _alike(one: Appearance, other: Appearance) -> float:
    """Return the log odds that two looks are of one person rather than of two."""
    weight = _alike_in_shape(one.shape, other.shape) + _alike_in_colours(one.colours, other.colours)
    return max(-_STRONG, min(_STRONG, weight))


def _alike_in_shape(one: Mean, other: Mean) -> float:
    """Return what the proportions of two faces add to the log odds.

    The spreads were measured on real recordings, see docs/persons.md: of one person's faces
    against the person's mean elsewhere in the recording, and of different people. Both have tails:
    a person may grimace for seconds, and two people may be built alike.
    """
    if one.value is None or other.value is None:
        return 0.0
    faces = min(one.count, other.count)
    apart = distance(one.value, other.value)
    usual = _normal(apart, 0.80 + 0.36 / math.sqrt(faces), 0.33 + 0.25 / faces)
    same = 0.9 * usual + 0.1 * _normal(apart, 1.90, 0.60)
    different = 0.9 * _normal(apart, 2.60, 0.57) + 0.1 * _normal(apart, 1.40, 0.50)
    return math.log(same / different)


def _alike_in_colours(one: Mean, other: Mean) -> float:
    """Return what the colours of hair, face and clothes add to the log odds."""
    if one.value is None or other.value is None:
        return 0.0
    both = np.isfinite(one.value) & np.isfinite(other.value)
    if not both.any():
        return 0.0
    apart = float(np.sqrt(np.mean((one.value - other.value)[both] ** 2)))
    # Another camera or lamp changes all colours.
    same = 0.95 * _normal(apart, 3.0, 2.5) + 0.05 * _normal(apart, 14.0, 9.0)
    return float(np.mean(both)) * math.log(same / _normal(apart, 17.0, 8.0))


def _normal(value: float, mean: float, spread: float) -> float:
    """Return the normal density, but for a constant; never quite 0."""
    return math.exp(-0.5 * ((value - mean) / spread) ** 2) / spread + 1e-12


def _placed(box: Box, before: Box, gap_s: float, track: Track) -> float:
    """Return the log odds that place adds: where the person was last, and how long ago."""
    if separation(box, before) > _NEAR or growth(box, before) > _NEAR:
        return 0.0
    return _BACK_SOON if gap_s <= _SOON_S and not track.after_cut else _IN_PLACE


def _can_spare_first(track: Track, now_s: float) -> bool:
    """Return whether the first recent face is older than what decides of a track."""
    first = track.recent[0]
    if now_s - first.offset_s >= _WAIT_S:
        return True
    faces = sum(s.signature is not None for s in track.recent) - (first.signature is not None)
    return (
        len(track.recent) > 1
        and faces >= WINDOW_FACES
        and track.recent[-1].offset_s - track.recent[1].offset_s >= WINDOW_S
    )
