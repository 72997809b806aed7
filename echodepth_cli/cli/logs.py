"""Messages of the command on stderr: one line each, as text or as JSON."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from echodepth_cli.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

LOGGER: Final = "echodepth_cli"
"""The logger above all of the package's own."""

FIELDS: Final = "fields"
"""Key of ``extra`` under which a message carries values for programs."""


def log(message: str, level: int = logging.INFO, **fields: Any) -> None:
    """Log one message of the command line with values for programs beside the words."""
    logging.getLogger(f"{LOGGER}.cli").log(level, message, extra={FIELDS: fields})


def configure_logging(*, json_lines: bool, quiet: bool, terminal: Console | None) -> None:
    """Send log records to stderr; with a terminal, through it, so that lines and bar agree.

    Other libraries are heard only when something is wrong.
    """
    handler: logging.Handler
    if terminal is not None:
        handler = _TerminalHandler(terminal)
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_JsonFormatter() if json_lines else _TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.ERROR)
    logging.getLogger(LOGGER).setLevel(logging.WARNING if quiet else logging.INFO)
    logging.captureWarnings(True)


def json_line(level: str, message: str, fields: Mapping[str, Any]) -> str:
    """Return one log line as a JSON object: time (UTC), level, message, then the fields."""
    record = {"time": _now(), "level": level, "message": message, **fields}
    return json.dumps(record, default=str)


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{_now(record.created)} {record.levelname.lower():<7} {_words(self, record)}"


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json_line(
            record.levelname.lower(), _words(self, record), getattr(record, FIELDS, {})
        )


class _TerminalHandler(logging.Handler):
    def __init__(self, terminal: Console) -> None:
        super().__init__()
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        prefix = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        text = prefix + _words(logging.Formatter(), record)
        self._terminal.print(text, markup=False, highlight=False, soft_wrap=True)


def _words(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """Return the message on one line, with the traceback where one was logged."""
    text = printable(record.getMessage())
    if record.exc_info:
        text += "\n" + formatter.formatException(record.exc_info)
    return text


def _now(created: float | None = None) -> str:
    moment = datetime.now(timezone.utc) if created is None else _from_epoch(created)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _from_epoch(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
