"""Valence, arousal and dominance of single pictures, against faces at rest in general.

A picture has no neutral face of its own: its Action Units are measured against the average face,
where a person's build counts as movement and even photographs labelled neutral are not at zero. So
pictures have weights of their own (`models/vad_stills.toml`) and are counted from the mean level of
neutral photographs, not from zero: a face at that level scores exactly 0.5, a unit below its level
counts the other way. Additive and squashed as in `affect.vad`; the parts of the units add up.

    model = StillVadModel.load(model_path("vad_stills"))
    vad = model.score(estimate)                             # of `ActionUnitModel.absolute`
    parts = model.contributions(still_levels(estimate))     # (3, 46), V, A, D by AU
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from echodepth_cli.affect.action_units import AUEstimate
from echodepth_cli.affect.vad import (
    AU_COUNT,
    NEUTRAL,
    Float64Array,
    au_index,
    read_table,
    squashed,
    weight_rows,
)
from echodepth_cli.records import Vad

_CLOSED = 43


@dataclass(frozen=True, slots=True)
class StillVadModel:
    """Weights and levels of rest for single pictures; immutable."""

    version: str
    weights: Float64Array
    """(3, 46): valence, arousal, dominance by AU1..AU46."""
    rest: Float64Array
    """(46,) mean level of each unit in photographs labelled neutral."""

    @classmethod
    def load(cls, path: Path) -> StillVadModel:
        """Read the table; raises ModelError when the file is missing or is not such a table."""
        with read_table(path) as table:
            weights = weight_rows(table["weights"])
            rest = np.zeros(AU_COUNT)
            for name, level in table["rest"].items():
                rest[au_index(name)] = float(level)
            if not ((rest >= 0) & (rest <= 1)).all():
                raise ValueError("a level of rest is not within 0..1")
            for array in (weights, rest):
                array.setflags(write=False)
            return cls(str(table["version"]), weights, rest)

    def score(self, estimate: AUEstimate) -> Vad:
        """Return the scores of one picture."""
        v, a, d = NEUTRAL + self.contributions(still_levels(estimate)).sum(axis=-1)
        return Vad(float(v), float(a), float(d))

    def contributions(self, levels: ArrayLike) -> Float64Array:
        """Return (..., 3, 46) parts of (..., 46) `still_levels`; with 0.5 they add up."""
        moved = np.nan_to_num(np.asarray(levels, dtype=np.float64) - self.rest, nan=0.0)
        return squashed(self.weights * moved[..., None, :])


def still_levels(estimate: AUEstimate) -> Float64Array:
    """Return (46,) levels 0..1 that pictures are scored by; NaN where a unit was not seen.

    A unit with sides counts as their mean, which has less noise than the stronger side; the grades
    of closing eyes, AU41 to 43, count as one closure, as AU43.
    """
    sides = np.isfinite(estimate.left) & np.isfinite(estimate.right)
    levels = np.where(sides, (estimate.left + estimate.right) / 2, estimate.intensities)
    levels = levels.astype(np.float64)
    if np.isfinite(levels[_CLOSED - 1]):
        levels[_CLOSED - 1] = (estimate.lid_closure_left + estimate.lid_closure_right) / 2
    return levels
