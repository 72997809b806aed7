"""Work out again, from the frame table, what the report and the table itself say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np

from echodepth_cli.affect.baseline import Baseline, baseline_from
from echodepth_cli.affect.calibration import Stretch
from echodepth_cli.affect.carried import CarriedBaseline
from echodepth_cli.affect.coverage import CoverageTracker
from echodepth_cli.affect.trends import ACTIVE_FROM
from echodepth_cli.affect.vad import DIMENSIONS, VadModel
from echodepth_cli.iso_time import parse_iso_time
from echodepth_cli.models import model_path
from echodepth_cli.output.columns import AU_COUNT, RowContext
from echodepth_cli.output.findings import Findings
from echodepth_cli.output.parquet import series_of
from echodepth_cli.output.provenance import session_id
from echodepth_cli.output.report_json import LIMITS, SCHEMA_VERSION, Origin, rounded
from echodepth_cli.output.subject_part import Presence, subject_warnings
from echodepth_cli.output.summary import summarise
from echodepth_cli.records import Box, FrameResult, FrameStatus
from echodepth_cli.rerender import findings_of
from echodepth_cli.verify.compare import LAST_DIGIT, compare_columns, compare_json
from echodepth_cli.verify.evidence import FRAMES, REPORT, Evidence
from echodepth_cli.verify.outcome import Difference

_ROUNDED_MS: Final = 0.0006
"""The report gives the window in whole milliseconds; frames are further apart than this."""


def check_settings(evidence: Evidence) -> Iterator[Difference]:
    """Yield where identity, settings and times contradict each other or the table's metadata."""
    report, config, metadata = evidence.report, evidence.config, evidence.metadata
    provenance, recording = report["provenance"], report["recording"]
    expected = {
        "session_id": session_id(recording["sha256"], config.measurement_digest()),
        "label": config.label,
        "use_case": config.use_case,
        "timestamp_origin": metadata["timestamp_origin"],
        "limits": list(LIMITS),
    }
    stated = {name: report[name] for name in expected}
    yield from compare_json(REPORT, stated, expected, "the settings give")
    digests = {
        "config_digest": config.digest(),
        "measurement_digest": config.measurement_digest(),
        "config": config.to_dict(),
    }
    stated = {name: provenance[name] for name in digests}
    yield from compare_json(REPORT, stated, digests, "the settings give", "provenance")
    of_table = {
        "schema_version": SCHEMA_VERSION,
        "session_id": report["session_id"],
        "recording_sha256": recording["sha256"],
        "timestamp_origin": report["timestamp_origin"],
        "config": provenance["config"],
        "models": {model["name"]: model["sha256"] for model in provenance["models"]},
        "origin_ms": _origin_ms(report["started_at"]),
    }
    stated = {name: metadata.get(name) for name in of_table}
    yield from compare_json(FRAMES, stated, of_table, "the report says", "metadata")
    yield from _check_handed_on(evidence)


def _check_handed_on(evidence: Evidence) -> Iterator[Difference]:
    """Yield where the baseline kept for the person's next recording is not the one stated."""
    kept, carried = evidence.metadata["baseline"], evidence.config.carried_baseline
    if carried is not None:
        found = CarriedBaseline.from_dict(kept, FRAMES).digest()
        yield from compare_json(FRAMES, found, carried, "the settings say", "metadata.baseline")
        return
    expected = {
        "session_id": evidence.report["session_id"],
        "baseline": evidence.report["baseline"],
    }
    stated = rounded({name: kept[name] for name in expected})
    yield from compare_json(FRAMES, stated, expected, "the report says", "metadata.baseline")


def check_rows(evidence: Evidence) -> Iterator[Difference]:
    """Yield columns of the frame table that do not follow from its other columns."""
    columns, report = evidence.columns, evidence.report
    offsets_s = columns["session_offset_s"]
    context = RowContext(report["session_id"], int(evidence.metadata["origin_ms"]))
    expected: dict[str, list[Any]] = {
        "session_id": [context.session_id] * len(offsets_s),
        "frame_id": [context.frame_id(index) for index in range(len(offsets_s))],
        "timestamp_ms": [context.timestamp_ms(offset_s) for offset_s in offsets_s],
        "active_aus": _active(columns),
        **_alert_columns(_findings(evidence)),
        **_deltas(columns, Baseline.from_dict(report["baseline"])),
    }
    yield from _compare_rows(columns, expected)
    scores = _scores(evidence)
    yield from _compare_rows(columns, scores, within=LAST_DIGIT)
    if any(late <= early for early, late in pairwise(offsets_s)):
        yield Difference(FRAMES, "session_offset_s", "does not rise from row to row")


