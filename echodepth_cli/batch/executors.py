"""Where the jobs of a batch run: behind one small protocol.

`SerialExecutor` runs them in this process, for debugging; `slots.WorkerSlots` in worker processes
of this machine; `cluster.ClusterExecutor` on a Dask cluster. All take the same job function.
"""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import ExitStack
from typing import Protocol

from echodepth_cli.batch.jobs import AnalysisJob, JobOutcome, OpenRunJob, RunJob
from echodepth_cli.events import Event


class WorkerLostError(Exception):
    """A worker died under its job; the message says how."""


class JobTimeoutError(Exception):
    """A job took longer than allowed and was stopped."""


class JobListener(Protocol):
    """Listens to the analyses of many jobs; may be called from several threads."""

    def on_job_event(self, job: AnalysisJob, event: Event) -> None:
        """Take one event of ``job``; must be quick and must not raise."""
        ...


class JobExecutor(Protocol):
    """Runs jobs; futures carry a JobOutcome, a WorkerLostError or a JobTimeoutError."""

    @property
    def capacity(self) -> int:
        """How many jobs may be submitted and not yet finished."""
        ...

    def submit(self, job: AnalysisJob) -> Future[JobOutcome]:
        """Start ``job`` as soon as there is room."""
        ...

    def close(self) -> None:
        """Stop all workers; jobs that still run are stopped and leave nothing behind."""
        ...


class SerialExecutor:
    """Run each job in this process, at once; a stuck recording cannot be stopped."""

    capacity = 1

    def __init__(self, open_run_job: OpenRunJob, listener: JobListener) -> None:
        self._listener = listener
        self._stack = ExitStack()
        self._run: RunJob = self._stack.enter_context(open_run_job())

    def submit(self, job: AnalysisJob) -> Future[JobOutcome]:
        """Run ``job`` and return its finished future."""
        future: Future[JobOutcome] = Future()
        future.set_result(self._run(job, JobSink(job, self._listener)))
        return future

    def close(self) -> None:
        """Release the models; no job outlives its submission."""
        self._stack.close()


class JobSink:
    """Pass the events of one analysis to a listener of many."""

    def __init__(self, job: AnalysisJob, listener: JobListener) -> None:
        self._job, self._listener = job, listener

    def on_event(self, event: Event) -> None:
        """Take one event."""
        self._listener.on_job_event(self._job, event)
