"""Render people with known Action Units, track them as the product does, save the numbers.

`python -m models.training.generate --data DIR --shards 0 200 --processes 2` writes one file per
shard and leaves out shards that exist, so it can be stopped and resumed. A shard depends on its
number alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from echodepth_cli.face.alignment import align, iod_px
from echodepth_cli.face.appearance import windows
from echodepth_cli.face.quality import confidence, quality_factors
from echodepth_cli.face.tracker import MediaPipeTracker
from models.training import sample
from models.training.actions import resting_weights, shape_weights, with_own_shapes, wrinkle_depths
from models.training.face_model import FaceModel, Floats, add_shapes, load_face_model
from models.training.paint import Canvas, make_canvas
from models.training.render import Person, Scene, make_person, render

IDENTITIES = 32
"""People per shard."""
NEUTRALS = 5
EXPRESSIVE = 15

_TEXTURE_PX = 256

_SCENES = 2
"""Framings, lights and cameras per person; the distance stays, as in a recording."""

MARGIN_PX = 4
"""Skin kept around each window, to move it in training."""


@dataclass(frozen=True, slots=True)
class _Stage:
    model: FaceModel
    canvas: Canvas
    tracker: MediaPipeTracker


def generate_shard(stage: _Stage, number: int) -> dict[str, Any]:
    """Return the arrays of one shard; rows are pictures in which a face was found."""
    rng = np.random.default_rng([20261124, number])
    rows: list[dict[str, Any]] = []
    for i in range(IDENTITIES):
        look = sample.look(rng)
        glasses = sample.glasses(rng) if rng.random() < 0.2 else None
        weights = (rng.normal(size=100) * rng.uniform(0.5, 1.1)).astype(np.float32)
        person = make_person(stage.model, stage.canvas, weights, look, glasses)
        rest = resting_weights(stage.model, rng)
        person = replace(person, vertices=add_shapes(person.vertices, stage.model.expression, rest))
        expressiveness = rng.uniform(0.0, 1.3)
        distance = sample.camera_distance_cm(rng)
        scenes = [(sample.scene(rng, distance), sample.recording(rng)) for _ in range(_SCENES)]
        for k in range(NEUTRALS + EXPRESSIVE):
            row = _one_frame(stage, rng, person, scenes, k, expressiveness)
            if row is not None:
                rows.append({**row, "identity": number * 1000 + i, "frame": k})
    return {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def _one_frame(
    stage: _Stage,
    rng: np.random.Generator,
    person: Person,
    scenes: list[tuple[Scene, sample.Recording]],
    k: int,
    expressiveness: float,
) -> dict[str, Any] | None:
    neutral = k < NEUTRALS
    channels = sample.resting(rng) if neutral else sample.expression(rng)
    pose = sample.pose(rng, 0.5 if neutral else 1.0)
    shapes = shape_weights(stage.model, channels, rng)
    depths = wrinkle_depths(channels) * expressiveness * rng.uniform(0.7, 1.2, 17)
    which = 0 if rng.random() < 0.75 else 1
    scene, camera = scenes[which]
    picture = render(
        stage.model, stage.canvas, person, shapes, pose, scene, depths.astype(np.float32)
    )
    picture = sample.degrade(rng, picture, camera)
    found = stage.tracker.detect(picture)
    if len(found) != 1:
        return None
    points, turned = align(found[0])
    factors = quality_factors(picture, found[0], turned, iod_px(found[0]))
    return {
        "landmarks_px": found[0],
        "windows": windows(picture, found[0], points, MARGIN_PX),
        "channels": channels,
        "lips": _lip_gap(stage.model, person, shapes),
        "pose": np.array(pose, dtype=np.float32),
        "scene": np.int8(which),
        "confidence": np.float32(confidence(factors)),
        "factors": np.array(list(factors.values()), dtype=np.float32),
        "skin": np.float32(person.look.skin.mean()),
        "light": np.float32(picture.mean()),
        "glasses": np.bool_(person.glasses is not None),
        "beard": np.float32(person.look.beard),
        "degraded": np.array([camera.noise, camera.blur, camera.quality], dtype=np.float32),
    }


def _lip_gap(model: FaceModel, person: Person, shapes: Floats) -> Floats:
    """Return the gap between the inner lips over the distance of the eyes, (this, neutral)."""
    mark = model.landmark68
    out = []
    for vertices in (add_shapes(person.vertices, model.expression, shapes), person.vertices):
        eyes = vertices[mark[42:48]].mean(axis=0) - vertices[mark[36:42]].mean(axis=0)
        gap = (vertices[mark[61:64], 1] - vertices[mark[[67, 66, 65]], 1]).mean()
        out.append(gap / np.linalg.norm(eyes))
    return np.array(out, dtype=np.float32)


def save_whole(path: Path, arrays: dict[str, Any]) -> None:
    """Write an .npz that appears whole or not at all, whoever else writes it."""
    partial = path.with_suffix(f".{os.getpid()}.tmp.npz")
    np.savez(partial, **arrays)
    partial.replace(path)


def _open_stage() -> _Stage:
    model = with_own_shapes(load_face_model())
    return _Stage(model, make_canvas(model, _TEXTURE_PX), MediaPipeTracker(max_faces=1))


_stage: _Stage | None = None
"""One per worker process: the face model and the tracker are costly to open."""


def _work(job: tuple[int, Path]) -> str:
    global _stage
    number, path = job
    if _stage is None:
        _stage = _open_stage()
    arrays = generate_shard(_stage, number)
    save_whole(path, arrays)
    return f"shard {number}: {len(arrays['frame'])} faces"


def main() -> None:
    """Generate the shards that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("build/training"))
    parser.add_argument("--shards", type=int, nargs=2, default=(0, 191), metavar=("FIRST", "END"))
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    # More threads than one wait for each other by asking the system again and again.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    paths = [(n, options.data / f"shard_{n:04d}.npz") for n in range(*options.shards)]
    jobs = [(n, path) for n, path in paths if not path.exists()]
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for message in pool.imap_unordered(_work, jobs):
            print(message, flush=True)


if __name__ == "__main__":
    main()
