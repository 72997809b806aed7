"""Invented people as face observations: each has proportions, a place, and a little unrest."""

from __future__ import annotations

import numpy as np

from echodepth_cli.face.alignment import reference_face
from echodepth_cli.face.signature import WEIGHTS_PATH, shape_vector
from echodepth_cli.records import Box, FaceObservation, HeadPose

_REFERENCE = reference_face()


def _directions() -> np.ndarray:
    """Return (16, 478) changes of height, each of which moves one dimension of a signature by 1."""
    weights = np.load(WEIGHTS_PATH)["weights"].astype(np.float64)
    one = np.zeros_like(_REFERENCE)
    effect = np.empty((len(weights), len(_REFERENCE)))
    still = shape_vector(_REFERENCE)
    for k in range(len(_REFERENCE)):
        one[k, 1] = 1.0
        effect[:, k] = weights @ (shape_vector(_REFERENCE + one) - still)
        one[k, 1] = 0.0
    return np.linalg.pinv(effect).T


_DIRECTIONS = _directions()


class Someone:
    """A person with colours and a signature (16,) of their own, give or take some unrest."""

    def __init__(self, seed: int, apart: float = 2.6, colours: int | None = None) -> None:
        self._random = np.random.default_rng(seed)
        way = self._random.normal(size=16)
        wardrobe = np.random.default_rng(100 + (seed if colours is None else colours))
        self._colours = np.array([55, 25, -20] * 3) + wardrobe.normal(scale=12, size=9)
        self._proportions = way / np.sqrt(np.mean(way**2)) * apart / np.sqrt(2)

    def at(
        self, x: float, width: float = 0.2, *, confidence: float = 1.0, yaw_deg: float = 0.0
    ) -> FaceObservation:
        """Return the face centred at ``x`` (fraction of the frame), looking as it does now."""
        mood = self._proportions + self._random.normal(scale=0.6, size=16)
        points = _REFERENCE.copy()
        points[:, 1] += mood @ _DIRECTIONS
        points = points.astype(np.float32)
        return FaceObservation(
            points=points,
            landmarks_px=points,
            appearance=np.empty(0, dtype=np.float32),
            box=Box(x - width / 2, 0.3, width, width * 1.3),
            pose=HeadPose(yaw_deg, 0.0, 0.0),
            iod_px=500 * width,
            confidence=confidence,
            colours=(self._colours + self._random.normal(scale=2, size=9)).astype(np.float32),
        )
