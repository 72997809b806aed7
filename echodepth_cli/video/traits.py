"""What the pictures of a recording have about them that a reader of the report must know."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.stream import VideoStream

_HIGH_DYNAMIC_RANGE = (16, 18)
"""Transfer functions PQ and HLG; ITU-T H.273 table 3."""


class PictureTraits:
    """Watches the frames of one recording for what limits the measurements."""

    def __init__(self, stream: VideoStream) -> None:
        self._high_range = stream.codec_context.color_trc in _HIGH_DYNAMIC_RANGE
        self._interlaced = False
        self._size_px: tuple[int, int] | None = None
        self._resized_at_s: list[float] = []

    def note(self, frame: VideoFrame, offset_s: float) -> None:
        """Take the next frame into account."""
        self._interlaced |= frame.interlaced_frame
        size_px = (frame.width, frame.height)
        if self._size_px not in (None, size_px):
            self._resized_at_s.append(offset_s)
        self._size_px = size_px

    def warnings(self) -> list[str]:
        """Return one plain sentence for each trait that was seen."""
        said = []
        if self._interlaced:
            said.append(
                "The recording is interlaced; its pictures are used as stored, both fields at once."
            )
        if self._high_range:
            said.append(
                "The recording has a high dynamic range; its pictures are used without tone"
                " mapping, so skin may look flat."
            )
        if self._resized_at_s:
            times, first_s = len(self._resized_at_s), self._resized_at_s[0]
            said.append(f"The picture changes size {times} time(s), first at {first_s:.2f} s.")
        return said
