"""Fewer points for drawing, with every peak kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.records import FloatArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def keep_peaks(times_s: Floats, signals: Floats, limit: int) -> Indices:
    """Return the rows to draw: all, or those that carry the shape of every signal.

    The time axis is cut into equal stretches; of each, the first and last row, and the lowest and
    highest of every signal are kept, so no peak and no trough is lost and each kept row is a true
    row. ``times_s`` is (n,) and increasing, ``signals`` (n, k) with NaN for missing; about
    ``limit`` rows come back.
    """
    rows, columns = signals.shape
    if rows <= limit:
        return np.arange(rows, dtype=np.int64)
    bins = max(1, limit // (2 * columns + 2))
    edges = np.linspace(times_s[0], times_s[-1], bins + 1)
    starts = np.unique(np.searchsorted(times_s, edges[:-1]))
    ends = np.append(starts[1:], rows)
    keep: set[int] = {0, rows - 1}
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        keep.update((start, end - 1))
        for column in range(columns):
            part = signals[start:end, column]
            measured = np.flatnonzero(np.isfinite(part))
            if measured.size:
                values = part[measured]
                keep.add(start + int(measured[values.argmin()]))
                keep.add(start + int(measured[values.argmax()]))
    # A stretch without values must show as a break; one shorter than a bin could not be seen.
    width_s = edges[1] - edges[0]
    for first, last in runs(~np.isfinite(signals).any(axis=1)):
        if times_s[last] - times_s[first] >= width_s:
            keep.update((first, last, max(first - 1, 0), min(last + 1, rows - 1)))
    return np.array(sorted(keep), dtype=np.int64)


def bin_maxima(
    times_s: Floats, values: Floats | FloatArray, start_s: float, end_s: float, bins: int
) -> Floats:
    """Return the highest value in each of ``bins`` equal stretches; NaN where nothing was seen."""
    result = np.full(bins, -np.inf)
    measured = np.isfinite(values)
    span = max(end_s - start_s, 1e-9)
    slots = ((times_s[measured] - start_s) / span * bins).astype(np.int64).clip(0, bins - 1)
    np.maximum.at(result, slots, values[measured])
    return np.where(np.isneginf(result), np.nan, result)


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (first, last) row of each unbroken run of true flags."""
    padded = np.concatenate(([False], flags, [False])).astype(np.int8)
    changes = np.diff(padded)
    firsts = np.flatnonzero(changes == 1)
    lasts = np.flatnonzero(changes == -1) - 1
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))
