"""Measure the shipped models and write the tables of `models/MODEL_CARD.md` and one JSON.

Renders are of people that neither fitting nor calibration saw; real frames and photographs took
no part in training. Everything runs through the product's own code.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from echodepth_cli.affect.action_units import ActionUnitModel
from echodepth_cli.affect.blinks import BlinkDetector
from echodepth_cli.affect.neutral import find_neutral
from echodepth_cli.face.appearance import APPEARANCE_VALUES, even, packed, windows
from echodepth_cli.records import FaceObservation
from models.training import real
from models.training.absolute import folds_of_strangers, load_renders
from models.training.card import write_card
from models.training.dataset import (
    REPORT,
    Dataset,
    even_windows,
    load,
)
from models.training.face_model import REPO, Floats
from models.training.held_out import MEASURED, held_out, observation, rounded
from models.training.photos import labelled_photos, out_of_fold
from models.training.turning import spread_over_pose

PHOTO_AUS = {
    "happiness": (12, 6),
    "surprise": (1, 2, 5, 26),
    "anger": (4,),
    "disgust": (9, 10),
    "sadness": (15, 17, 1),
}
_SAME = {18: (18, 22), 26: (26, 27)}
SAMPLE_FPS = 25.0

Stretch = tuple[float, float]
"""From and to, seconds."""


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
        "mean_roc_area": rounded(np.mean(every)),
        "mean_roc_area_3_positives": rounded(np.mean(enough)),
    }


def photos(data: Path) -> dict[str, Any]:
    """Return the ROC area of AUs for emotion labels against neutral, population neutral used.

    Each photograph is measured by a model that was fitted without it, in five folds by person.
    """
    found = labelled_photos(data)
    folds = folds_of_strangers(found, load_renders(data))
    values, labels = out_of_fold(folds, lambda _, reporting: reporting.intensities), found.labels
    out = {}
    for label, units in PHOTO_AUS.items():
        rows = np.isin(labels, (label, "neutral"))
        for n in units:
            x = np.nan_to_num(values[rows, n - 1])
            out[f"AU{n:02d} {label}"] = _area(labels[rows] == label, x)
    return out


def blinks(model: ActionUnitModel, cache: Path) -> dict[str, int]:
    """Return how many scripted blinks of the sample interview are found, at all its frames."""
    folder = REPO / "sample_videos"
    tracked = real.track_video(folder / "interview.mp4", cache)
    faces, times = _faces(tracked), tracked.index / SAMPLE_FPS
    estimates = model.relative(faces, find_neutral(faces, model))
    detector, told = BlinkDetector(), []
    for time_s, estimate in zip(times, estimates, strict=True):
        told += detector.push(float(time_s), estimate)
    told += detector.finish()
    found = _stretches(times, [e is not None and e.intensities[44] >= 0.3 for e in told])
    with (folder / "interview.aus.csv").open() as lines:
        script = [
            (float(row["time_s"]), float(row["AU45"]) >= 0.3) for row in csv.DictReader(lines)
        ]
    done = _stretches(np.array([t for t, _ in script]), [shut for _, shut in script])

    def meet(one: Stretch, others: list[Stretch]) -> bool:
        return any(one[0] <= b + 0.15 and one[1] >= a - 0.15 for a, b in others)

    return {
        "scripted": len(done),
        "found": sum(meet(one, found) for one in done),
        "false": sum(not meet(one, done) for one in found),
    }


def _stretches(times: NDArray[np.float64], flags: list[bool]) -> list[Stretch]:
    """Return the first and last time of each run of true flags."""
    edges = np.flatnonzero(np.diff(np.array([False, *flags, False]).astype(int)))
    return [(times[a], times[b - 1]) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def jitter(model: ActionUnitModel, cache: Path) -> dict[str, float]:
    """Return the median change from frame to frame of a real talking head, measured units."""
    faces = _faces(real.track_video(real.SHARED / "videos" / "interview_pexels.mp4", cache))
    estimates = model.relative(faces, find_neutral(faces, model))
    values = np.stack([e.intensities for e in estimates])[:, [n - 1 for n in MEASURED]]
    change = np.abs(np.diff(values, axis=0))
    return {"median": rounded(np.median(change)), "p95": rounded(np.quantile(change, 0.95))}


def speed(model: ActionUnitModel, data: Dataset) -> dict[str, float]:
    """Return milliseconds per face on one core: for the units, and for cutting the windows."""
    shown = even_windows(data.windows[:200]).reshape(-1, APPEARANCE_VALUES)
    faces = [observation(data.points[i], data.pose[i], 60.0, shown[i]) for i in range(len(shown))]
    own = find_neutral(faces[:20], model)
    picture = np.zeros((720, 1280, 3), dtype=np.uint8)

    def seen_in(*face: Any) -> object:
        return packed(even(windows(*face)))

    landmarks = (data.points[0] * 110 + (640, 360, 0)).astype(np.float32)
    return {
        "units_ms": _milliseconds(lambda: model.relative(faces, own), len(faces)),
        "windows_ms": _milliseconds(
            lambda: [packed(even(windows(picture, landmarks, data.points[0]))) for _ in range(100)],
            100,
        ),
    }


def _milliseconds(work: Callable[[], object], count: int) -> float:
    # As the command line does; threads that wait for work count as processor time.
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        work()
        started = time.process_time()
        work()
        return rounded((time.process_time() - started) / count * 1000, 2)


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
        "roc_area": rounded(roc_auc_score(y, x)),
        "interval_95": [rounded(low), rounded(high)],
        "positives": int(y.sum()),
        "frames": len(y),
    }


def main() -> None:
    """Evaluate and write `models/evaluation.json` and the card's tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("build/training"))
    parser.add_argument("--models", type=Path, default=REPO / "models")
    parser.add_argument("--shards", type=int, default=191, help="read the last so many")
    parser.add_argument("--limit", type=int, default=13_000, help="pictures")
    options = parser.parse_args()
    model, cache = ActionUnitModel.load(options.models), options.data / "real"
    data = load(sorted(options.data.glob("shard_????.npz"))[-options.shards :])
    data = data.rows(data.part == REPORT)
    figures = {
        "held_out": held_out(model, data, options.limit),
        "coded_frames": coded(model, cache),
        "photos": photos(options.data),
        "blinks": blinks(model, cache),
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
