"""The unit of work of a batch: one recording in, one outcome out, as plain data.

A job goes to a worker process or another machine and an outcome comes back; no exception has to
cross, so one bad file never stops the rest.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from echodepth_cli.batch.facts import SessionFacts
from echodepth_cli.batch.finished import Standing, look_at, purged_at
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.deadline import too_slow
from echodepth_cli.errors import (
    EchodepthError,
    ExitCode,
    ModelError,
    OutputError,
    TimeLimitError,
)
from echodepth_cli.events import EventSink

_log = logging.getLogger(__name__)


class JobStatus(str, Enum):
    """How a recording ended."""

    PENDING = "pending"
    """Not reached: the run is still going, or ended before it."""
    DONE = "done"
    SKIPPED = "skipped"
    """A report of the same bytes, settings and models stands there already."""
    FAILED = "failed"
    TIMED_OUT = "timed_out"

    def __str__(self) -> str:
        return self.value

    @property
    def is_failure(self) -> bool:
        """Say whether it makes the batch end with exit code 8."""
        return self in (JobStatus.FAILED, JobStatus.TIMED_OUT)


@dataclass(frozen=True, slots=True)
class AnalysisJob:
    """One recording to analyse; picklable."""

    name: str
    """Place below the output directory; unique in the batch."""
    source: Path
    out_dir: Path
    config: AnalysisConfig
    models: Mapping[str, str] = field(default_factory=dict)
    """File name to sha256 of the models that the whole batch is to use."""
    force: bool = False
    """Analyse again even if the same report stands there."""
    made_here_before: bool = False
    """An earlier run made what stands at ``out_dir`` from the same path, so it may be replaced."""
    baseline_from: Path | None = None
    """Session directory whose baseline is carried over; the settings name its digest."""
    command_line: tuple[str, ...] = ()
    """Goes into the report as the command that made it."""

    @property
    def batch_dir(self) -> Path:
        """Return the output directory of the batch."""
        return self.out_dir.parents[self.name.count("/")]


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How one job ended; plain data."""

    name: str
    source: Path
    status: JobStatus
    code: str | None = None
    """The error code for machines; None unless it failed."""
    exit_code: int = 0
    """The exit code that `analyse` would have ended with."""
    message: str | None = None
    elapsed_s: float = 0.0
    attempts: int = 1
    worker: str = ""
    """Host and process that did it."""
    session: SessionFacts | None = None


class Analysis(Protocol):
    """What an analysis gives back, as far as a batch needs it."""

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report."""
        ...


class Analyse(Protocol):
    """Analyse one recording into a session directory; raises EchodepthError."""

    def __call__(
        self,
        path: Path,
        config: AnalysisConfig,
        out_dir: Path,
        *,
        force: bool,
        sink: EventSink,
        command_line: Sequence[str],
        baseline_from: Path | None,
    ) -> Analysis:
        """Analyse ``path``."""
        ...


RunJob: TypeAlias = Callable[[AnalysisJob, EventSink], JobOutcome]
"""Run one job to its outcome; raises only what must end the worker."""

OpenRunJob: TypeAlias = Callable[[], AbstractContextManager[RunJob]]
"""Prepare a worker, once, and give its job function; importable by name in a new process."""


def run_job(
    job: AnalysisJob, sink: EventSink, *, analyse: Analyse, models: Mapping[str, str]
) -> JobOutcome:
    """Run ``job`` unless its result stands already; never raises for a bad recording.

    ``models`` are the digests of the models in this process, which must be those of the batch.
    """
    started = time.monotonic()
    try:
        removed_at = None if job.force else purged_at(job.out_dir, job.source, job.batch_dir)
        if removed_at is None:
            status, report = _analyse_unless_done(job, sink, analyse, models)
            outcome = JobOutcome(job.name, job.source, status, session=SessionFacts.of(report))
        else:
            message = f"purged at {removed_at}; --force analyses it again"
            outcome = JobOutcome(job.name, job.source, JobStatus.SKIPPED, "purged", 0, message)
    except TimeLimitError:
        outcome = timed_out(job)
    except EchodepthError as error:
        outcome = failure(job, error.code, error.message, error.exit_code)
    except MemoryError:
        message = f"{job.source}: not enough memory; use fewer --workers"
        outcome = failure(job, "out_of_memory", message)
    except Exception as error:
        _log.exception("unexpected error")
        message = f"{job.source}: unexpected {type(error).__name__}: {error}"
        outcome = failure(job, "internal_error", message)
    worker = f"{socket.gethostname()}:{os.getpid()}"
    return finish(outcome, elapsed_s=time.monotonic() - started, worker=worker)


def failure(
    job: AnalysisJob,
    code: str,
    message: str,
    exit_code: int = ExitCode.UNEXPECTED,
    status: JobStatus = JobStatus.FAILED,
) -> JobOutcome:
    """Return the outcome of a job that did not give a report."""
    return JobOutcome(job.name, job.source, status, code, int(exit_code), message)


def timed_out(job: AnalysisJob) -> JobOutcome:
    """Return the outcome of a job that took longer than its setting ``timeout_s``."""
    message = too_slow(job.source, job.config.timeout_s or 0.0)
    code, status = TimeLimitError.code, JobStatus.TIMED_OUT
    return failure(job, code, message, TimeLimitError.exit_code, status)


def finish(outcome: JobOutcome, **changes: Any) -> JobOutcome:
    """Return ``outcome`` with some fields replaced."""
    return dataclasses.replace(outcome, **changes)


def _analyse_unless_done(
    job: AnalysisJob, sink: EventSink, analyse: Analyse, models: Mapping[str, str]
) -> tuple[JobStatus, dict[str, Any]]:
    if dict(models) != dict(job.models):
        raise ModelError(
            f"this worker ({socket.gethostname()}) has other models than the batch; "
            "install the same version of echodepth-cli everywhere"
        )
    standing, report = look_at(job.out_dir, job.source, job.config, models)
    if standing is Standing.CURRENT and report is not None and not job.force:
        return JobStatus.SKIPPED, report
    if standing is Standing.OTHER_RECORDING and not (job.force or job.made_here_before):
        raise OutputError(
            f"{job.out_dir}: holds the report of another recording; "
            "use --force to replace it, or another --out"
        )
    before = _fingerprint(job.source)
    result = analyse(
        job.source,
        job.config,
        job.out_dir,
        force=standing is not Standing.ABSENT,
        sink=sink,
        command_line=job.command_line,
        baseline_from=job.baseline_from,
    )
    if _fingerprint(job.source) != before:
        _log.warning("the file changed while it was analysed; the next run analyses it again")
    return JobStatus.DONE, result.report


def _fingerprint(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns
