"""Whether the person talks, from the movement of the lips alone.

In speech the lips keep opening and closing; an expression moves them once and holds. So a frame
counts as talking when, within `HALF_WINDOW_S` of it, most frames show the lips opened by another
`MOVED` than half a second before (at slower sampling, one frame before). On development clips,
marked by eye, that finds all speech of two real people at five frames per second and more, 75 % and
94 % of it at two and at one. Wrongly marked are no frame of a clip of expressions with closed lips,
but half of one in which the mouth is opened wide twice within three seconds, and up to two seconds
about the onset of a broad smile. Rendered speech is found half to three quarters where the lips
open as in real speech, hardly where they open by less than `MOVED`, which is what resting lips of
real people do. Slower than one frame in `MAX_LAG_S` nothing can be told and no frame counts as
talking. Chewing counts; sound is not used.

    detector = SpeechDetector()
    flags = detector.push(offset_s, lip_opening(points))     # flags of earlier frames, in order
    flags = detector.finish()                                # the rest
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from echodepth_cli.records import FloatArray

HALF_WINDOW_S = 2.0
"""A frame is judged by the frames up to this long before and after it."""

LAG_S = 0.45
"""Least time between the two moments that are compared: about the same at two frames per second and
at any faster rate."""

MAX_LAG_S = 1.3
"""Moments further apart are not compared."""

MOVED = 0.02
"""Change of the lip opening, in inter-ocular distances, that counts as movement."""

MOVED_SHARE = 0.65
"""Share of the comparisons that must show movement."""

MIN_COMPARISONS = 3

_CLOCK_S = 1e-6
"""Allowance for rounding in presentation times."""

_UPPER_INNER, _LOWER_INNER = 13, 14


def lip_opening(points: FloatArray) -> float:
    """Return the gap of the inner lips of (478, 3) landmarks without pose and scale."""
    return float(np.linalg.norm(points[_UPPER_INNER] - points[_LOWER_INNER]))


@dataclass(frozen=True, slots=True)
class _Moment:
    offset_s: float
    opening: float | None
    change: float | None


class SpeechDetector:
    """Gives one flag per pushed frame, in order, `HALF_WINDOW_S` late."""

    def __init__(self) -> None:
        self._recent: deque[_Moment] = deque()
        self._undecided = 0

    def push(self, offset_s: float, opening: float | None) -> list[bool]:
        """Take one frame, ``opening`` None without the person; return flags that became known."""
        self._recent.append(_Moment(offset_s, opening, self._change(offset_s, opening)))
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

    def _change(self, offset_s: float, opening: float | None) -> float | None:
        if opening is None:
            return None
        for moment in reversed(self._recent):
            lag_s = offset_s - moment.offset_s
            if lag_s > MAX_LAG_S:
                return None
            if lag_s >= LAG_S - _CLOCK_S and moment.opening is not None:
                return abs(opening - moment.opening)
        return None

    def _decide(self) -> bool:
        frame = self._recent[-self._undecided]
        self._undecided -= 1
        if frame.opening is None:
            return False
        changes = [
            m.change
            for m in self._recent
            if m.change is not None and abs(m.offset_s - frame.offset_s) <= HALF_WINDOW_S + _CLOCK_S
        ]
        moved = sum(change >= MOVED for change in changes)
        return len(changes) >= MIN_COMPARISONS and moved >= MOVED_SHARE * len(changes)
