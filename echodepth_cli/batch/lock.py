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
from typing import BinaryIO

from echodepth_cli.errors import OutputError
from echodepth_cli.output.atomic import writing_to
from echodepth_cli.reading import require_regular

LOCK_NAME = ".echodepth-batch.lock"


@contextmanager
def output_lock(out_dir: Path) -> Iterator[None]:
    """Hold ``out_dir`` for this process, creating it when missing.

    Raises OutputError when another batch holds it, naming that process, or when it cannot be
    written.
    """
    path = out_dir / LOCK_NAME
    with writing_to(out_dir):
        out_dir.mkdir(parents=True, exist_ok=True)
        # Not truncated on opening: what a running batch wrote there must stay readable. Not
        # through a link, and not waiting for the other end of a pipe.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    with os.fdopen(handle, "r+b", buffering=0) as file:
        _take(file, out_dir)
        started = datetime.now(timezone.utc).isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "started_at": started}
        with writing_to(out_dir):
            require_regular(path)
            file.truncate(0)
            file.write(json.dumps(holder).encode())
        # The file stays: removing it would let a third run lock a new file beside a second run
        # that waits on this one.
        yield


def is_locked(out_dir: Path) -> bool:
    """Say whether a running batch holds ``out_dir``."""
    try:
        with os.fdopen(os.open(out_dir / LOCK_NAME, os.O_RDONLY | os.O_NONBLOCK)) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError as error:
        return error.errno in (errno.EWOULDBLOCK, errno.EACCES)
    return False


def _take(file: BinaryIO, out_dir: Path) -> None:
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


def _holder(file: BinaryIO) -> str:
    file.seek(0)
    try:
        facts = json.loads(file.read())
        return f"process {facts['pid']} on {facts['host']}, since {facts['started_at']}"
    except (ValueError, KeyError, TypeError):
        # The holder is between locking and writing its name.
        return "just started"
