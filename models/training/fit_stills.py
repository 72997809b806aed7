"""Fit the weights of single pictures: of two photographs, which should score higher?

A photograph is measured against the average face, so its intensities are compressed and carry the
person's build: the weights of recordings do not fit it. A label says no level either, only which
of two pictures should lie higher (`PAIRS`), so the fit ranks pairs (logistic loss, which a wrong
label cannot dominate) and one factor for each score sets the scale afterwards. Weights keep the
sign of their prior, at most `MOST` times its size; eyes that are closing count against valence
here, which a recording cannot afford at every blink. Photographs say nothing on dominance: its
weights are the shrunken prior. Called by `models.training.fit_vad`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from echodepth_cli.affect.vad import DIMENSIONS
from models.training.photos import NEGATIVE, PAD, Floats, MeasuredPhotos
from models.training.priors import PRIOR, SHRINK

STILL_PRIOR: Final = {
    **{au: row for au, row in PRIOR.items() if au not in (41, 42)},
    43: (-0.63, -0.27, -0.33),
}
"""As for recordings; AU43 with valence, by the words whose prototypes contain it."""

MOST: Final = 4.0
"""A weight may be this many times its prior: intensities are compressed."""

PULL: Final = 0.02
"""Strength of the prior; a quarter of it changes no area by more than 0.002."""

STEEP: Final = 3.0
"""Difference of score, in inverse, within which the order of a pair still matters."""

HUBER: Final = 0.35
"""Errors of the scale beyond this count linearly."""

Pairs = tuple[tuple[tuple[str, ...], tuple[str, ...], float], ...]

PAIRS: Final[tuple[Pairs, Pairs]] = (
    (
        (("happiness",), NEGATIVE, 1.0),
        (("neutral",), NEGATIVE, 0.5),
        (("happiness",), ("neutral",), 0.5),
    ),
    (
        (("surprise",), ("neutral",), 1.0),
        (("anger", "fear"), ("neutral",), 0.25),
        (("happiness",), ("neutral",), 0.1),
    ),
)
"""Labels higher in valence, and in arousal, than others, and what the pairs count for."""


def fit(photos: MeasuredPhotos) -> tuple[Floats, Floats]:
    """Return (3, 46) weights and the (46,) levels of rest."""
    neutral = photos.levels[photos.labels == "neutral"]
    seen = np.isfinite(neutral).sum(axis=0)
    rest: Floats = np.nansum(neutral, axis=0) / np.maximum(seen, 1)
    used = np.array([au - 1 for au in STILL_PRIOR])
    x = np.nan_to_num(photos.levels - rest)[:, used]
    weights = np.zeros((3, 46))
    for dimension, pairs in enumerate(PAIRS):
        ranked = _ranking(x, photos.labels, dimension, pairs)
        weights[dimension, used] = _scale(x @ ranked, photos.labels, dimension) * ranked
    weights[2, used] = [SHRINK[2] * row[2] for row in STILL_PRIOR.values()]
    return weights, rest


def fitted_scores(fitting: MeasuredPhotos, reporting: MeasuredPhotos) -> Floats:
    """Return (n, 3) scores -1..1 of photographs by weights fitted on others."""
    return scores(reporting, *fit(fitting))


def scores(photos: MeasuredPhotos, weights: Floats, rest: Floats) -> Floats:
    """Return (n, 3) scores -1..1 of photographs."""
    found: Floats = np.tanh(np.nan_to_num(photos.levels - rest) @ weights.T)
    return found


def write(weights: Floats, rest: Floats, version: str, photos: int, path: Path) -> None:
    """Write the table of the shipped weights."""
    rows = "\n".join(
        f"AU{au:02d} = {{ "
        + ", ".join(f"{d} = {weights[k, au - 1]:.3f}" for k, d in enumerate(DIMENSIONS))
        + " }"
        for au in STILL_PRIOR
    )
    levels = "\n".join(f"AU{au:02d} = {rest[au - 1]:.3f}" for au in STILL_PRIOR)
    text = _TABLE.format(version=version, photos=f"{photos:,}", rows=rows, levels=levels)
    path.write_text(text.replace("-0.000", "0.000"), encoding="utf-8")


def _ranking(x: Floats, labels: NDArray[np.str_], dimension: int, pairs: Pairs) -> Floats:
    prior = np.array([row[dimension] for row in STILL_PRIOR.values()])
    bounds = [tuple(sorted((0.0, MOST * p))) for p in prior]
    rows = [
        (np.flatnonzero(np.isin(labels, up)), np.flatnonzero(np.isin(labels, down)), weight)
        for up, down, weight in pairs
    ]

    def loss(w: Floats) -> tuple[float, Floats]:
        score = STEEP * (x @ w)
        value, slope = 0.0, np.zeros(len(x))
        for up, down, weight in rows:
            apart = score[up][:, None] - score[down][None, :]
            value += weight * float(np.logaddexp(0.0, -apart).mean())
            wrong = weight / (1.0 + np.exp(apart)) / apart.size
            slope[up] -= wrong.sum(axis=1)
            slope[down] += wrong.sum(axis=0)
        pull = w - prior
        return value + PULL * float(pull @ pull) / 2, STEEP * (x.T @ slope) + PULL * pull

    found = minimize(loss, prior, jac=True, bounds=bounds, method="L-BFGS-B")
    weights: Floats = found.x
    return weights


def _scale(ranked: Floats, labels: NDArray[np.str_], dimension: int) -> float:
    """Return the factor with which the scores come closest to the labels' PAD values."""
    target = np.array([PAD[label][dimension] for label in labels])
    _, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    share = 1.0 / counts[index]

    def loss(factor: float) -> float:
        error = np.abs(np.tanh(factor * ranked) - target)
        huber = np.where(error <= HUBER, 0.5 * error**2, HUBER * (error - 0.5 * HUBER))
        return float(share @ huber)

    return float(minimize_scalar(loss, bounds=(0.2, 5.0), method="bounded").x)


_TABLE: Final = '''\
# Valence, arousal and dominance of single pictures. Written by models/training/fit_vad.py.
#
#   S_d   = sum over AUs of weight[au][d] * (level[au] - rest[au])
#   score = 0.5 + 0.5 * tanh(S_d)
#
# A level is the intensity against the average face, the mean of both sides; AU43 is the closure of
# the lids. A face at the levels of rest scores exactly 0.5. AUs that are not listed take no part.

name = "vad-stills"
version = "{version}"
provenance = """
Fitted by models/training/fit_stills.py to {photos} photographs with one emotion label each
(muxspace/facial_expressions, Apache-2.0): a ranking of pairs, each weight with the sign of its
prior (see vad_weights.toml). Dominance is the prior, halved. Figures: vad_figures.json and
VAD_CARD.md.
"""

[weights]
{rows}

# Mean level in photographs labelled neutral.
[rest]
{levels}
'''
