"""Read a small file whole, and be sure that it is one.

A name that is given may be a pipe nobody writes to, a device without end, or a file of any size.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from pathlib import Path
from typing import Any


def read_small(path: Path, most_bytes: int) -> bytes:
    """Return the content of a regular file of at most ``most_bytes``.

    Raises OSError, also for anything else; its ``strerror`` says what is wrong.
    """
    # Without O_NONBLOCK a pipe would wait for a writer for ever.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    with os.fdopen(handle, "rb") as file:
        state = os.fstat(handle)
        _require_regular(state.st_mode, path)
        if state.st_size > most_bytes:
            raise OSError(errno.EFBIG, f"it is larger than {most_bytes >> 20} MiB", str(path))
        return file.read()


def require_regular(path: Path) -> None:
    """Raise OSError unless ``path`` is a regular file, before a library opens it by its name."""
    _require_regular(path.stat().st_mode, path)


def _require_regular(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def parse_json(content: bytes) -> Any:
    """Return JSON of a file as data.

    Raises ValueError for what is no JSON, and for what Python would take and nothing else does:
    NaN, infinite and over-long numbers, and nesting without end.
    """
    try:
        return json.loads(
            content, parse_constant=_no_number, parse_float=_finite, parse_int=_of_64_bits
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _no_number(text: str) -> float:
    raise ValueError(f"{text[:40]} is no number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _of_64_bits(text: str) -> int:
    # Texts of thousands of digits are refused before they are read.
    number = int(text) if len(text) < 30 else 1 << 64
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError(f"{text[:40]} is too large")
    return number
