"""Publish a session directory whole or not at all.

Everything is written into a private staging directory beside the target, flushed to disk, and put
in place by one rename. An earlier result stays in place until the new one is complete.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from echodepth_cli.errors import OutputError

OUTPUT_FILES = ("frames.parquet", "report.html", "report.json")
"""The files of a session directory; report.json comes last where one rename cannot do it."""

_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


def check_target(target: Path, *, force: bool) -> None:
    """Raise OutputError when ``target`` cannot become a session directory, before any work."""
    if target.is_symlink() and not target.exists():
        raise OutputError(f"{target}: is a dangling link; remove it or choose another --out")
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target}: exists and is not a directory; choose another --out")
    try:
        names = sorted(path.name for path in target.iterdir())
    except OSError as error:
        raise OutputError(f"{target}: cannot be read: {error.strerror}") from error
    foreign = [name for name in names if name not in OUTPUT_FILES and not _is_staging(name)]
    if foreign:
        raise OutputError(
            f"{target}: holds other files ({', '.join(foreign[:3])}); "
            "choose a directory of its own with --out"
        )
    if target.resolve() == Path.cwd():
        raise OutputError(f"{target}: is the current directory; choose another --out")
    if any(name in OUTPUT_FILES for name in names) and not force:
        raise OutputError(f"{target}: already holds a report; use --force to replace it")


@contextmanager
def staged_directory(target: Path, *, force: bool) -> Iterator[Path]:
    """Give a staging directory that becomes ``target`` when the block ends without an error.

    Raises OutputError when nothing can be written there, or when the disk fills up; whatever
    stood at ``target`` before is then untouched.
    """
    check_target(target, force=force)
    with writing_to(target):
        staging = _make_staging(target)
    try:
        yield staging
        with writing_to(target):
            _flush(staging)
            _put_in_place(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def writing_to(target: Path) -> Iterator[None]:
    """Turn operating-system errors of a write into one OutputError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(
                f"{target}: the disk is full; free some space or choose another --out"
            ) from error
        reason = error.strerror or str(error)
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
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _apply_umask(Path(temporary), 0o666)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _is_staging(name: str) -> bool:
    return name.startswith(".") and name.endswith(".partial")


def _make_staging(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    # A leading dot and a fixed suffix: shells skip it, and a later run can tell what it was.
    prefix, suffix = f".{target.name}.", ".partial"
    try:
        return Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=target.parent))
    except PermissionError:
        if not target.is_dir():
            raise
        return Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=target))


def _flush(staging: Path) -> None:
    for path in staging.iterdir():
        _apply_umask(path, 0o666)
        with path.open("rb") as file:
            os.fsync(file.fileno())
    _apply_umask(staging, 0o777)


def _put_in_place(staging: Path, target: Path) -> None:
    if staging.parent == target:
        _move_files(staging, target)
        return
    try:
        if target.exists():
            _exchange(staging, target)
        else:
            staging.rename(target)
    except OSError as error:
        # A mount point cannot be renamed; its files can.
        if error.errno not in (errno.EBUSY, errno.EXDEV, errno.EINVAL, errno.ENOSYS):
            raise
        _move_files(staging, target)
    _sync_directory(target.parent)


def _move_files(staging: Path, target: Path) -> None:
    for name in OUTPUT_FILES:
        source = staging / name
        if source.exists():
            temporary = target / f".{name}.partial"
            shutil.copyfile(source, temporary)
            temporary.replace(target / name)
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
