"""Make the mean frontal face that `align` takes every face on to.

`python -m models.training.reference --out FILE.npy` renders neutral people facing the camera,
tracks them as the product does, and averages them: each is fitted to the mean over the rigid
points, the mean is taken anew until it stays (generalised Procrustes analysis, Gower 1975,
Psychometrika 40:33), then made symmetric, centred on its rigid points and scaled to an
inter-ocular distance of 1. Every model depends on this face, so another one means training anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.alignment import EYE_CORNERS, RIGID, reference_face, similarity
from echodepth_cli.face.tracker import MediaPipeTracker
from models.training import sample
from models.training.actions import with_own_shapes
from models.training.dataset import mirror_points
from models.training.face_model import load_face_model
from models.training.paint import make_canvas
from models.training.render import Camera, Scene, make_person, render

PEOPLE = 160
_ROUNDS = 5

Points = NDArray[np.float64]


def neutral_faces(people: int) -> Iterator[Points]:
    """Yield the (478, 3) landmarks of rendered people at rest, facing the camera."""
    face = with_own_shapes(load_face_model())
    canvas = make_canvas(face, 256)
    calm = np.zeros(len(face.expression), dtype=np.float32)
    scene = Scene(camera=Camera(320, 320, 200.0))
    with MediaPipeTracker(max_faces=1) as tracker:
        for number in range(people):
            rng = np.random.default_rng([20261124, 9, number])
            weights = (rng.normal(size=100) * 0.8).astype(np.float32)
            person = make_person(face, canvas, weights, sample.look(rng))
            for landmarks in tracker.detect(render(face, canvas, person, calm, scene=scene)):
                yield landmarks.astype(np.float64)


def mean_face(faces: list[Points]) -> Points:
    """Return the symmetric mean of faces, inter-ocular distance 1, rigid points centred."""
    mean = faces[0]
    for _ in range(_ROUNDS):
        fitted = [similarity(face, mean, RIGID).apply(face) for face in faces]
        mean = _upright(np.mean(fitted, axis=0))
    return mean


def _upright(face: Points) -> Points:
    """Return a face made symmetric, scaled and centred."""
    mirrored = face[mirror_points()] * (-1.0, 1.0, 1.0)
    face = (face + similarity(mirrored, face, RIGID).apply(mirrored)) / 2
    right, left = (face[list(pair)].mean(axis=0) for pair in EYE_CORNERS)
    across = (left - right) / np.linalg.norm(left - right)
    down = face[152] - face[10]
    down = down - across * (down @ across)
    down /= np.linalg.norm(down)
    axes = np.stack([across, down, np.cross(across, down)])
    face = (face - (left + right) / 2) @ axes.T / np.linalg.norm(left - right)
    both = (face + face[mirror_points()] * (-1.0, 1.0, 1.0)) / 2
    centred: Points = both - both[RIGID].mean(axis=0) * (0.0, 1.0, 1.0)
    return centred


def main() -> None:
    """Write the face and say how far it is from the one in use."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--people", type=int, default=PEOPLE)
    options = parser.parse_args()
    face = mean_face(list(neutral_faces(options.people)))
    np.save(options.out, face.astype(np.float32))
    used = reference_face()
    away = np.linalg.norm(similarity(face, used, RIGID).apply(face) - used, axis=1)
    print(f"median distance from the face in use {np.median(away):.3f}, largest {away.max():.3f}")


if __name__ == "__main__":
    main()