def check_numbers(evidence: Evidence) -> Iterator[Difference]:
    """Yield numbers and sentences of the report that its frame table does not give."""
    report, by = evidence.report, "the frames give"
    expected = {"frame_count": evidence.table.num_rows, **_findings(evidence).parts}
    expected["baseline"] = {**expected["baseline"], **_baseline(evidence)}
    quality = _quality(evidence)
    expected["summary"] = summarise({**report, **expected, "quality": quality})
    stated = {name: report.get(name) for name in expected}
    yield from compare_json(REPORT, stated, rounded(expected), by)
    # The last gap may end with the session, which the report gives in six decimals.
    found = rounded(quality)
    yield from compare_json(REPORT, report["quality"], found, by, "quality", LAST_DIGIT)
    presence = rounded(_presence(evidence))
    stated = {name: report["subject"][name] for name in presence}
    yield from compare_json(REPORT, stated, presence, by, "subject", LAST_DIGIT)


def _findings(evidence: Evidence) -> Findings:
    config = evidence.config
    return findings_of(evidence.report, evidence.table, evidence.metadata, config.alert_thresholds)


def _compare_rows(
    columns: Mapping[str, list[Any]], expected: Mapping[str, list[Any]], within: float = 0.0
) -> Iterator[Difference]:
    stated = {name: columns[name] for name in expected if name in columns}
    offsets_s = columns["session_offset_s"]
    by = "the rest of the row gives"
    yield from compare_columns(FRAMES, stated, expected, offsets_s, by, within)


def _active(columns: Mapping[str, list[Any]]) -> list[Any]:
    units = [columns[f"AU{number:02d}"] for number in range(1, AU_COUNT + 1)]
    return [
        None
        if score is None
        else [n for n, value in enumerate(row, start=1) if value is not None and _is_active(value)]
        for score, row in zip(columns["valence"], zip(*units, strict=True), strict=True)
    ]


def _is_active(value: float) -> bool:
    return bool(np.float32(value) >= ACTIVE_FROM)


def _alert_columns(findings: Findings) -> dict[str, list[Any]]:
    return {
        "alert_triggered": [bool(reasons) for reasons in findings.reasons],
        "alert_reason": [",".join(reasons) or None for reasons in findings.reasons],
    }


def _deltas(columns: Mapping[str, list[Any]], baseline: Baseline) -> dict[str, list[Any]]:
    return {
        f"delta_{name}": [
            None if score is None else score - getattr(baseline.vad, name)
            for score in columns[name]
        ]
        for name in DIMENSIONS
    }


def _scores(evidence: Evidence) -> dict[str, list[Any]]:
    """Return the scores that the Action Units of each row give."""
    series = series_of(evidence.table)
    model = VadModel.load(model_path("vad_weights"))
    change_deg = series.pitch_deg - float(evidence.report["baseline"]["pitch_deg"])
    scores = model.score_many(series.aus, talking=series.talking, pitch_change_deg=change_deg)
    measured = np.isfinite(series.aus).any(axis=1)
    return {
        name: [float(s) if m else None for s, m in zip(scores[:, i], measured, strict=True)]
        for i, name in enumerate(DIMENSIONS)
    }


def _quality(evidence: Evidence) -> dict[str, Any]:
    report = evidence.report
    coverage = CoverageTracker()
    for result in _results(evidence):
        coverage.push(result)
    found = coverage.finish(_end_s(evidence))
    decode = report["provenance"]["decode"]["warnings"]
    small_faces = evidence.config.small_faces
    warned = subject_warnings(report, coverage.frames, small_faces=small_faces)
    return {**found, "warnings": [*warned, *decode]}


def _presence(evidence: Evidence) -> dict[str, Any]:
    presence = Presence()
    for result in _results(evidence):
        presence.push(result)
    return presence.finish(_end_s(evidence))


def _results(evidence: Evidence) -> Iterator[FrameResult]:
    """Yield what the rows say of who was in view and how well."""
    names = ("session_offset_s", "status", "confidence", "identity", "face_x", "face_y")
    columns = [evidence.columns[name] for name in (*names, "face_w", "face_h")]
    for index, row in enumerate(zip(*columns, strict=True)):
        offset_s, status, confidence, identity, *box = row
        yield FrameResult(
            index,
            offset_s,
            FrameStatus(status),
            confidence or 0.0,
            box=None if box[0] is None else Box(*box),
            extra={"identity": identity},
        )


def _end_s(evidence: Evidence) -> float:
    return evidence.config.start_s + float(evidence.report["duration_s"])


def _baseline(evidence: Evidence) -> dict[str, Any]:
    """Return what the rows of the baseline window give, where there is such a window."""
    stated = Baseline.from_dict(evidence.report["baseline"])
    if stated.window_s is None or stated.source == "carried":
        return {}
    start_s, end_s = stated.window_s
    stretch = Stretch(
        stated.source,
        (start_s - _ROUNDED_MS, end_s - _ROUNDED_MS),
        coverage=stated.coverage,
        frontal_share=stated.frontal_share,
    )
    found = baseline_from(stretch, series_of(evidence.table)).to_dict()
    return {name: found[name] for name in ("vad", "spread", "frames_used", "talking_share")}


def _origin_ms(started_at: str | None) -> int:
    if started_at is None:
        return 0
    return Origin("option", parse_iso_time(started_at)).milliseconds
