"""Alerts and unusual stretches as the report shows them: cards, sentences and the short list."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np

from echodepth_cli.iso_time import parse_iso_time
from echodepth_cli.output import charts
from echodepth_cli.output.charts import Axis
from echodepth_cli.output.face_map import FaceMap, face_map
from echodepth_cli.output.formats import (
    clock,
    date_time,
    duration,
    number,
    signed,
    visible,
)
from echodepth_cli.output.series import SIGNALS, Series
from echodepth_cli.output.snapshots import Still, StillKey

_FEW: Final = 6
"""Moments named on the first screen; all of them follow further down."""
_AROUND_S: Final = 20.0
"""Seconds shown before and after an alert in its own small chart."""
_MOST_BARS: Final = 6

_RULES: Final = {
    "high": ("High", "reached", "at or above the threshold of"),
    "low": ("Low", "fell to", "at or below the threshold of"),
    "rise": ("Raised", "rose to", "past the threshold of"),
    "drop": ("Lowered", "dropped to", "past the threshold of"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One unit's share of the deviation at the apex."""

    au: int
    name: str
    share: float
    width: int
    """Of 1000, relative to the largest share."""
    against: bool
    label: str


@dataclass(frozen=True, slots=True)
class Zoomed:
    """The score around an alert."""

    axis: Axis
    path: str
    onset_x: int
    width_x: int
    apex_percent: str
    apex_y: int
    threshold_y: int | None
    baseline_y: int | None
    start: str
    end: str
    description: str


@dataclass(frozen=True, slots=True)
class AlertCard:
    """One alert, complete."""

    index: int
    target: str
    at_s: float
    clock: str
    wall: str | None
    signal: str
    title: str
    sentence: str
    numbers: tuple[tuple[str, str], ...]
    bars: tuple[Bar, ...]
    others: str
    opposed: bool
    """Some unit pulled the other way."""
    face: FaceMap
    zoomed: Zoomed | None
    picture: Still | None
    still_at_s: float | None
    still_note: str
    still_blurred: bool
    still_alt: str
    suppressed_reason: str | None

    @property
    def still(self) -> str | None:
        """Return the picture in base64, as the page holds it; made when it is asked for."""
        picture = self.picture
        return None if picture is None else base64.b64encode(picture.jpeg).decode("ascii")


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One unusual stretch."""

    target: str
    at_s: float
    clock: str
    span: str
    signal: str
    direction: str
    magnitude: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the short list on the first screen."""

    kind: str
    target: str
    at_s: float
    clock: str
    title: str
    sentence: str


def alert_cards(
    report: Mapping[str, Any], series: Series, stills: Mapping[StillKey, Still]
) -> tuple[AlertCard, ...]:
    """Return the cards of all alerts, in time order, numbered from 1."""
    return tuple(
        _card(report, series, alert, index, stills.get(index - 1))
        for index, alert in enumerate(report.get("alerts") or [], start=1)
    )


def suppressed_cards(report: Mapping[str, Any], series: Series) -> tuple[AlertCard, ...]:
    """Return the alerts that were not raised, with the reason for each."""
    return tuple(
        _card(report, series, alert, index, None)
        for index, alert in enumerate(report.get("suppressed_alerts") or [], start=1)
    )


def anomalies(report: Mapping[str, Any]) -> tuple[Anomaly, ...]:
    """Return the unusual stretches of the session."""
    return tuple(
        Anomaly(
            target=f"anomaly-{index}",
            at_s=found["apex_s"],
            clock=clock(found["apex_s"], tenths=True),
            span=f"{clock(found['start_s'])} to {clock(found['end_s'])}",
            signal=visible(str(found["signal"])),
            direction=str(found.get("direction", "change")),
            magnitude=signed(found.get("magnitude")),
            sentence=_anomaly_sentence(found),
        )
        for index, found in enumerate(report.get("anomalies") or [], start=1)
    )


def _anomaly_sentence(found: Mapping[str, Any]) -> str:
    signal = visible(str(found["signal"])).capitalize()
    magnitude = found.get("magnitude")
    span = f"from {clock(found['start_s'])} to {clock(found['end_s'])}"
    if magnitude is None:
        return f"{signal} differed from the rest of the session {span}."
    side = "above" if magnitude > 0 else "below"
    if found.get("direction") == "change":
        level = f"{number(abs(magnitude))} {side} the level before"
        return f"{signal} stayed {level} {span}."
    return f"{signal} lay up to {number(abs(magnitude))} {side} its usual level {span}."


def short_list(
    cards: Sequence[AlertCard], found: Sequence[Anomaly], report: Mapping[str, Any]
) -> tuple[Moment, ...]:
    """Return the few moments to watch first, in time order: the furthest past their threshold."""
    raised = report.get("alerts") or []
    excess = [abs(a["value"] - a["threshold"]) for a in raised]
    first = sorted(range(len(cards)), key=lambda i: (-excess[i], i))[:_FEW]
    moments = [
        Moment("alert", c.target, c.at_s, c.clock, f"{c.title} (alert {c.index})", c.sentence)
        for c in (cards[i] for i in first)
    ]
    strength = [abs(a.get("z") or a.get("magnitude") or 0.0) for a in report.get("anomalies") or []]
    left = sorted(range(len(found)), key=lambda i: (-strength[i], i))[: _FEW - len(moments)]
    moments += [
        Moment("anomaly", a.target, a.at_s, a.clock, f"Unusual {a.signal}", a.sentence or a.span)
        for a in (found[i] for i in left)
    ]
    return tuple(sorted(moments, key=lambda moment: moment.at_s))


