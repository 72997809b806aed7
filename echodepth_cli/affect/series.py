"""The scored frames of one session as columns, for the stages that look at the whole of it.

Everything here is in seconds: a frame stands for the time until the next one, so that durations
and shares do not depend on the sampling rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.affect.action_units import SIDED_AUS
from echodepth_cli.records import FloatArray, FrameResult, FrameStatus

Float64Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Run = tuple[int, int]
"""First and last index of a stretch, both included."""

GAP_FACTOR = 1.75
"""A pause between frames longer than this many usual intervals is a hole, not an interval."""


@dataclass(frozen=True, slots=True)
class Series:
    """Columns over the n sampled frames of a session, in time order, none left out."""

    offset_s: Float64Array
    """(n,) strictly increasing."""
    vad: Float64Array
    """(n, 3) valence, arousal, dominance; NaN where a frame has no scores."""
    confidence: Float64Array
    """(n,) 0..1; NaN without a face."""
    aus: FloatArray
    """(n, 46) intensities; NaN where not seen."""
    reliable: BoolArray
    """(n,) True where the status is ok and there are scores."""
    talking: BoolArray
    """(n,) True where the lips move as in speech."""
    pitch_deg: Float64Array
    """(n,) head pitch; NaN without a face."""
    lead: FloatArray
    """(n, 46) how much stronger the subject's left side is; NaN for units without sides."""

    @classmethod
    def from_results(cls, results: Iterable[FrameResult]) -> Series:
        """Take the columns out of frame results; ``extra["talking"]`` gives the speech flag."""
        rows = list(results)
        nan3 = (np.nan, np.nan, np.nan)
        vad = [
            (r.vad.valence, r.vad.arousal, r.vad.dominance) if r.vad is not None else nan3
            for r in rows
        ]
        aus = np.full((len(rows), 46), np.nan, dtype=np.float32)
        for i, row in enumerate(rows):
            if row.aus is not None:
                aus[i] = row.aus
        lead = np.full((len(rows), 46), np.nan, dtype=np.float32)
        left, right = (
            # None becomes NaN.
            np.array([[r.extra.get(name) for name in names] for r in rows], dtype=np.float32)
            for names in ([f"AU{au:02d}_{side}" for au in SIDED_AUS] for side in "LR")
        )
        lead[:, np.array(SIDED_AUS) - 1] = (left - right).reshape(len(rows), len(SIDED_AUS))
        ok = [r.status is FrameStatus.OK and r.vad is not None for r in rows]
        return cls(
            offset_s=np.array([r.offset_s for r in rows], dtype=np.float64),
            vad=np.array(vad, dtype=np.float64).reshape(-1, 3),
            confidence=_column(r.confidence for r in rows),
            aus=aus,
            reliable=np.array(ok, dtype=bool),
            talking=np.array([bool(r.extra.get("talking")) for r in rows], dtype=bool),
            pitch_deg=_column(r.pose.pitch_deg if r.pose else None for r in rows),
            lead=lead,
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Series]) -> Series:
        """Join consecutive stretches of one session; an empty series for none."""
        if not parts:
            return cls.from_results(())
        return cls(
            *(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls))
        )

    def __len__(self) -> int:
        return len(self.offset_s)

    def scored(self) -> BoolArray:
        """Return (n,) True where a frame has scores, reliable or not."""
        present: BoolArray = np.isfinite(self.vad).all(axis=1)
        return present

    def interval_s(self) -> float:
        """Return the usual time between frames; 0 with fewer than two."""
        return float(np.median(np.diff(self.offset_s))) if len(self) > 1 else 0.0

    def durations_s(self) -> Float64Array:
        """Return (n,) the time each frame stands for; see `frame_durations_s`."""
        return frame_durations_s(self.offset_s)


def frame_durations_s(offset_s: Float64Array) -> Float64Array:
    """Return the time each frame stands for: until the next one; 0 for a single frame.

    Before a hole, and at the end, a frame stands for the usual interval: nothing is known about
    the hole.
    """
    if len(offset_s) < 2:
        return np.zeros(len(offset_s))
    steps = np.diff(offset_s)
    usual = float(np.median(steps))
    steps = np.append(steps, usual)
    return np.where(steps > GAP_FACTOR * usual, usual, steps)


def runs(mask: BoolArray) -> Iterator[Run]:
    """Yield the (first, last) index of each stretch of True."""
    padded = np.concatenate(([False], mask, [False])).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded))
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        yield int(first), int(after) - 1


def merge_runs(found: Iterable[Run], series: Series, gap_s: float) -> list[list[Run]]:
    """Group runs with at most ``gap_s`` seconds off between one and the next."""
    ends = series.offset_s + series.durations_s()
    groups: list[list[Run]] = []
    for run in found:
        off_s = series.offset_s[run[0]] - ends[groups[-1][-1][1]] if groups else np.inf
        if off_s <= gap_s + 1e-9:
            groups[-1].append(run)
        else:
            groups.append([run])
    return groups


def _column(values: Iterable[float | None]) -> Float64Array:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)
