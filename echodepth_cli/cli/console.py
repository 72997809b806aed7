"""The one place that decides how a command talks: progress bar, log lines, or hardly at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from echodepth_cli.cli.logs import configure_logging, log
from echodepth_cli.cli.options import LogFormat
from echodepth_cli.errors import printable

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Messages:
    """How this run talks to people, on stderr only."""

    terminal: Console | None
    """Where a progress bar may be drawn; None where lines are written."""
    json_lines: bool
    quiet: bool

    def table(self, title: str, rows: Mapping[str, str], fields: Mapping[str, Any]) -> None:
        """Close with a small table; where programs read the messages, with one line of fields."""
        if self.json_lines:
            log(title, **fields)
        elif not self.quiet:
            width = max(map(len, rows)) + 2
            lines = [f"  {name:<{width}}{printable(value)}\n" for name, value in rows.items()]
            sys.stderr.write("".join([f"{title}\n", *lines]))
            sys.stderr.flush()


def set_up_messages(log_format: LogFormat | None, *, quiet: bool) -> Messages:
    """Configure messages: drawn on a terminal, unless there is none or log lines are asked for."""
    terminal = None
    if log_format is None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from rich.console import Console

        terminal = Console(stderr=True)
    json_lines = log_format is LogFormat.JSON
    configure_logging(json_lines=json_lines, quiet=quiet, terminal=terminal)
    return Messages(terminal, json_lines, quiet)
