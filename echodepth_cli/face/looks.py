"""What is remembered of how somebody looks: the mean, and the kinds in which their colours come."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.colours import Colours, apart
from echodepth_cli.face.signature import Signature

REMEMBERED: Final = 400
"""Sightings that a mean signature reaches back over."""

_ONE_KIND: Final = 6.0
"""Colours so near to each other, root mean square, are of one kind."""

MOST_KINDS: Final = 8
"""All further colours count to the nearest kind."""


@dataclass(slots=True, eq=False)
class Mean:
    """A running mean of vectors; what is NaN in one is taken from the others."""

    count: int = 0
    value: NDArray[np.float64] | None = None

    def add(self, new: NDArray[Any] | None) -> None:
        """Take one more vector; None is none."""
        if new is None:
            return
        self.count += 1
        if self.value is None:
            self.value = new.astype(np.float64)
            return
        step = (new - self.value) / min(self.count, REMEMBERED)
        grown = np.where(np.isnan(step), self.value, self.value + step)
        self.value = np.where(np.isnan(grown), new, grown)

    def join(self, other: Mean) -> None:
        """Take all that another mean was made of."""
        if other.value is None:
            return
        if self.value is None:
            self.count, self.value = other.count, other.value
            return
        total = self.count + other.count
        both = self.value + (other.value - self.value) * (other.count / total)
        either = np.where(np.isnan(self.value), other.value, self.value)
        self.count, self.value = total, np.where(np.isnan(both), either, both)

    def without(self, other: Mean) -> Mean:
        """Return the mean of what is not in another that joined this one."""
        left = self.count - other.count
        if left <= 0:
            return Mean()
        if self.value is None or other.value is None:
            return self
        rest = self.value + (self.value - other.value) * (other.count / left)
        return Mean(left, np.where(np.isnan(rest), self.value, rest))

    @classmethod
    def of(cls, vectors: Iterable[NDArray[Any] | None]) -> Mean:
        """Return the mean of all vectors, at once where they allow it."""
        known = [vector for vector in vectors if vector is not None]
        rows = np.array(known, dtype=np.float64)
        if 0 < len(known) <= REMEMBERED and not np.isnan(rows).any():
            return cls(len(known), rows.mean(axis=0))
        if not known:
            return cls()
        # What `add` gives one by one, at a twentieth of the time for vectors as short as these.
        return cls(len(known), np.array([_running_mean(column) for column in rows.T.tolist()]))


def _running_mean(values: Sequence[float]) -> float:
    mean = math.nan
    for new, count in zip(values, chain(range(1, REMEMBERED), repeat(REMEMBERED)), strict=False):
        if new == new:
            mean = mean + (new - mean) / count if mean == mean else new
    return mean


@dataclass(slots=True, eq=False)
class Appearance:
    """What is remembered of how somebody looks."""

    shape: Mean = field(default_factory=Mean)
    colours: Mean = field(default_factory=Mean)

    def add(self, shape: Signature | None, colours: Colours | None) -> None:
        """Take how one more face looks."""
        self.shape.add(shape)
        self.colours.add(colours)


@dataclass(slots=True, eq=False)
class Kinds:
    """The kinds of colours in which a face was seen.

    Raised brows bring skin to where the hair was, a turn of the head other light; the middle of two
    kinds is like neither.
    """

    means: list[Mean] = field(default_factory=list)

    def add(self, colours: Colours | None) -> None:
        """Take the colours of one more face."""
        if colours is not None and not np.isnan(colours).all():
            self._like(colours).add(colours)

    def join(self, other: Kinds) -> None:
        """Take all kinds of another."""
        for mean in other.means:
            if mean.value is not None:
                self._like(mean.value).join(mean)

    def without(self, other: Kinds) -> Kinds:
        """Return the kinds, each as often as it was seen but for another that joined these."""
        counts = [mean.count for mean in self.means]
        for mean in other.means:
            if mean.value is not None and self.means:
                counts[self._nearest(mean.value)[1]] -= mean.count
        return Kinds([Mean(max(n, 0), m.value) for n, m in zip(counts, self.means, strict=True)])

    def _like(self, colours: NDArray[Any]) -> Mean:
        """Return the kind that colours are of, a new one if need be."""
        unlike, nearest = self._nearest(colours)
        if unlike > _ONE_KIND and len(self.means) < MOST_KINDS:
            nearest = len(self.means)
            self.means.append(Mean())
        return self.means[nearest]

    def _nearest(self, colours: NDArray[Any]) -> tuple[float, int]:
        """Return how far off and which the nearest kind is."""
        return min(
            ((_unlike(mean, colours), k) for k, mean in enumerate(self.means)),
            default=(np.inf, 0),
        )


def _unlike(mean: Mean, colours: Colours) -> float:
    far = None if mean.value is None else apart(mean.value, colours)
    return np.inf if far is None else far
