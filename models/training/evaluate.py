"""Measure the shipped models and write the tables of `models/MODEL_CARD.md` and one JSON.

Renders are of people that neither fitting nor calibration saw; real frames and photographs took
no part in training. Everything runs through the product's own code.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

from echodepth_cli.affect.action_units import ActionUnitModel
from echodepth_cli.affect.facs import ACTION_UNITS, Status
from echodepth_cli.affect.neutral import Neutral, find_neutral
from echodepth_cli.face.observer import observe_face
from echodepth_cli.face.tracker import MediaPipeTracker
from echodepth_cli.records import Box, FaceObservation, HeadPose, nan_array
from models.training import real, sample
from models.training.actions import CHANNELS, shape_weights, with_own_shapes, wrinkle_depths
from models.training.dataset import REPORT, TARGETS, Dataset, load, neutral_rows
from models.training.face_model import REPO, FaceModel, Floats, load_face_model
from models.training.paint import Canvas, make_canvas
from models.training.render import Camera, Person, Scene, make_person, render

TARGET_AUS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 18, 20, 25, 26, 43)
PHOTO_AUS = {
    "happiness": (12, 6),
    "surprise": (1, 2, 5, 26),
    "anger": (4,),
    "disgust": (9, 10),
    "sadness": (15, 17, 1),
}
_SAME = {18: (18, 22), 26: (26, 27)}
MEASURED = tuple(u.number for u in ACTION_UNITS if u.status is Status.MEASURED)
_BEGIN, _END = "<!-- figures -->", "<!-- end of figures -->"


def observation(points: Floats, pose: Floats, iod_px: float) -> FaceObservation:
    """Return a face as the product would hand it over."""
    angles = HeadPose(float(pose[0]), float(pose[1]), float(pose[2]))
    return FaceObservation(points, points, nan_array(0), Box(0, 0, 1, 1), angles, iod_px, 1.0)


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
    rows = neutral_rows(data)
    floor = np.zeros(len(model.channel_names), dtype=np.float32)
    chosen = [i for i in range(len(data)) if len(rows.get(int(data.identity[i]), ())) > 1][:limit]
    found = []
    for i in chosen:
        others = [j for j in rows[int(data.identity[i])] if j != i]
        own = Neutral(
            data.points[others].mean(axis=0),
            data.pose[others].mean(axis=0),
            nan_array(0),
            floor,
            len(others),
            "good",
        )
        face = observation(data.points[i], data.pose[i], float(data.iod_px[i]))
        found.append(model.relative([face], own)[0].intensities)
    shown = ~np.isnan([row[0] for row in found])  # turned away: the product gives no value
    guess = np.stack(found)[shown]
    part = data.rows(np.isin(np.arange(len(data)), np.array(chosen)[shown]))
    actual = truth(part.targets, np.clip(part.targets[:, TARGETS.index("lips")] / 0.18, 0, 1))
    moved = ~part.neutral
    per_au = {}
    for number, y in actual.items():
        x = guess[:, number - 1]
        seen = moved & ~np.isnan(x)  # fine movements of small faces are not given
        per_au[f"AU{number:02d}"] = {
            "correlation": _round(np.corrcoef(x[seen], y[seen])[0, 1]),
            "mae": _round(np.abs(x - y)[seen].mean()),
            "f1": _round(f1_score(y[seen] >= 0.3, x[seen] >= 0.3)),
        }
    error = np.nanmean([np.abs(guess[:, n - 1] - y) for n, y in actual.items()], axis=0)
    dark, light = np.quantile(part.skin, (1 / 3, 2 / 3))
    groups = {
        "darkest third of skins": part.skin <= dark,
        "lightest third of skins": part.skin >= light,
        "dim pictures": part.light < 80,
        "eye distance under 35 px": part.iod_px < 35,
        "eye distance over 55 px": part.iod_px > 55,
        "glasses": part.glasses,
        "no glasses": ~part.glasses,
        "turned more than 18 degrees": np.abs(part.pose[:, 0]) > 18,
        "frontal": (np.abs(part.pose[:, :2]) < 10).all(axis=1),
    }
    at_rest = guess[part.neutral][:, [n - 1 for n in MEASURED]]
    return {
        "pictures": len(guess),
        "turned_away": int((~shown).sum()),
        "people": len(np.unique(part.identity)),
        "mean_correlation": _round(np.mean([v["correlation"] for v in per_au.values()])),
        "per_au": per_au,
        "mae_by_group": {k: _round(error[m & moved].mean()) for k, m in groups.items()},
        "false_activity_share": _round(
            float((at_rest >= 0.3).sum() / (~np.isnan(at_rest)).sum()), 4
        ),
        "false_activity_pairs": int((~np.isnan(at_rest)).sum()),
    }


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
    areas = {n: _area(pairs) for n, pairs in seen.items()}
    kept = {f"AU{n:02d}": a for n, a in areas.items() if a is not None}
    enough = [a["roc_area"] for a in kept.values() if a["positives"] >= 3]
    return {"per_au": kept, "mean_roc_area_3_positives": _round(np.mean(enough))}


def photos(model: ActionUnitModel, cache: Path) -> dict[str, float]:
    """Return the ROC area of AUs for emotion labels against neutral, population neutral used."""
    tracked, labels = real.track_photos(cache)
    values = np.stack([e.intensities for e in model.absolute(_faces(tracked))])
    out = {}
    for label, units in PHOTO_AUS.items():
        rows = np.isin(labels, (label, "neutral"))
        for n in units:
            x = np.nan_to_num(values[rows, n - 1])
            out[f"AU{n:02d} {label}"] = _round(roc_auc_score(labels[rows] == label, x))
    return out


def jitter(model: ActionUnitModel, cache: Path) -> dict[str, float]:
    """Return the median change from frame to frame of a real talking head, measured units."""
    faces = _faces(real.track_video(real.SHARED / "videos" / "interview_pexels.mp4", cache))
    estimates = model.relative(faces, find_neutral(faces, model))
    values = np.stack([e.intensities for e in estimates])[:, [n - 1 for n in MEASURED]]
    change = np.abs(np.diff(values, axis=0))
    return {"median": _round(np.median(change)), "p95": _round(np.quantile(change, 0.95))}


def spread_over_pose(model: ActionUnitModel) -> dict[str, float]:
    """Return the range of the truly active units over yaw -30..30 and pitch -20..20 degrees."""
    face = with_own_shapes(load_face_model())
    canvas, yaws, pitches = make_canvas(face, 256), range(-30, 31, 10), range(-20, 21, 10)
    poses = {"yaw": [(y, 0, 0) for y in yaws], "pitch": [(0, p, 0) for p in pitches]}
    spreads: dict[str, list[float]] = {"yaw": [], "pitch": []}
    scene = Scene(camera=Camera(320, 320, 210.0))
    with MediaPipeTracker(max_faces=1) as tracker:
        for seed in range(6):
            rng = np.random.default_rng([7, seed])
            weights = (rng.normal(size=100) * 0.8).astype(np.float32)
            person = make_person(face, canvas, weights, sample.look(rng))
            rest = np.zeros(len(CHANNELS), dtype=np.float32)
            calm = [
                _see(face, canvas, person, rest, (y, 0, 0), scene, tracker) for y in (-4, 0, 2, 4)
            ]
            own = find_neutral([f for f in calm if f is not None], model)
            for units in ((12,), (1, 2), (4,), (17,)):
                channels = rest.copy()
                for n in units:
                    for k, name in enumerate(CHANNELS):
                        channels[k] = 0.8 if name.split("_")[0] == f"AU{n:02d}" else channels[k]
                for axis, turns in poses.items():
                    found = [_see(face, canvas, person, channels, t, scene, tracker) for t in turns]
                    seen = model.relative([f for f in found if f is not None], own)
                    rows = np.stack([e.intensities for e in seen])[:, [n - 1 for n in units]]
                    spreads[axis] += np.nan_to_num(rows.max(axis=0) - rows.min(axis=0)).tolist()
    return {axis: _round(np.mean(values)) for axis, values in spreads.items()}


def _see(
    face: FaceModel,
    canvas: Canvas,
    person: Person,
    channels: Floats,
    pose: tuple[float, float, float],
    scene: Scene,
    tracker: MediaPipeTracker,
) -> FaceObservation | None:
    shapes = shape_weights(face, channels, np.random.default_rng(0))
    picture = render(face, canvas, person, shapes, pose, scene, wrinkle_depths(channels))
    found = tracker.detect(picture)
    return observe_face(picture, found[0]) if found else None


def speed_ms(model: ActionUnitModel, data: Dataset) -> float:
    """Return milliseconds per face of the Action Unit stage on one core."""
    faces = [observation(data.points[i], data.pose[i], 60.0) for i in range(200)]
    own = find_neutral(faces[:20], model)
    started = time.perf_counter()
    model.relative(faces, own)
    return _round((time.perf_counter() - started) / len(faces) * 1000, 2)


def _faces(tracked: real.Tracked) -> list[FaceObservation]:
    columns = zip(tracked.points, tracked.pose, tracked.iod_px, strict=True)
    return [observation(points, pose, float(iod)) for points, pose, iod in columns]


def _area(pairs: list[tuple[bool, float]]) -> dict[str, Any] | None:
    y, x = (np.array(column) for column in zip(*pairs, strict=True))
    if not 0 < y.sum() < len(y):
        return None
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


def tables(figures: dict[str, Any]) -> str:
    """Return the figures as the Markdown tables of the model card."""
    held, seen = figures["held_out"], figures["coded_frames"]
    lines = [
        "| AU | correlation | MAE | F1 at 0.30 | coded frames: ROC area (95 %), positives |",
        "|---|---|---|---|---|",
    ]
    for name in sorted(set(held["per_au"]) | set(seen["per_au"])):
        a, b = held["per_au"].get(name), seen["per_au"].get(name)
        left = f"{a['correlation']} | {a['mae']} | {a['f1']}" if a else "- | - | -"
        low, high = b["interval_95"] if b else (0, 0)
        right = f"{b['roc_area']} ({low} to {high}), {b['positives']}" if b else "-"
        lines.append(f"| {name} | {left} | {right} |")
    lines += [
        "",
        f"Held-out renders: {held['pictures']} pictures of {held['people']} people; mean "
        f"correlation {held['mean_correlation']}. Coded frames: mean ROC area "
        f"{seen['mean_roc_area_3_positives']} over units with three positives or more.",
        f"False activity on neutral faces of new people: {held['false_activity_share']:.2%} of "
        f"{held['false_activity_pairs']} (face, unit) pairs. Speed: {figures['speed_ms']} ms a "
        "face.",
        f"Change from frame to frame on a real talking head: median {figures['jitter']['median']}, "
        f"95th percentile {figures['jitter']['p95']}. Spread of AU 1, 2, 4, 12 and 17 rendered at "
        f"0.8: {figures['spread_over_pose']['yaw']} over yaw -30 to 30 degrees, "
        f"{figures['spread_over_pose']['pitch']} over pitch -20 to 20.",
        "",
        "| group | mean absolute error |",
        "|---|---|",
        *(f"| {k} | {v} |" for k, v in held["mae_by_group"].items()),
        "",
        "| photographs, population neutral | ROC area against neutral |",
        "|---|---|",
        *(f"| {k} | {v} |" for k, v in figures["photos"].items()),
    ]
    return "\n".join(lines)


def main() -> None:
    """Evaluate and write `models/evaluation.json` and the card's tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("build/training"))
    parser.add_argument("--models", type=Path, default=REPO / "models")
    parser.add_argument("--limit", type=int, default=6000)
    options = parser.parse_args()
    model, cache = ActionUnitModel.load(options.models), options.data / "real"
    data = load(sorted(options.data.glob("shard_????.npz"))[-60:])
    data = data.rows(data.part == REPORT)
    figures = {
        "held_out": held_out(model, data, options.limit),
        "coded_frames": coded(model, cache),
        "photos": photos(model, cache),
        "jitter": jitter(model, cache),
        "spread_over_pose": spread_over_pose(model),
        "speed_ms": speed_ms(model, data),
    }
    text = json.dumps(figures, indent=1) + "\n"
    (options.models / "evaluation.json").write_text(text, encoding="utf-8")
    card = options.models / "MODEL_CARD.md"
    if card.exists():
        head, rest = card.read_text(encoding="utf-8").split(_BEGIN)
        tail = rest.split(_END)[1]
        written = f"{head}{_BEGIN}\n\n{tables(figures)}\n\n{_END}{tail}"
        card.write_text(written, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
