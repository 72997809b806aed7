"""Whether each picture of a face agrees with the rest of its track, once all has been seen.

Tracks are judged as wholes (`identities.py`), and one picture of somebody else at the end of a
track weighs little in the whole. It is found here: it is unlike the others of its track and unlike
the same person elsewhere, or more like another person.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.colours import Colours
from echodepth_cli.face.identities import COLOURS, DIMENSIONS, Identity, TrackRecord
from echodepth_cli.face.looks import MOST_KINDS, REMEMBERED, Kinds, Mean
from echodepth_cli.face.odds import SURE, Odds, colour_odds, shape_odds, shapes_apart
from echodepth_cli.face.signature import Signature, signature
from echodepth_cli.face.tracks import WINDOW_FACES
from echodepth_cli.records import FaceObservation

_CARRIED: Final = 6.0
"""Log odds that a picture shows whom its track shows, whatever it looks like: four hundred to one.
What a track took along from somebody else is unlike it at odds of a thousand to one and more; a
grimace or a hand before the face seldom is at forty to one."""


class Agreement:
    """Compares single pictures with what is known of their tracks and of all persons."""

    def __init__(self, tracks: Sequence[TrackRecord], known: Mapping[int, Identity]) -> None:
        """Take all tracks, and who each is by its number."""
        sure = [track for track in tracks if known[track.number].certainty >= SURE]
        whose = [known[track.number].person for track in sure]
        persons: dict[int, _Pooled] = {person: (Mean(), Kinds()) for person in whose}
        for track, person in zip(sure, whose, strict=True):
            persons[person][0].join(track.looks.shape)
            persons[person][1].join(track.kinds)
        clear = {n: looks for n, looks in persons.items() if looks[0].count >= WINDOW_FACES}
        self._person_at = {person: row for row, person in enumerate(clear)}
        self._persons = _Looks(list(clear.values()))
        self._track_at = {track.number: row for row, track in enumerate(sure)}
        self._tracks = _Looks([(track.looks.shape, track.kinds) for track in sure])
        elsewhere = [
            (persons[person][0].without(t.looks.shape), persons[person][1].without(t.kinds))
            for t, person in zip(sure, whose, strict=True)
        ]
        self._elsewhere = _Looks(elsewhere)

    def certainty(self, track: int, person: int, face: FaceObservation) -> float:
        """Return how sure it is, 0..1, that a picture on a track shows that track's person.

        1 where the track is in doubt as a whole, or nothing else shows the person.
        """
        if track not in self._track_at:
            return 1.0
        row, shape, colours = self._track_at[track], signature(face), face.colours
        own = self._tracks.without(row, shape, colours)
        if own > 0 and len(self._persons.faces) == 1:
            return 1.0
        apart_from_others = own
        if self._elsewhere.faces[row] >= max(WINDOW_FACES, self._tracks.faces[row]):
            # A track that took along several pictures looks like both.
            apart_from_others = self._elsewhere.odds(shape, colours, [row])[0]
            own = max(own, apart_from_others)
        if own == -math.inf:
            return 1.0
        others = self._persons.odds(shape, colours)
        if person in self._person_at:
            others[self._person_at[person]] = -np.inf
        # Somebody who was never seen well, or somebody else who is known and whom it is like.
        against, likest = math.exp(-own), others.max(initial=-np.inf)
        if likest > 0:
            against += math.exp(likest - apart_from_others)
        return 1.0 / (1.0 + math.exp(-_CARRIED) * against)


_Pooled = tuple[Mean, Kinds]


class _Looks:
    """How each of some tracks or persons looks: a mean shape, and kinds of colours."""

    def __init__(self, looks: Sequence[_Pooled]) -> None:
        self.faces = np.array([shape.count for shape, _ in looks], dtype=np.float64)
        self._shapes = np.full((len(looks), DIMENSIONS), np.nan)
        self._kinds = np.full((len(looks), MOST_KINDS, COLOURS), np.nan)
        self._counts = np.zeros((len(looks), MOST_KINDS))
        for row, (shape, kinds) in enumerate(looks):
            if shape.value is not None:
                self._shapes[row] = shape.value
            for k, mean in enumerate(kinds.means):
                self._kinds[row, k], self._counts[row, k] = mean.value, mean.count

    def odds(
        self, shape: Signature | None, colours: Colours | None, rows: Sequence[int] | None = None
    ) -> NDArray[np.float64]:
        """Return the log odds that a picture is of each, or of each of some rows."""
        at = slice(None) if rows is None else rows
        by_kind = None if colours is None else colour_odds(colours, self._kinds[at])
        return _odds(shape, self._shapes[at], by_kind, self._counts[at])

    def without(self, row: int, shape: Signature | None, colours: Colours | None) -> float:
        """Return the log odds by all pictures of one row but this one; minus infinity by none."""
        if self.faces[row] <= 1 and self._counts[row].sum() <= 1:
            return -math.inf
        mean, counts = self._shapes[row], self._counts[row].copy()
        by_kind = None if colours is None else colour_odds(colours, self._kinds[row])
        if shape is not None:
            faces = min(self.faces[row], REMEMBERED)
            mean = (mean * faces - shape) / (faces - 1) if faces > 1 else np.full_like(mean, np.nan)
        if by_kind is not None and counts.any():
            counts[int(np.argmax(np.where(counts > 0, by_kind, -np.inf)))] -= 1
        kinds = None if by_kind is None else by_kind[None]
        return float(_odds(shape, mean[None], kinds, counts[None])[0])


def _odds(
    shape: Signature | None, shapes: Odds, by_kind: Odds | None, counts: Odds
) -> NDArray[np.float64]:
    """Return (N,) log odds by shapes (N, 16) and (N, K) by kinds, each seen so many times.

    A kind counts for as much as its share: what was seen twice is not what somebody looks like.
    """
    odds = np.zeros(len(shapes))
    if shape is not None:
        apart = shapes_apart(shape, shapes)
        odds += np.nan_to_num(shape_odds(apart, np.ones(1)))
    if by_kind is not None:
        seen = counts.sum(axis=1)
        each = np.exp(by_kind) * counts
        odds += np.log(np.where(seen > 0, each.sum(axis=1) / np.maximum(seen, 1), 1.0))
    return odds
