"""Numbers, times and names as a reader of the report sees them."""

from __future__ import annotations

import math
import unicodedata
from datetime import datetime, timedelta

from echodepth_cli.iso_time import parse_iso_time

NOT_MEASURED = "–"
MINUS = "\u2212"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def is_number(value: object) -> bool:
    """Tell whether a value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def clock(seconds: float | None, *, tenths: bool = False) -> str:
    """Write an offset in the recording as ``04:33`` or ``1:04:33``, with tenths if asked for."""
    if seconds is None or not math.isfinite(seconds):
        return NOT_MEASURED
    # Rounded before it is split, so that 59.96 s never reads 00:60.0.
    ticks = round(abs(seconds) * (10 if tenths else 1))
    whole, tenth = divmod(ticks, 10) if tenths else (ticks, 0)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute:02d}:{second:02d}"
    sign = MINUS if seconds < 0 and ticks else ""
    return f"{sign}{text}.{tenth}" if tenths else f"{sign}{text}"


def duration(seconds: float | None) -> str:
    """Write a length of time in words: ``2 min 05 s``, ``1 h 04 min``, ``3.5 s``."""
    if seconds is None or not math.isfinite(seconds):
        return "unknown"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours} h {minute:02d} min {second:02d} s" if hours else f"{minute} min {second:02d} s"


def date_time(value: str | datetime | None, *, tenths: bool = False) -> str | None:
    """Write an ISO 8601 moment as ``23 Nov 2026, 09:15:30 UTC``; None when there is none.

    A moment without a zone says so; text that is no ISO 8601 moment is given back as it stands.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            moment = parse_iso_time(value)
        except ValueError:
            return visible(value)
    else:
        moment = value
    if tenths:
        moment += timedelta(milliseconds=50)
    text = f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}, {moment:%H:%M:%S}"
    if tenths:
        text += f".{moment.microsecond // 100_000}"
    return f"{text} {_zone(moment.utcoffset())}"


def _zone(offset: timedelta | None) -> str:
    if offset is None:
        return "(time zone not stated)"
    minutes = round(offset.total_seconds() / 60)
    if minutes == 0:
        return "UTC"
    sign = "+" if minutes > 0 else MINUS
    return f"UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def number(value: float | None, digits: int = 2) -> str:
    """Write a measured number; a missing one is a dash, never 0."""
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    text = f"{value:.{digits}f}"
    return text.replace("-", MINUS) if float(text) else f"{0:.{digits}f}"


def signed(value: float | None, digits: int = 2) -> str:
    """Write a difference with its sign."""
    text = number(value, digits)
    return (
        f"+{text}"
        if value is not None and math.isfinite(value) and float(f"{value:.{digits}f}") > 0
        else text
    )


def percent(share: float | None) -> str:
    """Write a share of 1 as a percentage that reads 0% or 100% only when it is exactly that."""
    if share is None or not math.isfinite(share):
        return NOT_MEASURED
    if 0 < share < 0.001:
        return "under 0.1%"
    if 0.999 < share < 1:
        return "over 99.9%"
    digits = 1 if 0 < share < 0.0995 or 0.9905 <= share < 1 else 0
    return f"{share * 100:.{digits}f}%".replace("-", MINUS)


def count(value: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun: ``1 frame``, ``1,204 frames``."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def size(byte_count: int | None) -> str:
    """Write a file size with the exact count beside it."""
    if byte_count is None:
        return "unknown"
    if byte_count < 1000:
        return count(byte_count, "byte")
    units = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
    unit, factor = next(pair for pair in units if byte_count >= pair[1])
    return f"{byte_count / factor:.1f} {unit} ({byte_count:,} bytes)"


def visible(text: str) -> str:
    r"""Replace characters that hide or reorder text by their code, such as ``\u202e``.

    A file name may hold line breaks, terminal escapes or direction overrides that would make a
    report show another name than the file has.
    """
    return "".join(
        char if char == " " or unicodedata.category(char) not in _HIDDEN else f"\\u{ord(char):04x}"
        for char in text
    )


_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
