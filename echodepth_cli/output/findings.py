"""What a finished frame table says under given thresholds: the parts of a report.

A fresh analysis and a report rendered again from its Parquet both come through here, so the same
rows and thresholds always give the same report.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from echodepth_cli.affect.alerts import alert_to_dict, find_alerts, frame_reasons
from echodepth_cli.affect.anomalies import find_anomalies
from echodepth_cli.affect.baseline import Baseline
from echodepth_cli.affect.facs import ACTION_UNITS
from echodepth_cli.affect.series import Series
from echodepth_cli.affect.trends import au_summary, mean_vad, minute_trend, sustained_combinations
from echodepth_cli.affect.vad import VadModel
from echodepth_cli.config import AlertThresholds
from echodepth_cli.output.report_html import GlossaryUnit
from echodepth_cli.records import Alert


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that depends on the scored rows and the thresholds."""

    alerts: tuple[Alert, ...]
    """Raised alerts in time order."""
    suppressed: tuple[Alert, ...]
    reasons: tuple[tuple[str, ...], ...]
    """For each row, the types of the alerts that are on."""
    parts: dict[str, Any]
    """Entries of report.json by name."""


def find(
    series: Series,
    baseline: Baseline,
    thresholds: AlertThresholds,
    vad_model: VadModel,
    origin_ms: int,
) -> Findings:
    """Work out alerts, trends and summaries of one session."""
    found = find_alerts(series, thresholds, baseline, vad_model)
    raised = tuple(alert for alert in found if alert.suppressed_reason is None)
    suppressed = tuple(alert for alert in found if alert.suppressed_reason is not None)
    names = {unit.number: unit.name for unit in ACTION_UNITS}
    return Findings(
        alerts=raised,
        suppressed=suppressed,
        reasons=tuple(frame_reasons(series, raised)),
        parts={
            "baseline_vad": _by_letter(baseline),
            "mean_vad": mean_vad(series),
            "alerts": [alert_to_dict(alert, origin_ms, names) for alert in raised],
            "suppressed_alerts": [alert_to_dict(alert, origin_ms, names) for alert in suppressed],
            "baseline": baseline.to_dict(),
            "vad_trend": minute_trend(series),
            "anomalies": _as_dicts(find_anomalies(series)),
            "action_units": au_summary(series, ACTION_UNITS),
            "combinations": sustained_combinations(series),
        },
    )


def glossary() -> tuple[GlossaryUnit, ...]:
    """Return the Action Units explained in plain words, for the report's reader."""
    return tuple(GlossaryUnit(unit.number, unit.name, unit.description) for unit in ACTION_UNITS)


def _by_letter(baseline: Baseline) -> dict[str, float]:
    vad = baseline.vad
    return {"v": vad.valence, "a": vad.arousal, "d": vad.dominance}


def _as_dicts(items: Iterable[Any]) -> list[dict[str, Any]]:
    return [item.to_dict() for item in items]
