"""The grey levels of a face: made once, since that takes as long as much that is read off them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.alignment import extent
from echodepth_cli.records import FloatArray, Image

Corner = NDArray[np.int64]
"""(2,) column and row of a picture, in pixels."""

_BORDER: Final = 0.15
"""What is shown around the landmarks, in shares of their width and height."""

_FAR: Final = 4000.0
"""Landmarks further out of the picture than this, in pixels, are no face."""


@dataclass(frozen=True, slots=True)
class GreyFace:
    """A face and what is around it, in grey."""

    xy: NDArray[np.float64]
    """(478, 2) landmarks in pixels of the picture, none of them absurdly far away."""
    low: Corner
    """Left and top of the face with its border, within the picture."""
    high: Corner
    """Right and bottom, exclusive."""
    levels: Image
    """(height, width) grey levels from `low` on, to a pixel beyond `high` where there is one."""

    def part(self, low: Corner, high: Corner) -> Image:
        """Return the grey levels between two corners of the picture."""
        left, top = low - self.low
        right, bottom = high - self.low
        return self.levels[top:bottom, left:right]


def grey_face(image: Image, landmarks_px: FloatArray) -> GreyFace:
    """Return the grey levels of one face of an RGB picture."""
    import cv2

    height, width = image.shape[:2]
    xy = np.clip(landmarks_px[:, :2].astype(np.float64), -_FAR, _FAR + max(width, height))
    first, last = extent(xy)
    border = _BORDER * (last - first)
    low = np.clip(np.floor(first - border), 0, (width - 2, height - 2)).astype(np.int64)
    high = np.clip(np.ceil(last + border), low + 2, (width, height)).astype(np.int64)
    right, bottom = high + 1
    levels = cv2.cvtColor(image[low[1] : bottom, low[0] : right], cv2.COLOR_RGB2GRAY)
    return GreyFace(xy, low, high, np.asarray(levels, dtype=np.uint8))
