"""Valence, arousal and dominance as additive functions of Action Unit intensities.

Each score is ``0.5 + 0.5 * tanh(S)``, S a signed weighted sum over AUs (`models/vad_weights.toml`),
so that nothing moved is exactly 0.5 and each AU's part is its share of S: the parts of all AUs add
up to the distance of the score from 0.5, also where the score saturates. The scores describe
visible movement. Dominance has low reliability: published values disagree even in sign.

    model = VadModel.load(resource_dir("models") / "vad_weights.toml")
    vad = model.score(aus, talking=False, pitch_change_deg=0.0)      # one frame
    parts = model.contributions(aus)                                  # (3, 46), V, A, D by AU
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echodepth_cli.errors import ModelError
from echodepth_cli.records import FloatArray, Vad

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DIMENSIONS = ("valence", "arousal", "dominance")
"""Order of the rows of weights and contributions."""

NEUTRAL = 0.5
"""Each score of a face that does not move from its neutral."""

AU_COUNT = 46

Float64Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class VadModel:
    """The weights and the two corrections; immutable, so sessions may share one."""

    version: str
    weights: Float64Array
    """(3, 46): valence, arousal, dominance by AU1..AU46."""
    talking: Float64Array
    """(46,) factor on each AU while the person talks, 0..1."""
    pitch_aus: NDArray[np.bool_]
    """(46,) units that lose their part in dominance as the head pitches."""
    pitch_full_deg: float
    pitch_none_deg: float
    rest_band: float
    """Intensities up to this are rest, and the scale from here to 1 counts. Intensities cannot be
    negative and most units weigh against valence, so noise alone would pull a calm face down."""

    @classmethod
    def load(cls, path: Path) -> VadModel:
        """Read the weights; raises ModelError when the file is missing or is not such a table."""
        with read_table(path) as table:
            return cls.from_table(table)

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> VadModel:
        """Take the weights from a table; raises ValueError and its kind when they make no sense."""
        weights = weight_rows(table["weights"])
        talking = np.ones(AU_COUNT)
        for name, factor in table["talking"].items():
            talking[au_index(name)] = float(factor)
        pitch = table["head_pitch"]
        pitch_aus = np.zeros(AU_COUNT, dtype=bool)
        pitch_aus[[int(au) - 1 for au in pitch["aus"]]] = True
        full_deg, none_deg = float(pitch["full_deg"]), float(pitch["none_deg"])
        rest_band = float(table["rest_band"])
        if not ((talking >= 0) & (talking <= 1)).all():
            raise ValueError("a factor for talking is not within 0..1")
        if not 0 <= full_deg < none_deg or not 0 <= rest_band < 1:
            raise ValueError("the head pitch or the rest band is out of range")
        for array in (weights, talking, pitch_aus):
            array.setflags(write=False)
        version = str(table["version"])
        return cls(version, weights, talking, pitch_aus, full_deg, none_deg, rest_band)

    def score(
        self, aus: FloatArray, *, talking: bool = False, pitch_change_deg: float = 0.0
    ) -> Vad:
        """Return the scores of one frame; see `score_many` for the inputs."""
        v, a, d = self.score_many(aus, talking=talking, pitch_change_deg=pitch_change_deg)
        return Vad(float(v), float(a), float(d))

    def score_each(self, frames: Sequence[tuple[FloatArray, bool, float]]) -> list[Vad]:
        """Return the scores of many frames: intensities, talking and change of pitch of each."""
        if not frames:
            return []
        aus, talking, pitch_change_deg = zip(*frames, strict=True)
        scores = self.score_many(np.array(aus), talking=talking, pitch_change_deg=pitch_change_deg)
        return [Vad(*row) for row in scores.tolist()]

    def score_many(
        self, aus: ArrayLike, *, talking: ArrayLike = False, pitch_change_deg: ArrayLike = 0.0
    ) -> Float64Array:
        """Return (..., 3) scores 0..1 of (..., 46) intensities; NaN intensities take no part.

        ``talking`` and ``pitch_change_deg`` (head pitch minus the person's neutral pitch) are
        scalars or of shape (...).
        """
        parts = self.contributions(aus, talking=talking, pitch_change_deg=pitch_change_deg)
        scores: Float64Array = NEUTRAL + parts.sum(axis=-1)
        return scores

    def contributions(
        self, aus: ArrayLike, *, talking: ArrayLike = False, pitch_change_deg: ArrayLike = 0.0
    ) -> Float64Array:
        """Return (..., 3, 46) parts of each AU; with 0.5 they add up to the scores."""
        intensities = above_rest(aus, self.rest_band)
        speech = np.where(np.asarray(talking, dtype=bool)[..., None], self.talking, 1.0)
        raw = self.weights * (intensities * speech)[..., None, :]
        raw[..., 2, :] *= self._pitch_factor(pitch_change_deg)
        return squashed(raw)

    def _pitch_factor(self, pitch_change_deg: ArrayLike) -> Float64Array:
        change = np.abs(np.nan_to_num(np.asarray(pitch_change_deg, dtype=np.float64)))[..., None]
        span = self.pitch_none_deg - self.pitch_full_deg
        kept = np.clip((self.pitch_none_deg - change) / span, 0.0, 1.0)
        return np.where(self.pitch_aus, kept, 1.0)


def squashed(raw: Float64Array) -> Float64Array:
    """Return each AU's share of ``0.5 * tanh`` of the sum, over the last axis of ``raw``."""
    total = raw.sum(axis=-1, keepdims=True)
    safe = np.where(np.abs(total) < 1e-9, 1.0, total)
    squash = np.where(np.abs(total) < 1e-9, 1.0, np.tanh(total) / safe)
    parts: Float64Array = 0.5 * raw * squash
    return parts


def above_rest(aus: ArrayLike, rest_band: float) -> Float64Array:
    """Return intensities counted from the end of the rest band, 0..1; 0 for NaN."""
    intensities = np.nan_to_num(np.asarray(aus, dtype=np.float64), nan=0.0)
    counted: Float64Array = np.clip(intensities - rest_band, 0.0, 1.0) / (1.0 - rest_band)
    return counted


def top_contributions(
    parts: Float64Array, dimension: int, count: int = 5
) -> tuple[tuple[int, float], ...]:
    """Return the (AU, share) pairs that explain most of one frame's distance from 0.5.

    Takes (3, 46) ``parts``; shares are of the whole distance, so all of them add up to 1 and an AU
    that worked against the rest has a negative share. Empty where the score is 0.5.
    """
    row = parts[dimension]
    total = float(row.sum())
    if math.isclose(total, 0.0, abs_tol=1e-9):
        return ()
    order = np.argsort(-np.abs(row), kind="stable")[:count]
    return tuple((int(i) + 1, float(row[i] / total)) for i in order if abs(row[i] / total) >= 0.01)


@contextmanager
def read_table(path: Path) -> Iterator[dict[str, Any]]:
    """Hand over a TOML table of weights; raises ModelError when it, or what is in it, is none."""
    try:
        yield tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot read the VAD weights: {error.strerror}") from error
    except (
        tomllib.TOMLDecodeError,
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        IndexError,
    ) as error:
        raise ModelError(f"{path}: not a table of VAD weights: {error!r}") from error


def weight_rows(table: Mapping[str, Any]) -> Float64Array:
    """Return (3, 46) weights, 0 for units not listed; raises ValueError and its kind."""
    weights = np.zeros((3, AU_COUNT))
    for name, row in table.items():
        weights[:, au_index(name)] = [float(row[d]) for d in DIMENSIONS]
    if not np.isfinite(weights).all():
        raise ValueError("a weight is not a number")
    return weights


def au_index(name: str) -> int:
    """Return the column of ``AU01`` to ``AU46``; raises ValueError for another name."""
    number = int(name.removeprefix("AU"))
    if not name.startswith("AU") or not 1 <= number <= AU_COUNT:
        raise ValueError(f"'{name}' is not AU01 to AU{AU_COUNT}")
    return number - 1
