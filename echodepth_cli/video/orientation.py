"""How a stored picture must be turned to look as a viewer sees it."""

from __future__ import annotations

import importlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from echodepth_cli.records import Image

if TYPE_CHECKING:
    from av import VideoFrame

_MATRIX_BYTES = 36


@dataclass(frozen=True, slots=True)
class Orientation:
    """A mirror image left to right, if any, followed by a clockwise turn in quarter turns."""

    rotation_deg: int = 0
    """Clockwise, one of 0, 90, 180, 270."""
    mirrored: bool = False

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height trade places."""
        return self.rotation_deg in (90, 270)

    def apply(self, image: Image) -> Image:
        """Return ``image`` (H, W, 3) mirrored and turned, contiguous in memory."""
        turned = image[:, ::-1] if self.mirrored else image
        return np.ascontiguousarray(np.rot90(turned, k=-(self.rotation_deg // 90)))


def orientation_of_matrix(matrix: Sequence[int]) -> Orientation:
    """Read a display matrix: nine integers ``a b u c d v x y w``, the first two rows 16.16.

    A stored point (p, q), q downwards, is shown at (a p + c q, b p + d q); ISO/IEC 14496-12
    section 8.5.2. Angles between quarter turns are rounded to the nearest.
    """
    a, b, _, c, d = (value / 65536 for value in matrix[:5])
    mirrored = a * d - b * c < 0
    if mirrored:
        # The matrix is a turn applied after the mirror (p, q) -> (-p, q); undo the mirror.
        a, b = -a, -b
    angle_deg = math.degrees(math.atan2(b - c, a + d))
    return Orientation(round(angle_deg / 90) % 4 * 90, mirrored)


def orientation_of_frame(frame: VideoFrame) -> Orientation | None:
    """Return the orientation a decoded frame asks for; None when it does not say."""
    # Not `frame.side_data`: the frame and that container would hold each other, and megabytes a
    # picture would wait for the garbage collector.
    container = importlib.import_module("av.sidedata.sidedata").SideDataContainer
    try:
        data: Any = container(frame).get("DISPLAYMATRIX")
    except ValueError:
        # PyAV cannot list side data of kinds it does not know; it can still give the turn.
        return Orientation(round(-frame.rotation / 90) % 4 * 90) if frame.rotation else None
    matrix = b"" if data is None else bytes(data)
    if len(matrix) < _MATRIX_BYTES:
        return None
    return orientation_of_matrix(struct.unpack("=9i", matrix[:_MATRIX_BYTES]))


def orientation_of_tag(metadata: dict[str, str]) -> Orientation:
    """Read the ``rotate`` tag that older phones and tools wrote: degrees clockwise."""
    value = metadata.get("rotate", metadata.get("ROTATE", "0"))
    try:
        degrees = float(value)
    except ValueError:
        return Orientation()
    return Orientation(round(degrees / 90) % 4 * 90) if math.isfinite(degrees) else Orientation()
