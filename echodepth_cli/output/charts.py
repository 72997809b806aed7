"""Numbers to SVG geometry: lines, areas, stretches and ticks. The drawing itself is in templates.

A plot's view box counts centiseconds from the start of the analysed stretch to the right and
thousandths downwards; it is stretched to its place, so text and markers stay outside it and are
placed in per cent of the width. Both keep their proportions at any size and zoom.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.output.downsample import bin_maxima, runs
from echodepth_cli.output.formats import clock
from echodepth_cli.records import FloatArray

Floats = NDArray[np.float64]
HEIGHT: Final = 1000
"""Height of every view box: one thousandth per unit."""
_PER_S: Final = 100
_TICK_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_MOST_TICKS: Final = 6
_INTENSITY_STEPS: Final = 50


@dataclass(frozen=True, slots=True)
class Tick:
    """One mark on the time axis."""

    at_s: float
    percent: str
    label: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time, in a plot's view box and in per cent of the width."""

    start_s: float
    end_s: float
    x: int
    width: int
    percent: str
    width_percent: str
    title: str


@dataclass(frozen=True, slots=True)
class Axis:
    """The analysed stretch of the recording, left edge to right edge."""

    start_s: float
    end_s: float

    @property
    def width(self) -> int:
        """Return the width of a plot's view box."""
        return max(1, self.x(self.end_s))

    def x(self, offset_s: float) -> int:
        """Return the place of a moment in the view box."""
        return round((offset_s - self.start_s) * _PER_S)

    def percent(self, offset_s: float) -> str:
        """Return the place of a moment in per cent of the width."""
        span = max(self.end_s - self.start_s, 1e-9)
        return f"{min(max((offset_s - self.start_s) / span * 100, 0.0), 100.0):.3f}%"

    def stretch(self, start_s: float, end_s: float, title: str) -> Stretch:
        """Return a stretch, at least one unit wide and cut to the axis."""
        start_s, end_s = max(start_s, self.start_s), min(end_s, self.end_s)
        left = self.x(start_s)
        width = max(1, self.x(end_s) - left)
        across = f"{width / self.width * 100:.3f}%"
        return Stretch(start_s, end_s, left, width, self.percent(start_s), across, title)

    def ticks(self) -> tuple[Tick, ...]:
        """Return marks at round times, few enough to be read on a narrow screen."""
        span = self.end_s - self.start_s
        step = next((s for s in _TICK_STEPS_S if span / s <= _MOST_TICKS), _TICK_STEPS_S[-1])
        first = int(np.ceil(self.start_s / step - 1e-9))
        last = int(np.floor(self.end_s / step + 1e-9))
        times = [k * step for k in range(first, last + 1)]
        return tuple(Tick(t, self.percent(t), clock(t)) for t in times)


def axis_of(times_s: Floats, interval_s: float, duration_s: float) -> Axis:
    """Return the axis that holds every row; the whole recording when there is none."""
    if not len(times_s):
        return Axis(0.0, max(duration_s, 1.0))
    return Axis(float(times_s[0]), max(float(times_s[-1]) + interval_s, float(times_s[0]) + 0.5))


def y(value: float) -> int:
    """Return the place of a score of 0..1 in the view box, 1 at the top."""
    return round((1 - min(max(value, 0.0), 1.0)) * HEIGHT)


def line_path(axis: Axis, times_s: Floats, values: Floats, stretches: NDArray[np.int64]) -> str:
    """Return a line through the rows, broken where a value is missing or a stretch ends.

    ``stretches`` (n,) numbers the unbroken stretch each row belongs to.
    """
    pieces: list[str] = []
    previous: tuple[int, int, int] | None = None
    rows = zip(times_s.tolist(), values.tolist(), stretches.tolist(), strict=True)
    for time_s, value, stretch in rows:
        if value != value:
            previous = None
            continue
        here = (stretch, axis.x(time_s), y(value))
        if previous is None or previous[0] != stretch:
            # The empty step makes a lone row show as a dot.
            pieces.append(f"M{here[1]} {here[2]}h0")
        else:
            pieces.append(f"l{_pair(here[1] - previous[1], here[2] - previous[2])}")
        previous = here
    return "".join(pieces)


def area_path(axis: Axis, times_s: Floats, values: Floats | FloatArray, bins: int) -> str:
    """Return the outline of the highest intensity in each of ``bins`` stretches."""
    highest = bin_maxima(times_s, values, axis.start_s, axis.end_s, bins)
    steps = np.where(np.isnan(highest), 0, np.ceil(highest * _INTENSITY_STEPS)).astype(int)
    pieces: list[str] = []
    position = 0
    for level, group in itertools.groupby(steps.tolist()):
        length = len(list(group))
        if level > 0:
            left = round(position / bins * axis.width)
            right = round((position + length) / bins * axis.width)
            top = HEIGHT - min(level * HEIGHT // _INTENSITY_STEPS, HEIGHT)
            pieces.append(f"M{left} {HEIGHT}V{top}H{right}V{HEIGHT}")
        position += length
    return "".join(pieces)


def block_path(stretches: Iterable[Stretch]) -> str:
    """Return full-height blocks over stretches of time."""
    return "".join(f"M{s.x} 0h{s.width}v{HEIGHT}h-{s.width}z" for s in stretches)


def flag_stretches(
    axis: Axis, times_s: Floats, flags: NDArray[np.bool_], interval_s: float
) -> tuple[Stretch, ...]:
    """Return the stretches in which a flag is on, each to the end of its last row."""
    return tuple(
        axis.stretch(float(times_s[first]), float(times_s[last]) + interval_s, "")
        for first, last in runs(flags)
    )


def _pair(dx: int, dy: int) -> str:
    return f"{dx}{dy}" if dy < 0 else f"{dx} {dy}"
