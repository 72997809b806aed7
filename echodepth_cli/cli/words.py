"""Numbers as people read them in messages."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a length of time, such as ``8.0 s``, ``1 min 14 s`` or ``2 h 03 min``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def clock(seconds: float) -> str:
    """Return a place in a recording, such as ``04:33`` or ``1:04:33``."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    text = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{hours}:{text}" if hours else text


def percent(share: float) -> str:
    """Return a share of one in whole percent; never rounded to 0 or 100 unless it is."""
    whole = round(share * 100)
    if whole == 100 and share < 1:
        return "over 99 %"
    if whole == 0 and share > 0:
        return "under 1 %"
    return f"{whole} %"
