"""The frame table as arrays, ready for drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.affect.trends import ACTIVE_FROM
from echodepth_cli.output.columns import AU_COUNT
from echodepth_cli.records import FloatArray

Floats = NDArray[np.float64]
SIGNALS: Final = ("valence", "arousal", "dominance")
_UNITS: Final = tuple(f"AU{number:02d}" for number in range(1, AU_COUNT + 1))
_HOLE_INTERVALS: Final = 2.5
"""Rows further apart than this many usual intervals have a hole between them."""


class Table(Protocol):
    """What is used of a `pyarrow.Table`."""

    @property
    def column_names(self) -> list[str]:
        """Return the names of the columns."""
        ...

    def column(self, i: str) -> Any:
        """Return one column by name."""
        ...


FrameTable = Table | Mapping[str, Sequence[Any] | NDArray[Any]]
"""`frames.parquet` as read, or its columns by name."""


@dataclass(frozen=True, slots=True)
class Series:
    """What the report draws of the frame table; n rows in time order, NaN where nothing is said."""

    times_s: Floats
    """(n,) offsets from the first frame of the recording."""
    scores: Floats
    """(n, 3) valence, arousal, dominance."""
    confidence: Floats
    """(n,)"""
    status: list[str]
    aus: FloatArray
    """(n, 46) intensities of AU1 to AU46, in the precision they are stored in."""
    talking: NDArray[np.bool_]
    """(n,) lips move as in speech."""
    interval_s: float
    """The usual time between two rows; 0 for fewer than two."""
    stretches: NDArray[np.int64]
    """(n,) the stretch each row belongs to; a hole in time starts a new one."""

    def active_units(self, row: int) -> list[int]:
        """Return the numbers of the units that are active in one row."""
        active = np.flatnonzero(self.aus[row] >= np.float32(ACTIVE_FROM))
        return [number + 1 for number in active.tolist()]


def read_series(frames: FrameTable) -> Series:
    """Return the columns that are drawn; a column that is not there counts as not measured."""
    columns = _Columns(frames)
    times_s = columns.floats("session_offset_s")
    rows = len(times_s)
    scores = np.empty((rows, len(SIGNALS)))
    for place, name in enumerate(SIGNALS):
        scores[:, place] = columns.floats(name, rows)
    aus = np.empty((rows, AU_COUNT), dtype=np.float32)
    for place, name in enumerate(_UNITS):
        aus[:, place] = columns.floats(name, rows)
    steps = np.diff(times_s)
    interval_s = float(np.median(steps)) if rows > 1 else 0.0
    holes = steps > _HOLE_INTERVALS * interval_s + 1e-6
    return Series(
        times_s=times_s,
        scores=scores,
        confidence=columns.floats("confidence", rows),
        status=[str(value) for value in columns.values("status") or ["ok"] * rows],
        aus=aus,
        talking=np.array([bool(value) for value in columns.values("talking") or [False] * rows]),
        interval_s=interval_s,
        stretches=np.concatenate(([0], np.cumsum(holes))).astype(np.int64)[:rows],
    )


class _Columns:
    """One way to read a pyarrow table and a mapping of sequences."""

    def __init__(self, frames: FrameTable) -> None:
        self._frames = frames

    def values(self, name: str) -> list[Any]:
        column = self._column(name)
        if column is None:
            return []
        return list(column) if isinstance(self._frames, Mapping) else column.to_pylist()

    def floats(self, name: str, rows: int | None = None) -> Floats:
        column = self._column(name)
        if column is None or not len(column):
            return np.full(rows or 0, np.nan)
        if isinstance(self._frames, Mapping):
            return np.array([np.nan if v is None else float(v) for v in column], dtype=np.float64)
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)

    def _column(self, name: str) -> Any:
        if isinstance(self._frames, Mapping):
            return self._frames.get(name)
        return self._frames.column(name) if name in self._frames.column_names else None
