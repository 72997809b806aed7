"""Remove head pose and scale from landmarks, and tell the pose.

A similarity transform (Umeyama 1991, IEEE PAMI 13:376) over points that expressions move little
takes each face on to a frontal, symmetric reference whose inter-ocular distance is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.records import FloatArray, HeadPose

Points = NDArray[np.float64]
Real = TypeVar("Real", np.float32, np.float64)

EYE_CORNERS = ((33, 133), (362, 263))
"""Outer and inner corner of the subject's right eye, inner and outer of the left."""

_EYE_CORNERS = np.array(EYE_CORNERS)

_EYES_AND_NOSE = (33, 133, 362, 263, 168, 6, 197, 195, 5, 4)
_FOREHEAD_AND_TEMPLES = (8, 9, 151, 10, 127, 356, 234, 454, 93, 323, 67, 297, 109, 338)

RIGID = np.array([*_EYES_AND_NOSE, *_FOREHEAD_AND_TEMPLES])
"""Eye corners, nose bridge, temples and forehead: they follow the skull, not the expression."""


@lru_cache(maxsize=1)
def reference_face() -> NDArray[np.float64]:
    """Return the (478, 3) mean frontal face, inter-ocular distance 1, rigid points centred.

    The mean of 160 neutral faces rendered from the morphable face, tracked by the face mesh and
    made symmetric; x right, y down, z away. The models depend on it: another means training anew.
    """
    points: NDArray[np.float64] = np.load(Path(__file__).parent / "reference_face.npy").astype(
        np.float64
    )
    points.setflags(write=False)
    return points


@dataclass(frozen=True, slots=True)
class Similarity:
    """A rotation, a scale and a shift of points in space."""

    rotation: Points
    """(3, 3)."""
    scale: float
    source: Points
    """(3,) taken to `target`."""
    target: Points

    def apply(self, points: Points) -> Points:
        """Return (N, 3) points moved."""
        moved: Points = self.scale * (points - self.source) @ self.rotation.T + self.target
        return moved


def similarity(points: Points, onto: Points, which: NDArray[np.int64]) -> Similarity:
    """Return the similarity that takes some of ``points`` nearest to those of ``onto``."""
    source, target = points[which], onto[which]
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    covariance = (target - target_mean).T @ (source - source_mean)
    u, singular, vt = np.linalg.svd(covariance)
    handed = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * handed) @ vt
    scale = (singular * handed).sum() / ((source - source_mean) ** 2).sum()
    return Similarity(rotation, float(scale), source_mean, target_mean)


def align(landmarks_px: FloatArray) -> tuple[FloatArray, HeadPose]:
    """Return the landmarks without pose and scale, and the head pose taken out.

    Takes (478, 3) pixels, gives (478, 3) float32 in units of the inter-ocular distance.
    """
    points = landmarks_px.astype(np.float64)
    fit = similarity(points, reference_face(), RIGID)
    return fit.apply(points).astype(np.float32), _pose(fit.rotation.T)


def eye_centres(landmarks_px: FloatArray) -> FloatArray:
    """Return the (2, 3) centres between the corners of the right and left eye."""
    centres: FloatArray = landmarks_px[_EYE_CORNERS].mean(axis=1)
    return centres


def iod_px(landmarks_px: FloatArray) -> float:
    """Return the distance between the eye centres, turned heads corrected by depth, in pixels."""
    right, left = eye_centres(landmarks_px)
    return float(np.linalg.norm(left - right))


def extent(landmarks_px: NDArray[Real]) -> tuple[NDArray[Real], NDArray[Real]]:
    """Return the (2,) lowest and highest x and y of the landmarks, in pixels."""
    # Rows of memory are searched several times as fast as columns.
    xy = np.ascontiguousarray(landmarks_px[:, :2].T)
    return xy.min(axis=1), xy.max(axis=1)


def _pose(head: NDArray[np.float64]) -> HeadPose:
    """Decompose the rotation from the frontal face to the camera; see `HeadPose` for signs."""
    forward = -head[:, 2]
    yaw = np.arctan2(forward[0], -forward[2])
    pitch = np.arcsin(np.clip(-forward[1], -1.0, 1.0))
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    nod = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    rest = (turn @ nod).T @ head
    roll = np.arctan2(rest[1, 0], rest[0, 0])
    return HeadPose(*(float(np.degrees(angle)) for angle in (yaw, pitch, roll)))
