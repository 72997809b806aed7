"""Fit the weights of the face-shape signature on rendered people.

`python -m models.training.signature --data DIR` reads the shards of `models.training.generate` and
writes `echodepth_cli/face/signature.npz`. Linear discriminants (Fisher 1936, Annals of Eugenics
7:179) weigh proportions by how far they differ between people against how far they move with one
person's expression, pose and light. No picture of a real person takes part.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import echodepth_cli.face.signature as product
from echodepth_cli.face.alignment import align

DIMENSIONS = 16
_RIDGE = 0.01
"""Share of the mean variance added to every direction, for directions that renders never vary."""


def shapes_of(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the (N, F) shape vectors of the nearly frontal faces of a shard, and who they are."""
    with np.load(path) as shard:
        aligned = [align(landmarks) for landmarks in shard["landmarks_px"]]
        people = shard["identity"]
    usable = [product.is_usable_pose(pose) for _, pose in aligned]
    vectors = [
        product.shape_vector(points)
        for (points, _), keep in zip(aligned, usable, strict=True)
        if keep
    ]
    return np.stack(vectors), people[usable]


def fit(shapes: NDArray[np.float64], people: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (DIMENSIONS, F) weights; a person's own spread is 1 along each dimension."""
    _, who, counts = np.unique(people, return_inverse=True, return_counts=True)
    means = np.zeros((len(counts), shapes.shape[1]))
    np.add.at(means, who, shapes)
    means /= counts[:, None]
    spread = shapes - means[who]
    within = spread.T @ spread / (len(shapes) - len(counts))
    between = np.cov(means.T) - within / counts.mean()
    within += _RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    whiten = np.linalg.inv(np.linalg.cholesky(within))
    _, directions = np.linalg.eigh(whiten @ between @ whiten.T)
    weights: NDArray[np.float64] = directions[:, ::-1][:, :DIMENSIONS].T @ whiten
    return weights


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("build/training"))
    options = parser.parse_args()
    shards = sorted(options.data.glob("shard_*.npz"))
    shapes, people = zip(*(shapes_of(path) for path in shards), strict=True)
    weights = fit(np.concatenate(shapes), np.concatenate(people))
    centre = np.concatenate(shapes).mean(axis=0)
    np.savez_compressed(
        product.WEIGHTS_PATH,
        weights=weights.astype(np.float32),
        centre=centre.astype(np.float32),
    )
    print(f"{len(np.unique(np.concatenate(people)))} people, {sum(map(len, shapes))} pictures")


if __name__ == "__main__":
    main()
