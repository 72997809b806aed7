"""The moment by which the analysis of one recording must be done."""

from __future__ import annotations

import time
from pathlib import Path

from echodepth_cli.errors import TimeLimitError, printable


class Deadline:
    """Counts by a clock that nobody can set, from when it is made.

    ``limit_s`` is the seconds allowed for ``path``; None allows any time.
    """

    def __init__(self, path: Path, limit_s: float | None) -> None:
        self._path, self._limit_s = path, limit_s
        self._started = time.monotonic()

    def restart(self) -> None:
        """Count from now."""
        self._started = time.monotonic()

    def check(self) -> None:
        """Raise TimeLimitError once the time is over."""
        if self._limit_s is not None and time.monotonic() - self._started > self._limit_s:
            raise TimeLimitError(too_slow(self._path, self._limit_s))


def too_slow(path: Path, limit_s: float) -> str:
    """Return the message for a recording that took longer than ``limit_s``."""
    return (
        f"{printable(path)}: took longer than the limit of {limit_s:g} s; cut the recording,"
        " or raise --timeout (--timeout-per-file of batch, timeout_s in a config file)"
    )