def rule_title(rule: str) -> str:
    """Return the name of an alert type in words."""
    signal, _, kind = rule.partition("_")
    return f"{_RULES[kind][0]} {signal}" if kind in _RULES else visible(rule.replace("_", " "))


def wall_clock(report: Mapping[str, Any], offset_s: float) -> str | None:
    """Return the date and time of an offset; None when the recording's start is not known."""
    started_at = report.get("started_at")
    if not started_at or report.get("timestamp_origin") == "zero":
        return None
    try:
        start = parse_iso_time(str(started_at))
    except ValueError:
        return None
    return date_time(start + timedelta(seconds=offset_s), tenths=True)


def _card(
    report: Mapping[str, Any],
    series: Series,
    alert: Mapping[str, Any],
    index: int,
    still: Still | None,
) -> AlertCard:
    signal, _, kind = str(alert["type"]).partition("_")
    at_s = float(alert.get("apex_s", alert["session_offset_s"]))
    contributions = sorted(alert.get("contributions") or [], key=lambda c: -abs(c["share"]))
    shares = [(c["au"], c["share"]) for c in contributions]
    title = rule_title(alert["type"])
    bars, others = _bars(contributions)
    return AlertCard(
        index=index,
        target=f"alert-{index}",
        at_s=at_s,
        clock=clock(at_s, tenths=True),
        wall=wall_clock(report, at_s),
        signal=signal,
        title=title,
        sentence=_sentence(alert, signal, kind),
        numbers=_numbers(alert),
        bars=bars,
        others=others,
        opposed=any(share < 0 for _, share in shares),
        face=face_map(shares[:_MOST_BARS]),
        zoomed=_zoomed(series, alert, signal),
        picture=still,
        still_at_s=None if still is None else still.offset_s,
        still_note="" if still is None else _still_note(still),
        still_blurred=still is not None and still.blurred,
        still_alt=f"Picture of the moment at {clock(at_s, tenths=True)}, alert {index}",
        suppressed_reason=visible(str(alert["suppressed_reason"]))
        if alert.get("suppressed_reason")
        else None,
    )


def _sentence(alert: Mapping[str, Any], signal: str, kind: str) -> str:
    _, verb, relation = _RULES.get(kind, ("", "was", "threshold"))
    value, threshold = number(alert["value"]), number(alert["threshold"])
    text = f"{signal.capitalize()} {verb} {value}, {relation} {threshold}"
    if alert.get("baseline") is not None:
        text += (
            f"; the baseline is {number(alert['baseline'])} "
            f"({signed(alert['value'] - alert['baseline'])})"
        )
    return f"{text}."


def _numbers(alert: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    rows = [
        ("Value at apex", number(alert["value"])),
        ("Threshold", number(alert["threshold"])),
        ("Baseline", number(alert.get("baseline"))),
        ("Difference from baseline", signed(alert.get("deviation"))),
        ("Onset", clock(alert.get("onset_s"), tenths=True)),
        ("Apex", clock(alert.get("apex_s", alert["session_offset_s"]), tenths=True)),
        ("Offset", clock(alert.get("offset_s"), tenths=True)),
        ("Lasted", duration(alert.get("duration_s"))),
        ("Mean confidence", number(alert.get("confidence"))),
    ]
    return tuple(rows)


def _bars(ranked: Sequence[Mapping[str, Any]]) -> tuple[tuple[Bar, ...], str]:
    most = abs(ranked[0]["share"]) if ranked and ranked[0]["share"] else 1.0
    bars = tuple(
        Bar(
            au=c["au"],
            name=visible(str(c["name"])),
            share=c["share"],
            width=round(abs(c["share"]) / most * 1000),
            against=c["share"] < 0,
            label=_share(c["share"]),
        )
        for c in ranked[:_MOST_BARS]
    )
    others = ", ".join(f"AU{c['au']} {_share(c['share'])}" for c in ranked[_MOST_BARS:])
    return bars, others


def _share(share: float) -> str:
    whole = f"{number(share * 100, 0)}%"
    return whole if abs(share) >= 0.005 or not share else "under 1%"


def _zoomed(series: Series, alert: Mapping[str, Any], signal: str) -> Zoomed | None:
    if signal not in SIGNALS or "onset_s" not in alert or "offset_s" not in alert:
        return None
    start_s, end_s = alert["onset_s"] - _AROUND_S, alert["offset_s"] + _AROUND_S
    rows = np.flatnonzero((series.times_s >= start_s) & (series.times_s <= end_s))
    if rows.size < 2:
        return None
    axis = Axis(float(series.times_s[rows[0]]), float(series.times_s[rows[-1]]))
    values = series.scores[rows, SIGNALS.index(signal)]
    apex_s = float(alert.get("apex_s", alert["session_offset_s"]))
    onset = axis.stretch(alert["onset_s"], alert["offset_s"], "")
    baseline = alert.get("baseline")
    return Zoomed(
        axis=axis,
        path=charts.line_path(axis, series.times_s[rows], values, series.stretches[rows]),
        onset_x=onset.x,
        width_x=onset.width,
        apex_percent=axis.percent(apex_s),
        apex_y=charts.y(alert["value"]),
        threshold_y=charts.y(alert["threshold"]),
        baseline_y=None if baseline is None else charts.y(baseline),
        start=clock(axis.start_s),
        end=clock(axis.end_s),
        description=f"{signal.capitalize()} from {clock(axis.start_s)} to {clock(axis.end_s)}; "
        f"apex {number(alert['value'])} at {clock(apex_s, tenths=True)}.",
    )


def _still_note(still: Still) -> str:
    note = f"Frame at {clock(still.offset_s, tenths=True)}"
    return f"{note}; face blurred on purpose" if still.blurred else note
