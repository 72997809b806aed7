"""Analyse one recording from file to session directory: the one place that picks concrete parts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from echodepth_cli.affect.baseline import Baseline
from echodepth_cli.affect.carried import CarriedBaseline
from echodepth_cli.affect.coverage import MIN_USABLE_FRAMES, CoverageTracker
from echodepth_cli.affect.neutral import Neutral
from echodepth_cli.affect.series import Series
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.deadline import Deadline
from echodepth_cli.engine import Engine, open_engine, useful_trackers
from echodepth_cli.errors import BaselineError, NoFaceError, printable
from echodepth_cli.events import (
    AlertRaised,
    Event,
    EventSink,
    FrameAnalysed,
    NullSink,
    ReportReady,
    ScoredUpTo,
    SessionEnded,
    SessionStarted,
)
from echodepth_cli.face.persons import SeenFrame
from echodepth_cli.face.together import observe_frames
from echodepth_cli.freeing import give_back_memory
from echodepth_cli.output.atomic import check_target, staged_directory
from echodepth_cli.output.columns import RowContext, frame_columns
from echodepth_cli.output.earlier import read_carried
from echodepth_cli.output.faces_table import FACES_FILE, write_faces
from echodepth_cli.output.findings import find
from echodepth_cli.output.pages import write_pages
from echodepth_cli.output.parquet import FrameTableWriter, with_alerts
from echodepth_cli.output.provenance import (
    codec_versions,
    file_sha256,
    run_facts,
    session_id,
    software_versions,
)
from echodepth_cli.output.report_html import ReportOptions, load_templates
from echodepth_cli.output.report_json import (
    LIMITS,
    SCHEMA_VERSION,
    Origin,
    Recording,
    provenance,
    rounded,
    session_head,
)
from echodepth_cli.output.snapshots import Still, StillKey
from echodepth_cli.output.spool import Spool
from echodepth_cli.output.subject_part import Presence, subject_parts, subject_warnings
from echodepth_cli.output.summary import summarise
from echodepth_cli.overlap import Patience, background
from echodepth_cli.pictures import report_pictures
from echodepth_cli.records import DecodeReport, FrameResult, VideoInfo
from echodepth_cli.session import Session
from echodepth_cli.video.ahead import ReadAhead
from echodepth_cli.video.decoder import UnsteadyError
from echodepth_cli.video.source import VideoLimits

_RAW: Final = "raw.parquet"

_Who: TypeAlias = tuple[str, str | None, int]


@dataclass(frozen=True, slots=True)
class AnalysisResult:
    """A finished analysis."""

    report: dict[str, Any]
    """The content of report.json."""
    session_dir: Path
    frames_path: Path
    """The per-frame table, `frames.parquet`."""


@dataclass(frozen=True, slots=True)
class _Job:
    """What stays the same through one analysis."""

    config: AnalysisConfig
    recording: Recording
    origin: Origin
    context: RowContext
    engine: Engine
    sink: EventSink
    carried: CarriedBaseline | None
    frees_engine: bool = False
    """Whether nobody else needs the engine, so that each part of it goes when it has done its work:
    what comes next has room in its place, however long the recording."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """What the pass over the recording gave."""

    baseline: Baseline
    neutral: Neutral
    series: Series
    quality: dict[str, Any]
    people: dict[str, Any]
    """The `subject` and `persons` parts of the report."""
    decode: DecodeReport
    duration_s: float


def analyse(
    path: str | Path,
    config: AnalysisConfig | None = None,
    out_dir: str | Path | None = None,
    *,
    baseline_from: str | Path | None = None,
    force: bool = False,
    sink: EventSink | None = None,
    engine: Engine | None = None,
    command_line: Sequence[str] = (),
) -> AnalysisResult:
    """Analyse a recording and publish its session directory.

    ``out_dir`` defaults to ``echodepth-out/<name of the recording without suffix>``. A report that
    stands there is replaced only with ``force``. ``baseline_from`` is a session directory of the
    same person whose baseline and neutral face serve here. ``engine`` saves loading the models
    again for the next recording. Raises the errors of `echodepth_cli.errors`; prints nothing.
    """
    started = time.monotonic()
    config, carried = _carried(baseline_from, config or AnalysisConfig())
    source, target = Path(path), Path(out_dir or default_out_dir(Path(path)))
    deadline = Deadline(source, config.timeout_s)
    limits = VideoLimits.of(config, deadline)
    with ExitStack() as held:
        recording = held.enter_context(ReadAhead(source, config, limits))
        # Loading takes seconds; what cannot be analysed is refused before it.
        info = recording.info
        check_target(target, force=force)
        patience = Patience(source, config.stall_timeout_s)
        sha256 = held.enter_context(background(partial(file_sha256, source), patience))
        is_own = engine is None
        if engine is None:
            engine = held.enter_context(open_engine(config, useful_trackers(config)))
            deadline.restart()
        staging = held.enter_context(staged_directory(target, force=force))
        job = _open_job(source, config, info, sha256(), engine, sink or NullSink(), carried)
        job = replace(job, frees_engine=is_own)
        report, who = _report(job, _measure(job, recording, staging / _RAW), staging)
        report["run"] = run_facts(started, command_line)
        options = ReportOptions(video_path=_video_link(source, target, job.config))
        patient = replace(patience, stall_s=None)
        with background(lambda _: load_templates(options.template_dir), patient) as loaded:
            stills = _stills(job, report, limits, recording.threads)
            loaded()
        report = write_pages(report, stills, staging, options)
        limits.check_time()
    _tell(job, ReportReady(*who, target, report))
    return AnalysisResult(report, target, target / "frames.parquet")


def default_out_dir(source: Path) -> Path:
    """Return where a recording's session directory goes when nothing is said."""
    hidden = source.stem in ("", ".", "..")
    return Path("echodepth-out") / (source.name if hidden else source.stem)


