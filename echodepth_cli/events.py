"""What an analysis tells whoever started it, as it goes.

The pipeline never prints: a progress bar, log lines, a batch parent and a webhook all listen to
the same events.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from echodepth_cli.records import Alert, VideoInfo


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """A recording has been opened and is about to be analysed."""

    session_id: str
    label: str | None
    info: VideoInfo
    duration_s: float | None
    """Length of the stretch to be analysed, as far as it is known."""
    timestamp_ms: int
    """Wall-clock time of its start; counts as in the report."""


@dataclass(frozen=True, slots=True)
class FrameAnalysed:
    """One sampled frame has passed the face stage."""

    offset_s: float


@dataclass(frozen=True, slots=True)
class ScoredUpTo:
    """All frames have passed the face stage, and those before this moment are scored."""

    offset_s: float


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """An alert is complete; ``timestamp_ms`` counts as in the report."""

    session_id: str
    label: str | None
    timestamp_ms: int
    alert: Alert


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """All frames are analysed; outputs are about to be published."""

    session_id: str
    label: str | None
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class ReportReady:
    """The outputs stand complete under their final names."""

    session_id: str
    label: str | None
    timestamp_ms: int
    session_dir: Path
    report: dict[str, Any]


Event: TypeAlias = (
    "SessionStarted | FrameAnalysed | ScoredUpTo | AlertRaised | SessionEnded | ReportReady"
)


class EventSink(Protocol):
    """Listens to an analysis."""

    def on_event(self, event: Event) -> None:
        """Take one event; must be quick and must not raise."""
        ...


class NullSink:
    """Listens to nothing."""

    def on_event(self, event: Event) -> None:
        """Ignore the event."""
