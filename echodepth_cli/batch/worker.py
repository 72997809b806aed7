"""The inside of a worker process.

It takes jobs from a pipe, one at a time, and sends back events, log records and one outcome for
each. It never outlives its parent, ignores Ctrl-C (the parent decides), and turns SIGTERM into an
orderly exit, so that an analysis that is stopped removes what it had begun to write.
"""

from __future__ import annotations

import dataclasses
import logging
import logging.handlers
import os
import signal
import sys
import threading
import time
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Literal, TypeAlias

from echodepth_cli.batch.jobs import AnalysisJob, JobOutcome, OpenRunJob
from echodepth_cli.events import Event, FrameAnalysed, ReportReady
from echodepth_cli.interruption import listen, stop_listening
from echodepth_cli.overlap import anything_hangs

Message: TypeAlias = (
    "tuple[Literal['event'], Event]"
    " | tuple[Literal['log'], logging.LogRecord]"
    " | tuple[Literal['outcome', 'last outcome'], JobOutcome]"
)
"""A last outcome comes from a worker that must not be given more: something hangs in it."""

FRAME_EVENT_INTERVAL_S = 0.2
"""Progress is for people: at most five frame events a second are passed on."""


def worker_main(connection: Connection, open_run_job: OpenRunJob, log_level: int) -> None:
    """Serve jobs until the parent closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # see `slots`
    listen((signal.SIGTERM, signal.SIGHUP), _Leave)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    # Libraries print; the parent's stdout is for data.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    pipe = _Pipe(connection)
    logs = _LogForwarder(pipe)
    root = logging.getLogger()
    root.handlers[:] = [logs]
    root.setLevel(log_level)
    with open_run_job() as run_job:
        while (job := pipe.receive()) is not None:
            logs.recording = job.name
            outcome = run_job(job, _EventForwarder(pipe))
            pipe.send(("last outcome" if anything_hangs() else "outcome", outcome))
    stop_listening()


def lean(event: Event) -> Event:
    """Return an event without what the job's outcome carries as well."""
    return dataclasses.replace(event, report={}) if isinstance(event, ReportReady) else event


class _Leave(SystemExit):
    """Ends a worker that was told to stop."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


class _Pipe:
    """The worker's end of the pipe; an analysis may log from several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def receive(self) -> AnalysisJob | None:
        try:
            job: AnalysisJob | None = self._connection.recv()
        except EOFError:
            return None
        return job

    def send(self, message: Message) -> None:
        with self._lock:
            self._connection.send(message)


class _EventForwarder:
    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe
        self._next_frame_event = 0.0

    def on_event(self, event: Event) -> None:
        if isinstance(event, FrameAnalysed):
            now = time.monotonic()
            if now < self._next_frame_event:
                return
            self._next_frame_event = now + FRAME_EVENT_INTERVAL_S
        self._pipe.send(("event", lean(event)))


class _LogForwarder(logging.handlers.QueueHandler):
    """Send records to the parent, which knows how to show them, with the recording's name."""

    def __init__(self, pipe: _Pipe) -> None:
        super().__init__(queue=None)  # type: ignore[arg-type]
        self._pipe = pipe
        self.recording = ""

    def enqueue(self, record: logging.LogRecord) -> None:
        record.recording = self.recording
        self._pipe.send(("log", record))


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
