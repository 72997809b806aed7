"""Work on a Dask cluster: the same jobs, the same outputs, on other machines.

The workers must see recordings and output directory under the same paths (a shared file system),
and have the same versions of everything that touches a number. Dask itself gives the job of a lost
worker to another.
"""

from __future__ import annotations

import contextlib
import logging
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, InvalidStateError
from pathlib import Path
from typing import Any
from uuid import uuid4

from distributed import Client

from echodepth_cli.batch.cluster_worker import ClusterWorker, run_on_worker, stop_jobs, worker_facts
from echodepth_cli.batch.executors import JobListener
from echodepth_cli.batch.jobs import AnalysisJob, JobOutcome, OpenRunJob, failure, timed_out
from echodepth_cli.batch.work import open_pipeline
from echodepth_cli.errors import ModelError, OutputError, UsageError

_CONNECT_S = "15s"
_GRACE_S = 30.0
"""How much later than its timeout a job that cannot be stopped costs its worker."""

_log = logging.getLogger(__name__)


class ClusterExecutor:
    """Run jobs on the workers of a Dask scheduler; see `executors.JobExecutor`."""

    def __init__(
        self,
        address: str,
        listener: JobListener,
        *,
        out_dir: Path,
        open_run_job: OpenRunJob = open_pipeline,
    ) -> None:
        self._client = _connect(address)
        self._listener = listener
        self._topic = f"echodepth-{uuid4().hex}"
        self._jobs: dict[str, AnalysisJob] = {}
        self._timers: dict[str, threading.Timer] = {}
        try:
            workers = _run_everywhere(self._client, worker_facts, str(out_dir))
            self._software = _check(workers, worker_facts(str(out_dir)))
            self._client.register_plugin(ClusterWorker(open_run_job), name=self._topic)
            self._client.subscribe_topic(self._topic, self._on_message)
            self._client.forward_logging("echodepth_cli", level=logging.INFO)
        except BaseException:
            self._client.close()
            raise
        self.capacity = len(workers)

    def submit(self, job: AnalysisJob) -> Future[JobOutcome]:
        """Start ``job`` on whichever worker is free."""
        future: Future[JobOutcome] = Future()
        if self._client.status != "running":
            # Dask takes work even then, and never says another word about it.
            gone = f"{job.source}: the Dask scheduler is gone; run the same command again"
            future.set_result(failure(job, "worker_lost", gone))
            return future
        key = f"echodepth-{job.name}-{uuid4().hex}"
        self._jobs[job.name] = job
        remote = self._client.submit(
            run_on_worker,
            job,
            self._topic,
            self._software,
            key=key,
            # Outputs are files: a result that is lost must not make Dask do the work again.
            pure=False,
        )
        remote.add_done_callback(lambda done: self._pass_on(job, done, future))
        if job.config.timeout_s is not None:
            self._watch(job, key, future, job.config.timeout_s)
        return future

    def close(self) -> None:
        """Ask running jobs to stop and leave the cluster."""
        for timer in self._timers.values():
            timer.cancel()
        with contextlib.suppress(Exception), _quiet("distributed"):
            self._client.run(stop_jobs, self._topic, on_error="ignore")
            self._client.unregister_worker_plugin(self._topic)
        self._client.close()

    def _pass_on(self, job: AnalysisJob, done: Any, future: Future[JobOutcome]) -> None:
        timer = self._timers.pop(job.name, None)
        if timer is not None:
            timer.cancel()
        _settle(future, _outcome_of(job, done))

    def _watch(
        self, job: AnalysisJob, key: str, future: Future[JobOutcome], timeout_s: float
    ) -> None:
        """Give up on a job that does not even notice that its time is up."""

        def give_up() -> None:
            if _settle(future, timed_out(job)):
                self._restart_worker_of(key)

        timer = threading.Timer(timeout_s + _GRACE_S, give_up)
        timer.daemon = True
        self._timers[job.name] = timer
        timer.start()

    def _restart_worker_of(self, key: str) -> None:
        try:
            stuck = [name for name, keys in self._client.processing().items() if key in keys]
            self._client.restart_workers(stuck, timeout=_GRACE_S)
        except Exception as error:
            # Whatever the cluster says, the batch goes on with the other workers.
            _log.warning("a stuck worker could not be restarted: %s", error)

    def _on_message(self, event: tuple[float, Mapping[str, Any]]) -> None:
        _, message = event
        job = self._jobs.get(message["name"])
        if job is not None:
            self._listener.on_job_event(job, pickle.loads(message["event"]))


def _outcome_of(job: AnalysisJob, done: Any) -> JobOutcome:
    """Return the outcome that a finished Dask future carries, or that it was lost."""
    try:
        outcome: JobOutcome = done.result(timeout=_GRACE_S)
    except Exception as error:
        # A killed worker, a scheduler that went away, a result that cannot be fetched.
        reason = str(error) or type(error).__name__
        return failure(job, "worker_lost", f"{job.source}: the cluster lost it: {reason}")
    return outcome


def _settle(future: Future[JobOutcome], outcome: JobOutcome) -> bool:
    """Set an outcome unless another thread was first; say whether it was set."""
    try:
        future.set_result(outcome)
    except InvalidStateError:
        return False
    return True


def _connect(address: str) -> Client:
    try:
        with _quiet("distributed"):
            return Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(f"no Dask scheduler answers at {address}: {error}") from error


def _run_everywhere(client: Client, function: Callable[..., Any], *args: Any) -> dict[str, Any]:
    try:
        workers: dict[str, Any] = client.run(function, *args)
    except ImportError as error:
        raise ModelError(f"a worker lacks the software: {error}; install it everywhere") from error
    if not workers:
        raise UsageError("the Dask cluster has no workers; start some, then run this again")
    return workers


def _check(workers: Mapping[str, Mapping[str, Any]], here: Mapping[str, Any]) -> dict[str, str]:
    """Return the software that all share; raises ModelError where a worker differs."""
    for address, facts in workers.items():
        for part in ("software", "models"):
            for name, value in here[part].items():
                if facts[part].get(name) != value:
                    raise ModelError(
                        f"worker {address} has {name} {facts[part].get(name)}, this machine "
                        f"{value}; install the same versions everywhere"
                    )
        if not facts["sees_out_dir"]:
            raise OutputError(
                f"worker {address} cannot write to the output directory; a cluster needs a file "
                "system that all its machines share"
            )
        if facts["threads"] > 1:
            _log.info("worker %s has %d threads; it does one at a time", address, facts["threads"])
    return dict(here["software"])


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Hold back what a library logs about connections that end."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
