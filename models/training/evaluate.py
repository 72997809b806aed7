"""Measure the shipped models and write the tables of `models/MODEL_CARD.md` and one JSON.

Renders are of people that neither fitting nor calibration saw; real frames and photographs took
no part in training. Everything runs through the product's own code.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

from echodepth_cli.affect.action_units import ActionUnitModel
from echodepth_cli.affect.facs import ACTION_UNITS, Status
from echodepth_cli.affect.neutral import Neutral, find_neutral
from echodepth_cli.face.appearance import EVEN_PX, appearance, even
from echodepth_cli.records import Box, FaceObservation, HeadPose
from models.training import real
from models.training.card import write_card
from models.training.dataset import (
    REPORT,
    TARGETS,
    Dataset,
    even_windows,
    load,
    others_at_rest,
)
from models.training.face_model import REPO, Floats
from models.training.turning import spread_over_pose

TARGET_AUS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 18, 20, 25, 26, 43)
PHOTO_AUS = {
    "happiness": (12, 6),
    "surprise": (1, 2, 5, 26),
    "anger": (4,),
    "disgust": (9, 10),
    "sadness": (15, 17, 1),
}
_SAME = {18: (18, 22), 26: (26, 27)}
MEASURED = tuple(u.number for u in ACTION_UNITS if u.status is Status.MEASURED and u.number != 45)
"""Of single pictures; a blink takes several."""


CONFIDENCE_LEVELS = (0.0, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1)


def observation(points: Floats, pose: Floats, iod_px: float, shown: Floats) -> FaceObservation:
    """Return a face as the product would hand it over."""
    angles = HeadPose(float(pose[0]), float(pose[1]), float(pose[2]))
    seen = shown.astype(np.float16)
    return FaceObservation(points, points, seen, Box(0, 0, 1, 1), angles, iod_px, 1.0)


def truth(targets: Floats, gap: Floats) -> dict[int, Floats]:
    """Return the intensities that rendered faces really have."""
    at = {name: targets[:, k] for k, name in enumerate(TARGETS)}
    out: dict[int, Floats] = {}
    for number in (n for n in TARGET_AUS if n not in (25, 26, 43)):
        name = f"AU{number:02d}"
        out[number] = at[name] if name in at else np.maximum(at[f"{name}_L"], at[f"{name}_R"])
    out[25] = gap
    out[26] = np.clip(at["jaw"] / 0.5, 0, 1)
    out[43] = np.minimum(at["lid_L"], at["lid_R"])
    return {number: np.clip(values, 0, 1) for number, values in out.items()}


def held_out(model: ActionUnitModel, data: Dataset, limit: int) -> dict[str, Any]:
    """Return correlation, error and F1 per AU, errors by group, and false activity at rest."""
    keep = ~np.isnan(others_at_rest(data, data.pose)).any(axis=1)
    data = data.rows(keep & (np.cumsum(keep) <= limit))
    guess = _estimated(model, data)
    actual = truth(data.targets, np.clip(data.targets[:, TARGETS.index("lips")] / 0.18, 0, 1))
    moved = ~data.neutral
    frontal = (np.abs(data.pose[:, :2]) < 12).all(axis=1)
    per_au, straight, reported = {}, [], []
    for number, y in actual.items():
        x = guess[:, number - 1]
        seen = moved & ~np.isnan(x)  # what the product leaves out is not judged
        reported.append(seen.sum() / moved.sum())
        straight.append(np.corrcoef(x[seen & frontal], y[seen & frontal])[0, 1])
        per_au[f"AU{number:02d}"] = {
            "correlation": _round(np.corrcoef(x[seen], y[seen])[0, 1]),
            "mae": _round(np.abs(x - y)[seen].mean()),
            "f1": _round(f1_score(y[seen] >= 0.3, x[seen] >= 0.3)),
        }
    with np.errstate(all="ignore"):
        error = np.nanmean([np.abs(guess[:, n - 1] - y) for n, y in actual.items()], axis=0)
    judged = moved & ~np.isnan(error)
    at_rest = guess[data.neutral][:, [n - 1 for n in MEASURED]]
    return {
        "pictures": len(data),
        "coverage": _round(np.mean(reported)),
        "people": len(np.unique(data.identity)),
        "mean_correlation": _round(np.mean([v["correlation"] for v in per_au.values()])),
        "mean_correlation_frontal": _round(np.mean(straight)),
        "per_au": per_au,
        "mae_by_group": {k: _round(error[m & judged].mean()) for k, m in _groups(data).items()},
        "by_confidence": _by_confidence(data.confidence[judged], error[judged]),
        "false_activity_share": _round(
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
                {"confidence": name, "pictures": int(rows.sum()), "mae": _round(error[rows].mean())}
            )
    return out


def coded(model: ActionUnitModel, cache: Path) -> dict[str, Any]:
    """Return the ROC area per AU on the frames coded by eye, with a bootstrap interval."""
    seen: dict[int, list[tuple[bool, float]]] = {n: [] for n in real.CODED_AUS}
    frames = real.coded_frames()
    for stem in sorted({f[0] for f in frames}):
        tracked = real.track_video(real.SHARED / "videos" / f"{stem}.mp4", cache)
        faces = _faces(tracked)
        estimates = model.relative(faces, find_neutral(faces, model))
        for video, frame, present, left_out in frames:
            if video != stem:
                continue
            row = min(int(np.searchsorted(tracked.index, frame)), len(faces) - 1)
            values = estimates[row].intensities
            for n in set(real.CODED_AUS) - left_out:
                best = max(float(values[k - 1]) for k in _SAME.get(n, (n,)))
                seen[n].append((n in present, best))
    kept = {}
    for n, pairs in seen.items():
        y, x = (np.array(column) for column in zip(*pairs, strict=True))
        if 0 < y.sum() < len(y):
            kept[f"AU{n:02d}"] = _area(y, x)
    enough = [a["roc_area"] for a in kept.values() if a["positives"] >= 3]
    every = [a["roc_area"] for a in kept.values()]
    return {
        "per_au": kept,
        "mean_roc_area": _round(np.mean(every)),
        "mean_roc_area_3_positives": _round(np.mean(enough)),
    }


def photos(model: ActionUnitModel, cache: Path) -> dict[str, Any]:
    """Return the ROC area of AUs for emotion labels against neutral, population neutral used."""
    tracked, labels = real.track_photos(cache)
    values = np.stack([e.intensities for e in model.absolute(_faces(tracked))])
    out = {}
    for label, units in PHOTO_AUS.items():
        rows = np.isin(labels, (label, "neutral"))
        for n in units:
            x = np.nan_to_num(values[rows, n - 1])
            out[f"AU{n:02d} {label}"] = _area(labels[rows] == label, x)
    return out


def jitter(model: ActionUnitModel, cache: Path) -> dict[str, float]:
    """Return the median change from frame to frame of a real talking head, measured units."""
    faces = _faces(real.track_video(real.SHARED / "videos" / "interview_pexels.mp4", cache))
    estimates = model.relative(faces, find_neutral(faces, model))
    values = np.stack([e.intensities for e in estimates])[:, [n - 1 for n in MEASURED]]
    change = np.abs(np.diff(values, axis=0))
    return {"median": _round(np.median(change)), "p95": _round(np.quantile(change, 0.95))}


def speed(model: ActionUnitModel, data: Dataset) -> dict[str, float]:
    """Return milliseconds per face on one core: for the units, and for cutting the windows."""
    shown = even_windows(data.windows[:200]).reshape(-1, 3 * EVEN_PX * EVEN_PX)
    faces = [observation(data.points[i], data.pose[i], 60.0, shown[i]) for i in range(len(shown))]
    own = find_neutral(faces[:20], model)
    picture = np.zeros((720, 1280, 3), dtype=np.uint8)
    landmarks = (data.points[0] * 110 + (640, 360, 0)).astype(np.float32)
    return {
        "units_ms": _milliseconds(lambda: model.relative(faces, own), len(faces)),
        "windows_ms": _milliseconds(
            lambda: [appearance(picture, landmarks, data.points[0]) for _ in range(100)], 100
        ),
    }


def _milliseconds(work: Callable[[], object], count: int) -> float:
    work()
    started = time.perf_counter()
    work()
    return _round((time.perf_counter() - started) / count * 1000, 2)


def _faces(tracked: real.Tracked) -> list[FaceObservation]:
    shown = np.stack([even(one) for one in tracked.windows]).reshape(len(tracked.index), -1)
    columns = zip(tracked.points, tracked.pose, tracked.iod_px, shown, strict=True)
    return [observation(points, pose, float(iod), seen) for points, pose, iod, seen in columns]


def _area(y: NDArray[np.bool_], x: Floats) -> dict[str, Any]:
    rng, areas = np.random.default_rng(0), []
    for _ in range(300):
        rows = rng.integers(0, len(y), len(y))
        if 0 < y[rows].sum() < len(y):
            areas.append(roc_auc_score(y[rows], x[rows]))
    low, high = np.quantile(areas, (0.025, 0.975))
    return {
        "roc_area": _round(roc_auc_score(y, x)),
        "interval_95": [_round(low), _round(high)],
        "positives": int(y.sum()),
        "frames": len(y),
    }


def _round(value: Any, digits: int = 3) -> float:
    return round(float(value), digits)


def main() -> None:
    """Evaluate and write `models/evaluation.json` and the card's tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("build/training"))
    parser.add_argument("--models", type=Path, default=REPO / "models")
    parser.add_argument("--shards", type=int, default=60, help="read the last so many")
    parser.add_argument("--limit", type=int, default=6000)
    options = parser.parse_args()
    model, cache = ActionUnitModel.load(options.models), options.data / "real"
    data = load(sorted(options.data.glob("shard_????.npz"))[-options.shards :])
    data = data.rows(data.part == REPORT)
    figures = {
        "held_out": held_out(model, data, options.limit),
        "coded_frames": coded(model, cache),
        "photos": photos(model, cache),
        "jitter": jitter(model, cache),
        "pose": spread_over_pose(model),
        "speed": speed(model, data),
    }
    text = json.dumps(figures, indent=1) + "\n"
    (options.models / "evaluation.json").write_text(text, encoding="utf-8")
    if (options.models / "MODEL_CARD.md").exists():
        write_card(options.models / "MODEL_CARD.md", figures)
    print(text)


if __name__ == "__main__":
    main()
