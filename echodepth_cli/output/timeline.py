"""The scores and Action Units over time: what the timeline part of the report draws."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from echodepth_cli.output import charts
from echodepth_cli.output.charts import Axis, Stretch, Tick
from echodepth_cli.output.downsample import keep_peaks
from echodepth_cli.output.formats import clock, number, percent, signed
from echodepth_cli.output.series import SIGNALS, Series

REASONS: Final = {
    "ok": "measured",
    "no_face_detected": "no face found",
    "low_confidence": "face not clear enough to measure",
    "other_person": "another person in view",
    "decode_error": "pictures could not be decoded",
}
"""Frame status and gap reason in words."""

MOST_ROWS: Final = 7200
"""Rows drawn and read out at most: one hour at two frames per second."""
_UNIT_BINS: Final = 600
_ENDS: Final = {
    "valence": ("negative", "positive"),
    "arousal": ("calm", "highly activated"),
    "dominance": ("submissive", "in control"),
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A level at which an alert is raised."""

    value: float
    y: int
    above: bool
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One score over time."""

    name: str
    label: str
    low: str
    high: str
    path: str
    baseline: float | None
    baseline_y: int | None
    band_top: int
    band_height: int
    thresholds: tuple[Threshold, ...]
    alerts: str
    """Blocks over the alerts of this score."""
    facts: str
    description: str


@dataclass(frozen=True, slots=True)
class Marker:
    """An alert or an anomaly in the lane above the scores."""

    kind: str
    at_s: float
    percent: str
    text: str
    title: str
    target: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything on the common time axis."""

    axis: Axis
    ticks: tuple[Tick, ...]
    gaps: tuple[Stretch, ...]
    talking: str
    """Blocks over the stretches of talking."""
    talking_share: str | None
    panels: tuple[Panel, ...]
    markers: tuple[Marker, ...]
    rows: int
    rows_drawn: int
    data: str
    """JSON for the read-out: true rows of the frame table."""


def reason_in_words(reason: str | None) -> str:
    """Return a gap's reason as a reader understands it."""
    return REASONS.get(reason or "", (reason or "not measured").replace("_", " "))


def build_timeline(report: Mapping[str, Any], series: Series) -> Timeline:
    """Return the timeline of a report and its frames."""
    axis = charts.axis_of(series.times_s, series.interval_s, report.get("duration_s") or 0.0)
    kept = keep_peaks(series.times_s, series.scores, MOST_ROWS)
    gaps = (report.get("quality") or {}).get("gaps") or []
    return Timeline(
        axis=axis,
        ticks=axis.ticks(),
        gaps=tuple(_gap(axis, gap) for gap in gaps),
        talking=charts.block_path(
            charts.flag_stretches(axis, series.times_s, series.talking, series.interval_s)
        ),
        talking_share=percent(float(series.talking.mean())) if series.talking.any() else None,
        panels=tuple(_panel(report, series, axis, kept, column) for column in range(len(SIGNALS))),
        markers=_markers(report, axis),
        rows=len(series.times_s),
        rows_drawn=len(kept),
        data=_read_out(report, series, axis, kept),
    )


def unit_path(axis: Axis, series: Series, au: int) -> str:
    """Return the outline of one unit's intensity over time."""
    bins = min(_UNIT_BINS, max(1, len(series.times_s)))
    return charts.area_path(axis, series.times_s, series.aus[:, au - 1], bins)


def thresholds_of(report: Mapping[str, Any], signal: str) -> tuple[Threshold, ...]:
    """Return the alert thresholds of one score, relative ones at their absolute level."""
    config = (report.get("provenance") or {}).get("config") or {}
    settings = dict(config.get("alert_thresholds") or {})
    for alert in report.get("alerts") or []:
        if alert.get("threshold") is not None and alert["type"] not in settings:
            settings[alert["type"]] = alert["threshold"]
    baseline = (report.get("baseline_vad") or {}).get(signal[0])
    found: list[Threshold] = []
    for rule, value in settings.items():
        name, _, kind = rule.partition("_")
        if name != signal or not isinstance(value, (int, float)):
            continue
        if kind in ("rise", "drop"):
            if baseline is None:
                continue
            value = baseline + (value if kind == "rise" else -value)
        above = kind in ("high", "rise")
        found.append(_threshold(float(value), above))
    return tuple(found)


def _threshold(value: float, above: bool) -> Threshold:
    label = f"alert at {number(value)} or {'above' if above else 'below'}"
    return Threshold(value, charts.y(value), above, label)


def _gap(axis: Axis, gap: Mapping[str, Any]) -> Stretch:
    words = reason_in_words(gap.get("reason"))
    title = f"{clock(gap['start_s'])} to {clock(gap['end_s'])}: {words}"
    return axis.stretch(gap["start_s"], gap["end_s"], title)


