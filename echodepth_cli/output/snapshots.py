"""Small pictures of the moments a report talks about."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from echodepth_cli.records import Box, Image

WIDTH_PX: Final = 320
_QUALITY: Final = 72
_BLUR_MARGIN: Final = 0.25
"""The blurred ellipse reaches this share of the face rectangle beyond it."""
_BLUR_CELLS: Final = 6
"""A blurred face keeps this many averaged cells across: light and colour, no features."""


@dataclass(frozen=True, slots=True)
class Still:
    """One JPEG picture of a moment."""

    offset_s: float
    jpeg: bytes
    blurred: bool = False


def make_still(
    image: Image, offset_s: float, faces: tuple[Box, ...] = (), *, blur: bool = False
) -> Still:
    """Return a picture of at most 320 px width; ``image`` is RGB (height, width, 3).

    With ``blur`` every face in ``faces`` is averaged away; without any face the whole picture is,
    since nobody may be recognisable in it.
    """
    import cv2

    height, width = image.shape[:2]
    scale = min(1.0, WIDTH_PX / width)
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, target, interpolation=cv2.INTER_AREA) if scale < 1 else image.copy()
    if blur:
        whole = Box(0.0, 0.0, 1.0, 1.0)
        for face in faces or (whole,):
            small = _averaged(small, face, everything=not faces)
    done, buffer = cv2.imencode(
        ".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    if not done:
        raise ValueError(f"a picture of {width} x {height} pixels could not be written as JPEG")
    return Still(offset_s, buffer.tobytes(), blurred=blur)


_STILL_IN_PAGE: Final = re.compile(
    r'<img class="still" data-offset="([0-9.]+)"( data-blurred)?[^>]*? '
    r'src="data:image/jpeg;base64,([A-Za-z0-9+/=]+)"'
)


def read_stills(page: str) -> tuple[Still, ...]:
    """Return the stills of a report page, so that it can be rendered again without the video."""
    stills: list[Still] = []
    for offset, blurred, data in _STILL_IN_PAGE.findall(page):
        try:
            jpeg = base64.b64decode(data, validate=True)
        except binascii.Error:
            continue
        stills.append(Still(float(offset), jpeg, blurred=bool(blurred)))
    return tuple(stills)


def _averaged(picture: Image, face: Box, *, everything: bool) -> Image:
    import cv2

    height, width = picture.shape[:2]
    cells = (_BLUR_CELLS * 2, max(1, round(_BLUR_CELLS * 2 * height / width)))
    if not everything:
        across = max(face.w * width, 1.0) / _BLUR_CELLS
        cells = (max(1, round(width / across)), max(1, round(height / across)))
    coarse = cv2.resize(picture, cells, interpolation=cv2.INTER_AREA)
    flat = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    if everything:
        return np.asarray(flat, dtype=np.uint8)
    mask = np.zeros((height, width), dtype=np.uint8)
    centre = (round((face.x + face.w / 2) * width), round((face.y + face.h / 2) * height))
    reach = 0.5 + _BLUR_MARGIN
    axes = (max(1, round(face.w * reach * width)), max(1, round(face.h * reach * height)))
    cv2.ellipse(mask, centre, axes, 0, 0, 360, 255, -1)
    return np.where(mask[:, :, None] > 0, flat, picture).astype(np.uint8)