def _carried(
    session_dir: str | Path | None, config: AnalysisConfig
) -> tuple[AnalysisConfig, CarriedBaseline | None]:
    """Return the settings that name the baseline of another session, and that baseline.

    Raises InputError when there is no such session, BaselineError when its baseline cannot serve.
    """
    if session_dir is None:
        if config.carried_baseline is not None:
            raise BaselineError(
                "the settings name a carried baseline; say with --baseline-from where it is"
            )
        return config, None
    source = printable(session_dir)
    carried = read_carried(Path(session_dir))
    if config.carried_baseline not in (None, carried.digest()):
        raise BaselineError(f"{source}: has another baseline than the one that the settings name")
    return replace(config, carried_baseline=carried.digest()), carried


def _open_job(
    source: Path,
    config: AnalysisConfig,
    info: VideoInfo,
    sha256: str,
    engine: Engine,
    sink: EventSink,
    carried: CarriedBaseline | None,
) -> _Job:
    recording = Recording(info, sha256, source.stat().st_size)
    origin = Origin.of(config, info)
    name = session_id(recording.sha256, config.measurement_digest())
    context = RowContext(name, origin.milliseconds)
    job = _Job(config, recording, origin, context, engine, sink, carried)
    end_s = info.duration_s if config.end_s is None else config.end_s
    length_s = None if end_s is None else max(0.0, end_s - config.start_s)
    starts_ms = job.context.timestamp_ms(config.start_s)
    _tell(job, SessionStarted(name, config.label, info, length_s, starts_ms))
    return job


def _measure(job: _Job, recording: ReadAhead, raw: Path) -> _Measured:
    """Decode, observe and score; rows go to ``raw``, what the findings need is kept as columns."""
    try:
        return _measure_pass(job, recording, raw)
    except UnsteadyError:
        recording.begin_again()
        return _measure_pass(job, recording, raw)


def _measure_pass(job: _Job, recording: ReadAhead, raw: Path) -> _Measured:
    config = job.config
    coverage, presence = CoverageTracker(), Presence()
    chunks: list[Series] = []
    with (
        Spool[SeenFrame](raw.parent) as spool,
        FrameTableWriter(raw, frame_columns(), job.context, _table_metadata(job)) as writer,
    ):
        session = Session(config, job.engine.tracker, job.engine.models, spool, job.carried)
        _see(job, session, recording)
        for results in _scored(job, session):
            writer.write(results)
            chunks.append(Series.from_results(results))
            for result in results:
                coverage.push(result)
                presence.push(result)
        if config.all_faces:
            faces, metadata = raw.with_name(FACES_FILE), _table_metadata(job)
            write_faces(faces, session.seen_frames(), session.choice.person, job.context, metadata)
    _require_faces(job, coverage)
    decode = recording.report()
    end_s = _end_s(job, decode)
    people = subject_parts(session.cast, session.choice, presence.finish(end_s))
    warnings = [
        *subject_warnings(people, coverage.frames, small_faces=config.small_faces),
        *decode.warnings,
    ]
    return _Measured(
        baseline=session.baseline,
        neutral=session.neutral,
        series=Series.concatenate(chunks),
        quality={**coverage.finish(end_s), "warnings": warnings},
        people=people,
        decode=decode,
        duration_s=end_s - config.start_s,
    )


