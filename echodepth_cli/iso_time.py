"""Read a date and time in ISO 8601, as options, reports and records of a batch hold it."""

from __future__ import annotations

from datetime import datetime, timezone


def parse_iso_time(text: str) -> datetime:
    """Return the moment that a text names, without a zone if it names none; raises ValueError."""
    # Python 3.10 does not know the Z suffix.
    return datetime.fromisoformat(text.strip().replace("Z", "+00:00"))


def parse_iso_time_utc(text: str) -> datetime:
    """Return the moment that a text names, in UTC if it names no zone; raises ValueError."""
    moment = parse_iso_time(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
