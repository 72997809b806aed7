"""Run a plan: bounded submission, outcomes as they come, the ledger kept true all the while."""

from __future__ import annotations

import dataclasses
import logging
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Protocol

from echodepth_cli.batch.executors import (
    JobExecutor,
    JobListener,
    JobTimeoutError,
    WorkerLostError,
)
from echodepth_cli.batch.jobs import AnalysisJob, JobOutcome, failure, timed_out
from echodepth_cli.batch.ledger import Ledger, RunFacts
from echodepth_cli.batch.plan import BatchPlan, sweep_staging
from echodepth_cli.errors import ExitCode

MAX_ATTEMPTS = 2
"""A recording whose worker died is tried once more: the worker may not have died of it."""

_WAKE_EVERY_S = 0.5

_log = logging.getLogger(__name__)


class BatchListener(JobListener, Protocol):
    """Follows a batch."""

    def on_planned(self, plan: BatchPlan) -> None:
        """The batch is about to begin."""
        ...

    def on_submitted(self, job: AnalysisJob) -> None:
        """A worker is about to take ``job``."""
        ...

    def on_outcome(self, job: AnalysisJob, outcome: JobOutcome) -> None:
        """A job has ended for good."""
        ...


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How a run ended."""

    counts: dict[str, int]
    interrupted: bool
    failures: tuple[JobOutcome, ...]

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code of the command."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        return ExitCode.BATCH_PARTIAL if self.failures else ExitCode.OK


@dataclass(frozen=True, slots=True)
class _Attempt:
    job: AnalysisJob
    number: int = 1


class BatchRun:
    """One run of a plan over an output directory that is locked for it."""

    def __init__(
        self, plan: BatchPlan, ledger: Ledger, facts: RunFacts, listener: BatchListener
    ) -> None:
        self._plan, self._ledger, self._facts, self._listener = plan, ledger, facts, listener
        self._waiting = deque(_Attempt(job) for job in plan.jobs)
        self._running: dict[Future[JobOutcome], _Attempt] = {}
        self._failures: list[JobOutcome] = []

    def run(self, executor: JobExecutor, *, fail_fast: bool = False) -> BatchResult:
        """Run all jobs; stop early on Ctrl-C, or after the first failure with ``fail_fast``.

        The executor is closed in any case. Raises OutputError when the ledger cannot be written.
        """
        interrupted = False
        try:
            self._begin()
            while self._waiting or self._running:
                if fail_fast and self._failures:
                    self._waiting.clear()
                self._submit(executor)
                self._collect()
        except KeyboardInterrupt:
            interrupted = True
        finally:
            executor.close()
        self._ledger.save(self._facts, "interrupted" if interrupted else "complete")
        counts = self._ledger.counts(self._facts.run_id)
        return BatchResult(counts, interrupted, tuple(self._failures))

    def _begin(self) -> None:
        run_id = self._facts.run_id
        for attempt in self._waiting:
            self._ledger.expect(attempt.job, run_id)
        for job in self._plan.unsettled:
            self._ledger.expect(job, run_id, "Still being written; left for a later run")
        for job, reason in self._plan.impossible:
            self._end(job, failure(job, "unreadable_input", reason, ExitCode.INPUT))
        sweep_staging(attempt.job.out_dir for attempt in self._waiting)
        self._ledger.save(self._facts, "running")

    def _submit(self, executor: JobExecutor) -> None:
        while self._waiting and len(self._running) < executor.capacity:
            attempt = self._waiting.popleft()
            self._listener.on_submitted(attempt.job)
            self._running[executor.submit(attempt.job)] = attempt

    def _collect(self) -> None:
        finished, _ = wait(self._running, timeout=_WAKE_EVERY_S, return_when=FIRST_COMPLETED)
        for future in finished:
            self._settle(self._running.pop(future), future)
        self._ledger.save_if_due(self._facts)

    def _settle(self, attempt: _Attempt, future: Future[JobOutcome]) -> None:
        job = attempt.job
        try:
            outcome = future.result()
        except WorkerLostError as error:
            sweep_staging([job.out_dir])
            if attempt.number < MAX_ATTEMPTS:
                _log.warning("%s: %s; trying once more", job.name, error)
                self._waiting.appendleft(_Attempt(job, attempt.number + 1))
                return
            message = f"{job.source}: {error}, {attempt.number} times; it may be short of memory"
            outcome = failure(job, "worker_lost", message)
        except JobTimeoutError:
            sweep_staging([job.out_dir])
            outcome = timed_out(job)
        self._end(job, dataclasses.replace(outcome, attempts=attempt.number))

    def _end(self, job: AnalysisJob, outcome: JobOutcome) -> None:
        self._ledger.record(outcome, self._facts.run_id)
        if outcome.status.is_failure:
            self._failures.append(outcome)
        self._listener.on_outcome(job, outcome)
