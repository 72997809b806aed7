"""Unusual stretches of a session, judged against the session itself.

Alerts ask whether a score passes a threshold. Anomalies ask what is unusual for this recording,
whatever its level, in two ways. An excursion is a stretch of some seconds in which a score is far
from its usual level. A change is a moment from which a score keeps another level for a minute or
longer (penalised change point search, PELT: Killick, Fearnhead & Eckley 2012, JASA 107:1590).

    report["anomalies"] = [anomaly.to_dict() for anomaly in find_anomalies(series)]
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from echodepth_cli.affect.series import Float64Array, Series, runs
from echodepth_cli.affect.vad import DIMENSIONS
from echodepth_cli.lean_import import import_lean

SMOOTH_S = 5
"""Length of the running median, in seconds: shorter excursions are left to the alerts."""

ON_Z, OFF_Z = 6.0, 3.0
"""Robust deviations at which an excursion counts, and down to which it is followed."""

MIN_EXCURSION_S = 4

MIN_SPREAD = 0.025
"""Least spread assumed of a score: the measuring noise of a still face must not count."""

BLOCK_S = 10
"""Changes of level are looked for between means of blocks of this length, in seconds."""

MAX_BLOCKS = 1500
"""Blocks are longer in recordings of more than some four hours: the search is quadratic."""

MIN_LEVEL_S = 60
"""A level kept for less is no level."""

MIN_STEP = 0.10
"""Least difference between two levels, on the scale of the score."""

CHANGE_PENALTY = 30.0
"""Cost of a change, in squared robust deviations of a block: neighbouring blocks are alike."""

MIN_SESSION_S = 60
"""With less time measured than this nothing is usual, and nothing unusual."""

MAD_TO_SD, DECILES_TO_SD = 1.4826, 2.563
"""What makes either measure of spread a standard deviation, for a normal distribution."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One unusual stretch, or lasting change, of one score."""

    start_s: float
    end_s: float
    """End of the excursion, or of the new level."""
    apex_s: float
    """Moment of the largest distance, or of the change."""
    signal: str
    """`valence`, `arousal` or `dominance`."""
    direction: str
    """`rise` or `drop` of an excursion, `change` of level."""
    magnitude: float
    """Distance from the usual level at the apex, or from the level before; signed."""
    z: float
    """The same in robust standard deviations."""

    def to_dict(self) -> dict[str, Any]:
        """Return the anomaly as in report.json."""
        return {
            "start_s": self.start_s,
            "end_s": self.end_s,
            "apex_s": self.apex_s,
            "signal": self.signal,
            "direction": self.direction,
            "magnitude": round(self.magnitude, 4),
            "z": round(self.z, 2),
        }


