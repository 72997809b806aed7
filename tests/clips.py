"""Make small test recordings with known frames at known times.

Every picture carries its frame number as black and white blocks that survive compression and
tells its corners apart, so that a test can see which frame it got and which way up.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from echodepth_cli.records import Image

if TYPE_CHECKING:
    from av.container import OutputContainer

WIDTH_PX, HEIGHT_PX = 128, 96
_BITS = 10
_MILLISECONDS = Fraction(1, 1000)


def picture(index: int, width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX) -> Image:
    """Return frame ``index``: a moving texture, its number, and a red top left corner."""
    rows, columns = np.mgrid[0:height_px, 0:width_px]
    wave = np.sin((columns + 3 * index) / 9) * np.cos((rows - 2 * index) / 7)
    image = np.repeat((128 + 90 * wave).astype(np.uint8)[..., None], 3, axis=2)
    image[: height_px // 4, : width_px // 4] = (230, 20, 20)
    block = width_px // _BITS
    for bit in range(_BITS):
        level = 235 if index >> bit & 1 else 16
        image[-height_px // 4 :, bit * block : (bit + 1) * block] = level
    return image


def index_of(image: Image) -> int:
    """Return the frame number that an upright `picture` carries."""
    height_px, width_px, _ = image.shape
    block = width_px // _BITS
    row = image[-height_px // 8, block // 2 :: block].mean(axis=-1)
    return sum(1 << bit for bit in range(_BITS) if row[bit] > 128)


def red_corner(image: Image) -> str:
    """Return where the red corner is: ``top left``, ``top right``, ``bottom left``, ..."""
    height_px, width_px, _ = image.shape
    corners = {
        f"{v} {h}": image[y, x].astype(int)
        for v, y in (("top", height_px // 10), ("bottom", -height_px // 10))
        for h, x in (("left", width_px // 10), ("right", -width_px // 10))
    }
    return max(corners, key=lambda name: corners[name][0] - corners[name][1:].mean())


def regular(count: int, fps: Fraction | int = 25, start_s: Fraction | int = 0) -> list[Fraction]:
    """Return ``count`` times at a constant rate."""
    return [start_s + Fraction(k) / fps for k in range(count)]


def uneven(count: int, seed: int = 0) -> list[Fraction]:
    """Return ``count`` times of a variable frame rate in whole milliseconds, each step new."""
    jitter = np.random.default_rng(seed).integers(0, 3, count - 1)
    gaps = 16 + 7 * np.arange(count - 1) % 60 + jitter
    gaps[count // 2] = 900
    return [Fraction(int(t), 1000) for t in np.concatenate([[0], np.cumsum(gaps)])]


def write_clip(
    path: Path,
    times_s: Sequence[Fraction],
    *,
    codec: str = "libx264",
    options: Mapping[str, str] | None = None,
    rate: Fraction | int = 25,
    size: tuple[int, int] = (WIDTH_PX, HEIGHT_PX),
    pix_fmt: str = "yuv420p",
    time_base: Fraction = _MILLISECONDS,
    pixel_shape: Fraction | None = None,
    metadata: Mapping[str, str] | None = None,
    faststart: bool = False,
    sound_s: float = 0,
    cover: bool = False,
    streams: int = 1,
) -> Path:
    """Write a recording whose frame k is `picture(k)` shown at ``times_s[k]``; return ``path``."""
    # Apple's own tags, as iPhones write them, go into a QuickTime file only on request.
    flags = "use_metadata_tags" if path.suffix == ".mov" else "faststart" if faststart else ""
    with av.open(str(path), "w", options={"movflags": flags} if flags else {}) as out:
        out.metadata.update(metadata or {})
        films = []
        for _ in range(streams):
            film = out.add_stream(codec, rate=rate, options=dict(options or _quiet(codec)))
            film.width, film.height, film.pix_fmt = (*size, pix_fmt)
            film.time_base = film.codec_context.time_base = time_base
            if pixel_shape is not None:
                film.codec_context.sample_aspect_ratio = pixel_shape
            films.append(film)
        extras = [
            *([_add_sound(out, sound_s)] if sound_s else []),
            *([_add_cover(out)] if cover else []),
        ]
        for extra in extras:
            out.mux(extra())
        for film in films:
            for frame in _frames(times_s, size, pix_fmt, time_base):
                out.mux(film.encode(frame))
            out.mux(film.encode(None))
    return path


def _quiet(codec: str) -> dict[str, str]:
    return {
        "libx264": {"preset": "veryfast", "g": "25", "bf": "3"},
        "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:keyint=25:bframes=3"},
        "mpeg4": {"g": "12", "bf": "2", "q": "4"},
        "mpeg2video": {"g": "12", "bf": "2"},
        "libvpx-vp9": {"cpu-used": "8", "deadline": "realtime", "g": "25"},
        "libvpx": {"cpu-used": "8", "deadline": "realtime", "g": "25"},
        "libsvtav1": {"preset": "13"},
    }.get(codec, {})


def _frames(
    times_s: Sequence[Fraction], size: tuple[int, int], pix_fmt: str, time_base: Fraction
) -> Iterator[av.VideoFrame]:
    for index, time_s in enumerate(times_s):
        frame = av.VideoFrame.from_ndarray(picture(index, *size), format="rgb24")
        frame = frame.reformat(format=pix_fmt)
        frame.pts, frame.time_base = round(time_s / time_base), time_base
        yield frame


def _add_sound(out: OutputContainer, length_s: float) -> Any:
    stream = out.add_stream("aac", rate=8000)
    stream.codec_context.layout = "mono"

    def packets() -> list[Any]:
        made = []
        for start in range(0, int(length_s * 8000), 1024):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            frame.sample_rate, frame.pts, frame.time_base = 8000, start, Fraction(1, 8000)
            made += stream.encode(frame)
        return made + stream.encode(None)

    return packets


def _add_cover(out: OutputContainer) -> Any:
    stream = out.add_stream("mjpeg", rate=1)
    # Larger than the film, so that choosing by size alone would take it.
    stream.width, stream.height, stream.pix_fmt = 4 * WIDTH_PX, 4 * HEIGHT_PX, "yuvj420p"
    stream.disposition = av.stream.Disposition.attached_pic.value

    def packets() -> list[Any]:
        blue = np.full((stream.height, stream.width, 3), (0, 0, 255), np.uint8)
        frame = av.VideoFrame.from_ndarray(blue, format="rgb24").reformat(format="yuvj420p")
        return [*stream.encode(frame), *stream.encode(None)]

    return packets


def write_sound(path: Path) -> Path:
    """Write a file with sound and no picture."""
    with av.open(str(path), "w") as out:
        out.mux(_add_sound(out, 1)())
    return path


def turn(path: Path, rotation_deg: int, *, mirrored: bool = False) -> Path:
    """Write into an MP4 that its picture is to be shown turned clockwise, as phones do.

    The matrix goes straight into the track header (ISO/IEC 14496-12, 8.3.2), so that the reader
    is tested against the file format and not against a library's idea of it.
    """
    cos, sin = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[rotation_deg]
    flip = -1 if mirrored else 1
    one, unit = 1 << 16, 1 << 30
    matrix = struct.pack(
        ">9i", flip * cos * one, flip * sin * one, 0, -sin * one, cos * one, 0, 0, 0, unit
    )
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    data[at : at + 36] = matrix
    path.write_bytes(data)
    return path


def damage_packet(source: Path, target: Path, number: int) -> Path:
    """Copy ``source`` with the bytes of packet ``number`` replaced by noise."""
    noise = np.random.default_rng(number)
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        film = given.streams.video[0]
        copy = out.add_stream_from_template(film)
        for count, packet in enumerate(p for p in given.demux(film) if p.size):
            if count == number:
                hurt = av.Packet(noise.integers(0, 256, packet.size, np.uint8).tobytes())
                hurt.pts, hurt.dts, hurt.time_base = packet.pts, packet.dts, packet.time_base
                packet = hurt
            packet.stream = copy
            out.mux(packet)
    return target


def cut(source: Path, target: Path, fraction: float) -> Path:
    """Copy the first ``fraction`` of the bytes of ``source``."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * fraction)])
    return target


