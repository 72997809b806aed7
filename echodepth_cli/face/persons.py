"""Say who each face in a recording is: the same few people, by number, in order of appearance.

A track (`tracks.py`) is one face without interruption; here each is given to a person, by the
proportions of the face, by its place, and by who else is in view. That takes a look at a track's
first seconds, so frames come out a little later than they go in, in order, each once. How sure an
identity is goes with every face. Nothing depends on anything but what is pushed.

    tracker = PersonTracker()
    for each sampled frame:
        for seen in tracker.push(index, offset_s, faces, look): ...
    for seen in tracker.end(): ...
    known = tracker.identities()              # now that everything has been seen,
    for seen in ...: known.settled(seen)      # who each face is
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from echodepth_cli.face.agreement import Agreement
from echodepth_cli.face.cuts import Look
from echodepth_cli.face.identities import Identity, TrackRecord, identify
from echodepth_cli.face.looks import Appearance
from echodepth_cli.face.odds import SEEN_BEFORE, SURE, alike, placed
from echodepth_cli.face.tracks import WINDOW_FACES, WINDOW_S, Sighting, Track, Tracks
from echodepth_cli.records import Box, FaceObservation

_WAIT_S: Final = 5.0
"""A track is given to someone by then, however little its face shows."""

_STEADY: Final = 7.0
_STEADY_BLIND: Final = 4.0
"""Log odds that a track stays the same person: no cut was seen; cuts could not be seen."""

_PARTS: Final = -1.0
"""Log odds at which its newest faces are taken off a track: nearly three to one against."""


@dataclass(frozen=True, slots=True)
class SeenFace:
    """A face and who it is."""

    person: int
    """From 1, in order of appearance."""
    certainty: float
    """Probability of the identity, 0..1."""
    face: FaceObservation
    track: int = 0
    """Number of the track that it is on."""
    steadiness: float = 1.0
    """How well it fits the rest of its track, 0..1."""


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


@dataclass(frozen=True, slots=True)
class Identities:
    """Who everybody is in the end."""

    by_track: Mapping[int, Identity]
    agreement: Agreement

    def settled(self, frame: SeenFrame) -> SeenFrame:
        """Return a frame with who its faces are in the end."""
        return replace(frame, faces=tuple(map(self._settled, frame.faces)))

    def recalled(self, frame: SeenFrame, certainties: Iterator[float]) -> SeenFrame:
        """Return what `settled` returned, given how sure its faces were found to be."""
        faces = (
            replace(seen, person=self.by_track[seen.track].person, certainty=next(certainties))
            for seen in frame.faces
        )
        return replace(frame, faces=tuple(faces))

    def _settled(self, seen: SeenFace) -> SeenFace:
        known = self.by_track[seen.track]
        agrees = self.agreement.certainty(seen.track, known.person, seen.face)
        certainty = min(known.certainty, seen.steadiness, agrees)
        return replace(seen, person=known.person, certainty=certainty)


class PersonTracker:
    """Gives every face a person's number; see the module."""

    def __init__(self) -> None:
        self._tracks = Tracks()
        self._held: deque[_Held] = deque()
        self._people: list[_Person] = []
        self._records: list[TrackRecord] = []

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

    def identities(self) -> Identities:
        """Return who everybody is, judged from the whole; only after `end`."""
        by_track = identify(self._records)
        return Identities(by_track, Agreement(self._records, by_track))

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
            looks.add(sighting.signature, sighting.face.colours)
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
            weight = SEEN_BEFORE + alike(looks, person.looks)
            if first is not None and person.box is not None:
                weight += placed(
                    first.face.box,
                    person.box,
                    first.offset_s - person.last_s,
                    after_cut=track.after_cut,
                )
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
            person.looks.add(sighting.signature, sighting.face.colours)
        self._people.append(person)
        return person.number

    def _settle(self, track: Track, now_s: float) -> None:
        """Move what no longer can change from a track's recent faces to its past."""
        while track.recent and (track.is_over or _can_spare_first(track, now_s)):
            sighting = track.recent[0]
            self._record(track).add(sighting)
            track.recent.popleft()
            sighting.is_settled = True
            track.settled.add(sighting.signature, sighting.face.colours)
            person = self._people[(track.person or 0) - 1]
            if track.certainty >= SURE or track.is_first:
                # Doubtful faces teach nothing, or a doubt would confirm itself.
                person.looks.add(sighting.signature, sighting.face.colours)
                person.box, person.last_s = sighting.face.box, sighting.offset_s

    def _record(self, track: Track) -> TrackRecord:
        if not track.number:
            track.number = len(self._records) + 1
            at = (track.recent[0].offset_s, track.recent[0].face.box)
            self._records.append(TrackRecord(track.number, track.after_cut, *at, *at))
        record = self._records[track.number - 1]
        record.person, record.certainty = track.person or 0, track.certainty
        record.interlude_of = track.interlude_of.number if track.interlude_of else 0
        return record

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
        others = [alike(recent, p.looks) for p in self._people if p.number != track.person]
        steady = _STEADY if self._tracks.knows_cuts else _STEADY_BLIND
        stays = steady + alike(recent, track.settled) - max([0.0, *others])
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
            tracks = {s.track.number for s in held.sightings}
            for number in tracks:
                self._records[number - 1].beside |= tracks - {number}
            present = {s.track.person for s in held.sightings if s.track.person is not None}
            for sighting in held.sightings:
                sighting.track.others |= present - {sighting.track.person}
            out.append(SeenFrame(held.index, held.offset_s, tuple(map(_seen, held.sightings))))
        return out


def _seen(sighting: Sighting) -> SeenFace:
    track, steadiness = sighting.track, sighting.steadiness
    certainty = min(track.certainty, steadiness)
    return SeenFace(track.person or 0, certainty, sighting.face, track.number, steadiness)


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
