"""Small pictures of the moments a report talks about."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from echodepth_cli.records import Box, Image

WIDTH_PX: Final = 320
_PORTRAIT_PX: Final = 160
_PORTRAIT_REACH: Final = 0.95
"""Half the side of a portrait, in heights of the face."""
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
    person: int | None = None
    """Whose portrait it is; None for the picture of an alert."""


StillKey = int | str
"""An alert's position in the report, or `portrait_key` of a person."""


def portrait_key(person: int) -> StillKey:
    """Return the key of a person's portrait among the stills of a report."""
    return f"person {person}"


def make_portrait(
    image: Image, offset_s: float, person: int, face: Box, faces: tuple[Box, ...], *, blur: bool
) -> Still:
    """Return a small picture of one face and what is around it; with ``blur``, without features.

    ``faces`` are all faces in the picture, in fractions of it.
    """
    height, width = image.shape[:2]
    reach = face.h * height * _PORTRAIT_REACH
    middle_x, middle_y = (face.x + face.w / 2) * width, (face.y + face.h / 2) * height
    x0, x1 = (int(np.clip(middle_x + s * reach, 0, width)) for s in (-1, 1))
    y0, y1 = (int(np.clip(middle_y + s * reach, 0, height)) for s in (-1, 1))
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    across, down = (x1 - x0) / width, (y1 - y0) / height
    inside = tuple(
        Box((f.x - x0 / width) / across, (f.y - y0 / height) / down, f.w / across, f.h / down)
        for f in (face, *faces)
    )
    crop = np.ascontiguousarray(image[y0:y1, x0:x1])
    still = make_still(crop, offset_s, inside, blur=blur, width_px=_PORTRAIT_PX)
    return replace(still, person=person)


def make_still(
    image: Image,
    offset_s: float,
    faces: tuple[Box, ...] = (),
    *,
    blur: bool = False,
    width_px: int = WIDTH_PX,
) -> Still:
    """Return a picture of at most ``width_px`` width; ``image`` is RGB (height, width, 3).

    With ``blur`` every face in ``faces`` is averaged away; without any face the whole picture is,
    since nobody may be recognisable in it.
    """
    import cv2

    height, width = image.shape[:2]
    scale = min(1.0, width_px / width)
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
    r'<img class="still" data-offset="([0-9.]+)"( data-blurred)?(?: data-person="([0-9]+)")?[^>]*? '
    r'src="data:image/jpeg;base64,([A-Za-z0-9+/=]+)"'
)


def read_stills(page: str) -> tuple[Still, ...]:
    """Return the stills of a report page, so that it can be rendered again without the video."""
    stills: list[Still] = []
    for offset, blurred, person, data in _STILL_IN_PAGE.findall(page):
        try:
            jpeg = base64.b64decode(data, validate=True)
        except binascii.Error:
            continue
        stills.append(Still(float(offset), jpeg, bool(blurred), int(person) if person else None))
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
