"""Blinks: closures of both eyes that are over within half a second.

A blink takes 0.1 to 0.4 s from the first movement of the lids to the last (Stern, Walrath &
Goldstein 1984, Psychophysiology 21:22), so one picture cannot tell it from eyes that are kept
closed, and pictures further apart than `MAX_STEP_S` miss most blinks. Where they come fast enough
a brief closure is AU45 and no longer AU41 to 43; a longer one stays AU43 and AU45 is 0. Elsewhere
AU45 is missing.

    detector = BlinkDetector()
    estimates = detector.push(offset_s, estimate)     # earlier ones, in order, once decided
    estimates = detector.finish()                     # the rest
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from echodepth_cli.affect.action_units import UNTIMED, AUEstimate

MAX_STEP_S: Final = 0.125
"""Least sampling: eight pictures a second."""

MAX_BLINK_S: Final = 0.50
"""A closure that lasts longer is no blink."""

_MOVING: Final = 0.30
"""Closure of both lids from which they are on their way."""

_SHUT: Final = 0.60
"""Closure that a blink reaches in at least one picture; landmarks blur fast lids."""

_CLOCK_S: Final = 1e-6
"""Allowance for rounding in presentation times."""

_BLINK: Final = 45

_GRADES: Final = slice(40, 43)
"""AU41, 42 and 43 in the arrays of an estimate."""


@dataclass(frozen=True, slots=True)
class _Moment:
    offset_s: float
    estimate: AUEstimate | None
    closure: float
    """Of both lids; NaN without a face."""
    soon: bool
    """Whether the picture before also showed the face, and not too long ago."""

    @property
    def closing(self) -> bool:
        return self.closure >= _MOVING


class BlinkDetector:
    """Gives one estimate per pushed one, in order, as soon as its closure is over."""

    def __init__(self) -> None:
        self._last: _Moment | None = None
        self._closure: list[_Moment] = []
        """Held: a closure that goes on and may still be a blink."""

    def push(self, offset_s: float, estimate: AUEstimate | None) -> list[AUEstimate | None]:
        """Take one picture's estimate, None without the person; return those decided by it."""
        last = self._last
        soon = (
            last is not None
            and not np.isnan(last.closure)
            and offset_s - last.offset_s <= MAX_STEP_S + _CLOCK_S
        )
        moment = self._last = _Moment(offset_s, estimate, _both_lids(estimate), soon)
        begins = moment.closing and soon and last is not None and not last.closing
        if self._closure and moment.closing and soon:
            self._closure.append(moment)
            over_long = offset_s - self._closure[0].offset_s > MAX_BLINK_S
            return self._let_go(blink=False) if over_long else []
        opened = soon and not np.isnan(moment.closure)
        decided = self._let_go(blink=opened and self._brief(offset_s)) if self._closure else []
        if begins:
            self._closure = [moment]
            return decided
        return [*decided, _told(moment, blink=False)]

    def finish(self) -> list[AUEstimate | None]:
        """Return the estimates of a closure that was never seen to end."""
        return self._let_go(blink=False)

    def _brief(self, end_s: float) -> bool:
        shut = max(moment.closure for moment in self._closure) >= _SHUT
        return shut and end_s - self._closure[0].offset_s <= MAX_BLINK_S + _CLOCK_S

    def _let_go(self, *, blink: bool) -> list[AUEstimate | None]:
        moments, self._closure = self._closure, []
        return [_told(moment, blink=blink) for moment in moments]


def _both_lids(estimate: AUEstimate | None) -> float:
    if estimate is None:
        return float("nan")
    lids = estimate.lid_closure_left, estimate.lid_closure_right
    return min(sum(lids) / 2, 2 * min(lids))  # a wink is no blink


def _told(moment: _Moment, *, blink: bool) -> AUEstimate | None:
    """Return the estimate with AU45, if the pictures came fast enough to tell."""
    estimate = moment.estimate
    if estimate is None or not moment.soon or estimate.reasons.get(_BLINK) != UNTIMED:
        return estimate
    intensities = estimate.intensities.copy()
    left, right = estimate.left.copy(), estimate.right.copy()
    intensities[_BLINK - 1] = min(moment.closure, 1.0) if blink else 0.0
    if blink:
        for values in (intensities, left, right):
            values[_GRADES] = 0.0
    reasons = {k: why for k, why in estimate.reasons.items() if k != _BLINK}
    return replace(estimate, intensities=intensities, left=left, right=right, reasons=reasons)
