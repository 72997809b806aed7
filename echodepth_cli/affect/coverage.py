"""How much of a session can be relied on: coverage, and the gaps with their reasons."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Final

from echodepth_cli.records import FrameResult, FrameStatus

MIN_USABLE_FRAMES: Final = 4
"""With fewer measured frames there is nothing to report on."""

SHORTEST_GAP_S: Final = 1.0
"""Shorter interruptions are counted, not listed."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch about which nothing is said, from its first frame to the next usable one."""

    start_s: float
    end_s: float
    reason: str
    """The status that most of its frames have."""


class CoverageTracker:
    """Push results in order, then `finish`."""

    def __init__(self) -> None:
        self._counts: Counter[FrameStatus] = Counter()
        self._confidence_sum = 0.0
        self._gaps: list[Gap] = []
        self._short_gaps = 0
        self._gap_start_s: float | None = None
        self._gap_counts: Counter[FrameStatus] = Counter()

    @property
    def frames(self) -> int:
        """Number of results pushed."""
        return self._counts.total()

    @property
    def frames_ok(self) -> int:
        """Number of results in which a face was measured."""
        return self._counts[FrameStatus.OK]

    def push(self, result: FrameResult) -> None:
        """Take the next result."""
        self._counts[result.status] += 1
        if result.status is FrameStatus.OK:
            self._confidence_sum += result.confidence or 0.0
            self._close_gap(result.offset_s)
            return
        if self._gap_start_s is None:
            self._gap_start_s = result.offset_s
        self._gap_counts[result.status] += 1

    def finish(self, end_s: float) -> dict[str, Any]:
        """Return the `quality` part of the report; ``end_s`` is where the session ends."""
        self._close_gap(end_s)
        total, ok = self.frames, self.frames_ok
        return {
            "coverage": ok / total if total else 0.0,
            "frames_ok": ok,
            **{
                f"frames_{status.value.removesuffix('_detected')}": self._counts[status]
                for status in FrameStatus
                if status is not FrameStatus.OK
            },
            "mean_confidence": self._confidence_sum / ok if ok else None,
            "gaps": [asdict(gap) for gap in self._gaps],
            "short_gaps": self._short_gaps,
        }

    def _close_gap(self, end_s: float) -> None:
        if self._gap_start_s is None:
            return
        reason = self._gap_counts.most_common(1)[0][0].value
        if end_s - self._gap_start_s >= SHORTEST_GAP_S:
            self._gaps.append(Gap(self._gap_start_s, end_s, reason))
        else:
            self._short_gaps += 1
        self._gap_start_s = None
        self._gap_counts.clear()
