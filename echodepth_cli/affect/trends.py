"""The session in figures: scores by minute, Action Units over the whole, combinations.

Pure functions of a `Series`, giving the plain dicts of report.json: `vad_trend` (`minute_trend`),
`mean_vad` (`mean_vad`), `action_units` (`au_summary`), `combinations` (`sustained_combinations`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final, Protocol

import numpy as np

from echodepth_cli.affect.series import BoolArray, Float64Array, Series, merge_runs, runs

ACTIVE_FROM: Final = 0.30
"""Intensity from which an AU is active: the border between FACS A and B."""

ONE_SIDED: Final = 0.20
"""A side that is this much stronger leads: a whole step between two FACS grades."""

SUSTAINED_S = 2.0
"""A combination active for less is not listed."""

EPISODE_GAP_S = 1.0
"""Activity with a shorter pause is one episode."""

BLOCK_S = 5.0
"""Frames this close are alike; intervals treat each block of this length as one observation."""

COMBINATIONS: tuple[tuple[tuple[int, ...], str], ...] = (
    ((1, 4), "brow tension"),
    ((4, 24), "lowered brows with pressed lips"),
    ((4, 7), "lowered brows with tightened lids"),
    ((6, 12), "smile with raised cheeks"),
    ((1, 2, 5), "raised brows with widened eyes"),
    ((15, 17), "lowered lip corners with raised chin"),
    ((9, 10), "wrinkled nose with raised upper lip"),
    ((1, 4, 15), "drawn brows with lowered lip corners"),
)
"""Combinations looked for, with a description of the movement and nothing else."""

# Two-sided 95 % points of Student's t by degrees of freedom; a minute has at most 12 blocks.
_T95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18)


def mean_vad(series: Series) -> dict[str, float | None]:
    """Return the mean scores over the reliable frames; None without one."""
    if not series.reliable.any():
        return {"v": None, "a": None, "d": None}
    means = series.vad[series.reliable].mean(axis=0)
    return dict(zip("vad", map(float, means), strict=True))


def minute_trend(series: Series) -> list[dict[str, Any]]:
    """Return one row per minute of the session clock, minutes without a face included.

    Minute m covers offsets from 60 m up to 60 (m + 1). ``low`` and ``high`` bound the minute's mean
    with 95 % confidence, from the spread of 5-second blocks; null with fewer than two.
    """
    if len(series) == 0:
        return []
    minutes = (series.offset_s // 60).astype(int)
    end_s = float(series.offset_s[-1] + series.durations_s()[-1])
    rows = []
    for minute in range(minutes[0], minutes[-1] + 1):
        inside = slice(*np.searchsorted(minutes, (minute, minute + 1)))
        used = series.reliable[inside]
        row: dict[str, Any] = {
            "minute": minute,
            "start_s": 60.0 * minute,
            "end_s": min(60.0 * (minute + 1), end_s),
            "frames": len(used),
            "coverage": float(used.mean()) if len(used) else 0.0,
        }
        for d, key in enumerate("vad"):
            scores = series.vad[inside, d][used]
            row[key] = _mean_with_interval(series.offset_s[inside][used], scores)
        rows.append(row)
    return rows


class Unit(Protocol):
    """What is asked of an entry of the AU table."""

    @property
    def number(self) -> int:
        """1 to 46."""

    @property
    def name(self) -> str:
        """Such as Brow lowerer."""

    @property
    def status(self) -> str:
        """`measured`, `proxy` or `not_observable`."""


def au_summary(series: Series, units: Iterable[Unit]) -> list[dict[str, Any]]:
    """Return one row per AU: share of time active, mean, peak, episodes, and which side led.

    An AU that was never measured has nulls, not zeros. ``left_led`` and ``right_led`` are the
    shares of the active time in which the subject's left or right side was `ONE_SIDED` stronger;
    null for units without sides and for those that were never active.
    """
    durations = series.durations_s()
    return [
        {
            "au": unit.number,
            "name": unit.name,
            "status": str(unit.status),
            **_au_figures(series, unit.number, durations),
        }
        for unit in units
    ]


def sustained_combinations(series: Series) -> list[dict[str, Any]]:
    """Return the AU combinations active together for `SUSTAINED_S` or longer.

    While the person talks, units of the mouth are not counted: speech moves them by itself.
    """
    found = []
    for aus, label in COMBINATIONS:
        together = series.reliable.copy()
        for au in aus:
            together &= _active(series, au)
            if au >= 9:
                together &= ~series.talking
        spans = _episodes(together, series)
        long = [(a, b) for a, b in spans if b - a >= SUSTAINED_S]
        if long:
            found.append(
                {
                    "aus": list(aus),
                    "label": label,
                    "total_s": round(sum(b - a for a, b in long), 3),
                    "longest_s": round(max(b - a for a, b in long), 3),
                    "episodes": [{"start_s": round(a, 3), "end_s": round(b, 3)} for a, b in long],
                }
            )
    return found


_FIGURES = (
    "mean",
    "peak",
    "peak_offset_s",
    "share_active",
    "episodes",
    "longest_s",
    "left_led",
    "right_led",
)


def _au_figures(series: Series, au: int, durations: Float64Array) -> dict[str, Any]:
    values = series.aus[:, au - 1].astype(np.float64)
    seen = series.reliable & np.isfinite(values)
    if not seen.any():
        return dict.fromkeys(_FIGURES)
    active = seen & _active(series, au)
    spans = _episodes(active, series)
    peak = int(np.argmax(np.where(seen, values, -math.inf)))
    lead = series.lead[active, au - 1]
    sided = np.isfinite(lead)
    active_s = float(durations[active][sided].sum())
    return {
        "mean": float(values[seen].mean()),
        "peak": float(values[peak]),
        "peak_offset_s": float(series.offset_s[peak]),
        "share_active": float(durations[active].sum() / max(durations[seen].sum(), 1e-9)),
        "episodes": len(spans),
        "longest_s": round(max((b - a for a, b in spans), default=0.0), 3),
        **{
            name: float(durations[active][sign * lead >= ONE_SIDED].sum()) / active_s
            if active_s > 0
            else None
            for name, sign in (("left_led", 1), ("right_led", -1))
        },
    }


def _active(series: Series, au: int) -> BoolArray:
    # Compared as float32, as the table stores it, so that both always agree.
    active: BoolArray = series.aus[:, au - 1] >= np.float32(ACTIVE_FROM)
    return active


def _episodes(mask: BoolArray, series: Series) -> list[tuple[float, float]]:
    ends = series.offset_s + series.durations_s()
    return [
        (float(series.offset_s[group[0][0]]), float(ends[group[-1][1]]))
        for group in merge_runs(runs(mask), series, EPISODE_GAP_S)
    ]


def _mean_with_interval(offset_s: Float64Array, values: Float64Array) -> dict[str, float | None]:
    if len(values) == 0:
        return {"mean": None, "low": None, "high": None}
    mean = float(values.mean())
    blocks = (offset_s // BLOCK_S).astype(int)
    means = np.array([values[blocks == block].mean() for block in np.unique(blocks)])
    if len(means) < 2:
        return {"mean": mean, "low": None, "high": None}
    half = _T95[len(means) - 2] * float(means.std(ddof=1)) / math.sqrt(len(means))
    return {"mean": mean, "low": max(0.0, mean - half), "high": min(1.0, mean + half)}
