"""Whether the person talks, from the movement of the lips alone.

In speech the lips change from one moment to the next for as long as it lasts; an expression moves
them once and holds. So a frame counts as talking when the lips differ by `MOVED` from where they
were about half a second before in at least half of the frames within `HALF_WINDOW_S`. That reads
the same at two frames per second as at twenty-five; below one per second nothing can be told and
no frame counts as talking. Chewing counts, sound is not listened to, and whispering into a closed
hand is missed.

    detector = SpeechDetector()
    flags = detector.push(offset_s, lip_shape(points))     # flags of earlier frames, in order
    flags = detector.finish()                              # the rest
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from echodepth_cli.records import FloatArray

HALF_WINDOW_S = 1.5
"""A frame is judged by the frames up to this long before and after it."""

LAG_S = 0.4
"""Least time between the two moments that are compared."""

MAX_LAG_S = 1.3
"""Moments further apart are not compared."""

MOVED = 0.022
"""Change of the lips, in inter-ocular distances, that counts as movement."""

MIN_COMPARISONS = 3

_UPPER_INNER, _LOWER_INNER, _RIGHT_CORNER, _LEFT_CORNER = 13, 14, 61, 291


@dataclass(frozen=True, slots=True)
class LipShape:
    """Opening of the inner lips and width of the mouth, in inter-ocular distances."""

    opening: float
    width: float

    def distance(self, other: LipShape) -> float:
        """Return how far two shapes are apart; width counts half, smiles change it too."""
        return float(np.hypot(self.opening - other.opening, 0.5 * (self.width - other.width)))


def lip_shape(points: FloatArray) -> LipShape:
    """Return the lips of (478, 3) landmarks without pose and scale."""
    return LipShape(
        opening=float(np.linalg.norm(points[_UPPER_INNER] - points[_LOWER_INNER])),
        width=float(np.linalg.norm(points[_RIGHT_CORNER] - points[_LEFT_CORNER])),
    )


@dataclass(frozen=True, slots=True)
class _Moment:
    offset_s: float
    shape: LipShape | None
    change: float | None


class SpeechDetector:
    """Gives one flag per pushed frame, in order, `HALF_WINDOW_S` late."""

    def __init__(self) -> None:
        self._recent: deque[_Moment] = deque()
        self._undecided = 0

    def push(self, offset_s: float, shape: LipShape | None) -> list[bool]:
        """Take one frame, ``shape`` None without the person; return flags that became known."""
        self._recent.append(_Moment(offset_s, shape, self._change(offset_s, shape)))
        self._undecided += 1
        flags = []
        while self._recent[-self._undecided].offset_s < offset_s - HALF_WINDOW_S:
            flags.append(self._decide())
        while self._recent[0].offset_s < offset_s - 2 * HALF_WINDOW_S - MAX_LAG_S:
            self._recent.popleft()
        return flags

    def finish(self) -> list[bool]:
        """Return the flags of the frames still undecided."""
        return [self._decide() for _ in range(self._undecided)]

    def _change(self, offset_s: float, shape: LipShape | None) -> float | None:
        if shape is None:
            return None
        for moment in reversed(self._recent):
            lag_s = offset_s - moment.offset_s
            if lag_s > MAX_LAG_S:
                return None
            if lag_s >= LAG_S and moment.shape is not None:
                return shape.distance(moment.shape)
        return None

    def _decide(self) -> bool:
        frame = self._recent[-self._undecided]
        self._undecided -= 1
        if frame.shape is None:
            return False
        changes = [
            m.change
            for m in self._recent
            if m.change is not None and abs(m.offset_s - frame.offset_s) <= HALF_WINDOW_S
        ]
        return len(changes) >= MIN_COMPARISONS and float(np.median(changes)) >= MOVED
