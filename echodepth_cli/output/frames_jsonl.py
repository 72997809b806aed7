"""Frame results as JSON: the API's shape, one object per frame."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from echodepth_cli.errors import InputError
from echodepth_cli.records import FrameStatus

_SCORES: Final = ("valence", "arousal", "dominance")

_MESSAGES: Final = {
    FrameStatus.NO_FACE: "No face was found in this frame.",
    FrameStatus.LOW_CONFIDENCE: "A face was found, but not well enough to be measured.",
    FrameStatus.OTHER_PERSON: "Only another person's face was found in this frame.",
    FrameStatus.DECODE_ERROR: "This frame could not be decoded.",
}


def frame_results(frames: Path, *, aus: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the frame results of a `frames.parquet` in order, one row group in memory at a time.

    ``aus`` adds all 46 action units. Raises InputError when the file cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with frames.open("rb") as opened, pq.ParquetFile(opened) as file:
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    yield frame_result(row, aus=aus)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise InputError(f"{frames}: not a readable frame table: {error}") from error


def frame_result(row: Mapping[str, Any], *, aus: bool = False) -> dict[str, Any]:
    """Return one row of `frames.parquet` as a frame result."""
    head = ("frame_id", "session_id", "timestamp_ms", "session_offset_s")
    return {name: row[name] for name in head} | measured_part(row, aus=aus)


def measured_part(row: Mapping[str, Any], *, aus: bool = False) -> dict[str, Any]:
    """Return what a row says was measured.

    ``vad`` is there where the face was measured; elsewhere ``code`` and ``message`` say why not.
    """
    status = FrameStatus(row["status"])
    if row["valence"] is None:
        result = unmeasured_part(str(status), _MESSAGES[status])
    else:
        delta = {name: row[f"delta_{name}"] for name in _SCORES}
        result = {
            "status": str(status),
            "vad": {
                **{name: row[name] for name in _SCORES},
                "confidence": row["confidence"],
                "delta_from_baseline": None if delta["valence"] is None else delta,
            },
            "active_aus": row["active_aus"] or [],
            "alert_triggered": bool(row["alert_triggered"]),
            "alert_reason": row["alert_reason"],
        }
    return result | ({"aus": action_units(row)} if aus else {})


def unmeasured_part(code: str, message: str) -> dict[str, Any]:
    """Return what stands where nothing was measured."""
    nothing = {"active_aus": [], "alert_triggered": False, "alert_reason": None}
    return {"code": code, "message": message, **nothing}


def action_units(row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the full AU object of a row: name, intensity (null where not seen), active, status."""
    from echodepth_cli.affect.facs import ACTION_UNITS

    active = set(row["active_aus"] or ())
    units = {}
    for unit in ACTION_UNITS:
        intensity = _shortest(row[unit.label])
        units[unit.label] = {
            "name": unit.name,
            "intensity": intensity,
            "active": None if intensity is None else unit.number in active,
            "status": str(unit.status),
        }
    return units


def json_line(result: Mapping[str, Any]) -> str:
    """Return one frame result as a line of JSON."""
    return json.dumps(result, allow_nan=False, separators=(", ", ": ")) + "\n"


def _shortest(value: float | None) -> float | None:
    """Return the shortest decimal that is the same float32: 0.3, not 0.30000001192092896."""
    import numpy as np

    return None if value is None else float(str(np.float32(value)))