def repeat_time(path: Path, number: int) -> Path:
    """Give frame ``number`` + 1 of an MP4 with uneven times the timestamp of frame ``number``."""
    data = bytearray(path.read_bytes())
    at = data.index(b"stts") + 12
    ticks = 0
    for entry in range(number + 1):
        count, delta = struct.unpack_from(">II", data, at + 8 * entry)
        assert count == 1, "needs a different step after every frame"
        ticks = delta
    struct.pack_into(">II", data, at + 8 * number, 1, 0)
    following = struct.unpack_from(">I", data, at + 8 * (number + 1) + 4)[0]
    struct.pack_into(">I", data, at + 8 * (number + 1) + 4, following + ticks)
    path.write_bytes(data)
    return path


def join(first: Path, second: Path, target: Path) -> Path:
    """Put two MPEG transport streams behind each other, as recorders do."""
    target.write_bytes(first.read_bytes() + second.read_bytes())
    return target


def live(source: Path, target: Path) -> Path:
    """Copy into a Matroska file that states no length, like one still being written."""
    with (
        av.open(str(source)) as given,
        av.open(str(target), "w", format="matroska", options={"live": "1"}) as out,
    ):
        copy = out.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(given.streams.video[0]):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
    return target


def open_files() -> list[str]:
    """Return the files this process holds open."""
    targets = (Path(os.path.realpath(link)) for link in Path("/proc/self/fd").iterdir())
    return sorted(str(target) for target in targets if target.is_file())
