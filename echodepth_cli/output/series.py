"""The frame table as arrays, ready for drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.affect.trends import ACTIVE_FROM
from echodepth_cli.output.columns import AU_COUNT

Floats = NDArray[np.float64]
SIGNALS: Final = ("valence", "arousal", "dominance")
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
    aus: Floats
    """(n, 46) intensities of AU1 to AU46."""
    talking: NDArray[np.bool_]
    """(n,) lips move as in speech."""

    @property
    def interval_s(self) -> float:
        """Return the usual time between two rows; 0 for fewer than two."""
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 0.0

    @property
    def stretches(self) -> NDArray[np.int64]:
        """Return (n,) the stretch each row belongs to; a hole in time starts a new one."""
        holes = np.diff(self.times_s) > _HOLE_INTERVALS * self.interval_s + 1e-6
        return np.concatenate(([0], np.cumsum(holes))).astype(np.int64)[: len(self.times_s)]

    def active_units(self, row: int) -> list[int]:
        """Return the numbers of the units that are active in one row."""
        # Compared in the precision they are stored in, as everywhere else.
        stored = self.aus[row].astype(np.float32)
        return [int(n) + 1 for n in np.flatnonzero(stored >= np.float32(ACTIVE_FROM))]


def read_series(frames: FrameTable) -> Series:
    """Return the columns that are drawn; a column that is not there counts as not measured."""
    columns = _Columns(frames)
    times_s = columns.floats("session_offset_s")
    rows = len(times_s)
    return Series(
        times_s=times_s,
        scores=np.column_stack([columns.floats(name, rows) for name in SIGNALS]),
        confidence=columns.floats("confidence", rows),
        status=[str(value) for value in columns.values("status") or ["ok"] * rows],
        aus=np.column_stack([columns.floats(f"AU{n:02d}", rows) for n in range(1, AU_COUNT + 1)]),
        talking=np.array([bool(value) for value in columns.values("talking") or [False] * rows]),
    )


class _Columns:
    """One way to read a pyarrow table and a mapping of sequences."""

    def __init__(self, frames: FrameTable) -> None:
        self._frames = frames

    def values(self, name: str) -> list[Any]:
        if isinstance(self._frames, Mapping):
            column = self._frames.get(name)
            return [] if column is None else list(column)
        if name not in self._frames.column_names:
            return []
        return cast("list[Any]", self._frames.column(name).to_pylist())

    def floats(self, name: str, rows: int | None = None) -> Floats:
        values = self.values(name)
        if not values:
            return np.full(rows or 0, np.nan)
        return np.array([np.nan if v is None else float(v) for v in values], dtype=np.float64)
