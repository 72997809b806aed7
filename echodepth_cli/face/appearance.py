"""Small pictures of the eyes and the mouth, turned to the front and freed from the light.

The rigid points that `align` uses say where the average face would lie in the picture; each
window is cut out along that face's surface. So a window keeps still when the head turns or tilts,
while brows, lids and lips move in it by what the pixels show, not by where the face mesh puts them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.alignment import iod_px, reference_face
from echodepth_cli.face.grey import GreyFace, grey_face
from echodepth_cli.records import FloatArray, Image

WINDOW_PX: Final = 48

EVEN_SHAPE: Final = (3, WINDOW_PX, WINDOW_PX)
"""What `even` gives: the subject's right eye, the left one mirrored, the mouth."""

APPEARANCE_VALUES: Final = EVEN_SHAPE[0] * EVEN_SHAPE[1] * EVEN_SHAPE[2]
"""How many numbers say what a face looks like."""

LOCAL_PX: Final = 17
"""Side of the neighbourhood, in pixels of a window, whose light is taken out."""

SOFT_GREY: Final = 4.0
"""Contrast, in grey levels, below which a neighbourhood is not raised to full contrast."""

MOST_CONTRAST: Final = 4.0
"""Where even windows are cut off: beyond are catchlights and single pixels."""

_STEPS: Final = 127 / MOST_CONTRAST

_WINDOWS: Final = ((-1.06, -0.60, 1.12), (1.06, -0.60, -1.12), (-0.72, 0.45, 1.44))
"""Left edge, top and width on the reference face, in inter-ocular distances: the subject's right
eye with its brow, the left eye mirrored, the mouth with the chin."""

_WORKING_IOD_PX: Final = 56.0
"""Faces larger than this are shrunk to it first, so that fine texture does not alias."""


def packed(shown: FloatArray) -> NDArray[np.int8]:
    """Return even windows as the (6912,) bytes that are kept; `unpacked` undoes it to a 60th."""
    return np.asarray(np.rint(shown * _STEPS), dtype=np.int8).ravel()


def unpacked(appearance: NDArray[np.int8]) -> FloatArray:
    """Return the contrasts that `packed` was given."""
    return np.asarray(appearance / np.float32(_STEPS), dtype=np.float32)


def windows(
    image: Image,
    landmarks_px: FloatArray,
    aligned: FloatArray,
    margin_px: int = 0,
    face: GreyFace | None = None,
) -> NDArray[np.uint8]:
    """Return the (3, 48, 48) grey windows of a face; ``aligned`` is what `align` made of it.

    ``margin_px`` widens each window on all sides at the same scale. ``face`` is what `grey_face`
    gives, made here when it is not known yet.
    """
    import cv2

    grey, xy = _at_working_size(face or grey_face(image, landmarks_px), iod_px(landmarks_px))
    to_picture = _picture_of(aligned, xy)
    side = WINDOW_PX + 2 * margin_px
    out = np.empty((len(_WINDOWS), side, side), dtype=np.uint8)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for k, plane in enumerate(_planes()):
        matrix = (plane @ to_picture).T
        matrix[:, 2] -= matrix[:, :2].sum(axis=1) * margin_px
        cv2.warpAffine(grey, matrix, (side, side), out[k], flags, borderMode=cv2.BORDER_REPLICATE)
    return out


def even(windows_px: NDArray[np.uint8]) -> FloatArray:
    """Return `EVEN_SHAPE` windows with local mean 0 and about local contrast 1."""
    level = np.stack([without_light(one.astype(np.float32), LOCAL_PX) for one in windows_px])
    return np.clip(level, -MOST_CONTRAST, MOST_CONTRAST)


def without_light(window: FloatArray, local_px: int) -> FloatArray:
    """Return a window of grey levels in units of the contrast around, about the mean around."""
    import cv2

    level = window - cv2.blur(window, (local_px, local_px))
    around = cv2.blur(level * level, (local_px, local_px))
    # Rounding leaves a flat neighbourhood a hair below zero.
    return np.asarray(level / (np.sqrt(np.maximum(around, 0)) + np.float32(SOFT_GREY)))


def _at_working_size(face: GreyFace, eye_distance_px: float) -> tuple[Image, NDArray[np.float64]]:
    """Return the grey face at no more than the working size, and its landmarks there."""
    import cv2

    grey = face.part(face.low, face.high)
    scale = min(1.0, _WORKING_IOD_PX / max(eye_distance_px, 1.0))
    if min(grey.shape) * scale < 1:  # hardly a sliver of the face is in the picture
        scale = 1.0
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return grey, (face.xy - face.low + 0.5) * scale - 0.5


def _picture_of(aligned: FloatArray, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (4, 2) map from aligned coordinates (x, y, z, 1) to the picture."""
    # Aligned points are a similarity of the landmarks, so the fit is exact but for rounding.
    design = np.ones((len(aligned), 4))
    design[:, :3] = aligned
    return np.asarray(np.linalg.solve(design.T @ design, design.T @ xy))


@lru_cache(maxsize=1)
def _planes() -> tuple[NDArray[np.float64], ...]:
    """Return per window the (3, 4) map from window pixels (u, v, 1) to aligned coordinates."""
    reference = reference_face()
    out = []
    for left, top, width in _WINDOWS:
        side = abs(width)
        inside = (np.abs(reference[:, 0] - left - width / 2) < side / 2) & (
            np.abs(reference[:, 1] - top - side / 2) < side / 2
        )
        x, y, z = reference[inside].T
        slope = np.linalg.lstsq(np.column_stack([x, y, np.ones(len(x))]), z, rcond=None)[0]
        step_x, step_y = width / WINDOW_PX, side / WINDOW_PX
        corner = (left + step_x / 2, top + step_y / 2)
        out.append(
            np.array(
                [
                    [step_x, 0.0, slope[0] * step_x, 0.0],
                    [0.0, step_y, slope[1] * step_y, 0.0],
                    [*corner, slope @ (*corner, 1.0), 1.0],
                ]
            )
        )
    return tuple(out)
