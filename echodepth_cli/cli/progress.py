"""Listeners that show an analysis as it goes: a bar on a terminal, log lines elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from echodepth_cli.cli.logs import log
from echodepth_cli.cli.words import clock, duration, percent
from echodepth_cli.events import (
    AlertRaised,
    Event,
    FrameAnalysed,
    ScoredUpTo,
    SessionEnded,
    SessionStarted,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

LOG_EVERY_S: Final = 30.0
"""Wall-clock seconds between two progress lines in a log."""


class _Position:
    """How far an analysis has come, in seconds of the recording."""

    def __init__(self) -> None:
        self.total_s: float | None = None
        self._first_s: float | None = None

    def advance(self, event: FrameAnalysed | ScoredUpTo) -> float:
        """Return the seconds between the first frame analysed and this one."""
        if self._first_s is None:
            self._first_s = event.offset_s
        done = max(0.0, event.offset_s - self._first_s)
        return done if self.total_s is None else min(done, self.total_s)


class LogListener:
    """Write a line at the start, every half minute of work, and for each alert."""

    def __init__(self) -> None:
        self._position = _Position()
        self._last_line_s = time.monotonic()

    def on_event(self, event: Event) -> None:
        """Take one event; see `EventSink`."""
        if isinstance(event, SessionStarted):
            self._position.total_s = event.duration_s
            log_start(event)
        elif isinstance(event, (FrameAnalysed, ScoredUpTo)):
            done = self._position.advance(event)
            now = time.monotonic()
            if now - self._last_line_s >= LOG_EVERY_S:
                self._last_line_s = now
                total = self._position.total_s
                share = f" ({percent(done / total)})" if total else ""
                told = f"{duration(done)}{share}"
                if isinstance(event, FrameAnalysed):
                    log(f"analysed {told}", event="progress", analysed_s=done)
                else:
                    log(f"scored {told}", event="progress", scored_s=done)
        elif isinstance(event, AlertRaised):
            log_alert(event)


class BarListener:
    """Move a progress bar along the recording; alerts are written above it.

    The bar appears with the first event: while models load, a library may hold stderr.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._position = _Position()
        self._task = progress.add_task("analysing", total=None)

    def __enter__(self) -> BarListener:
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def on_event(self, event: Event) -> None:
        """Take one event; see `EventSink`."""
        if isinstance(event, SessionStarted):
            self._position.total_s = event.duration_s
            self._progress.update(self._task, total=event.duration_s)
            self._progress.start()
        elif isinstance(event, FrameAnalysed):
            self._progress.update(self._task, completed=self._position.advance(event))
        elif isinstance(event, ScoredUpTo):
            done_s = self._position.advance(event)
            self._progress.update(self._task, description="scoring", completed=done_s)
        elif isinstance(event, SessionEnded):
            self._progress.update(self._task, description="writing the report")
        elif isinstance(event, AlertRaised):
            log_alert(event)


def bar(terminal: Console) -> Progress:
    """Return a progress bar with time left, gone from the screen when it ends."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeLeft()
    return Progress(*columns, TextColumn("left"), console=terminal, transient=True)


def log_start(event: SessionStarted) -> None:
    """Say what is about to be analysed."""
    length = f" ({duration(event.duration_s)})" if event.duration_s is not None else ""
    log(
        f"analysing {event.info.path}{length}",
        event="session.created",
        session_id=event.session_id,
        label=event.label,
        path=str(event.info.path),
    )


def log_alert(event: AlertRaised) -> None:
    """Say which alert was raised, where and by how much."""
    alert = event.alert
    log(
        f"alert {alert.type} at {clock(alert.apex_s)}: "
        f"{alert.value:.2f}, threshold {alert.threshold:.2f}",
        event="session.alert",
        session_id=event.session_id,
        type=alert.type,
        value=alert.value,
        threshold=alert.threshold,
        session_offset_s=alert.apex_s,
        timestamp_ms=event.timestamp_ms,
    )
