"""Worker processes of this machine, one per slot.

A `ProcessPoolExecutor` breaks as a whole when one worker is killed. Here a slot is a thread that
owns one spawned process: a worker that dies, hangs, or is stopped for taking too long, costs its
own job and is replaced when the next one comes. Spawned, not forked: native libraries and threads
do not survive a fork.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from multiprocessing import connection, get_context
from typing import TypeAlias

from echodepth_cli.batch.executors import JobListener, JobTimeoutError, WorkerLostError
from echodepth_cli.batch.jobs import AnalysisJob, JobOutcome, OpenRunJob
from echodepth_cli.batch.worker import worker_main
from echodepth_cli.events import SessionStarted

_GRACE_S = 3.0
"""How long a worker that is told to stop may take to clean up before it is killed."""

_STARTING_S = 60.0
"""What a new worker may take to load its models, on top of the first recording's own time."""

_OVERTIME_S = 2.0
"""How long a worker whose time is up may take to notice it."""

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Item: TypeAlias = "tuple[Future[JobOutcome], AnalysisJob] | None"


class WorkerSlots:
    """Run jobs in a fixed number of worker processes; see `executors.JobExecutor`."""

    def __init__(self, count: int, open_run_job: OpenRunJob, listener: JobListener) -> None:
        self.capacity = count
        self._open, self._listener = open_run_job, listener
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._workers: set[_Worker] = set()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._serve, name=f"slot-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: AnalysisJob) -> Future[JobOutcome]:
        """Start ``job`` as soon as a slot is free."""
        future: Future[JobOutcome] = Future()
        self._items.put((future, job))
        return future

    def close(self) -> None:
        """Stop the workers, those in the middle of a job included."""
        self._closing.set()
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            worker.terminate()
        for _ in self._threads:
            self._items.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        worker: _Worker | None = None
        try:
            while (item := self._items.get()) is not None:
                future, job = item
                if self._closing.is_set() or not future.set_running_or_notify_cancel():
                    continue
                try:
                    worker = worker or self._start()
                    future.set_result(worker.run(job, self._listener))
                    if worker.is_spent:
                        self._stop(worker)
                        worker = None
                except (WorkerLostError, JobTimeoutError) as error:
                    self._stop(worker)
                    worker = None
                    future.set_exception(error)
                except BaseException as error:
                    future.set_exception(error)
                    raise
        finally:
            self._stop(worker)

    def _start(self) -> _Worker:
        # Starting is not thread-safe, and it changes the environment for a moment.
        with self._lock:
            if self._closing.is_set():
                raise WorkerLostError("the batch is stopping")
            with _native_threads(max(1, len(os.sched_getaffinity(0)) // self.capacity)):
                worker = _Worker(self._open)
            self._workers.add(worker)
        return worker

    def _stop(self, worker: _Worker | None) -> None:
        if worker is not None:
            worker.stop()
            with self._lock:
                self._workers.discard(worker)


class _Worker:
    """The parent's handle on one worker process."""

    def __init__(self, open_run_job: OpenRunJob) -> None:
        context = get_context("spawn")
        self._pipe, remote = context.Pipe()
        level = logging.getLogger("echodepth_cli").getEffectiveLevel()
        self._process = context.Process(
            target=worker_main, args=(remote, open_run_job, level), daemon=True
        )
        # Ctrl-C reaches the whole group; a worker that starts must not answer it with a traceback.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        remote.close()
        self._warm = False
        self.is_spent = False
        """Whether something hangs in it, so that it must get no other job."""

    def run(self, job: AnalysisJob, listener: JobListener) -> JobOutcome:
        """Run one job to its outcome.

        Raises WorkerLostError when the process dies, JobTimeoutError when it is still at work a
        little after its time is up: it ends itself between two frames unless it is stuck.
        """
        clock = _Clock(job.config.timeout_s, 0.0 if self._warm else _STARTING_S)
        try:
            self._pipe.send(job)
            while True:
                outcome = self._take_message(job, listener, clock)
                if outcome is not None:
                    return outcome
        except (EOFError, ConnectionError) as error:
            self._process.join(_GRACE_S)
            raise WorkerLostError(_how_it_died(self._process.exitcode)) from error

    def _take_message(
        self, job: AnalysisJob, listener: JobListener, clock: _Clock
    ) -> JobOutcome | None:
        # The pipe ends with the process, so a death is noticed here as well.
        if not connection.wait([self._pipe], clock.left_s()):
            raise JobTimeoutError
        kind, content = self._pipe.recv()
        if kind in ("outcome", "last outcome"):
            self.is_spent = kind == "last outcome"
            outcome: JobOutcome = content
            return outcome
        if kind == "log":
            logging.getLogger(content.name).handle(content)
            return None
        if isinstance(content, SessionStarted):
            self._warm = True
            clock.restart()
        listener.on_job_event(job, content)
        return None

    def terminate(self) -> None:
        """Tell the process to stop; it removes what it has begun to write."""
        self._process.terminate()

    def stop(self) -> None:
        """End the process: gently, then by force."""
        self._process.terminate()
        self._process.join(_GRACE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()


class _Clock:
    """The time left to one job, if it is limited."""

    def __init__(self, limit_s: float | None, extra_s: float) -> None:
        self._limit_s = limit_s
        self._end = time.monotonic() + (limit_s or 0.0) + _OVERTIME_S + extra_s

    def restart(self) -> None:
        """Count from now: the recording is open and the models are loaded."""
        self._end = time.monotonic() + (self._limit_s or 0.0) + _OVERTIME_S

    def left_s(self) -> float | None:
        """Return the seconds left, or None without a limit."""
        return None if self._limit_s is None else max(0.0, self._end - time.monotonic())


def _how_it_died(exit_code: int | None) -> str:
    if exit_code is None:
        return "the worker process closed its pipe"
    if exit_code >= 0:
        return f"the worker process ended with exit code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    return f"the worker process was killed ({name})"


@contextmanager
def _native_threads(count: int) -> Iterator[None]:
    """Let processes started inside use ``count`` threads in numeric libraries.

    The libraries read the environment when they are loaded, so it must be set before the start.
    """
    missing = [name for name in _THREAD_VARIABLES if name not in os.environ]
    os.environ.update(dict.fromkeys(missing, str(count)))
    try:
        yield
    finally:
        for name in missing:
            del os.environ[name]
