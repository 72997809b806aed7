"""The person's own level of the three scores, and how far it can be relied on.

The baseline is the middle of the calmer half of the calibrating stretch, so that a person who
smiles for much of the opening is not taken to be smiling by nature. Its quality is good, weak or
unusable, with a reason for anything but good.

    baseline = baseline_from(stretch, series)      # series: the scored frames, at least those of
    report["baseline"] = baseline.to_dict()        # the stretch; stretch from `calibration`
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from echodepth_cli.affect.calibration import GOOD_S, Stretch
from echodepth_cli.affect.series import Float64Array, Series
from echodepth_cli.records import Vad

QUALITIES = ("good", "weak", "unusable")
"""From best to worst."""

CALM_SHARE = 0.5
"""Share of the stretch, its calmest frames, that the baseline is the middle of."""

GOOD_COVERAGE = 0.6
GOOD_FRONTAL = 0.7
"""Least shares of usable time and of frontal faces for a good baseline."""

MAX_TALKING = 0.9
"""With more of the usable time spent talking the baseline is weak."""

MAX_SPREAD = 0.1
"""Robust spread of a score above which the baseline is weak."""

STORED_DECIMALS = 6
"""The baseline is kept as precisely as a report stores it, so that it can be read back exactly."""

_DECIMALS = 6
"""Those of report.json: a report rendered again must compare with the very same baseline."""

MAD_TO_SD = 1.4826
"""Median distance from the middle to standard deviation, for a normal distribution."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What every score of a session is compared with."""

    source: str
    """`opening_window`, `chosen_window`, `later_stretch`, `population_neutral` or `carried`."""
    window_s: tuple[float, float] | None
    frames_used: int
    quality: str
    """`good`, `weak` or `unusable`."""
    reasons: tuple[str, ...]
    """Plain sentences: why the quality is not good, and which fallback was taken."""
    vad: Vad
    """Baseline scores; 0.5 each for the population neutral."""
    spread: Vad
    """Robust standard deviation of each score about `vad`; NaN when nothing was measured."""
    coverage: float
    """Share of the window with a usable face."""
    frontal_share: float
    talking_share: float
    pitch_deg: float
    """Head pitch of the neutral pose, the reference of `pitch_change_deg` in `vad`."""

    def to_dict(self) -> dict[str, Any]:
        """Return the `baseline` object of report.json."""
        return {
            "source": self.source,
            "window_s": None if self.window_s is None else [round(t, 3) for t in self.window_s],
            "frames_used": self.frames_used,
            "quality": self.quality,
            "reasons": list(self.reasons),
            "vad": _vad_to_dict(self.vad),
            "spread": _vad_to_dict(self.spread),
            "coverage": round(self.coverage, 4),
            "frontal_share": round(self.frontal_share, 4),
            "talking_share": round(self.talking_share, 4),
            "pitch_deg": self.pitch_deg,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Baseline:
        """Take back what `to_dict` gave; scores come back exactly."""
        window = values["window_s"]
        return cls(
            source=str(values["source"]),
            window_s=None if window is None else (float(window[0]), float(window[1])),
            frames_used=int(values["frames_used"]),
            quality=str(values["quality"]),
            reasons=tuple(str(reason) for reason in values["reasons"]),
            vad=_vad_from_dict(values["vad"]),
            spread=_vad_from_dict(values["spread"]),
            coverage=float(values["coverage"]),
            frontal_share=float(values["frontal_share"]),
            talking_share=float(values["talking_share"]),
            pitch_deg=float(values["pitch_deg"]),
        )

    def delta(self, vad: Vad) -> Vad:
        """Return how far scores are from the baseline, each within -1..1."""
        return Vad(
            vad.valence - self.vad.valence,
            vad.arousal - self.vad.arousal,
            vad.dominance - self.vad.dominance,
        )


def baseline_from(
    stretch: Stretch,
    series: Series,
    neutral_quality: str = "good",
    neutral_reasons: Sequence[str] = (),
) -> Baseline:
    """Return the baseline of a session from the scored frames of its calibrating stretch.

    ``neutral_quality`` and ``neutral_reasons`` are what the search for the neutral face says of
    its result; the baseline is never better than that.
    """
    if stretch.window_s is None:
        return _population_baseline(stretch)
    start_s, end_s = stretch.window_s
    inside = (series.offset_s >= start_s) & (series.offset_s < end_s) & series.reliable
    scores, talking = series.vad[inside], series.talking[inside]
    if len(scores) == 0:
        return _population_baseline(stretch)
    centre = _calm_centre(scores, series.aus[inside])
    spread = MAD_TO_SD * np.median(np.abs(scores - centre), axis=0)
    talking_share = float(talking.mean())
    weak = _weaknesses(stretch, talking_share, float(spread.max()))
    quality = max("weak" if weak else "good", neutral_quality, key=QUALITIES.index)
    return Baseline(
        source=stretch.source,
        window_s=stretch.window_s,
        frames_used=len(scores),
        quality=quality,
        reasons=(*stretch.reasons, *weak, *neutral_reasons),
        vad=Vad(*(round(float(x), STORED_DECIMALS) for x in centre)),
        spread=Vad(*(round(float(x), STORED_DECIMALS) for x in spread)),
        coverage=stretch.coverage,
        frontal_share=stretch.frontal_share,
        talking_share=talking_share,
        pitch_deg=round(stretch.pitch_deg, STORED_DECIMALS),
    )


def _calm_centre(scores: Float64Array, aus: np.typing.NDArray[np.float32]) -> Float64Array:
    activity = np.nansum(aus, axis=1)
    count = max(1, math.ceil(CALM_SHARE * len(scores)))
    calm = np.argsort(activity, kind="stable")[:count]
    centre: Float64Array = np.median(scores[calm], axis=0)
    return centre


def _weaknesses(stretch: Stretch, talking_share: float, spread: float) -> tuple[str, ...]:
    checks = (
        (
            stretch.usable_s < GOOD_S,
            f"Only {stretch.usable_s:.1f} s of a frontal, well-measured face; {GOOD_S:g} s make a "
            "good baseline.",
        ),
        (
            stretch.coverage < GOOD_COVERAGE,
            f"The face was usable for {stretch.coverage:.0%} of the window.",
        ),
        (
            stretch.frontal_share < GOOD_FRONTAL,
            f"The face was turned away in {1 - stretch.frontal_share:.0%} of the frames with a "
            "face.",
        ),
        (
            talking_share > MAX_TALKING,
            f"The person talked for {talking_share:.0%} of the usable time.",
        ),
        (spread > MAX_SPREAD, f"The face was not steady (spread {spread:.2f})."),
    )
    return tuple(sentence for failed, sentence in checks if failed)


def _population_baseline(stretch: Stretch) -> Baseline:
    return Baseline(
        source="population_neutral",
        window_s=None,
        frames_used=0,
        quality="unusable",
        reasons=stretch.reasons,
        vad=Vad(0.5, 0.5, 0.5),
        spread=Vad(math.nan, math.nan, math.nan),
        coverage=stretch.coverage,
        frontal_share=stretch.frontal_share,
        talking_share=0.0,
        pitch_deg=0.0,
    )


def _vad_to_dict(vad: Vad) -> dict[str, float | None]:
    values = {"v": vad.valence, "a": vad.arousal, "d": vad.dominance}
    return {key: None if math.isnan(value) else value for key, value in values.items()}


def _vad_from_dict(values: Mapping[str, float | None]) -> Vad:
    return Vad(*(math.nan if values[k] is None else float(values[k] or 0.0) for k in "vad"))
