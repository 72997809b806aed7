"""A whole batch from paths to exit code: what the command line calls."""

from __future__ import annotations

import dataclasses
import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from echodepth_cli.batch.discover import find_inputs
from echodepth_cli.batch.entries import now_iso, read_document, scan_sessions
from echodepth_cli.batch.executors import JobExecutor, SerialExecutor
from echodepth_cli.batch.finished import Standing, look_at, purged_at
from echodepth_cli.batch.inputs import BatchInput, Naming
from echodepth_cli.batch.jobs import AnalysisJob, JobStatus
from echodepth_cli.batch.ledger import Ledger, RunFacts
from echodepth_cli.batch.lock import output_lock
from echodepth_cli.batch.plan import BatchPlan, make_plan
from echodepth_cli.batch.runner import BatchListener, BatchResult, BatchRun
from echodepth_cli.batch.slots import WorkerSlots
from echodepth_cli.batch.work import check_models, open_pipeline
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.errors import EchodepthError, NotFoundError, UsageError
from echodepth_cli.output.provenance import software_versions


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """Everything a user may ask of a batch."""

    paths: tuple[str, ...]
    out_dir: Path
    config: AnalysisConfig = field(default_factory=AnalysisConfig)
    naming: Naming = field(default_factory=Naming)
    recursive: bool = True
    stdin: bytes = b""
    workers: int | None = None
    """Worker processes; None is one for each core, 0 is this process."""
    scheduler: str | None = None
    """Address of a Dask scheduler; its workers do the work instead."""
    settle_s: float = 0.0
    force: bool = False
    fail_fast: bool = False
    command_line: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.workers is not None and self.scheduler is not None:
            raise UsageError("--workers is for this machine; with --scheduler leave it out")


def run_batch(request: BatchRequest, listener: BatchListener) -> BatchResult:
    """Analyse all recordings of ``request``.

    Raises UsageError, ModelError or OutputError before any work when it cannot be done at all.
    """
    models = check_models()
    # Before the lock: a mistake in a manifest must not touch the output directory.
    inputs = _find(request)
    with output_lock(request.out_dir):
        ledger = Ledger.load(request.out_dir)
        plan = _plan(request, inputs, ledger, models)
        listener.on_planned(plan)
        workers = _workers(request, len(plan.jobs))
        facts = _run_facts(request, models, workers)
        executor = _open_executor(request, workers, listener)
        run = BatchRun(plan, ledger, facts, listener)
        return run.run(executor, fail_fast=request.fail_fast)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run would do with one recording."""

    action: str
    """``analyse``, ``replace``, ``skip``, ``leave`` (still being written) or ``fail``."""
    job: AnalysisJob
    reason: str | None = None


def preview_batch(request: BatchRequest) -> Iterator[Preview]:
    """Yield what `run_batch` would do, without writing anything."""
    models = check_models()
    ledger = Ledger.load(request.out_dir)
    plan = _plan(request, _find(request), ledger, models)
    for job, reason in plan.impossible:
        yield Preview("fail", job, reason)
    for job in plan.unsettled:
        yield Preview("leave", job)
    for job in plan.jobs:
        yield _preview(job, models)


def rebuild(out_dir: Path) -> int:
    """Build batch.json, sessions.parquet and index.html again from the reports below ``out_dir``.

    Failures and recordings not reached are kept from batch.json, as no report tells of them.
    Returns the number of sessions. Raises NotFoundError or OutputError.
    """
    if not out_dir.is_dir():
        raise NotFoundError(f"{out_dir}: no such directory")
    with output_lock(out_dir):
        document = read_document(out_dir)
        ledger = Ledger.load(out_dir)
        for found in scan_sessions(out_dir):
            known = ledger.entries.get(found.name, found)
            if known.status.is_failure or known.session == found.session:
                continue
            # Published by a run that was killed before it could note it, or made anew since.
            newer = dataclasses.replace(known, session=found.session, status=JobStatus.DONE)
            ledger.entries[found.name] = newer
        facts = _run_before(document, out_dir)
        # Nobody else holds the lock, so a run that says it is running was killed.
        state = "complete" if document is None else document.get("state")
        ledger.save(facts, "complete" if state == "complete" else "interrupted")
    return sum(entry.session is not None for entry in ledger.entries.values())


def _find(request: BatchRequest) -> list[BatchInput]:
    return find_inputs(
        request.paths,
        naming=request.naming,
        recursive=request.recursive,
        exclude=request.out_dir,
        stdin=request.stdin,
    )


def _plan(
    request: BatchRequest, inputs: list[BatchInput], ledger: Ledger, models: dict[str, str]
) -> BatchPlan:
    return make_plan(
        inputs,
        request.out_dir,
        request.config,
        models=models,
        sources_before=ledger.sources(),
        force=request.force,
        settle_s=request.settle_s,
        command_line=request.command_line,
    )


def _preview(job: AnalysisJob, models: dict[str, str]) -> Preview:
    try:
        if not job.force and (removed_at := purged_at(job.out_dir, job.source, job.batch_dir)):
            return Preview("skip", job, f"purged at {removed_at}")
        standing, _ = look_at(job.out_dir, job.source, job.config, models)
    except EchodepthError as error:
        return Preview("fail", job, error.message)
    if standing is Standing.ABSENT:
        return Preview("analyse", job)
    if standing is Standing.CURRENT and not job.force:
        return Preview("skip", job)
    if standing is Standing.OTHER_RECORDING and not (job.force or job.made_here_before):
        return Preview("fail", job, "the session directory holds another recording; see --force")
    return Preview("replace", job)


def _workers(request: BatchRequest, jobs: int) -> int:
    if request.scheduler is not None:
        return 0
    cores = len(os.sched_getaffinity(0))
    return min(cores if request.workers is None else request.workers, max(1, jobs))


def _open_executor(request: BatchRequest, workers: int, listener: BatchListener) -> JobExecutor:
    if request.scheduler is not None:
        try:
            from echodepth_cli.batch.cluster import ClusterExecutor
        except ImportError as error:
            raise UsageError(
                "--scheduler needs Dask; install it with: pip install 'echodepth-cli[cluster]'"
            ) from error
        return ClusterExecutor(request.scheduler, listener, out_dir=request.out_dir)
    if workers == 0:
        return SerialExecutor(open_pipeline, listener)
    return WorkerSlots(workers, open_pipeline, listener)


def _run_facts(request: BatchRequest, models: dict[str, str], workers: int) -> RunFacts:
    return RunFacts(
        run_id=f"run_{uuid.uuid4().hex[:16]}",
        started_at=now_iso(),
        software_version=software_versions()["echodepth-cli"],
        workers=workers,
        scheduler=request.scheduler,
        config=request.config.to_dict(),
        models=models,
        host=socket.gethostname(),
        pid=os.getpid(),
    )


def _run_before(document: Mapping[str, Any] | None, out_dir: Path) -> RunFacts:
    """Return the facts of the run that left ``document``, where they can be read."""
    if document is None:
        return _no_run(out_dir)
    try:
        return RunFacts.of(document)
    except (LookupError, TypeError):
        return _no_run(out_dir)


def _no_run(out_dir: Path) -> RunFacts:
    """Return the facts of sessions that were not made by a batch."""
    request = BatchRequest((), out_dir)
    return dataclasses.replace(_run_facts(request, {}, 0), run_id="none")
