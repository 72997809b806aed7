"""The inside of a Dask worker: one job at a time, models loaded once."""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from distributed import WorkerPlugin, get_worker

from echodepth_cli.batch.jobs import (
    AnalysisJob,
    JobOutcome,
    OpenRunJob,
    RunJob,
    failure,
    timed_out,
)
from echodepth_cli.batch.plan import sweep_staging
from echodepth_cli.batch.work import model_digests
from echodepth_cli.batch.worker import lean
from echodepth_cli.errors import ExitCode
from echodepth_cli.events import Event, FrameAnalysed, SessionStarted

_FRAME_EVENT_INTERVAL_S = 1.0
"""Progress crosses the network, so there is less of it than between processes."""


class StopJob(BaseException):
    """Ends an analysis between two frames; no Exception, so that nothing mistakes it for one."""


class ClusterWorker(WorkerPlugin):  # type: ignore[misc]
    """A Dask worker plugin that keeps the loaded models and runs one job at a time."""

    def __init__(self, open_run_job: OpenRunJob) -> None:
        self._open = open_run_job

    def setup(self, worker: Any) -> None:
        """Prepare the worker; Dask calls it on every worker, also on those that join later."""
        self._lock = threading.Lock()
        self._context: AbstractContextManager[RunJob] | None = None
        self._run: RunJob | None = None
        self.stopping = False

    def teardown(self, worker: Any) -> None:
        """Leave the models to the end of the process: a job may still be using them."""
        self.stopping = True

    def run(self, job: AnalysisJob, sink: ClusterSink) -> JobOutcome:
        """Run one job; others on this worker wait."""
        with self._lock:
            if self._run is None:
                self._context = self._open()
                self._run = self._context.__enter__()
            # A lost worker may have left something behind.
            sweep_staging([job.out_dir])
            return self._run(job, sink)


class ClusterSink:
    """Send events to the batch, and end the analysis when time is up or the batch is over."""

    def __init__(self, job: AnalysisJob, topic: str, plugin: ClusterWorker) -> None:
        self._job, self._topic, self._plugin = job, topic, plugin
        self._deadline: float | None = None
        self._next_frame_event = 0.0

    def on_event(self, event: Event) -> None:
        """Take one event; raises StopJob."""
        now = time.monotonic()
        if self._plugin.stopping or (self._deadline is not None and now > self._deadline):
            raise StopJob
        if isinstance(event, SessionStarted) and self._job.config.timeout_s is not None:
            self._deadline = now + self._job.config.timeout_s
        if isinstance(event, FrameAnalysed):
            if now < self._next_frame_event:
                return
            self._next_frame_event = now + _FRAME_EVENT_INTERVAL_S
        message = {"name": self._job.name, "event": pickle.dumps(lean(event))}
        get_worker().log_event(self._topic, message)


def run_on_worker(job: AnalysisJob, topic: str, software: Mapping[str, str]) -> JobOutcome:
    """Run one job on this Dask worker."""
    worker = get_worker()
    if worker_software() != dict(software):
        message = f"worker {worker.address} has other software versions than the batch"
        return failure(job, "model_error", message, ExitCode.MODEL)
    plugin: ClusterWorker = worker.plugins[topic]
    try:
        return plugin.run(job, ClusterSink(job, topic, plugin))
    except StopJob:
        return timed_out(job)


def stop_jobs(topic: str, dask_worker: Any) -> None:
    """Make the jobs of one batch on this worker end at their next frame."""
    plugin = dask_worker.plugins.get(topic)
    if plugin is not None:
        plugin.stopping = True


def worker_facts(out_dir: str, dask_worker: Any = None) -> dict[str, Any]:
    """Return what must be the same on all workers, and what a batch must know of one."""
    return {
        "software": worker_software(),
        "models": model_digests(),
        "sees_out_dir": os.access(out_dir, os.W_OK | os.X_OK),
        "threads": getattr(getattr(dask_worker, "state", None), "nthreads", 1),
    }


def worker_software() -> dict[str, str]:
    """Return the versions of everything that touches a number."""
    from echodepth_cli.output.provenance import codec_versions, software_versions

    return software_versions() | codec_versions()
