"""Run a function in a process that is watched from outside.

A codec that crashes takes its process along, one that hangs never comes back, and one that eats
memory must be stopped: so each case runs where that can be seen and survived.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from echodepth_cli.stills import bound_pictures

TIME_LIMIT_S = 180.0
"""Far more than any of the small cases can take, even on a machine with ten times its load."""
MEMORY_LIMIT_BYTES = 6 << 30
"""Address space, not memory: MediaPipe and the model runtime reserve much and use little."""


@dataclass(frozen=True)
class Lost:
    """The process ended or had to be ended: ``HANG`` or ``CRASH``, and how."""

    kind: str
    detail: str


class Watchdog:
    """Calls one function on one argument at a time; starts another process when one is lost."""

    def __init__(
        self, function: Callable[[Any], Any], memory_bytes: int = MEMORY_LIMIT_BYTES
    ) -> None:
        self._function, self._memory_bytes = function, memory_bytes
        self._context = multiprocessing.get_context("spawn")
        self._process: multiprocessing.process.BaseProcess | None = None

    def call(self, argument: Any, time_limit_s: float = TIME_LIMIT_S) -> Any:
        """Return what the function returns for ``argument``, or `Lost`."""
        if self._process is None:
            # As the command does, before OpenCV is loaded: here that is before the start.
            bound_pictures()
            self._pipe, theirs = self._context.Pipe()
            self._process = self._context.Process(
                target=_serve, args=(theirs, self._function, self._memory_bytes), daemon=True
            )
            self._process.start()
            theirs.close()
        try:
            self._pipe.send(argument)
            if self._pipe.poll(time_limit_s):
                return self._pipe.recv()
            lost = Lost("HANG", f"no end after {time_limit_s:g} s")
        except (EOFError, ConnectionError):
            self._process.join()
            lost = Lost("CRASH", f"the process ended with {self._process.exitcode}")
        self.close()
        return lost

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
            self._pipe.close()

    def __enter__(self) -> Watchdog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _serve(pipe: Connection, function: Callable[[Any], Any], memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Ctrl-C is for whoever watches.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    while True:
        try:
            argument = pipe.recv()
        except EOFError:
            return
        pipe.send(function(argument))
