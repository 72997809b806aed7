"""Tell where a recording cuts to another shot or layout, from very small pictures.

A face's place says who it is only while the picture around it goes on. After a cut, or when tiles
of a gallery change places, the surroundings of a face are others at once; a moving head leaves
most of them as they were, and what it changes is found again a little further on.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from functools import lru_cache
from itertools import product
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.records import Box, Image

Look = NDArray[np.uint8]
"""(36, 64) grey levels of a frame, whatever its size: all that is kept of a picture."""

_Levels: TypeAlias = tuple[NDArray[np.float64], float]
"""Grey levels about their mean, and their length as a vector."""

ROWS: Final = 36
COLUMNS: Final = 64

_READ_ROWS: Final = 4 * ROWS
_READ_COLUMNS: Final = 4 * COLUMNS
_MAYBE_CUT: Final = 0.20
"""Unlikeness (1 - correlation) of two looks up to which nothing was cut."""

_USUAL_OF: Final = 16
"""Successive pairs of looks of one shot that say what is usual."""

_BLOCK: Final = 4
_STEP: Final = 2
"""Squares of so many cells may have moved by so many cells between two looks."""

_LEFT_OVER: Final = 0.12
"""Where movement explains all but this share of the variance, nothing was cut. Heads and hands in
motion mostly leave less; cuts between shots of two men who sit alike leave 0.16 or more."""

_UNUSUAL: Final = 3.0
"""In a lively shot movement may leave so many times the usual unlikeness."""

_SURELY_CUT: Final = 0.50
"""But never more than this."""

_AROUND: Final = 1.3
"""Around one face it may leave so much more: its surroundings change as the head moves."""

_NOISE: Final = 5.0
"""Grey levels by which a flat part may change without being another one."""

_WHOLE: Final = (slice(None), slice(None))

_SURROUNDINGS: Final = 2.2
"""Side of the region around a face that is compared, in faces."""


def look_of(image: Image) -> Look:
    """Return the look of an RGB picture; reads some 37,000 pixels whatever its size."""
    green = image.reshape(-1)[_read_at(*image.shape)]
    cells = green.sum(axis=0, dtype=np.uint16) // len(green)
    look: Look = cells.astype(np.uint8).reshape(ROWS, COLUMNS)
    return look


@lru_cache(maxsize=4)
def _read_at(height: int, width: int, channels: int) -> NDArray[np.intp]:
    """Return where, in the flat picture, the (16, 2304) green values of all cells lie."""
    rows = (np.arange(_READ_ROWS) * height) // _READ_ROWS
    columns = (np.arange(_READ_COLUMNS) * width) // _READ_COLUMNS
    places = (rows[:, None] * width + columns) * channels + 1
    return places.reshape(ROWS, 4, COLUMNS, 4).transpose(1, 3, 0, 2).reshape(16, -1)


class CutDetector:
    """Compares each look with the one before; what is unusual depends on how lively a shot is."""

    def __init__(self) -> None:
        self._before: Look | None = None
        self._after: Look | None = None
        self._levels: _Levels | None = None
        """Those of the newest look."""
        self._recent: deque[float] = deque(maxlen=_USUAL_OF)
        self._limit = _LEFT_OVER
        self._moved: Look | None = None
        self._is_cut = False

    def push(self, look: Look | None) -> None:
        """Take the look of the next frame; None where none is known, which is never a cut."""
        self._before, self._after, self._moved = self._after, look, None
        usual = statistics.median(self._recent) if self._recent else 0.0
        self._limit = min(max(_UNUSUAL * usual, _LEFT_OVER), _SURELY_CUT)
        before, self._levels = self._levels, None if look is None else _levels(look)
        unlike = _unlikeness(before, self._levels)
        self._is_cut = self._is_another(unlike, *_WHOLE, self._limit)
        # What happens at a cut is not usual within a shot.
        if self.can_tell and not self._is_cut:
            self._recent.append(unlike)

    @property
    def can_tell(self) -> bool:
        """Whether there are two looks to compare."""
        return self._before is not None and self._after is not None

    @property
    def is_cut(self) -> bool:
        """Whether the last two looks show different shots."""
        return self._is_cut

    def is_cut_around(self, box: Box) -> bool:
        """Return whether the surroundings of a face changed at once, as when tiles swap."""
        if self._before is None or self._after is None:
            return False
        part = _span(box.y, box.h, ROWS), _span(box.x, box.w, COLUMNS)
        unlike = _unlikeness(_levels(self._before[part]), _levels(self._after[part]))
        return self._is_another(unlike, *part, _AROUND * self._limit)

    def _is_another(self, unlike: float, rows: slice, columns: slice, limit: float) -> bool:
        """Return whether movement leaves more than ``limit`` of how an unlike part differs."""
        if self._before is None or self._after is None or unlike <= _MAYBE_CUT:
            return False
        if self._moved is None:
            self._moved = _moved_onto(self._before, self._after)
        return _left_over(self._moved[rows, columns], self._after[rows, columns]) > limit


def _left_over(one: Look, other: Look) -> float:
    """Return the share of the variance of two looks by which they differ."""
    a, b = one.astype(np.float64), other.astype(np.float64)
    return float(np.mean((a - b) ** 2) / (min(a.var(), b.var()) + _NOISE**2))


def _moved_onto(one: Look, other: Look) -> Look:
    """Return a look with each of its blocks taken from where it is most like another look."""
    target = other.astype(np.int32)
    around = np.pad(one.astype(np.int32), _STEP, mode="edge")
    blocks = ROWS // _BLOCK, _BLOCK, COLUMNS // _BLOCK, _BLOCK
    least = np.full((blocks[0], 1, blocks[2], 1), np.iinfo(np.int32).max)
    best = np.empty(blocks, dtype=np.int32)
    for down, right in product(range(2 * _STEP + 1), repeat=2):
        shifted = around[down : down + ROWS, right : right + COLUMNS]
        apart = ((shifted - target) ** 2).reshape(blocks).sum(axis=(1, 3), keepdims=True)
        best = np.where(apart < least, shifted.reshape(blocks), best)
        least = np.minimum(apart, least)
    return best.reshape(ROWS, COLUMNS).astype(np.uint8)


def _span(start: float, length: float, cells: int) -> slice:
    middle, reach = start + length / 2, length * _SURROUNDINGS / 2
    low = min(max(math.floor((middle - reach) * cells), 0), cells - 3)
    return slice(low, min(max(math.ceil((middle + reach) * cells), low + 3), cells))


def _levels(part: Look) -> _Levels:
    values = part.astype(np.float64).ravel()
    values -= values.mean()
    return values, math.sqrt(values @ values)


def _unlikeness(one: _Levels | None, other: _Levels | None) -> float:
    """Return 1 less the correlation of two looks; 0 where there are no two."""
    if one is None or other is None:
        return 0.0
    (a, norm_a), (b, norm_b) = one, other
    # Flat regions, as black bars, carry no evidence of a cut: the floor pulls them to 1.
    floor = 4.0 * math.sqrt(len(a))
    norm = norm_a * norm_b
    return 1.0 - float((a @ b + floor) / (norm + floor))
