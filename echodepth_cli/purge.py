"""Remove sessions that are older than they may be kept.

Only directories that are recognisably a session of ours are touched, each as a whole: it is moved
out of sight by one rename, the removal is put on record, then its files are deleted. What a killed
purge left half-done, the next one finishes. What a killed analysis left of a session goes as well.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from echodepth_cli.batch.lock import LOCK_NAME, output_lock
from echodepth_cli.batch.plan import BATCH_JSON
from echodepth_cli.batch.service import rebuild
from echodepth_cli.errors import InputError, NotFoundError, OutputError, printable
from echodepth_cli.iso_time import parse_iso_time_utc
from echodepth_cli.output.atomic import is_staging, may_stand_in_session
from echodepth_cli.output.purged import Purged, record_purged
from echodepth_cli.output.scratch import was_left
from echodepth_cli.reading import parse_json, read_small

_SESSION_ID: Final = re.compile(r"ses_[0-9a-f]{24}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LARGEST_BYTES: Final = 1 << 30
"""Of a report; that of a day is a hundredth of it."""
_ASIDE: Final = re.compile(r"\.echodepth-purge-[0-9a-f]{24}")
"""The name of a session that is being removed."""


@dataclass(frozen=True, slots=True)
class OldSession:
    """A session directory that is older than it may be kept, or what a killed run left of one."""

    path: Path
    session_id: str | None
    """None, like the digest, for what a killed run left."""
    recording_sha256: str | None
    analysed_at: str
    """For what a killed run left, when something was last written there."""
    files: tuple[str, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class Left:
    """Something that looks like a session but is not removed, and why."""

    path: Path
    reason: str


def find_old(root: Path, older_than: timedelta, now: datetime) -> Iterator[OldSession | Left]:
    """Yield the sessions at or below ``root`` that were analysed before ``now - older_than``.

    Symbolic links are not followed. Raises NotFoundError or InputError when ``root`` is no
    directory that can be read.
    """
    if not root.exists():
        raise NotFoundError(f"{printable(root)}: no such directory")
    if not root.is_dir():
        raise InputError(f"{printable(root)}: is not a directory")
    for folder, folders, files in os.walk(root, onerror=_unreadable):
        here = Path(folder)
        for name in filter(is_staging, sorted(folders)):
            left = _left_at(here / name)
            if left is not None and _is_old(left, older_than, now):
                yield left
        folders[:] = sorted(n for n in folders if not n.startswith(".") or _ASIDE.fullmatch(n))
        if "report.json" not in files:
            continue
        session = _session_at(here)
        if isinstance(session, Left):
            yield session
        elif session is not None and _is_old(session, older_than, now):
            foreign = sorted(n for n in [*folders, *files] if not may_stand_in_session(n))
            if foreign:
                yield Left(here, f"holds other files as well ({', '.join(foreign[:3])})")
            else:
                yield session


def purge(root: Path, sessions: list[OldSession], now: datetime) -> list[Left]:
    """Remove ``sessions``, record each, and bring the tables of their batches up to date.

    Returns those that could not be removed. Raises OutputError when a batch is running there or
    the record cannot be written.
    """
    left: list[Left] = []
    homes = {session.path: _batch_of(session.path) for session in sessions}
    batches = sorted({home for home in homes.values() if home is not None})
    with ExitStack() as locks:
        for batch in batches:
            locks.enter_context(output_lock(batch))
        for session in sessions:
            record_dir = homes[session.path] or (root if session.path != root else root.parent)
            try:
                _remove(session, record_dir, now)
            except OSError as error:
                left.append(Left(session.path, f"cannot be removed: {error.strerror}"))
    for batch in batches:
        rebuild(batch)
    return left


def _remove(session: OldSession, record_dir: Path, now: datetime) -> None:
    aside = session.path
    if session.session_id is not None:
        number = session.session_id.removeprefix("ses_")
        aside = session.path.with_name(f".echodepth-purge-{number}")
    if session.path != aside:
        session.path.rename(aside)
    purged_at = now.isoformat(timespec="seconds")
    record_purged(
        record_dir,
        Purged(
            session.session_id,
            session.recording_sha256,
            session.analysed_at,
            purged_at,
            session.files,
            session.bytes,
        ),
    )
    # The report goes last: by it the next purge knows what is left here.
    for path in sorted(aside.iterdir(), key=lambda path: path.name == "report.json"):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    aside.rmdir()


def _session_at(folder: Path) -> OldSession | Left | None:
    """Return the session of a directory; None for another's report.json."""
    path = folder / "report.json"
    try:
        report: Any = None if path.is_symlink() else parse_json(read_small(path, _LARGEST_BYTES))
        if not _is_ours(report):
            return None
        parse_iso_time_utc(report["run"]["analysed_at"])
        files = sorted(entry.name for entry in folder.iterdir())
        size = sum((folder / name).lstat().st_size for name in files)
    except OSError as error:
        return Left(folder, f"cannot be read: {error.strerror}")
    except ValueError:
        if not (folder / "frames.parquet").exists():
            return None
        return Left(folder, "its report.json cannot be read, so its age is not known")
    except (AttributeError, KeyError, TypeError):
        return Left(folder, "its report does not say when it was made")
    return OldSession(
        folder,
        report["session_id"],
        report["recording"]["sha256"],
        report["run"]["analysed_at"],
        tuple(files),
        size,
    )


def _left_at(folder: Path) -> OldSession | None:
    """Return what a killed run left; None for what is still written, or is not ours."""
    try:
        files = sorted(folder.iterdir())
        ours = all(may_stand_in_session(path.name) and path.is_file() for path in files)
        if folder.is_symlink() or not files or not ours or not was_left(folder):
            return None
        facts = [path.lstat() for path in (folder, *files)]
    except OSError:
        # Gone again, or somebody else's.
        return None
    written_at = datetime.fromtimestamp(max(each.st_mtime for each in facts), timezone.utc)
    names = tuple(path.name for path in files)
    size = sum(each.st_size for each in facts[1:])
    return OldSession(folder, None, None, written_at.isoformat(timespec="seconds"), names, size)


def _is_ours(report: Any) -> bool:
    """Say whether data is a session report: other programs write a report.json too."""
    try:
        identity = str(report["session_id"]), str(report["recording"]["sha256"])
        known = "schema_version" in report and "frames_parquet_sha256" in report["provenance"]
    except (KeyError, TypeError):
        return False
    return known and bool(_SESSION_ID.fullmatch(identity[0]) and _SHA256.fullmatch(identity[1]))


def _is_old(session: OldSession, older_than: timedelta, now: datetime) -> bool:
    if _ASIDE.fullmatch(session.path.name):
        return True
    return now - parse_iso_time_utc(session.analysed_at) >= older_than


def _batch_of(session_dir: Path) -> Path | None:
    """Return the output directory of the batch that a session belongs to, if any."""
    for parent in session_dir.absolute().parents:
        if (parent / BATCH_JSON).is_file() and (parent / LOCK_NAME).is_file():
            return parent
    return None


def _unreadable(error: OSError) -> None:
    raise OutputError(f"{printable(error.filename)}: cannot be read: {error.strerror}") from error
