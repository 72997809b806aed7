"""Show a batch as it goes: bars on a terminal, one line for each recording elsewhere."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from echodepth_cli.cli.console import Messages
from echodepth_cli.cli.logs import log
from echodepth_cli.cli.words import duration, percent
from echodepth_cli.errors import printable
from echodepth_cli.events import Event, EventSink, FrameAnalysed, ScoredUpTo, SessionStarted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from echodepth_cli.batch.jobs import AnalysisJob, JobOutcome
    from echodepth_cli.batch.plan import BatchPlan
    from echodepth_cli.batch.runner import BatchListener

_NAME_WIDTH = 32


@contextmanager
def batch_listener(messages: Messages, sink: EventSink | None) -> Iterator[BatchListener]:
    """Give a listener that shows a batch, and passes the events of its sessions on to ``sink``."""
    if messages.terminal is None or messages.quiet:
        yield BatchLog(sink)
        return
    with BatchBars(messages.terminal, sink) as bars:
        yield bars


class BatchLog:
    """Write one line for each recording that ends."""

    def __init__(self, sink: EventSink | None) -> None:
        self._sink = sink
        self._total = self._ended = 0

    def on_planned(self, plan: BatchPlan) -> None:
        """Say how much there is to do."""
        self._total = len(plan.jobs) + len(plan.impossible)
        log(
            f"{self._total} recordings to look at",
            event="batch.started",
            recordings=self._total,
            unsettled=len(plan.unsettled),
            out_dir=str(plan.out_dir),
        )

    def on_submitted(self, job: AnalysisJob) -> None:
        """Say nothing yet."""

    def on_job_event(self, job: AnalysisJob, event: Event) -> None:
        """Pass an event of one recording on."""
        if self._sink is not None:
            self._sink.on_event(event)

    def on_outcome(self, job: AnalysisJob, outcome: JobOutcome) -> None:
        """Say how a recording ended; failures are said even when quiet."""
        self._ended += 1
        facts = outcome.session
        log(
            f"[{self._ended}/{self._total}] {_in_words(outcome)}",
            logging.ERROR if outcome.status.is_failure else logging.INFO,
            event="batch.file",
            name=outcome.name,
            source=str(outcome.source),
            status=str(outcome.status),
            code=outcome.code,
            error=outcome.message,
            attempts=outcome.attempts,
            elapsed_s=round(outcome.elapsed_s, 3),
            session_id=facts.session_id if facts else None,
            alerts=facts.alerts if facts else None,
            coverage=facts.coverage if facts else None,
        )


class BatchBars(BatchLog):
    """One bar for the whole batch and one for each recording in work; failures as lines above."""

    def __init__(self, terminal: Console, sink: EventSink | None) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__(sink)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeRemainingColumn(),
            console=terminal,
            transient=True,
        )
        self._lock = threading.Lock()
        self._tally: dict[str, int] = {}
        self._whole: TaskID | None = None
        self._tasks: dict[str, TaskID] = {}
        self._lengths_s: dict[str, float | None] = {}
        self._shares: dict[str, float] = {}

    def __enter__(self) -> BatchBars:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def on_planned(self, plan: BatchPlan) -> None:
        """Open the bar of the whole batch."""
        super().on_planned(plan)
        self._whole = self._bars.add_task("recordings", total=self._total, note="")

    def on_submitted(self, job: AnalysisJob) -> None:
        """Open a bar for one recording."""
        name = printable(job.name)
        short = name if len(name) <= _NAME_WIDTH else "…" + name[1 - _NAME_WIDTH :]
        with self._lock:
            self._tasks[job.name] = self._bars.add_task(short, total=None, note="")

    def on_job_event(self, job: AnalysisJob, event: Event) -> None:
        """Move the bars along."""
        super().on_job_event(job, event)
        with self._lock:
            if isinstance(event, SessionStarted):
                self._lengths_s[job.name] = event.duration_s
            elif isinstance(event, FrameAnalysed):
                self._advance(job, event.offset_s - job.config.start_s)
            elif isinstance(event, ScoredUpTo) and job.name in self._tasks:
                self._bars.update(self._tasks[job.name], note="scoring")

    def on_outcome(self, job: AnalysisJob, outcome: JobOutcome) -> None:
        """Close the bar of one recording."""
        if outcome.status.is_failure:
            super().on_outcome(job, outcome)
        else:
            self._ended += 1
        with self._lock:
            task = self._tasks.pop(job.name, None)
            if task is not None:
                self._bars.remove_task(task)
            self._shares.pop(job.name, None)
            status = str(outcome.status).replace("_", " ")
            self._tally[status] = self._tally.get(status, 0) + 1
            self._show_whole()

    def _advance(self, job: AnalysisJob, done_s: float) -> None:
        length_s, task = self._lengths_s.get(job.name), self._tasks.get(job.name)
        if task is None or not length_s:
            return
        self._shares[job.name] = min(1.0, done_s / length_s)
        self._bars.update(task, total=length_s, completed=min(done_s, length_s))
        self._show_whole()

    def _show_whole(self) -> None:
        if self._whole is None:
            return
        note = ", ".join(f"{count} {status}" for status, count in self._tally.items())
        done = self._ended + sum(self._shares.values())
        self._bars.update(self._whole, completed=done, note=f"{self._ended}/{self._total} {note}")


def _in_words(outcome: JobOutcome) -> str:
    if outcome.status.is_failure:
        return f"{str(outcome.status).replace('_', ' ')}: {outcome.message} ({outcome.code})"
    facts = outcome.session
    if facts is None:
        why = f": {outcome.message}" if outcome.message else ""
        return f"{outcome.status}: {outcome.name}{why}"
    coverage = "unknown" if facts.coverage is None else percent(facts.coverage)
    took = f", {duration(outcome.elapsed_s)}" if str(outcome.status) == "done" else ""
    alerts = "1 alert" if facts.alerts == 1 else f"{facts.alerts} alerts"
    return f"{outcome.status}: {outcome.name}: {alerts}, coverage {coverage}{took}"
