"""The record of removed sessions: `purged.jsonl`, one JSON object a line, nothing about persons.

It stands at the top of an output directory. A batch does not analyse again what is on it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from echodepth_cli.errors import OutputError, printable
from echodepth_cli.output.atomic import writing_to
from echodepth_cli.reading import parse_json, read_small, require_regular

PURGED_JSONL: Final = "purged.jsonl"
_LARGEST_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Purged:
    """One removed session, or, without id and digest, what a killed run left of one."""

    session_id: str | None
    recording_sha256: str | None
    analysed_at: str
    """What its age was counted from."""
    purged_at: str
    files: tuple[str, ...]
    """Names of the files that were removed."""
    bytes: int


def record_purged(out_dir: Path, purged: Purged) -> None:
    """Append to the record of ``out_dir``, to the disk; raises OutputError."""
    path = out_dir / PURGED_JSONL
    line = json.dumps(asdict(purged)) + "\n"
    with writing_to(path), _opened(path) as file:
        file.write(line.encode("ascii"))
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file to append to; a pipe or a device would not keep the record."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o666)
    with os.fdopen(handle, "ab") as file:
        require_regular(path)
        yield file


def purged_recordings(out_dir: Path) -> dict[str, str]:
    """Return sha256 of recording to time of removal, from the record of ``out_dir``.

    Raises OutputError when there is a record that cannot be read: what was removed must not come
    back for want of it.
    """
    path = out_dir / PURGED_JSONL
    try:
        lines = read_small(path, _LARGEST_BYTES).splitlines()
        entries: list[Mapping[str, Any]] = [parse_json(line) for line in lines]
        times = {entry["recording_sha256"]: str(entry["purged_at"]) for entry in entries}
        return {str(sha256): at for sha256, at in times.items() if sha256 is not None}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"{printable(path)}: the record of purged sessions cannot be read ({error}); mend it, "
            "or move it away to have those recordings analysed again"
        ) from error
