"""Small recordings of a real face in every container and codec, to be damaged.

Four seconds of the rendered person in `tests/material`, cut to the face, so that an analysis that
survives the damage goes all the way to a report and does so in a fraction of a second.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from echodepth_cli.records import Image
from tests.conftest import REPO

SIZE_PX = 160
FRAMES = 40
FPS = 10
_CUT = (slice(80, 400), slice(160, 480))
"""Where the face is in the material, 320 by 320 pixels."""


@dataclass(frozen=True)
class Kind:
    """How a recording is stored."""

    suffix: str
    codec: str
    pix_fmt: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=dict)
    muxer: Mapping[str, str] = field(default_factory=dict)


_X264 = {"preset": "ultrafast", "g": "10", "bf": "2", "threads": "1"}
_X265 = {"preset": "ultrafast", "x265-params": "log-level=none:keyint=10:pools=1"}
_VPX = {"cpu-used": "8", "deadline": "realtime", "g": "10"}

KINDS: Mapping[str, Kind] = {
    "h264.mp4": Kind("mp4", "libx264", options=_X264),
    "h264-front.mp4": Kind("mp4", "libx264", options=_X264, muxer={"movflags": "faststart"}),
    "h264-pieces.mp4": Kind(
        "mp4", "libx264", options=_X264, muxer={"movflags": "frag_keyframe+empty_moov"}
    ),
    "h264.mkv": Kind("mkv", "libx264", options=_X264),
    "h264.ts": Kind("ts", "libx264", options=_X264),
    "h264.flv": Kind("flv", "libx264", options=_X264),
    "hevc.mp4": Kind("mp4", "libx265", options=_X265),
    "hevc.mov": Kind("mov", "libx265", options=_X265),
    "vp9.webm": Kind("webm", "libvpx-vp9", options=_VPX),
    "vp8.webm": Kind("webm", "libvpx", options=_VPX),
    "mpeg4.avi": Kind("avi", "mpeg4", options={"g": "10", "bf": "2"}),
    "mpeg4.mp4": Kind("mp4", "mpeg4", options={"g": "10", "bf": "2"}),
    "mjpeg.mov": Kind("mov", "mjpeg", "yuvj420p"),
    "mjpeg.avi": Kind("avi", "mjpeg", "yuvj420p"),
    "mpeg2.mpg": Kind("mpg", "mpeg2video", options={"g": "10", "bf": "2"}),
    "wmv2.asf": Kind("asf", "wmv2", options={"g": "10"}),
}
"""What people bring; each is damaged in all the ways of `tests.fuzz_video` and `truncation`."""

ODD_KINDS: Mapping[str, Kind] = {
    "h264-444-10.mp4": Kind("mp4", "libx264", "yuv444p10le", _X264),
    "h264-422.mkv": Kind("mkv", "libx264", "yuv422p", _X264),
    "h264-grey.mp4": Kind("mp4", "libx264", "gray", _X264),
    "h264-rgb.mkv": Kind("mkv", "libx264rgb", "rgb24", _X264),
    "hevc-10.mp4": Kind("mp4", "libx265", "yuv420p10le", _X265),
    "hevc-422-12.mkv": Kind("mkv", "libx265", "yuv422p12le", _X265),
    "prores-alpha.mov": Kind("mov", "prores_ks", "yuva444p10le", {"profile": "4444"}),
    "prores.mov": Kind("mov", "prores_ks", "yuv422p10le"),
    "png-alpha.mov": Kind("mov", "png", "rgba"),
    "png-16.mov": Kind("mov", "png", "rgb48be"),
    "vp9-alpha.webm": Kind("webm", "libvpx-vp9", "yuva420p", _VPX),
    "vp9-440.webm": Kind("webm", "libvpx-vp9", "yuv440p", _VPX),
    "ffv1-grey16.mkv": Kind("mkv", "ffv1", "gray16le"),
    "ffv1-410.mkv": Kind("mkv", "ffv1", "yuv410p"),
    "ffv1-gbrp.mkv": Kind("mkv", "ffv1", "bgr0"),
    "raw-565.avi": Kind("avi", "rawvideo", "rgb565le"),
    "raw-uyvy.mov": Kind("mov", "rawvideo", "uyvy422"),
    "raw-grey.avi": Kind("avi", "rawvideo", "gray"),
    "raw-mono.avi": Kind("avi", "rawvideo", "monow"),
    "interlaced.ts": Kind("ts", "libx264", options={**_X264, "flags": "+ilme+ildct"}),
    "interlaced-h264.mp4": Kind(
        "mp4", "libx264", options={**_X264, "flags": "+ilme+ildct", "x264-params": "tff=1"}
    ),
    "one-frame-groups.mp4": Kind("mp4", "libx264", options={**_X264, "g": "1", "bf": "0"}),
    "one-group.mp4": Kind("mp4", "libx264", options={**_X264, "g": "600", "bf": "0"}),
}
"""Stored in ways that few recorders use; each must be read, or refused by name."""


@functools.cache
def faces() -> tuple[Image, ...]:
    """Return the pictures that all recordings here show."""
    pictures = []
    with av.open(str(REPO / "tests" / "material" / "calm.mp4")) as given:
        for index, frame in enumerate(given.decode(video=0)):
            if len(pictures) == FRAMES:
                break
            if index % 2 == 0:
                cut = np.ascontiguousarray(frame.to_ndarray(format="rgb24")[_CUT])
                pictures.append(cv2.resize(cut, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_AREA))
    return tuple(pictures)


def write(
    path: Path,
    kind: Kind,
    *,
    size_px: tuple[int, int] = (SIZE_PX, SIZE_PX),
    times_ms: tuple[int, ...] = (),
    start_ms: int = 0,
    frames: int = FRAMES,
) -> Path:
    """Write a recording and return ``path``; frame k is at ``times_ms[k]``, else at 10 a second."""
    times = times_ms or tuple(start_ms + 1000 * k // FPS for k in range(frames))
    base = Fraction(1, 1000) if kind.suffix not in ("avi", "mpg") else Fraction(1, FPS)
    with av.open(str(path), "w", options=dict(kind.muxer)) as out:
        film = out.add_stream(kind.codec, rate=FPS, options=dict(kind.options))
        film.width, film.height, film.pix_fmt = *size_px, kind.pix_fmt
        film.time_base = film.codec_context.time_base = base
        for picture, time_ms in zip(faces(), times, strict=False):
            image = cv2.resize(picture, size_px) if picture.shape[1::-1] != size_px else picture
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=kind.pix_fmt)
            frame.pts, frame.time_base = round(Fraction(time_ms, 1000) / base), base
            out.mux(film.encode(frame))
        out.mux(film.encode(None))
    return path
