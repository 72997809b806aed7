"""Turn a decoded frame into the RGB picture a viewer sees: turned, mirrored, square pixels."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from echodepth_cli.records import Image
from echodepth_cli.video.orientation import Orientation, orientation_of_frame
from echodepth_cli.video.source import reading_errors

if TYPE_CHECKING:
    from av import VideoFrame

_WIDEST_PIXEL = 4
"""Pixel shapes beyond 4:1 are damage, not design."""


class PictureMaker:
    """Converts the frames of one recording; keeps the scaler between calls, so one thread only."""

    def __init__(self, path: Path, pixel_shape: Fraction | None, fallback: Orientation) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        self._path = path
        self._fallback = fallback
        believable = pixel_shape and 1 / _WIDEST_PIXEL <= pixel_shape <= _WIDEST_PIXEL
        self._pixel_shape = pixel_shape if believable and pixel_shape else Fraction(1)
        self._reformatter = VideoReformatter()
        # Since 17 PyAV starts a pool of scaling threads for each picture unless told not to, which
        # takes ten times as long as scaling; before, it knew no threads.
        self._options: dict[str, int] = {"threads": 1} if _major(av.__version__) >= 17 else {}

    def orientation(self, frame: VideoFrame) -> Orientation:
        """Return how ``frame`` must be turned; what the frame says goes before the file's tag."""
        return orientation_of_frame(frame) or self._fallback

    def size(self, frame: VideoFrame) -> tuple[int, int]:
        """Return (width, height) in square pixels, as a viewer sees it."""
        width_px, height_px = self._square(frame)
        swaps = self.orientation(frame).swaps_sides
        return (height_px, width_px) if swaps else (width_px, height_px)

    def rgb(self, frame: VideoFrame) -> Image:
        """Return the picture as (height, width, 3) uint8; raises InputError if it cannot be."""
        width_px, height_px = self._square(frame)
        with reading_errors(self._path, "convert a picture of"):
            rgb = self._reformatter.reformat(frame, width_px, height_px, "rgb24", **self._options)
        plane = rgb.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8)[: height_px * plane.line_size]
        rows = rows.reshape(height_px, plane.line_size)[:, : width_px * 3]
        return self.orientation(frame).apply(rows.reshape(height_px, width_px, 3))

    def _square(self, frame: VideoFrame) -> tuple[int, int]:
        # Pixels are only ever stretched, never thrown away: a squeezed face is a wrong face.
        if self._pixel_shape > 1:
            return round(frame.width * self._pixel_shape), frame.height
        return frame.width, round(frame.height / self._pixel_shape)


def _major(version: str) -> int:
    return int(version.partition(".")[0])
