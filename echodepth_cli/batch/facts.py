"""One row of the batch tables: the facts of one session report, flat."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from echodepth_cli.iso_time import parse_iso_time_utc
from echodepth_cli.output.reliability import judge
from echodepth_cli.output.report_json import rounded

_AXES = {"valence": "v", "arousal": "a", "dominance": "d"}
_ALERT_TYPES = ("arousal_high", "valence_low", "dominance_low")


_KINDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "None": (type(None),),
}


MOMENTS = ("started_at", "analysed_at", "finished_at")
"""Fields that hold a time in ISO 8601."""


def moment(text: str | None) -> datetime | None:
    """Return a time as written in a report, UTC where it names no zone; raises ValueError."""
    return None if text is None else parse_iso_time_utc(text)


def require_types(record: Any) -> None:
    """Raise ValueError when a plain field of a record read from a file is of another kind."""
    for item in dataclasses.fields(record):
        kinds = str(item.type).split(" | ")
        value = getattr(record, item.name)
        allowed = [kind for name in kinds for kind in _KINDS.get(name, ())]
        known = all(name in _KINDS for name in kinds)
        if known and (isinstance(value, bool) or not isinstance(value, tuple(allowed))):
            raise ValueError(f"{item.name} is {str(value)[:40]!r}, not {item.type}")
        if item.name in MOMENTS:
            moment(value)


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What a table of sessions says of one; None is a fact that the report does not state."""

    session_id: str
    label: str | None
    use_case: str | None
    file_name: str
    recording_sha256: str
    recording_bytes: int
    started_at: str | None
    timestamp_origin: str
    duration_s: float
    frame_count: int
    coverage: float | None
    """Share of the sampled frames in which the face could be measured, 0..1."""
    mean_confidence: float | None
    reliability: str
    """``good``, ``limited`` or ``poor``: the verdict that the HTML report opens with."""
    reliability_notes: str
    """The reasons for a verdict below good, as sentences; empty otherwise."""
    baseline_quality: str | None
    baseline_source: str | None
    baseline_valence: float | None
    baseline_arousal: float | None
    baseline_dominance: float | None
    mean_valence: float | None
    mean_arousal: float | None
    mean_dominance: float | None
    alerts: int
    arousal_high_alerts: int
    valence_low_alerts: int
    dominance_low_alerts: int
    suppressed_alerts: int
    """Excursions that were not raised, such as those of low confidence."""
    first_alert_s: float | None
    anomalies: int
    decode_failures: int
    summary: str
    measurement_digest: str
    config_digest: str
    models: str
    """``name=sha256`` of each model, joined by spaces."""
    software_version: str
    analysed_at: str | None

    def __post_init__(self) -> None:
        require_types(self)

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> SessionFacts:
        """Read the facts off a session report, to the digits of report.json."""
        report = rounded(report)
        recording, provenance = report["recording"], report["provenance"]
        baseline, quality = report["baseline"], report["quality"]
        verdict = judge(report)
        notes = [point.text for point in verdict.points if point.level != "good"]
        kinds = [alert["type"] for alert in report["alerts"]]
        models = sorted(provenance["models"], key=lambda model: str(model["name"]))
        return cls(
            session_id=report["session_id"],
            label=report["label"],
            use_case=report["use_case"],
            file_name=recording["file_name"],
            recording_sha256=recording["sha256"],
            recording_bytes=recording["bytes"],
            started_at=report["started_at"],
            timestamp_origin=report["timestamp_origin"],
            duration_s=report["duration_s"],
            frame_count=report["frame_count"],
            coverage=quality.get("coverage"),
            mean_confidence=quality.get("mean_confidence"),
            reliability=verdict.level,
            reliability_notes=" ".join(notes),
            baseline_quality=baseline.get("quality"),
            baseline_source=baseline.get("source"),
            **{f"baseline_{axis}": report["baseline_vad"][key] for axis, key in _AXES.items()},
            **{f"mean_{axis}": report["mean_vad"][key] for axis, key in _AXES.items()},
            alerts=len(kinds),
            **{f"{kind}_alerts": kinds.count(kind) for kind in _ALERT_TYPES},
            suppressed_alerts=len(report["suppressed_alerts"]),
            first_alert_s=min((alert["onset_s"] for alert in report["alerts"]), default=None),
            anomalies=len(report["anomalies"]),
            decode_failures=provenance["decode"]["decode_failures"],
            summary=report["summary"],
            measurement_digest=provenance["measurement_digest"],
            config_digest=provenance["config_digest"],
            models=" ".join(f"{model['name']}={model['sha256']}" for model in models),
            software_version=provenance["software"].get("echodepth-cli", "unknown"),
            analysed_at=report["run"].get("analysed_at"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain JSON-able data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SessionFacts:
        """Build from the form of `to_dict`; raises KeyError or ValueError when it is not that."""
        return cls(**{item.name: values[item.name] for item in dataclasses.fields(cls)})