def _see(job: _Job, session: Session, recording: ReadAhead) -> None:
    for seen in observe_frames(
        recording.frames(), job.engine.trackers, job.config.region_fractions
    ):
        session.push_seen(seen)
        _tell(job, FrameAnalysed(seen.offset_s))
    # To be blurred, faces are looked for in the stills as well.
    if job.frees_engine and not job.config.blur_snapshots:
        job.engine.close_trackers()
        give_back_memory()


def _scored(job: _Job, session: Session) -> Iterator[list[FrameResult]]:
    _tell(job, ScoredUpTo(job.config.start_s))
    for results in session.end():
        yield results
        if results:
            _tell(job, ScoredUpTo(results[-1].offset_s))
    if job.frees_engine:
        job.engine.close_networks()
        give_back_memory()


def _report(job: _Job, measured: _Measured, staging: Path) -> tuple[dict[str, Any], _Who]:
    """Settle the frame table in ``staging``; return the report, all but its `run` part, and `_who`.

    Nothing of what was measured is needed afterwards.
    """
    config, context = job.config, job.context
    findings = find(
        measured.series,
        measured.baseline,
        config.alert_thresholds,
        job.engine.models.vad,
        context.origin_ms,
    )
    frames = staging / "frames.parquet"
    metadata = {**_table_metadata(job), "baseline": _to_carry(job, measured).to_dict()}
    with_alerts(staging / _RAW, frames, findings.reasons, metadata)
    (staging / _RAW).unlink()
    for alert in findings.alerts:
        raised = AlertRaised(
            context.session_id, config.label, context.timestamp_ms(alert.apex_s), alert
        )
        _tell(job, raised)
    _tell(job, SessionEnded(*_who(job, measured)))
    report = {
        **session_head(
            context, config, job.recording, job.origin, measured.duration_s, len(measured.series)
        ),
        **measured.people,
        **findings.parts,
        "quality": measured.quality,
        "limits": list(LIMITS),
        "provenance": provenance(
            config,
            job.engine.model_digests,
            {**software_versions(), **codec_versions()},
            measured.decode,
            file_sha256(frames),
        ),
    }
    if config.all_faces:
        digest = file_sha256(staging / FACES_FILE)
        report["provenance"]["faces_parquet_sha256"] = digest
    report["summary"] = summarise(report)
    # What is returned is what the file will hold, digit for digit.
    settled: dict[str, Any] = rounded(report)
    return settled, _who(job, measured)


def _stills(
    job: _Job, report: dict[str, Any], limits: VideoLimits, threads: int | None
) -> dict[StillKey, Still]:
    config, path, tracker = job.config, job.recording.info.path, job.engine.tracker
    if not config.snapshots:
        return {}
    return report_pictures(report, path, tracker, limits, threads, blur=config.blur_snapshots)


def _video_link(source: Path, target: Path, config: AnalysisConfig) -> str | None:
    if not config.link_video:
        return None
    return Path(os.path.relpath(source.resolve(), target.resolve())).as_posix()


def _table_metadata(job: _Job) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "session_id": job.context.session_id,
        "origin_ms": job.context.origin_ms,
        "timestamp_origin": job.origin.source,
        "recording_sha256": job.recording.sha256,
        "config": job.config.to_dict(),
        "models": job.engine.model_digests,
    }


def _to_carry(job: _Job, measured: _Measured) -> CarriedBaseline:
    """Return what the person's next recording can start from; see `affect.carried`."""
    return job.carried or CarriedBaseline(
        job.context.session_id, job.engine.model_digests, measured.baseline, measured.neutral
    )


def _end_s(job: _Job, decode: DecodeReport) -> float:
    """Return where the analysed stretch ends, by the pictures that were really there."""
    info, last_s = job.recording.info, decode.last_offset_s or 0.0
    seen_s = last_s + (1 / info.average_fps if info.average_fps else 0.0)
    announced_s = info.duration_s
    end_s = seen_s if announced_s is None or decode.truncated else max(announced_s, last_s)
    return end_s if job.config.end_s is None else min(end_s, job.config.end_s)


def _who(job: _Job, measured: _Measured) -> _Who:
    """Return session, label and the wall-clock time of the end, as the last events carry them."""
    ended_ms = job.context.timestamp_ms(job.config.start_s + measured.duration_s)
    return job.context.session_id, job.config.label, ended_ms


def _tell(job: _Job, event: Event) -> None:
    job.sink.on_event(event)


def _require_faces(job: _Job, coverage: CoverageTracker) -> None:
    if coverage.frames_ok >= MIN_USABLE_FRAMES:
        return
    path = printable(job.recording.info.path)
    raise NoFaceError(
        f"{path}: a face could be measured in {coverage.frames_ok} of {coverage.frames} sampled "
        f"frames; at least {MIN_USABLE_FRAMES} are needed. Check that the recording shows the "
        "person's face, or raise --fps for a short one."
    )
