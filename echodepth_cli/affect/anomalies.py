"""Unusual stretches of a session, judged against the session itself.

Alerts ask whether a score passes a threshold; an anomaly is a stretch of some seconds in which a
score is far from where it usually is in this recording, whatever its level. The usual level is the
median of the session; the usual spread is the larger of its median absolute deviation and its
middle four fifths, so that rare stretches do not hide themselves and frequent ones are usual.

    report["anomalies"] = [anomaly.to_dict() for anomaly in find_anomalies(series)]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from echodepth_cli.affect.series import Float64Array, Series, runs
from echodepth_cli.affect.vad import DIMENSIONS

SMOOTH_S = 5
"""Length of the running median, in seconds: shorter changes are not anomalies."""

ON_Z, OFF_Z = 6.0, 3.0
"""Robust deviations at which a stretch begins to count, and to which it is followed."""

MIN_SPREAD = 0.025
"""Least spread assumed of a score: the noise of a still face must not count."""

MAD_TO_SD, DECILES_TO_SD = 1.4826, 2.563
"""What makes either measure of spread a standard deviation, for a normal distribution."""

MIN_DURATION_S = 4
"""Shorter stretches are left to the alerts."""

MIN_SESSION_S = 60
"""With less time measured than this, nothing is usual and nothing unusual."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One unusual stretch of one score."""

    start_s: float
    end_s: float
    apex_s: float
    signal: str
    """`valence`, `arousal` or `dominance`."""
    direction: str
    """`rise` or `drop`, against the usual level of the session."""
    magnitude: float
    """Distance from the usual level at the apex, on the scale of the score."""
    z: float
    """The same in robust standard deviations."""

    def to_dict(self) -> dict[str, Any]:
        """Return the anomaly as in report.json."""
        return {
            "start_s": self.start_s,
            "end_s": self.end_s,
            "apex_s": self.apex_s,
            "signal": self.signal,
            "direction": self.direction,
            "magnitude": round(self.magnitude, 4),
            "z": round(self.z, 2),
        }


def find_anomalies(series: Series) -> list[Anomaly]:
    """Return the unusual stretches in time order."""
    seconds, scores = _by_second(series)
    if len(seconds) < MIN_SESSION_S:
        return []
    found = [
        anomaly
        for dimension in range(len(DIMENSIONS))
        for anomaly in _excursions(dimension, seconds, scores[:, dimension])
    ]
    return sorted(found, key=lambda anomaly: (anomaly.start_s, anomaly.signal))


def _by_second(series: Series) -> tuple[Float64Array, Float64Array]:
    """Return the seconds with a reliable frame, and the mean scores in them."""
    used = series.reliable
    seconds, place = np.unique(np.floor(series.offset_s[used]), return_inverse=True)
    sums = np.zeros((len(seconds), 3))
    np.add.at(sums, place, series.vad[used])
    return seconds, sums / np.bincount(place, minlength=len(seconds))[:, None]


def _excursions(dimension: int, seconds: Float64Array, values: Float64Array) -> list[Anomaly]:
    half = SMOOTH_S // 2
    smooth = np.array([np.median(values[np.abs(seconds - second) <= half]) for second in seconds])
    usual = float(np.median(values))
    deciles = np.quantile(values, (0.1, 0.9))
    spread = max(
        MIN_SPREAD,
        MAD_TO_SD * float(np.median(np.abs(values - usual))),
        float(deciles[1] - deciles[0]) / DECILES_TO_SD,
    )
    z = (smooth - usual) / spread
    found = []
    for sign, direction in ((1, "rise"), (-1, "drop")):
        for first, last in runs(sign * z >= OFF_Z):
            apex = first + int(np.argmax(sign * z[first : last + 1]))
            if abs(z[apex]) < ON_Z or last - first + 1 < MIN_DURATION_S:
                continue
            found.append(
                Anomaly(
                    start_s=float(seconds[first]),
                    end_s=float(seconds[last] + 1),
                    apex_s=float(seconds[apex]),
                    signal=DIMENSIONS[dimension],
                    direction=direction,
                    magnitude=float(smooth[apex] - usual),
                    z=float(z[apex]),
                )
            )
    return found