def _panel(
    report: Mapping[str, Any],
    series: Series,
    axis: Axis,
    kept: np.ndarray[Any, np.dtype[np.int64]],
    column: int,
) -> Panel:
    name = SIGNALS[column]
    key = name[0]
    values = series.scores[:, column]
    baseline = (report.get("baseline_vad") or {}).get(key)
    spread = ((report.get("baseline") or {}).get("spread") or {}).get(key)
    top = charts.y(baseline + (spread or 0)) if baseline is not None else 0
    bottom = charts.y(baseline - (spread or 0)) if baseline is not None else 0
    thresholds = thresholds_of(report, name)
    low, high = _ENDS[name]
    facts = _facts(report, key, baseline, spread)
    return Panel(
        name=name,
        label=name.capitalize(),
        low=low,
        high=high,
        path=charts.line_path(axis, series.times_s[kept], values[kept], series.stretches[kept]),
        baseline=baseline,
        baseline_y=charts.y(baseline) if baseline is not None else None,
        band_top=top,
        band_height=bottom - top,
        thresholds=thresholds,
        alerts=charts.block_path(
            axis.stretch(a["onset_s"], a["offset_s"], "")
            for a in report.get("alerts") or []
            if str(a["type"]).startswith(name) and "onset_s" in a and "offset_s" in a
        ),
        facts=facts,
        description=_description(name, series, values, thresholds, facts),
    )


def _facts(
    report: Mapping[str, Any], key: str, baseline: float | None, spread: float | None
) -> str:
    mean = (report.get("mean_vad") or {}).get(key)
    parts: list[str] = []
    if baseline is not None:
        parts.append(f"baseline {number(baseline)}" + (f" ± {number(spread)}" if spread else ""))
    if mean is not None:
        away = "" if baseline is None else f" ({signed(mean - baseline)})"
        parts.append(f"session mean {number(mean)}{away}")
    return ", ".join(parts)


def _description(
    name: str,
    series: Series,
    values: np.ndarray[Any, np.dtype[np.float64]],
    thresholds: Sequence[Threshold],
    facts: str,
) -> str:
    measured = np.flatnonzero(np.isfinite(values))
    if not measured.size:
        return f"{name.capitalize()} over time: nothing could be measured."
    low = measured[values[measured].argmin()]
    high = measured[values[measured].argmax()]
    text = (
        f"{name.capitalize()} over time, 0 to 1. Lowest {number(float(values[low]))} at "
        f"{clock(float(series.times_s[low]))}, highest {number(float(values[high]))} at "
        f"{clock(float(series.times_s[high]))}"
    )
    return "; ".join([text, *([facts] if facts else []), *(t.label for t in thresholds)]) + "."


def _markers(report: Mapping[str, Any], axis: Axis) -> tuple[Marker, ...]:
    found = [
        Marker(
            "alert",
            alert["session_offset_s"],
            axis.percent(alert["session_offset_s"]),
            str(index),
            f"Alert {index} at {clock(alert['session_offset_s'], tenths=True)}",
            f"alert-{index}",
        )
        for index, alert in enumerate(report.get("alerts") or [], start=1)
    ]
    found += [
        Marker(
            "anomaly",
            anomaly["apex_s"],
            axis.percent(anomaly["apex_s"]),
            "",
            f"Unusual stretch at {clock(anomaly['apex_s'], tenths=True)}",
            f"anomaly-{index}",
        )
        for index, anomaly in enumerate(report.get("anomalies") or [], start=1)
        if anomaly.get("apex_s") is not None
    ]
    return tuple(found)


def _read_out(
    report: Mapping[str, Any],
    series: Series,
    axis: Axis,
    kept: np.ndarray[Any, np.dtype[np.int64]],
) -> str:
    states = sorted({series.status[row] for row in kept.tolist()})
    baseline = report.get("baseline_vad") or {}
    data = {
        "start": axis.start_s,
        "end": axis.end_s,
        "baseline": [baseline.get(name[0]) for name in SIGNALS],
        "states": [reason_in_words(state) for state in states],
        "t": [axis.x(t) for t in series.times_s[kept].tolist()],
        "vad": [_thousandths(series.scores[kept, column]) for column in range(len(SIGNALS))],
        "c": _thousandths(series.confidence[kept]),
        "s": [states.index(series.status[row]) for row in kept.tolist()],
        "u": [" ".join(map(str, series.active_units(row))) for row in kept.tolist()],
    }
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    # Inside a script element only "<" could end it or open a comment.
    return text.replace("<", "\\u003c")


def _thousandths(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[int | None]:
    return [None if v != v else round(v * 1000) for v in values.tolist()]
