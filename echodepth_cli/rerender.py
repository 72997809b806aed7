"""Render a finished session again, with other thresholds or words, without the recording."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from echodepth_cli.affect.baseline import Baseline
from echodepth_cli.affect.coverage import MIN_USABLE_FRAMES
from echodepth_cli.affect.vad import VadModel
from echodepth_cli.config import AlertThresholds, AnalysisConfig
from echodepth_cli.errors import InputError, printable
from echodepth_cli.models import model_path
from echodepth_cli.output.atomic import staged_directory, writing_to
from echodepth_cli.output.columns import frame_columns
from echodepth_cli.output.faces_table import FACES_FILE
from echodepth_cli.output.findings import Findings, find
from echodepth_cli.output.pages import write_pages
from echodepth_cli.output.parquet import arrow_schema, read_frames, series_of, with_alerts
from echodepth_cli.output.provenance import file_sha256
from echodepth_cli.output.report_html import ReportOptions
from echodepth_cli.output.report_json import rounded
from echodepth_cli.output.seal import report_digest
from echodepth_cli.output.snapshots import Still, StillKey, portrait_key, read_stills
from echodepth_cli.output.summary import summarise
from echodepth_cli.pipeline import AnalysisResult
from echodepth_cli.reading import parse_json, read_small

_LONGEST_S: Final = 366 * 86_400.0
"""Of the time a session may span: findings and axes are made for each of its minutes."""

_LARGEST_BYTES: Final = 1 << 30
"""Of a report or a page; those of a day are a hundredth of it."""


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
    Raises InputError when the directory is not a whole session directory, or not as it was written:
    what was changed must not get digests that fit it.
    """
    folder = Path(session_dir)
    report = read_report(folder)
    _require_untouched(folder, report)
    with _making_sense_of(folder):
        return _render(folder, report, thresholds, label, use_case, options)


def _render(
    folder: Path,
    report: dict[str, Any],
    thresholds: AlertThresholds | None,
    label: str | None,
    use_case: str | None,
    options: ReportOptions | None,
) -> AnalysisResult:
    table, metadata = read_frames(folder / "frames.parquet")
    _require_sound(report, table)
    stills = read_stills(_read(folder / "report.html").decode())
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
    """Work out what the rows of a session say under these thresholds, against its baseline.

    Raises ValueError for times that no recording has.
    """
    require_possible_times(table)
    return find(
        series_of(table),
        Baseline.from_dict(report["baseline"]),
        thresholds,
        VadModel.load(model_path("vad_weights")),
        int(metadata["origin_ms"]),
    )


def require_possible_times(table: Any) -> None:
    """Raise ValueError for rows at times that no recording has."""
    offsets_s = table["session_offset_s"].to_numpy()
    if not ((offsets_s >= 0) & (offsets_s <= _LONGEST_S)).all():
        raise ValueError("session_offset_s holds times that no recording has")


def _require_sound(report: Mapping[str, Any], table: Any) -> None:
    """Raise ValueError for files that fit their digests and are not what an analysis writes."""
    import jsonschema

    from echodepth_cli.output.schema import load_schema

    error = next(jsonschema.Draft202012Validator(load_schema("report")).iter_errors(report), None)
    if error is not None:
        raise ValueError(f"{error.json_path.removeprefix('$.')} is against the schema")
    columns = frame_columns()
    if not table.schema.equals(arrow_schema(columns, {})):
        raise ValueError("the table has other columns")
    for column in (column for column in columns if column.range.startswith("0..1")):
        values = table[column.name].to_numpy()
        if ((values < 0) | (values > 1)).any():
            raise ValueError(f"{column.name} leaves the range {column.range}")
    offsets_s = table["session_offset_s"].to_numpy()
    if len(offsets_s) != report["frame_count"] or not (np.diff(offsets_s) > 0).all():
        raise ValueError("the rows are not those of the report")
    if series_of(table).reliable.sum() < MIN_USABLE_FRAMES:
        raise ValueError("fewer rows show a face than a session needs")


@contextmanager
def _making_sense_of(folder: Path) -> Iterator[None]:
    """Turn what goes wrong with files that fit their digests but say nonsense into InputError."""
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise InputError(
            f"{printable(folder)}: does not hold what echodepth writes"
            f" ({type(error).__name__}: {error}); analyse the recording again"
        ) from error


def _require_untouched(folder: Path, report: Mapping[str, Any]) -> None:
    page = hashlib.sha256(_read(folder / "report.html")).hexdigest()
    frames = folder / "frames.parquet"
    if not frames.is_file():
        raise InputError(f"{printable(frames)}: not found; is this a session directory?")
    try:
        untouched = (
            report["run"]["report_sha256"] == report_digest(report)
            and report["run"]["page"]["sha256"] == page
            and report["provenance"]["frames_parquet_sha256"] == file_sha256(frames)
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        untouched = False
    if not untouched:
        raise InputError(
            f"{printable(folder)}: was changed or damaged after it was written, so it is not"
            " rendered again; 'echodepth verify' says what differs"
        )


def read_report(session_dir: Path) -> dict[str, Any]:
    """Return the report of a session directory; raises InputError when there is none."""
    path = session_dir / "report.json"
    try:
        report: dict[str, Any] = parse_json(_read(path))
        if not isinstance(report["provenance"]["config"], Mapping):
            raise TypeError("the settings are no table")
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"{printable(path)}: is not a report written by echodepth") from error
    return report


def _read(path: Path) -> bytes:
    try:
        return read_small(path, _LARGEST_BYTES)
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
