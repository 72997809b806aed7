"""Temporary files and directories that only their owner can read, and that never stay behind.

Each is locked (``flock``) while its process lives. The lock ends with the process however that
ends, so the next run can tell what a killed one left from what another one is writing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PARTIAL: Final = ".partial"
"""The last part of the names of all that is not complete; the first is a dot, mostly."""

_PRIVATE: Final = "echodepth-"
_LONGEST_PREFIX: Final = 255 - len(PARTIAL) - 8


@contextmanager
def private_directory() -> Iterator[Path]:
    """Give an empty directory among the system's temporary files, readable by this user only."""
    with scratch_directory(Path(tempfile.gettempdir()), _PRIVATE) as folder:
        yield folder


@contextmanager
def scratch_directory(parent: Path, prefix: str) -> Iterator[Path]:
    """Give a new directory (0700) in ``parent``; what is at its path afterwards is removed.

    Those of the same ``prefix`` that killed runs left are removed first. Raises OSError.
    """
    prefix = _short(prefix)
    sweep(parent, prefix)
    folder, lock = _locked_directory(parent, prefix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


@contextmanager
def scratch_file(parent: Path, prefix: str) -> Iterator[tuple[Path, int]]:
    """Give path and descriptor of a new file (0600) in ``parent``, removed if still there.

    Those of the same ``prefix`` that killed runs left are removed first. Raises OSError.
    """
    prefix = _short(prefix)
    sweep(parent, prefix)
    path, handle = _locked_file(parent, prefix)
    lock = os.dup(handle)
    try:
        yield path, handle
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def sweep(parent: Path, prefix: str) -> None:
    """Remove what killed runs of this user left in ``parent`` under names with ``prefix``."""
    try:
        names = [
            entry.name
            for entry in os.scandir(parent)
            if entry.name.startswith(prefix)
            and entry.name.endswith(PARTIAL)
            and not entry.is_symlink()
            and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
        ]
    except OSError:
        # What keeps it from being read will keep it from being written, and is said there.
        return
    for name in names:
        _remove_if_left(parent / name)


def was_left(path: Path) -> bool:
    """Say whether a killed run of this user left what is at ``path``; no, if nobody can tell."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(handle).st_uid == os.geteuid()
    except OSError:
        return False
    finally:
        os.close(handle)


def _short(prefix: str) -> str:
    """Return a prefix that leaves room for the rest of a name of at most 255 bytes."""
    return os.fsencode(prefix)[:_LONGEST_PREFIX].decode("utf-8", "ignore")


def _remove_if_left(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError:
        # Somebody is writing it, or there are no locks here and nobody can tell.
        return
    finally:
        os.close(handle)


def _locked_directory(parent: Path, prefix: str) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=PARTIAL, dir=parent))
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        _try_lock(handle)
        if folder.exists():
            return folder, handle
        # Another run swept it between its making and its locking.
        os.close(handle)


def _locked_file(parent: Path, prefix: str) -> tuple[Path, int]:
    while True:
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=PARTIAL, dir=parent)
        _try_lock(handle)
        if os.fstat(handle).st_nlink:
            return Path(name), handle
        os.close(handle)


def _try_lock(handle: int) -> None:
    """Lock, waiting for a run that looks whether this was left; go on where there are no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.EBADF):
            raise
