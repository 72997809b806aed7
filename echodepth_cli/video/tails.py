"""Tell which packets at the end of a group of pictures need not be decoded at all.

Decoding a picture takes the pictures before it, back to a keyframe, and none after it. So what lies
between the last picture that is wanted and a keyframe that cuts off everything before it is of no
use to anyone. Whether a keyframe cuts is read from its own bytes: the flag that containers put on
packets also stands on keyframes that later pictures reach across.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import Packet
    from av.video.stream import VideoStream

_IDR = 5
_PARAMETER_SETS = (7, 8, 13, 15)
"""Types of H.264 NAL units; ITU-T H.264 table 7-1."""
_VP9_KEYFRAME = (0b1000_0000, 0b1100_1100)
"""Value and mask of the first byte: marker 2, no repeated frame, keyframe; VP9 bitstream 6.2."""
_VP9_PROFILE_3 = 0b0011_0000


class Tails:
    """Knows the keyframes of one H.264 or VP9 stream."""

    def __init__(self, stream: VideoStream) -> None:
        context = stream.codec_context
        self._is_vp9 = context.codec.canonical_name == "vp9"
        extra = bytes(context.extradata or b"")
        # ISO/IEC 14496-15: configuration record version 1, then how long the length fields are.
        self._length_bytes = (extra[4] & 3) + 1 if len(extra) > 4 and extra[0] == 1 else 0

    def cuts(self, packet: Packet[VideoStream]) -> bool:
        """Return whether nothing after the start of ``packet`` refers to what lies before it."""
        if not packet.is_keyframe or not packet.size:
            return False
        data = bytes(packet)
        if self._is_vp9:
            value, mask = _VP9_KEYFRAME
            return data[0] & mask == value and data[0] & _VP9_PROFILE_3 != _VP9_PROFILE_3
        return _IDR in self._unit_types(data)

    def may_go(self, packet: Packet[VideoStream]) -> bool:
        """Return whether ``packet`` holds a picture and nothing else that may still be needed."""
        return self._is_vp9 or not any(
            kind in _PARAMETER_SETS for kind in self._unit_types(bytes(packet))
        )

    def _unit_types(self, data: bytes) -> Iterator[int]:
        at = 0
        while self._length_bytes and at + self._length_bytes < len(data):
            length = int.from_bytes(data[at : at + self._length_bytes], "big")
            at += self._length_bytes
            yield data[at] & 31
            at += length
        while not self._length_bytes and 0 <= (at := data.find(b"\0\0\1", at)) < len(data) - 3:
            at += 3
            yield data[at] & 31
