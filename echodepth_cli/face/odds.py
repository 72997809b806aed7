"""How much likelier two sights of a face are of one person than of two, as log odds."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.looks import Appearance
from echodepth_cli.face.signature import distance
from echodepth_cli.face.tracks import growth, separation
from echodepth_cli.records import Box

Odds = NDArray[Any]
"""Log odds, or what they come from; of any shape."""

SURE: Final = 0.90
"""An identity less certain than this is reported as uncertain and lowers the confidence."""

_STRONG: Final = 8.0
"""Log odds beyond which likeness is not counted; its spreads are not known that well."""

_NEAR: Final = 0.75
"""A face so near to where a person was last, in face sizes, is in that person's place."""

_VERY_NEAR: Final = 0.25
_AT_ONCE_S: Final = 1.0
_CARRIED_ON: Final = 4.0
"""Log odds: without a cut nobody takes another's very place, at the same size, within a second."""

INTERLUDE: Final = 8.0
"""Log odds: nobody else comes and goes in somebody's very place, all within a second or so, as a
grimace does that makes a face unlike itself. As much as likeness may amount to."""

_SOON_S: Final = 3.0
_BACK_SOON: Final = 2.0
_IN_PLACE: Final = 0.7
SEEN_BEFORE: Final = 0.5
"""Log odds: back in place within seconds; in place; someone known rather than someone new."""


def alike(one: Appearance, other: Appearance) -> float:
    """Return the log odds that two looks are of one person rather than of two."""
    weight = 0.0
    if one.shape.value is not None and other.shape.value is not None:
        unlike = distance(one.shape.value, other.shape.value)
        faces = min(one.shape.count, other.shape.count)
        weight += float(shape_odds(np.array(unlike), np.array(faces)))
    if one.colours.value is not None and other.colours.value is not None:
        weight += float(colour_odds(one.colours.value, other.colours.value))
    return bounded(weight)


def bounded(weight: float) -> float:
    """Return the log odds that likeness may at most amount to."""
    return max(-_STRONG, min(_STRONG, weight))


def shape_odds(unlike: Odds, faces: Odds) -> Odds:
    """Return what the proportions of two faces add: ``unlike`` is their distance.

    The spreads were measured on real recordings, see docs/persons.md: of one person's faces
    against the person's mean elsewhere in the recording, and of different people. Both have tails:
    a person may grimace for seconds, and two people may be built alike.
    """
    usual = _normal(unlike, 0.80 + 0.36 / np.sqrt(faces), 0.33 + 0.25 / faces)
    same = 0.9 * usual + 0.1 * _normal(unlike, 1.90, 0.60)
    different = 0.9 * _normal(unlike, 2.60, 0.57) + 0.1 * _normal(unlike, 1.40, 0.50)
    odds: Odds = np.log(same / different)
    return odds


def shapes_apart(one: Odds, others: Odds) -> Odds:
    """Return how unlike one shape (16,) is each of others (N, 16), root mean square."""
    unlike: Odds = np.sqrt(np.mean((one - others) ** 2, axis=1))
    return unlike


def colour_odds(one: Odds, others: Odds) -> Odds:
    """Return what the colours of hair, face and clothes add: (9,) against (..., 9)."""
    unlike, share = _unlikeness(one, others)
    # Another camera or lamp changes all colours.
    same = 0.95 * _normal(unlike, 3.0, 2.5) + 0.05 * _normal(unlike, 14.0, 9.0)
    odds: Odds = share * np.log(same / _normal(unlike, 17.0, 8.0))
    return odds


def _unlikeness(one: Odds, others: Odds) -> tuple[Odds, Odds | float]:
    """Return how far colours are apart, root mean square, and which share of them is known."""
    squares = (one - others) ** 2
    known = np.isfinite(squares)
    if known.all():
        return np.sqrt(squares.sum(axis=-1) / squares.shape[-1]), 1.0
    total = np.where(known, squares, 0.0).sum(axis=-1)
    return np.sqrt(total / np.maximum(known.sum(axis=-1), 1)), known.mean(axis=-1)


def _normal(value: Odds, mean: Odds | float, spread: Odds | float) -> Odds:
    """Return the normal density, but for a constant; never quite 0."""
    density: Odds = np.exp(-0.5 * ((value - mean) / spread) ** 2) / spread + 1e-12
    return density


def placed(box: Box, before: Box, gap_s: float, *, after_cut: bool) -> float:
    """Return the log odds that place adds: where the person was last, and how long ago."""
    away = max(separation(box, before), growth(box, before))
    if away > _NEAR:
        return 0.0
    if after_cut or gap_s > _SOON_S:
        return _IN_PLACE
    return _CARRIED_ON if away <= _VERY_NEAR and gap_s <= _AT_ONCE_S else _BACK_SOON
