"""Render a finished session again, with other thresholds or words, without the recording."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from echodepth_cli.affect.baseline import Baseline
from echodepth_cli.affect.vad import VadModel
from echodepth_cli.config import AlertThresholds, AnalysisConfig
from echodepth_cli.errors import InputError, printable
from echodepth_cli.models import model_path
from echodepth_cli.output.atomic import staged_directory, writing_to
from echodepth_cli.output.faces_table import FACES_FILE
from echodepth_cli.output.findings import Findings, find
from echodepth_cli.output.parquet import read_frames, series_of, with_alerts
from echodepth_cli.output.provenance import file_sha256
from echodepth_cli.output.report_html import ReportOptions
from echodepth_cli.output.report_json import rounded
from echodepth_cli.output.snapshots import Still, StillKey, portrait_key, read_stills
from echodepth_cli.output.summary import summarise
from echodepth_cli.pipeline import AnalysisResult, write_pages


def render_again(
    session_dir: str | Path,
    *,
    thresholds: AlertThresholds | None = None,
    label: str | None = None,
    use_case: str | None = None,
    options: ReportOptions | None = None,
) -> AnalysisResult:
    """Replace a session's outputs by what other thresholds, label or template give.

    What is not given stays as it was. Rows and scores do not change, so the result is what a fresh
    analysis with these settings would give; stills of moments that were alerts before are kept.
    Raises InputError when the directory is not a whole session directory.
    """
    folder = Path(session_dir)
    report = read_report(folder)
    table, metadata = read_frames(folder / "frames.parquet")
    stills = read_stills(_read_text(folder / "report.html"))
    config = AnalysisConfig.from_dict(report["provenance"]["config"], str(folder))
    config = replace(
        config,
        alert_thresholds=thresholds or config.alert_thresholds,
        label=config.label if label is None else label,
        use_case=config.use_case if use_case is None else use_case,
    )
    findings = findings_of(report, table, metadata, config.alert_thresholds)
    with staged_directory(folder, force=True) as staging:
        frames = staging / "frames.parquet"
        metadata["config"] = config.to_dict()
        with_alerts(folder / "frames.parquet", frames, findings.reasons, metadata)
        if (folder / FACES_FILE).exists():
            with writing_to(folder):
                shutil.copyfile(folder / FACES_FILE, staging / FACES_FILE)
        report.update(findings.parts, label=config.label, use_case=config.use_case)
        report["provenance"].update(
            config=config.to_dict(),
            config_digest=config.digest(),
            frames_parquet_sha256=file_sha256(frames),
        )
        report["summary"] = summarise(report)
        report = rounded(report)
        report = write_pages(report, stills_of(report, stills), staging, options)
    return AnalysisResult(report, folder, folder / "frames.parquet")


def findings_of(
    report: Mapping[str, Any],
    table: Any,
    metadata: Mapping[str, Any],
    thresholds: AlertThresholds,
) -> Findings:
    """Work out what the rows of a session say under these thresholds, against its baseline."""
    return find(
        series_of(table),
        Baseline.from_dict(report["baseline"]),
        thresholds,
        VadModel.load(model_path("vad_weights")),
        int(metadata["origin_ms"]),
    )


def read_report(session_dir: Path) -> dict[str, Any]:
    """Return the report of a session directory; raises InputError when there is none."""
    path = session_dir / "report.json"
    try:
        report: dict[str, Any] = json.loads(_read_text(path))
        report["provenance"]["config"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{printable(path)}: is not a report written by echodepth") from error
    return report


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{printable(path)}: cannot be read: {error.strerror}; name a session directory"
        ) from error


def stills_of(report: Mapping[str, Any], stills: tuple[Still, ...]) -> dict[StillKey, Still]:
    """Match stills to alerts by the moment they show, and portraits to persons."""
    by_moment = {round(still.offset_s, 3): still for still in stills if still.person is None}
    portraits = {portrait_key(still.person): still for still in stills if still.person is not None}
    return portraits | {
        index: by_moment[round(alert["apex_s"], 3)]
        for index, alert in enumerate(report["alerts"])
        if round(alert["apex_s"], 3) in by_moment
    }
