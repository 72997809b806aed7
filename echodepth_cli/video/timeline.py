"""Turn the timestamps a decoder gives into times that only move forwards.

Recordings carry timestamps that are missing, repeated, run backwards or jump by days. A frame is
never dropped for that: its time is taken as it stands when it can be true and otherwise placed
next to its neighbours, and every repair is counted and said.
"""

from __future__ import annotations

from fractions import Fraction

_GAP_S = 10
"""A longer wait between two frames is worth a sentence."""
_ABSURD_S = 6 * 3600
"""A longer wait is a broken clock, not a gap."""
_RESTART_S = 1
"""A longer step back is a clock that started again."""
_LEAD_S = Fraction(1, 2)
"""A first frame later than this after the stated start means that pictures before it were lost."""


class Timeline:
    """Places frames in order; times in, offsets from the recording's start out, in seconds.

    The start is the first frame. Only when it comes more than half a second after the start that
    the container states, because what lies before cannot be decoded, is it the stated start, so
    that offsets still agree with a player. Offsets given out are strictly increasing.
    """

    def __init__(self, start_s: Fraction | None, interval_s: Fraction) -> None:
        self._start = start_s
        self._interval = interval_s
        self._origin: Fraction | None = None
        self._shift = Fraction(0)
        self._previous = Fraction(0)
        self._lead = Fraction(0)
        self._missing = self._repeated = self._outliers = 0
        self._restarts: list[tuple[float, float]] = []
        self._gaps: list[tuple[float, float]] = []

    def offset(self, time_s: Fraction) -> float:
        """Return where ``time_s`` would lie as things stand; no side effects."""
        return float(time_s + self._shift - (self._origin or 0))

    def ticks(self, offset_s: float, time_base: Fraction) -> int:
        """Return the stored timestamp of an offset as things stand; inverse of `offset`."""
        time_s = Fraction(offset_s).limit_denominator(1_000_000) - self._shift
        return round((time_s + (self._origin or 0)) / time_base)

    def place(self, time_s: Fraction | None, following_s: Fraction | None) -> float:
        """Return the offset of the next frame.

        ``time_s`` is its own timestamp and ``following_s`` that of the frame after it, None where
        there is none. Knowing the next one tells a lone wrong timestamp from a clock that changed.
        """
        time = None if time_s is None else time_s + self._shift
        following = None if following_s is None else following_s + self._shift
        if self._origin is None:
            placed = self._begin(time)
        elif time is None:
            self._missing += 1
            placed = self._between(following, self._interval)
        elif time > self._previous:
            placed = self._forwards(time, following)
        else:
            placed = self._backwards(time, following)
        self._previous = placed
        return float(placed - (self._origin or 0))

    def _begin(self, time: Fraction | None) -> Fraction:
        if time is None:
            self._missing += 1
            time = self._start or Fraction(0)
        origin = time
        if self._start is not None and _LEAD_S < time - self._start < _ABSURD_S:
            origin = self._start
            self._lead = time - origin
        self._origin = origin
        return time

    def _forwards(self, time: Fraction, following: Fraction | None) -> Fraction:
        wait = time - self._previous
        if wait <= _GAP_S:
            return time
        if following is not None and self._previous < following < time:
            self._outliers += 1
            return self._between(following, self._interval)
        if wait > _ABSURD_S:
            return self._restart(time)
        self._gaps.append((self._relative(self._previous), self._relative(time)))
        return time

    def _backwards(self, time: Fraction, following: Fraction | None) -> Fraction:
        lone = following is not None and following > self._previous
        if self._previous - time > _RESTART_S and not lone:
            return self._restart(time)
        self._repeated += 1
        # A sixteenth: many frames with one timestamp must not overtake the true time after them.
        return self._between(following, self._interval / 16)

    def _restart(self, time: Fraction) -> Fraction:
        placed = self._previous + self._interval
        self._shift += placed - time
        self._restarts.append((self._relative(placed), float(time - self._previous)))
        return placed

    def _between(self, following: Fraction | None, step: Fraction) -> Fraction:
        if following is not None and following > self._previous:
            return self._previous + min(self._interval, (following - self._previous) / 2)
        return self._previous + step

    def _relative(self, time: Fraction) -> float:
        return float(time - (self._origin or 0))

    def warnings(self) -> list[str]:
        """Return one plain sentence for each kind of repair that was made."""
        said = []
        if self._lead:
            said.append(f"The first {float(self._lead):.2f} s hold no picture that can be decoded.")
        if self._missing:
            said.append(
                f"{self._missing} frame(s) carry no timestamp; their times follow from the frames"
                " around them."
            )
        if self._repeated:
            said.append(
                f"{self._repeated} frame(s) carry a timestamp not later than the frame before;"
                " they were placed directly after it."
            )
        if self._outliers:
            said.append(
                f"{self._outliers} frame(s) carry a timestamp far from those around them; their"
                " times follow from the frames around them."
            )
        said += [
            f"The recording's clock jumps by {jump:+.3f} s at {at:.3f} s; later times are counted"
            " on from there."
            for at, jump in self._restarts[:3]
        ]
        if len(self._restarts) > 3:
            said.append(f"The recording's clock jumps {len(self._restarts)} times in all.")
        said += [
            f"There are no pictures from {begin:.2f} s to {end:.2f} s."
            for begin, end in self._gaps[:10]
        ]
        if len(self._gaps) > 10:
            said.append(f"There are {len(self._gaps)} such stretches without pictures in all.")
        return said
