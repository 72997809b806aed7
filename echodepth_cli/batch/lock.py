"""One batch at a time for one output directory.

The lock is the operating system's (``flock``), held on an open file. It ends with the process
however the process ends, so a file left by a killed run is never mistaken for a running one.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

from echodepth_cli.errors import OutputError

LOCK_NAME = ".echodepth-batch.lock"


@contextmanager
def output_lock(out_dir: Path) -> Iterator[None]:
    """Hold ``out_dir`` for this process, creating it when missing.

    Raises OutputError when another batch holds it, naming that process, or when it cannot be
    written.
    """
    path = out_dir / LOCK_NAME
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        # Not truncated on opening: what a running batch wrote there must stay readable.
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{out_dir}: cannot be written: {error.strerror}; choose another --out"
        ) from error
    with file:
        _take(file, out_dir)
        file.seek(0)
        file.truncate()
        started = datetime.now(timezone.utc).isoformat(timespec="seconds")
        json.dump({"pid": os.getpid(), "host": socket.gethostname(), "started_at": started}, file)
        file.flush()
        # The file stays: removing it would let a third run lock a new file beside a second run
        # that waits on this one.
        yield


def is_locked(out_dir: Path) -> bool:
    """Say whether a running batch holds ``out_dir``."""
    try:
        with (out_dir / LOCK_NAME).open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EACCES)
    return False


def _take(file: IO[str], out_dir: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(
            f"{out_dir}: another batch is writing there ({_holder(file)}); "
            "wait for it to end or choose another --out"
        ) from error
    except OSError as error:
        raise OutputError(
            f"{out_dir}: cannot be locked: {error.strerror}; "
            "choose an --out on a file system with locks"
        ) from error


def _holder(file: IO[str]) -> str:
    file.seek(0)
    try:
        facts = json.loads(file.read())
        return f"process {facts['pid']} on {facts['host']}, since {facts['started_at']}"
    except (ValueError, KeyError, TypeError):
        # The holder is between locking and writing its name.
        return "just started"
