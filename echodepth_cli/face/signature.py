"""The proportions of a face, to tell the few people of one recording apart.

A signature is 16 weighted proportions of the upper face without pose and scale. It serves within
one recording, is never stored, and is far too coarse to find a person among many: in a crowd of a
thousand it would fit several. The weights come from rendered people alone; see
`models/training/signature.py`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.alignment import reference_face
from echodepth_cli.records import FaceObservation, FloatArray, HeadPose

Signature = NDArray[np.float64]
"""(16,) proportions; one person's pictures spread by about 1 along each dimension."""

WEIGHTS_PATH: Final = Path(__file__).parent / "signature.npz"

_ABOVE_THE_MOUTH: Final = 0.45
"""Height on the reference face, in inter-ocular distances: below it speech moves everything."""

_TURNED_DEG: Final = 25.0
_MIN_CONFIDENCE: Final = 0.25


def signature(face: FaceObservation) -> Signature | None:
    """Return the proportions of a face, or None where it is too turned or too poor to say."""
    if face.confidence < _MIN_CONFIDENCE or not is_usable_pose(face.pose):
        return None
    return proportions(face.points)


def proportions(points: FloatArray) -> Signature:
    """Return the signature of (478, 3) landmarks without pose and scale."""
    weights, centre = _weights()
    values: Signature = weights @ (shape_vector(points) - centre)
    return values


def distance(one: Signature, other: Signature) -> float:
    """Return how unlike two signatures are, root mean square over the dimensions."""
    gaps = one - other
    return math.sqrt((gaps * gaps).sum() / len(gaps))


def is_usable_pose(pose: HeadPose) -> bool:
    """Return whether the head is turned little enough for its proportions to be trusted."""
    return abs(pose.yaw_deg) < _TURNED_DEG and abs(pose.pitch_deg) < _TURNED_DEG


def shape_vector(points: FloatArray) -> NDArray[np.float64]:
    """Return the frontal outline of the upper face, left and right averaged, as one vector.

    What is left of a head turn after alignment is opposite on both sides and averages out.
    """
    upper, mirrored = _pairs()
    xy = points[:, :2].astype(np.float64)
    both = (xy[upper] + xy[mirrored] * (-1.0, 1.0)) / 2
    return both.ravel()


@lru_cache(maxsize=1)
def _pairs() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the landmarks of one side above the mouth, and their counterparts on the other."""
    reference = reference_face()
    flipped = reference * (-1.0, 1.0, 1.0)
    gaps = ((reference[:, None] - flipped[None]) ** 2).sum(axis=-1)
    counterpart = gaps.argmin(axis=1)
    upper = np.flatnonzero((reference[:, 1] < _ABOVE_THE_MOUTH) & (reference[:, 0] <= 0.01))
    return upper, counterpart[upper]


@lru_cache(maxsize=1)
def _weights() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    with np.load(WEIGHTS_PATH) as stored:
        return stored["weights"].astype(np.float64), stored["centre"].astype(np.float64)
