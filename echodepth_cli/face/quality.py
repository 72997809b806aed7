"""How far one picture of a face can be trusted, from the picture alone.

Each factor is 0..1 and has a stated reason to fall; confidence is their product. The ramps are
engineering choices from the landmark noise of renders and photographs, not a published scale. That
of pose begins to fall where errors of units begin to rise on renders; see the model card.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from echodepth_cli.face.alignment import extent
from echodepth_cli.face.grey import GreyFace, grey_face
from echodepth_cli.records import Box, FloatArray, HeadPose, Image

LOW_CONFIDENCE: Final = 0.40
"""Below this a face is measured, but its numbers take no part in anything that is reported."""

UNMEASURABLE: Final = 0.10
"""Below this a face is located and not measured."""

_CROP_PX: Final = 96
"""Faces are compared at one size, so that sharpness does not depend on resolution."""


def quality_factors(
    image: Image,
    landmarks_px: FloatArray,
    pose: HeadPose,
    iod_px: float,
    face: GreyFace | None = None,
) -> dict[str, float]:
    """Return the factors size, pose, framing, light and sharpness, each 0..1.

    ``face`` is what `grey_face` gives, made here when it is not known yet.
    """
    height, width = image.shape[:2]
    xy = landmarks_px[:, :2]
    inside = ((xy >= 0) & (xy < (width, height))).all(axis=1).mean()
    light, sharpness = _picture_factors(face or grey_face(image, landmarks_px), landmarks_px, image)
    return {
        "size": _ramp(iod_px, 10.0, 40.0),
        "pose": _fall(abs(pose.yaw_deg), 12.0, 69.0) * _fall(abs(pose.pitch_deg), 8.0, 58.0),
        "framing": _ramp(float(inside), 0.70, 0.98),
        "light": light,
        "sharpness": sharpness,
    }


def confidence(factors: dict[str, float]) -> float:
    """Return the product of the factors, 0..1."""
    return float(np.prod(list(factors.values())))


def face_box(landmarks_px: FloatArray, width_px: int, height_px: int) -> Box:
    """Return the rectangle around the landmarks as fractions of the frame."""
    size = np.array([width_px, height_px], dtype=np.float64)
    low, high = (corner / size for corner in extent(landmarks_px))
    return Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))


def _picture_factors(face: GreyFace, landmarks_px: FloatArray, image: Image) -> tuple[float, float]:
    """Return (light, sharpness) of the face region; both 0 when it lies outside the picture."""
    import cv2

    height, width = image.shape[:2]
    low, high = extent(landmarks_px)
    first = np.clip(np.floor(low), 0, (width - 1, height - 1)).astype(np.int64)
    last = np.clip(np.ceil(high) + 1, 1, (width, height)).astype(np.int64)
    if (last - first < 4).any():
        return 0.0, 0.0
    grey = face.part(first, last)
    scale = _CROP_PX / grey.shape[1]
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    mean, spread = float(grey.mean()), float(grey.std())
    clipped = float(((grey < 4) | (grey > 251)).mean())
    light = _ramp(mean, 12.0, 45.0) * _ramp(spread, 4.0, 14.0) * _fall(clipped, 0.25, 0.80)
    edges = float(cv2.Laplacian(grey, cv2.CV_32F).std()) / max(spread, 1.0)
    return light, _ramp(edges, 0.03, 0.12)


def _ramp(value: float, zero: float, one: float) -> float:
    return min(max((value - zero) / (one - zero), 0.0), 1.0)


def _fall(value: float, one: float, zero: float) -> float:
    return 1.0 - _ramp(value, one, zero)
