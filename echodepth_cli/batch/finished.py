"""Tell whether a session directory holds the result that a job would give."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from echodepth_cli.config import AnalysisConfig
from echodepth_cli.output.atomic import OUTPUT_FILES
from echodepth_cli.output.provenance import file_sha256
from echodepth_cli.output.purged import purged_recordings
from echodepth_cli.output.report_json import SCHEMA_VERSION
from echodepth_cli.reading import parse_json, read_small

_LARGEST_BYTES = 1 << 30


class Standing(Enum):
    """What stands at the place of a session."""

    ABSENT = "absent"
    """Nothing."""
    CURRENT = "current"
    """The complete result of the same bytes, settings and models."""
    OUTDATED = "outdated"
    """A result of the same bytes with other settings or models, or one that is damaged."""
    OTHER_RECORDING = "other_recording"
    """A result of other bytes."""


def look_at(
    session_dir: Path, source: Path, config: AnalysisConfig, models: Mapping[str, str]
) -> tuple[Standing, dict[str, Any] | None]:
    """Compare what stands at ``session_dir`` with what ``source`` would give, and return both.

    Bytes are compared by sha256, never by time stamps; a difference in size saves the reading.
    """
    if not any((session_dir / name).exists() for name in OUTPUT_FILES):
        return Standing.ABSENT, None
    report = read_report(session_dir)
    if report is None:
        return Standing.OUTDATED, None
    recording = report.get("recording", {})
    if not _same_bytes(source, recording):
        return Standing.OTHER_RECORDING, report
    provenance = report.get("provenance", {})
    same = (
        report.get("schema_version") == SCHEMA_VERSION
        and provenance.get("config_digest") == config.digest()
        and _digests(provenance) == dict(models)
        and _is_complete(session_dir, provenance)
    )
    return (Standing.CURRENT if same else Standing.OUTDATED), report


def purged_at(session_dir: Path, source: Path, batch_dir: Path) -> str | None:
    """Return when the session of ``source`` was purged; None if it was not, or stands again.

    Raises OutputError when the record of purged sessions cannot be read.
    """
    if any((session_dir / name).exists() for name in OUTPUT_FILES):
        return None
    purged = purged_recordings(batch_dir)
    return purged.get(file_sha256(source)) if purged else None


def read_report(session_dir: Path) -> dict[str, Any] | None:
    """Return the report of a session directory, or None when there is none that can be read."""
    try:
        report = parse_json(read_small(session_dir / "report.json", _LARGEST_BYTES))
    except (OSError, ValueError):
        return None
    return report if isinstance(report, dict) and "session_id" in report else None


def _same_bytes(source: Path, recording: Mapping[str, Any]) -> bool:
    try:
        if source.stat().st_size != recording.get("bytes"):
            return False
    except OSError:
        # Reading it for the digest raises the error that says why.
        pass
    return file_sha256(source) == recording.get("sha256")


def _digests(provenance: Mapping[str, Any]) -> dict[str, str]:
    return {str(m["name"]): str(m["sha256"]) for m in provenance.get("models", [])}


def _is_complete(session_dir: Path, provenance: Mapping[str, Any]) -> bool:
    if not all((session_dir / name).is_file() for name in OUTPUT_FILES):
        return False
    recorded = provenance.get("frames_parquet_sha256")
    return recorded is None or file_sha256(session_dir / "frames.parquet") == recorded
