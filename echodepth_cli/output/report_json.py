"""Build `report.json`: the documented names, from findings and facts that were worked out before.

`echodepth_cli/output/schema/report.schema.json` is the contract; every report validates against it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from echodepth_cli.config import AnalysisConfig
from echodepth_cli.output.columns import RowContext
from echodepth_cli.records import DecodeReport, VideoInfo

SCHEMA_VERSION: Final = "1.0"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)

LIMITS: Final = (
    "Values describe visible facial movement relative to this recording's own baseline. They are "
    "not measurements of what a person feels, thinks or intends (Barrett et al. 2019).",
    "Valence, arousal and dominance are estimates computed from Action Units. Dominance has low "
    "reliability: published sources disagree even on its sign.",
    "Not validated for diagnosis, hiring, education, policing, credit, lie detection or any "
    "decision about a person. A person must review the recording itself.",
    "In the EU, use to infer emotions at work or in education is prohibited except for medical or "
    "safety reasons (Regulation (EU) 2024/1689, Art. 5(1)(f)); elsewhere the persons exposed must "
    "be informed (Art. 50(3)).",
)


@dataclass(frozen=True, slots=True)
class Recording:
    """The analysed file: what it is and exactly which bytes it had."""

    info: VideoInfo
    sha256: str
    size_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return the `recording` part of the report; the name only, not where it was."""
        return {
            "file_name": self.info.path.name,
            "sha256": self.sha256,
            "bytes": self.size_bytes,
            "container": self.info.container,
            "codec": self.info.codec,
            "width_px": self.info.width_px,
            "height_px": self.info.height_px,
            "rotation_deg": self.info.rotation_deg,
            "duration_s": self.info.duration_s,
            "average_fps": self.info.average_fps,
        }


@dataclass(frozen=True, slots=True)
class Origin:
    """When the recording started, and who says so."""

    source: str
    """`option`, `container` or `zero`."""
    started_at: datetime | None

    @classmethod
    def of(cls, config: AnalysisConfig, info: VideoInfo) -> Origin:
        """Take the option, else the container's creation time, else nothing."""
        if config.started_at is not None:
            return cls("option", config.started_at)
        if info.created_at is not None:
            return cls("container", info.created_at)
        return cls("zero", None)

    @property
    def milliseconds(self) -> int:
        """Return milliseconds since 1970 UTC, or 0 when the start is not known."""
        if self.started_at is None:
            return 0
        # Whole milliseconds by integer arithmetic: floats of this size lose some.
        return (self.started_at - _EPOCH) // timedelta(milliseconds=1)


def provenance(
    config: AnalysisConfig,
    models: Mapping[str, str],
    software: Mapping[str, str],
    decode: DecodeReport,
    frames_parquet_sha256: str,
) -> dict[str, Any]:
    """Return the `provenance` part: everything the numbers depend on but the recording itself."""
    return {
        "software": dict(software),
        "models": [{"name": name, "sha256": digest} for name, digest in sorted(models.items())],
        "config": config.to_dict(),
        "config_digest": config.digest(),
        "measurement_digest": config.measurement_digest(),
        "frames_parquet_sha256": frames_parquet_sha256,
        "decode": {
            "frames_decoded": decode.frames_decoded,
            "decode_failures": decode.decode_failures,
            "truncated": decode.truncated,
            "warnings": list(decode.warnings),
        },
    }


def session_head(
    context: RowContext,
    config: AnalysisConfig,
    recording: Recording,
    origin: Origin,
    duration_s: float,
    frame_count: int,
) -> dict[str, Any]:
    """Return the opening part of the report: what was analysed, and when it was recorded."""
    return {
        "schema_version": SCHEMA_VERSION,
        "session_id": context.session_id,
        "label": config.label,
        "use_case": config.use_case,
        "duration_s": duration_s,
        "frame_count": frame_count,
        "timestamp_origin": origin.source,
        "started_at": origin.started_at.isoformat() if origin.started_at else None,
        "recording": recording.to_dict(),
    }


def to_json_bytes(report: Mapping[str, Any]) -> bytes:
    """Serialise a report: UTF-8, readable, floats to six decimals, never NaN."""
    content = rounded(report)
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False)
    try:
        return text.encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        # A file name that is no UTF-8 can only be told exactly by escapes.
        return json.dumps(content, indent=2, allow_nan=False).encode("ascii") + b"\n"


def rounded(value: Any) -> Any:
    """Return JSON-able data with floats at six decimals and NaN as null."""
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, float):
        return value
    # Adding 0.0 turns -0.0 into 0.0.
    return None if value != value else round(value, 6) + 0.0
