"""Choose frames at a rate by their presentation times, never by counting them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from echodepth_cli.errors import InputError, printable
from echodepth_cli.records import Frame, Image
from echodepth_cli.video.reader import VideoReader

_TOLERANCE = 1e-6
"""Fraction of a sampling interval by which a frame may precede its grid time, for rounding."""
_CELLS_KEPT = 64


class Timed(Protocol):
    """A frame with a time, whose picture is made on demand."""

    @property
    def offset_s(self) -> float:
        """Presentation time in seconds from the recording's start."""

    def to_rgb(self) -> Image:
        """Return the picture."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Sampling times ``start_s + k / fps`` for k = 0, 1, ... in the stretch [start_s, end_s)."""

    fps: float | None = None
    """None takes every frame."""
    start_s: float = 0.0
    end_s: float | None = None

    def cell(self, offset_s: float) -> int | None:
        """Return the last k whose time has come at ``offset_s``; None before the start."""
        if self.fps is None:
            return 0 if offset_s >= self.start_s else None
        k = math.floor((offset_s - self.start_s) * self.fps + _TOLERANCE)
        return k if k >= 0 else None

    def is_over(self, offset_s: float) -> bool:
        """Return whether ``offset_s`` lies at or after the end."""
        return self.end_s is not None and offset_s >= self.end_s


def sample(
    frames: Iterable[Timed], fps: float | None, start_s: float = 0.0, end_s: float | None = None
) -> Iterator[Frame]:
    """Yield, for each time of the `Grid`, the first frame at or after it.

    A frame that is the first after several grid times, as behind a gap, is yielded once; nothing
    is made up in between. Offsets are strictly increasing when those of ``frames`` are. Reads no
    further than the first frame at or after the end.
    """
    grid = Grid(fps, start_s, end_s)
    index = 0
    last_cell = -1
    for frame in frames:
        if grid.is_over(frame.offset_s):
            return
        cell = grid.cell(frame.offset_s)
        if cell is None or (grid.fps is not None and cell <= last_cell):
            continue
        last_cell = cell
        yield Frame(index=index, offset_s=frame.offset_s, image=frame.to_rgb())
        index += 1


@dataclass(slots=True)
class EarliestInCell:
    """Tells, of offsets met in any order, whether each may be the first of its grid cell.

    Asked in decoding order, it declines a frame only when an earlier one of the same cell is
    already known, so leaving declined frames out cannot change what `sample` chooses.
    """

    grid: Grid
    _earliest: dict[int, float] = field(default_factory=dict)

    def __call__(self, offset_s: float) -> bool:
        """Return whether the frame at ``offset_s`` may be chosen."""
        cell = self.grid.cell(offset_s)
        if cell is None or self.grid.fps is None:
            return cell is not None
        if self._earliest.get(cell, math.inf) <= offset_s:
            return False
        self._earliest[cell] = offset_s
        if len(self._earliest) > _CELLS_KEPT:
            del self._earliest[next(iter(self._earliest))]
        return True


def sampled_frames(
    reader: VideoReader, fps: float | None, start_s: float = 0.0, end_s: float | None = None
) -> Iterator[Frame]:
    """Yield the frames of a recording as `sample` does, decoding no more than needed.

    Raises InputError when no frame lies in the stretch.
    """
    wanted = EarliestInCell(Grid(fps, start_s, end_s))
    empty = True
    for frame in sample(reader.frames(wanted), fps, start_s, end_s):
        empty = False
        yield frame
    if empty:
        stretch = f"from {start_s:g} s on" if end_s is None else f"from {start_s:g} to {end_s:g} s"
        raise InputError(
            f"{printable(reader.info.path)}: holds no picture {stretch}; the last one read is at"
            f" {reader.report().last_offset_s or 0:.2f} s. Choose another start or end."
        )
