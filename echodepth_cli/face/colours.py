"""The colours of a head and what is worn, to tell people apart whose faces are alike in shape.

Like a signature they serve within one recording only. They change with light and camera, so they
speak strongly for a person who comes back in the same picture, and weakly otherwise.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.alignment import extent
from echodepth_cli.records import FloatArray, Image

Colours = NDArray[np.float32]
"""(9,) brightness, red and blue difference of hair, face and clothes; NaN outside the picture."""

_PATCHES: Final = np.array(
    [
        (-0.30, 0.30, -0.22, -0.04),
        (-0.25, 0.25, 0.35, 0.75),
        (-0.55, 0.55, 1.20, 1.60),
    ]
)
"""Left, right from the middle in face widths; top, bottom from the brow in face heights."""

_SAME: Final = 6.0
"""The colours of one patch stay this near, root mean square, while nothing else moves into it."""

_GRID: Final = 12
"""Pixels read along each side of a patch."""


def colours_of(image: Image, landmarks_px: FloatArray) -> Colours:
    """Return the colours around one face of an RGB picture; reads some 400 pixels."""
    low, high = extent(landmarks_px)
    middle, (width, height) = (low[0] + high[0]) / 2, high - low
    left, right, top, bottom = _PATCHES.T
    columns = _spaced(middle + left * width, middle + right * width)
    rows = _spaced(low[1] + top * height, low[1] + bottom * height)
    patches = [_median_colour(image, y, x) for y, x in zip(rows, columns, strict=True)]
    return np.concatenate(patches).astype(np.float32)


def apart(one: NDArray[Any], other: NDArray[Any]) -> float | None:
    """Return how far two colours are apart, root mean square; None where nothing compares."""
    gaps = one - other
    known = gaps[np.isfinite(gaps)]
    return float(np.sqrt(np.mean(known**2))) if len(known) else None


def is_mostly_unchanged(one: Colours, other: Colours) -> bool:
    """Return whether two of hair, face and clothes have kept their colours.

    A grimace may draw the brow into the patch of the hair; another person brings other clothes too.
    """
    squares = (one - other).reshape(3, 3) ** 2
    return int((np.sqrt(squares.mean(axis=1)) < _SAME).sum()) >= 2


def _spaced(first: NDArray[np.float64], last: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (patches, `_GRID`) values from first to last, in less time than `np.linspace`."""
    values = first[:, None] + np.arange(_GRID) * ((last - first) / (_GRID - 1))[:, None]
    values[:, -1] = last
    return values


def _median_colour(
    image: Image, rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.float64]:
    height, width = image.shape[:2]
    y = rows[(rows >= 0) & (rows < height)].astype(np.int64)
    x = columns[(columns >= 0) & (columns < width)].astype(np.int64)
    if len(y) * len(x) < _GRID * _GRID / 4:
        return np.full(3, np.nan)
    # What `np.median` gives, at a fifth of the time for so few pixels.
    ordered = np.ascontiguousarray(image[y[:, None], x].reshape(-1, 3).T)
    ordered.sort(axis=1)
    count = ordered.shape[1]
    one, other = ordered[:, (count - 1) // 2].tolist(), ordered[:, count // 2].tolist()
    red, green, blue = ((a + b) / 2 for a, b in zip(one, other, strict=True))
    brightness = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.array([brightness / 2, red - brightness, blue - brightness])