def find_anomalies(series: Series) -> list[Anomaly]:
    """Return the unusual stretches and changes in time order; empty for a short session."""
    seconds, scores = _means(series, 1)
    if len(seconds) < MIN_SESSION_S:
        return []
    length_s = BLOCK_S * -(-len(seconds) // (BLOCK_S * MAX_BLOCKS))
    blocks, levels = _means(series, length_s)
    found = []
    for dimension, name in enumerate(DIMENSIONS):
        excursions = _excursions(name, seconds, scores[:, dimension])
        changes = _changes(name, blocks, levels[:, dimension], length_s)
        found += excursions
        # The edges of a long excursion are changes too; once is enough.
        found += [c for c in changes if not any(_near(c, e) for e in excursions)]
    return sorted(found, key=lambda anomaly: (anomaly.start_s, anomaly.signal))


def _means(series: Series, length_s: int) -> tuple[Float64Array, Float64Array]:
    """Return the start of each block of seconds with a reliable frame, and its mean scores."""
    used = series.reliable
    numbers = np.floor(series.offset_s[used] / length_s)
    starts, place = np.unique(numbers, return_inverse=True)
    sums = np.zeros((len(starts), 3))
    np.add.at(sums, place, series.vad[used])
    return starts * length_s, sums / np.bincount(place, minlength=len(starts))[:, None]


def _excursions(name: str, seconds: Float64Array, values: Float64Array) -> list[Anomaly]:
    smooth = _running_median(seconds, values)
    usual = float(np.median(values))
    z = (smooth - usual) / _spread(values)
    found = []
    for sign, direction in ((1, "rise"), (-1, "drop")):
        for first, last in runs(sign * z >= OFF_Z):
            apex = first + int(np.argmax(sign * z[first : last + 1]))
            if abs(z[apex]) < ON_Z or last - first + 1 < MIN_EXCURSION_S:
                continue
            found.append(
                Anomaly(
                    start_s=float(seconds[first]),
                    end_s=float(seconds[last] + 1),
                    apex_s=float(seconds[apex]),
                    signal=name,
                    direction=direction,
                    magnitude=float(smooth[apex] - usual),
                    z=float(z[apex]),
                )
            )
    return found


def _running_median(seconds: Float64Array, values: Float64Array) -> Float64Array:
    """Return the median of the values at most half of `SMOOTH_S` away, for each of them."""
    half = SMOOTH_S // 2
    place = (seconds - seconds[0]).astype(int) + half
    grid = np.full(place[-1] + half + 1, np.nan)
    grid[place] = values
    windows = np.lib.stride_tricks.sliding_window_view(grid, SMOOTH_S)[place - half]
    # NaN sorts last, so the present values lead each row.
    windows = np.sort(windows, axis=1)
    count = np.isfinite(windows).sum(axis=1)
    row = np.arange(len(windows))
    median: Float64Array = (windows[row, (count - 1) // 2] + windows[row, count // 2]) / 2
    return median


def _changes(name: str, blocks: Float64Array, values: Float64Array, length_s: int) -> list[Anomaly]:
    shortest = max(2, MIN_LEVEL_S // length_s)
    if len(values) < 2 * shortest:
        return []
    # Differences between neighbours give the spread within a level, whatever the levels.
    within = max(MIN_SPREAD, MAD_TO_SD * float(np.median(np.abs(np.diff(values)))) / np.sqrt(2))
    edges = _edges(values / within, shortest)
    levels = [float(np.median(values[a:b])) for a, b in pairwise(edges)]
    return [
        Anomaly(
            start_s=float(blocks[edge]),
            end_s=float(blocks[end - 1] + length_s),
            apex_s=float(blocks[edge]),
            signal=name,
            direction="change",
            magnitude=after - before,
            z=(after - before) / within,
        )
        for edge, end, before, after in zip(
            edges[1:-1], edges[2:], levels[:-1], levels[1:], strict=True
        )
        if abs(after - before) >= MIN_STEP
    ]


def _edges(values: Float64Array, shortest: int) -> list[int]:
    """Return where levels of at least that length begin, and the end of the last one."""
    # What `ruptures.KernelCPD` searches with: all of ruptures takes a second to import, for scipy.
    search = import_lean("ruptures.detection._detection.ekcpd")
    level_before = search.ekcpd_pelt_L2(values[:, None], CHANGE_PENALTY, shortest)
    edges = [len(values)]
    while edges[-1] > 0:
        edges.append(int(level_before[edges[-1]]))
    return edges[::-1]


def _spread(values: Float64Array) -> float:
    """Return the usual spread: rare stretches must not hide themselves, frequent ones are usual."""
    low, high = np.quantile(values, (0.1, 0.9))
    mad = float(np.median(np.abs(values - np.median(values))))
    return max(MIN_SPREAD, MAD_TO_SD * mad, float(high - low) / DECILES_TO_SD)


def _near(change: Anomaly, excursion: Anomaly) -> bool:
    return min(abs(change.apex_s - excursion.start_s), abs(change.apex_s - excursion.end_s)) <= (
        2 * BLOCK_S
    )
