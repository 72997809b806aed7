"""How near the models come to the truth of renders of people they were not fitted on."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from echodepth_cli.affect.action_units import ActionUnitModel
from echodepth_cli.affect.facs import ACTION_UNITS, Status
from echodepth_cli.affect.neutral import Neutral
from echodepth_cli.face.appearance import packed
from echodepth_cli.records import Box, FaceObservation, HeadPose
from models.training.dataset import TARGETS, Dataset, even_windows, others_at_rest
from models.training.face_model import Floats

TARGET_AUS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 18, 20, 25, 26, 43)
MEASURED = tuple(u.number for u in ACTION_UNITS if u.status is Status.MEASURED and u.number != 45)
"""Of single pictures; a blink takes several."""

CONFIDENCE_LEVELS = (0.0, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1)


def observation(points: Floats, pose: Floats, iod_px: float, shown: Floats) -> FaceObservation:
    """Return a face as the product would hand it over."""
    angles = HeadPose(float(pose[0]), float(pose[1]), float(pose[2]))
    return FaceObservation(points, points, packed(shown), Box(0, 0, 1, 1), angles, iod_px, 1.0)


def truth(targets: Floats, gap: Floats) -> dict[int, Floats]:
    """Return the intensities that rendered faces really have, of all measured units."""
    at = {name: targets[:, k] for k, name in enumerate(TARGETS)}
    out: dict[int, Floats] = {25: gap}
    for number in set(MEASURED) - {25, 26, 27, 41, 42, 43, 46}:
        name = f"AU{number:02d}"
        out[number] = at[name] if name in at else np.maximum(at[f"{name}_L"], at[f"{name}_R"])
    out[26] = at["jaw"] / 0.5
    out[27] = (at["jaw"] - 0.5) / 0.5
    closed, other = np.maximum(at["lid_L"], at["lid_R"]), np.minimum(at["lid_L"], at["lid_R"])
    both = np.minimum((closed + other) / 2, 2 * other)
    out[41] = np.where((both >= 0.3) & (both < 0.5), both, 0)
    out[42] = np.where((both >= 0.5) & (both < 0.7), both, 0)
    out[43] = other
    out[46] = np.where((closed >= 0.7) & (other < 0.3), closed - other, 0)
    return {number: np.clip(out[number], 0, 1) for number in sorted(out)}


def held_out(model: ActionUnitModel, data: Dataset, limit: int) -> dict[str, Any]:
    """Return correlation, error and F1 per AU, errors by group, and false activity at rest."""
    keep = ~np.isnan(others_at_rest(data, data.pose)).any(axis=1)
    data = data.rows(keep & (np.cumsum(keep) <= limit))
    guess = _estimated(model, data)
    actual = truth(data.targets, np.clip(data.targets[:, TARGETS.index("lips")] / 0.18, 0, 1))
    moved = ~data.neutral
    frontal = (np.abs(data.pose[:, :2]) < 12).all(axis=1)
    per_au, straight, reported = {}, {}, []
    for number, y in actual.items():
        x = guess[:, number - 1]
        seen = moved & ~np.isnan(x)  # what the product leaves out is not judged
        if not 0 < (y[seen] >= 0.3).sum() < seen.sum():
            continue
        reported.append(seen.sum() / moved.sum())
        straight[number] = np.corrcoef(x[seen & frontal], y[seen & frontal])[0, 1]
        per_au[f"AU{number:02d}"] = {
            "correlation": rounded(np.corrcoef(x[seen], y[seen])[0, 1]),
            "mae": rounded(np.abs(x - y)[seen].mean()),
            "f1": rounded(f1_score(y[seen] >= 0.3, x[seen] >= 0.3)),
        }
    errors = np.stack([np.abs(guess[:, n - 1] - actual[n]) for n in TARGET_AUS])
    given = (~np.isnan(errors)).sum(axis=0)
    error = np.where(given > 0, np.nansum(errors, axis=0) / np.maximum(given, 1), np.nan)
    judged = moved & ~np.isnan(error)
    rated = judged & ~np.isnan(data.confidence)
    at_rest = guess[data.neutral][:, [n - 1 for n in MEASURED]]
    return {
        "pictures": len(data),
        "coverage": rounded(np.mean(reported)),
        "people": len(np.unique(data.identity)),
        "mean_correlation": rounded(
            np.mean([per_au[f"AU{n:02d}"]["correlation"] for n in TARGET_AUS])
        ),
        "mean_correlation_frontal": rounded(np.mean([straight[n] for n in TARGET_AUS])),
        "per_au": per_au,
        "mae_by_group": {k: rounded(error[m & judged].mean()) for k, m in _groups(data).items()},
        "by_confidence": _by_confidence(data.confidence[rated], error[rated]),
        "false_activity_share": rounded(
            float((at_rest >= 0.3).sum() / (~np.isnan(at_rest)).sum()), 4
        ),
        "false_activity_pairs": int((~np.isnan(at_rest)).sum()),
    }


def _estimated(model: ActionUnitModel, data: Dataset) -> Floats:
    """Return (N, 46) against the mean of the person's other neutral pictures."""
    shown = even_windows(data.windows).reshape(len(data), -1)
    own = [others_at_rest(data, values) for values in (data.points, data.pose, shown)]
    floor = np.zeros(len(model.channel_names), dtype=np.float32)
    rows = []
    for i in range(len(data)):
        neutral = Neutral(own[0][i], own[1][i], own[2][i], floor, 1, "good")
        face = observation(data.points[i], data.pose[i], float(data.iod_px[i]), shown[i])
        rows.append(model.relative([face], neutral)[0].intensities)
    return np.stack(rows)


def _groups(data: Dataset) -> dict[str, NDArray[np.bool_]]:
    dark, light = np.quantile(data.skin, (1 / 3, 2 / 3))
    return {
        "darkest third of skins": data.skin <= dark,
        "lightest third of skins": data.skin >= light,
        "dim pictures": data.light < 80,
        "bright pictures": data.light >= 80,
        "eye distance under 35 px": data.iod_px < 35,
        "eye distance over 55 px": data.iod_px > 55,
        "glasses": data.glasses,
        "no glasses": ~data.glasses,
        "turned more than 18 degrees": np.abs(data.pose[:, 0]) > 18,
        "chin up or down more than 12 degrees": np.abs(data.pose[:, 1]) > 12,
        "frontal": (np.abs(data.pose[:, :2]) < 10).all(axis=1),
    }


def _by_confidence(confidence: Floats, error: Floats) -> list[dict[str, Any]]:
    """Return the mean error of the pictures at each level of confidence."""
    out = []
    for low, high in pairwise(CONFIDENCE_LEVELS):
        rows = (confidence >= low) & (confidence < high)
        if rows.any():
            name = f"{low:g} to {high:g}" if low < 1 else "1"
            out.append(
                {
                    "confidence": name,
                    "pictures": int(rows.sum()),
                    "mae": rounded(error[rows].mean()),
                }
            )
    return out


def rounded(value: Any, digits: int = 3) -> float:
    """Return a figure as it is written down."""
    return round(float(value), digits)
