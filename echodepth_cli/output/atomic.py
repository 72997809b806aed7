"""Publish a session directory whole or not at all.

Everything is written into a private staging directory beside the target, flushed to disk, and put
in place by one rename. An earlier result stays in place until the new one is complete.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from echodepth_cli.errors import OutputError
from echodepth_cli.output.scratch import PARTIAL, scratch_directory, scratch_file

OUTPUT_FILES = ("frames.parquet", "report.html", "report.json")
"""The files of a session directory; report.json comes last where one rename cannot do it."""

OPTIONAL_FILES = ("faces.parquet", "report.sig")
"""What may stand beside them when it was asked for; it goes when the session is replaced."""

_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


def check_target(target: Path, *, force: bool) -> None:
    """Raise OutputError when ``target`` cannot become a session directory, before any work."""
    with writing_to(target):
        _check_target(target, force=force)


def _check_target(target: Path, *, force: bool) -> None:
    if target.is_symlink() and not target.exists():
        raise OutputError(f"{target}: is a dangling link; remove it or choose another --out")
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target}: exists and is not a directory; choose another --out")
    names = sorted(path.name for path in target.iterdir())
    foreign = [name for name in names if not may_stand_in_session(name)]
    if foreign:
        raise OutputError(
            f"{target}: holds other files ({', '.join(foreign[:3])}); "
            "choose a directory of its own with --out"
        )
    if target.resolve() == Path.cwd():
        raise OutputError(f"{target}: is the current directory; choose another --out")
    if any(name in OUTPUT_FILES for name in names) and not force:
        raise OutputError(f"{target}: already holds a report; use --force to replace it")


def may_stand_in_session(name: str) -> bool:
    """Say whether a file of this name in a session directory is one of ours."""
    return is_staging(name) or name in (*OUTPUT_FILES, *OPTIONAL_FILES)


def is_staging(name: str) -> bool:
    """Say whether this is the name of a directory or file that is not complete yet."""
    return name.startswith(".") and name.endswith(PARTIAL)


@contextmanager
def staged_directory(target: Path, *, force: bool) -> Iterator[Path]:
    """Give a staging directory that becomes ``target`` when the block ends without an error.

    Raises OutputError when nothing can be written there, or when the disk fills up; whatever
    stood at ``target`` before is then untouched.
    """
    check_target(target, force=force)
    with ExitStack() as stack:
        with writing_to(target):
            staging = stack.enter_context(_staging(target))
        yield staging
        # Minutes have passed, and another run may have been faster.
        check_target(target, force=force)
        with writing_to(target):
            _flush(staging)
            _put_in_place(staging, target, force=force)


@contextmanager
def writing_to(target: Path) -> Iterator[None]:
    """Turn operating-system errors of a write into one OutputError that says what to do.

    A file of a staging directory is called by the name of the session directory to be.
    """
    try:
        yield
    except OSError as error:
        target = _chosen(target)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(
                f"{target}: the disk is full; free some space or choose another --out"
            ) from error
        # Of libraries' own words only the number is kept.
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise OutputError(f"{target}: cannot be written: {reason}; choose another --out") from error


def write_file(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` by way of a temporary file in the same directory."""
    with replacing(path) as file:
        file.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Give a file that becomes ``path`` when the block ends without an error.

    Raises OutputError when it cannot be written; whatever stood there before is then untouched.
    A pipe or a device is written to as it is.
    """
    with writing_to(path):
        if path.exists() and not path.is_file():
            with path.open("wb") as special:
                yield special
            return
        with scratch_file(path.parent, f".{path.name}.") as (temporary, handle):
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _apply_umask(temporary, 0o666)
            temporary.replace(path)


def _chosen(path: Path) -> Path:
    """Return the session directory that a path in a staging directory will be in, else the path."""
    for folder in (path, *path.parents):
        if is_staging(folder.name):
            name = folder.name[1:].removesuffix(PARTIAL).rpartition(".")[0]
            return folder.parent if folder.parent.name == name else folder.with_name(name)
    return path


def _staging(target: Path) -> AbstractContextManager[Path]:
    """Return a staging directory beside the target, or in it where that cannot be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    may_write_beside = os.access(target.parent, os.W_OK | os.X_OK)
    parent = target if target.is_dir() and not may_write_beside else target.parent
    # A leading dot and a fixed suffix: shells skip it, and a later run can tell what it was.
    return scratch_directory(parent, f".{target.name}.")


def _flush(staging: Path) -> None:
    for path in staging.iterdir():
        _apply_umask(path, 0o666)
        with path.open("rb") as file:
            os.fsync(file.fileno())
    _apply_umask(staging, 0o777)


def _put_in_place(staging: Path, target: Path, *, force: bool) -> None:
    if staging.parent == target:
        _move_files(staging, target)
        return
    try:
        if target.is_symlink() or (force and target.exists()):
            _exchange(staging, target)
        else:
            _rename(staging, target, force=force)
    except OSError as error:
        # A mount point cannot be renamed; its files can.
        if error.errno not in (errno.EBUSY, errno.EXDEV, errno.EINVAL, errno.ENOSYS):
            raise
        _move_files(staging, target)
    _sync_directory(target.parent)


def _rename(staging: Path, target: Path, *, force: bool) -> None:
    """Rename, which refuses to replace what another run has put there this very moment."""
    try:
        staging.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        _check_target(target, force=force)
        if not force:
            raise
        _exchange(staging, target)


def _move_files(staging: Path, target: Path) -> None:
    for name in (*OPTIONAL_FILES, *OUTPUT_FILES):
        source = staging / name
        if source.exists():
            temporary = target / f".{name}{PARTIAL}"
            shutil.copyfile(source, temporary)
            temporary.replace(target / name)
    for name in OPTIONAL_FILES:
        if not (staging / name).exists():
            # It belonged to the result that was replaced.
            (target / name).unlink(missing_ok=True)
    _sync_directory(target)


def _exchange(first: Path, second: Path) -> None:
    """Swap two directories in one step (Linux renameat2); raises OSError where that is missing."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError as error:
        raise OSError(errno.ENOSYS, "renameat2 is not available") from error
    result = renameat2(
        _AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _RENAME_EXCHANGE
    )
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _apply_umask(path: Path, mode: int) -> None:
    """Give a file made by tempfile the permissions that an ordinary one would have."""
    umask = os.umask(0)
    os.umask(umask)
    path.chmod(mode & ~umask)
