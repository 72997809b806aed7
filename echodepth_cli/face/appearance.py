"""Small pictures of the skin where furrows form, each following its own landmarks.

A region's patch is an affine warp fitted to the landmarks around it, so that a furrow stays where
it is in the patch while the face moves and only its depth changes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.alignment import iod_px, reference_face
from echodepth_cli.records import FloatArray, Image

PATCH_PX: Final = 32
_IOD_PX: Final = 64.0
"""Faces larger than this are shrunk to it first, so that fine texture does not alias."""

_RIGHT: Final = {
    "forehead_R": (67, 103, 104, 69, 105, 63, 68, 54),
    "crow_R": (33, 130, 226, 35, 143, 156, 139, 34, 127, 116),
    "under_eye_R": (110, 24, 23, 22, 230, 229, 228, 119, 118, 117),
    "nasolabial_R": (129, 203, 206, 216, 92, 186, 205, 36, 50, 165),
    "corner_R": (61, 57, 43, 202, 212, 214, 216, 207, 192),
}
_LEFT: Final = {
    "forehead_L": (297, 332, 333, 299, 334, 293, 298, 284),
    "crow_L": (263, 359, 446, 265, 372, 383, 368, 264, 356, 345),
    "under_eye_L": (339, 254, 253, 252, 450, 449, 448, 348, 347, 346),
    "nasolabial_L": (358, 423, 426, 436, 322, 410, 425, 266, 280, 391),
    "corner_L": (291, 287, 273, 422, 432, 434, 436, 427, 416),
}
_MIDDLE: Final = {
    "glabella": (107, 336, 9, 8, 168, 55, 285, 151),
    "nose_root": (168, 6, 193, 417, 122, 351, 197, 8),
    "forehead": (10, 151, 109, 338, 108, 337, 67, 297, 9),
    "chin": (18, 200, 199, 175, 83, 313, 201, 421, 32, 262, 208, 428),
    "lips": (0, 17, 61, 291, 13, 14, 39, 269, 181, 405),
}
REGIONS: Final = {**_MIDDLE, **_RIGHT, **_LEFT}
"""Region name to the landmarks that carry it; _L and _R are the subject's sides."""


def patches(image: Image, landmarks_px: FloatArray) -> NDArray[np.uint8]:
    """Return the (regions, 32, 32) grey patches of a face, in the order of `REGIONS`."""
    import cv2

    grey, points = _face_crop(image, landmarks_px)
    out = np.empty((len(REGIONS), PATCH_PX, PATCH_PX), dtype=np.uint8)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for k, (landmarks, solver) in enumerate(_solvers()):
        matrix = (solver @ points[landmarks]).T
        cv2.warpAffine(
            grey, matrix, (PATCH_PX, PATCH_PX), out[k], flags, borderMode=cv2.BORDER_REPLICATE
        )
    return out


def _face_crop(image: Image, landmarks_px: FloatArray) -> tuple[Image, NDArray[np.float64]]:
    """Return the grey face at no more than the working size, and its landmarks there."""
    import cv2

    height, width = image.shape[:2]
    xy = landmarks_px[:, :2].astype(np.float64)
    low = np.clip(np.floor(xy.min(axis=0)) - 2, 0, (width - 2, height - 2)).astype(int)
    high = np.clip(np.ceil(xy.max(axis=0)) + 3, low + 2, (width, height)).astype(int)
    crop = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, _IOD_PX / max(iod_px(landmarks_px), 1.0))
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return grey, (xy - low) * scale


@lru_cache(maxsize=1)
def _solvers() -> tuple[tuple[NDArray[np.int64], NDArray[np.float64]], ...]:
    """Return per region its landmarks and the matrix that fits patch to picture coordinates."""
    reference = reference_face()[:, :2]
    out = []
    for landmarks in REGIONS.values():
        index = np.array(landmarks)
        low, high = reference[index].min(axis=0), reference[index].max(axis=0)
        side = max(*(high - low), 0.3)
        corner = (low + high - side) / 2
        patch = (reference[index] - corner) / side * PATCH_PX
        design = np.column_stack([patch, np.ones(len(index))])
        out.append((index, np.linalg.pinv(design)))
    return tuple(out)
