"""What needs a person's attention first."""

from __future__ import annotations

from dataclasses import dataclass

from echodepth_cli.batch.entries import Entry
from echodepth_cli.batch.jobs import JobStatus
from echodepth_cli.errors import printable

LOW_COVERAGE = 0.5
"""Below this share of measured frames, a session's figures say little about the session."""


@dataclass(frozen=True, slots=True)
class Review:
    """Why a recording stands where it does in the list."""

    rank: int
    """0 comes first."""
    reason: str


def review(entry: Entry) -> Review:
    """Rank a recording: failures, poor coverage, weak baseline, alerts, other limits, the rest."""
    facts = entry.session
    if entry.status.is_failure:
        word = "Timed out" if entry.status is JobStatus.TIMED_OUT else "Failed"
        return Review(0, f"{word}: {_without_path(entry)}")
    if entry.status is JobStatus.SKIPPED and facts is None:
        return Review(6, f"No report: {entry.message}")
    if facts is None:
        return Review(1, entry.message or "Not analysed yet")
    if facts.coverage is None or facts.coverage < LOW_COVERAGE:
        share = "an unknown share" if facts.coverage is None else f"{facts.coverage:.0%}"
        return Review(2, f"Face measured in only {share} of the frames")
    if facts.baseline_quality != "good":
        return Review(3, f"Baseline {facts.baseline_quality or 'of unknown quality'}")
    if facts.alerts:
        return Review(4, "1 alert" if facts.alerts == 1 else f"{facts.alerts} alerts")
    if facts.reliability != "good":
        return Review(5, facts.reliability_notes)
    return Review(6, "Nothing marked")


def _without_path(entry: Entry) -> str:
    """Return why it failed; the list names the recording already."""
    message = entry.message or "no reason is known"
    for source in {entry.source or "", printable(entry.source or "")}:
        message = message.removeprefix(f"{source}: ")
    return message


def sort_key(entry: Entry) -> tuple[float, ...]:
    """Return the place of an entry among others: by rank, then the worse first."""
    facts = entry.session
    coverage = 1.0 if facts is None or facts.coverage is None else facts.coverage
    return (review(entry).rank, -(facts.alerts if facts else 0), coverage)


def in_order(entries: list[Entry]) -> list[Entry]:
    """Return entries in the order in which a person should look at them."""
    return sorted(sorted(entries, key=lambda entry: entry.name), key=sort_key)
