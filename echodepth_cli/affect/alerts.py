"""Alerts: stretches in which a score passes its threshold, long enough and seen well enough.

An alert goes on at the threshold and off once the score is `HYSTERESIS` back; excursions with a
pause of up to `MERGE_GAP_S` are one alert. It is raised when the score stayed past the threshold,
in well-measured frames, for `MIN_DURATION_S`; what was briefer or only seen in poorly measured
frames is kept as suppressed, with the reason. All lengths are in seconds, and between two frames
the score is taken to change evenly, so the sampling rate matters only for the precision of the
times. The minimum is long enough for one frame per second to see it two or three times: what comes
and goes faster is seen differently at each rate (`benchmarks/rates.py`).

    found = find_alerts(series, config.alert_thresholds, baseline, vad_model)
    raised = [alert for alert in found if alert.suppressed_reason is None]
    reasons = frame_reasons(series, found)           # one tuple of types for each frame
    fragment = [alert_to_dict(alert, origin_ms, names) for alert in raised]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from echodepth_cli.affect.baseline import Baseline
from echodepth_cli.affect.series import BoolArray, Float64Array, Series
from echodepth_cli.affect.trends import ACTIVE_FROM
from echodepth_cli.affect.vad import VadModel, top_contributions
from echodepth_cli.config import AlertThresholds
from echodepth_cli.records import Alert

HYSTERESIS = 0.05
"""How far a score must come back before an alert goes off."""

MIN_DURATION_S = 2.5
"""A score that stays past its threshold for less is no alert."""

NOTED_S = 0.75
"""What lasts this long is kept as suppressed: at two frames per second it takes two, not one."""

BLINK_S = 0.4
"""A score does not leave its threshold for the length of a blink, which slow sampling misses, nor
in frames that show the lids down and are no further apart."""

MERGE_GAP_S = 3.0
"""Two excursions with a pause of at most this are one alert."""

_LIDS = [40, 41, 42, 44]
"""Columns of AU41, 42, 43 and 45: of these one is active wherever the lids are down."""

TOO_BRIEF, POORLY_MEASURED = "too_brief", "poorly_measured"
"""Why alerts are suppressed."""

_ABSOLUTE = (("arousal_high", 1, +1), ("valence_low", 0, -1), ("dominance_low", 2, -1))
_RELATIVE = (("arousal_rise", 1, +1), ("valence_drop", 0, -1), ("dominance_drop", 2, -1))


@dataclass(frozen=True, slots=True)
class AlertRule:
    """One rule: which score alerts, to which side, and where."""

    type: str
    dimension: int
    """0 valence, 1 arousal, 2 dominance."""
    sign: int
    """+1 alerts upwards, -1 downwards."""
    threshold: float
    """On the scale of the score; a deviation rule has the baseline added in."""


def alert_rules(thresholds: AlertThresholds, baseline: Baseline) -> list[AlertRule]:
    """Return the rules that are on, in a fixed order."""
    centre = (baseline.vad.valence, baseline.vad.arousal, baseline.vad.dominance)
    rules = []
    for name, dimension, sign in _ABSOLUTE:
        if (bound := getattr(thresholds, name)) is not None:
            rules.append(AlertRule(name, dimension, sign, bound))
    for name, dimension, sign in _RELATIVE:
        if (change := getattr(thresholds, name)) is not None:
            rules.append(AlertRule(name, dimension, sign, centre[dimension] + sign * change))
    return rules


def find_alerts(
    series: Series, thresholds: AlertThresholds, baseline: Baseline, model: VadModel
) -> list[Alert]:
    """Return all alerts in time order, the suppressed ones among them with their reason."""
    found = [
        alert
        for rule in alert_rules(thresholds, baseline)
        for alert in _apply_rule(rule, series, baseline, model)
    ]
    return sorted(found, key=lambda alert: (alert.onset_s, alert.type))


def frame_reasons(series: Series, alerts: Iterable[Alert]) -> list[tuple[str, ...]]:
    """Return, for each frame, the types of the raised alerts that it lies in.

    Every scored frame from onset to end of an alert counts, also where the score dipped between
    two merged excursions; frames without scores never do.
    """
    reasons: list[tuple[str, ...]] = [()] * len(series)
    scored = series.scored()
    for alert in alerts:
        if alert.suppressed_reason is not None:
            continue
        first = int(np.searchsorted(series.offset_s, alert.onset_s, side="left"))
        after = int(np.searchsorted(series.offset_s, alert.offset_s, side="right"))
        for i in range(first, after):
            if scored[i]:
                reasons[i] = (*reasons[i], alert.type)
    return reasons


def alert_to_dict(alert: Alert, origin_ms: int, names: Mapping[int, str]) -> dict[str, Any]:
    """Return the alert as in report.json; its moment is the apex.

    ``origin_ms`` is the timestamp of offset 0, ``names`` gives AU names by number.
    """
    values: dict[str, Any] = {
        "type": alert.type,
        "timestamp_ms": origin_ms + round(alert.apex_s * 1000),
        "value": round(alert.value, 4),
        "session_offset_s": round(alert.apex_s, 3),
        "threshold": round(alert.threshold, 4),
        "baseline": round(alert.baseline, 4),
        "deviation": round(alert.value - alert.baseline, 4),
        "onset_s": round(alert.onset_s, 3),
        "apex_s": round(alert.apex_s, 3),
        "offset_s": round(alert.offset_s, 3),
        "duration_s": round(alert.offset_s - alert.onset_s, 3),
        "confidence": round(alert.confidence, 3),
        "contributions": [
            {"au": au, "name": names.get(au, f"AU{au}"), "share": round(share, 3)}
            for au, share in alert.contributions
        ],
    }
    if alert.suppressed_reason is not None:
        values["suppressed_because"] = alert.suppressed_because
        values["suppressed_reason"] = alert.suppressed_reason
    return values


def _apply_rule(
    rule: AlertRule, series: Series, baseline: Baseline, model: VadModel
) -> list[Alert]:
    excess = rule.sign * (series.vad[:, rule.dimension] - rule.threshold)
    alerts = []
    for group in _merged(_excursions(excess, series)):
        if _longest_s(group, series) >= NOTED_S:
            alerts.append(_alert(rule, group, excess, series, baseline, model))
    return alerts


@dataclass(frozen=True, slots=True)
class _Excursion:
    """A stretch past the threshold, from its crossing to the return."""

    first: int
    last: int
    """Indices of the first and last frame in it."""
    onset_s: float
    offset_s: float
    length_s: float
    """Longer than from onset to offset where data ends: the last frame stands for some time."""


def _excursions(excess: Float64Array, series: Series) -> list[_Excursion]:
    """Return the stretches past the threshold, with hysteresis; a hole in the data ends one."""
    found: list[_Excursion] = []
    opened: tuple[int, float] | None = None
    previous: int | None = None
    times, durations = series.offset_s, series.durations_s()
    reach_s = times + durations + MERGE_GAP_S
    above_release = excess + HYSTERESIS

    def closed(at: tuple[int, float], last: int, offset_s: float | None) -> _Excursion:
        end_s = float(times[last]) if offset_s is None else offset_s
        beyond_s = float(durations[last]) if offset_s is None else 0.0
        return _Excursion(at[0], last, at[1], end_s, end_s - at[1] + beyond_s)

    for i in map(int, np.flatnonzero(series.scored())):
        lost = previous is None or times[i] > reach_s[previous]
        if opened is not None and previous is not None and (lost or excess[i] <= -HYSTERESIS):
            back_s = None if lost else _crossing_s(previous, i, above_release, times)
            found.append(closed(opened, previous, back_s))
            opened = None
        if opened is None and excess[i] >= 0:
            onset_s = float(times[i])
            if previous is not None and not lost and excess[previous] < 0:
                onset_s = _crossing_s(previous, i, excess, times)
            opened = i, onset_s
        previous = i
    if opened is not None and previous is not None:
        found.append(closed(opened, previous, None))
    return found


def _crossing_s(before: int, after: int, excess: Float64Array, times: Float64Array) -> float:
    """Return when ``excess`` was 0 between two frames at which it has different signs."""
    share = excess[before] / (excess[before] - excess[after])
    return float(times[before] + share * (times[after] - times[before]))


def _merged(found: Iterable[_Excursion]) -> list[list[_Excursion]]:
    """Group excursions with a pause of at most `MERGE_GAP_S`."""
    groups: list[list[_Excursion]] = []
    for part in found:
        if groups and part.onset_s - groups[-1][-1].offset_s <= MERGE_GAP_S + 1e-9:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def _alert(
    rule: AlertRule,
    group: Sequence[_Excursion],
    excess: Float64Array,
    series: Series,
    baseline: Baseline,
    model: VadModel,
) -> Alert:
    on = _mask(group, len(series)) & series.scored()
    sure = on & series.reliable
    # The apex is a well-measured frame wherever there is one.
    candidates = np.flatnonzero(sure if sure.any() else on)
    apex = int(candidates[np.argmax(excess[candidates])])
    parts = model.contributions(
        series.aus[apex],
        talking=series.talking[apex],
        pitch_change_deg=series.pitch_deg[apex] - baseline.pitch_deg,
    )
    because, why = _doubt(group, series, bool(excess[apex] < 0))
    return Alert(
        type=rule.type,
        onset_s=group[0].onset_s,
        apex_s=float(series.offset_s[apex]),
        offset_s=group[-1].offset_s,
        value=float(series.vad[apex, rule.dimension]),
        threshold=rule.threshold,
        baseline=(baseline.vad.valence, baseline.vad.arousal, baseline.vad.dominance)[
            rule.dimension
        ],
        confidence=float(np.mean(series.confidence[on])),
        contributions=top_contributions(parts, rule.dimension),
        suppressed_because=because,
        suppressed_reason=why,
    )


def _doubt(
    group: Sequence[_Excursion], series: Series, doubtful: bool
) -> tuple[str | None, str | None]:
    """Return why an alert is not raised, as a code and in words; None twice when it is."""
    longest_s, sure_s = _longest_s(group, series), _sure_s(group, series)
    if longest_s < MIN_DURATION_S:
        why = f"the score passed the threshold for {longest_s:.1f} s at a time"
        return TOO_BRIEF, f"{why}; an alert needs {MIN_DURATION_S:g} s"
    if sure_s < MIN_DURATION_S or doubtful:
        why = f"the face was measured with confidence for only {sure_s:.1f} s of it"
        return POORLY_MEASURED, f"{why}; an alert needs {MIN_DURATION_S:g} s"
    return None, None


def _longest_s(group: Sequence[_Excursion], series: Series) -> float:
    """Return the longest time past the threshold without a pause longer than a blink."""
    longest_s, start, before = 0.0, group[0], group[0]
    for part in group:
        if part is not start and not _is_blink(before, part, series):
            start = part
        longest_s = max(longest_s, part.onset_s - start.onset_s + part.length_s)
        before = part
    return longest_s


def _is_blink(before: _Excursion, after: _Excursion, series: Series) -> bool:
    """Say whether the pause between two excursions is that of a blink."""
    if after.onset_s - before.offset_s <= BLINK_S:
        return True
    first, last = before.last + 1, after.first - 1
    lids = np.nan_to_num(series.aus[first : last + 1, _LIDS]).max(axis=1)
    over_s = series.offset_s[last] - series.offset_s[first]
    return over_s <= BLINK_S and bool((lids >= ACTIVE_FROM).all())


def _sure_s(group: Iterable[_Excursion], series: Series) -> float:
    """Return for how long of some excursions the face was measured with confidence."""
    durations, scored = series.durations_s(), series.scored()
    sure_s = 0.0
    for part in group:
        inside = slice(part.first, part.last + 1)
        stands_s = durations[inside] * scored[inside]
        share = stands_s[series.reliable[inside]].sum() / max(float(stands_s.sum()), 1e-9)
        sure_s += float(share) * part.length_s
    return sure_s


def _mask(group: Iterable[_Excursion], count: int) -> BoolArray:
    mask = np.zeros(count, dtype=bool)
    for part in group:
        mask[part.first : part.last + 1] = True
    return mask
