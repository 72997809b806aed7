"""Recordings that are broken, unusual or absurd; one function for each class of them."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import av

from tests import clips
from tests.hostile import containers as box
from tests.hostile import recordings as rec
from tests.hostile.workshop import READ, REFUSED, SAID, Made, Workshop

_DAYS = tuple(86_400_000 // 8 * k for k in range(20))


def truncated(shop: Workshop) -> Iterator[Made]:
    for name in ("h264.mp4", "h264-front.mp4", "h264-pieces.mp4"):
        data = shop.source(name)
        for found in box.boxes(data):
            for at in (found.start, found.start + 5, found.start + 12):
                yield f"{found.kind.decode()}+{at - found.start}-{name}", data[:at], None
    for name in rec.KINDS:
        data = shop.source(name)
        for place, at in _packet_places(shop.sources / name):
            yield f"{place}-{name}", data[:at], None
        for share in (0.02, 0.1, 0.5, 0.9, 0.99):
            yield f"{share}-{name}", data[: int(len(data) * share)], None
        yield f"last-byte-{name}", data[:-1], None


def empty(shop: Workshop) -> Iterator[Made]:
    for name in ("h264.mp4", "h264.mkv", "mpeg4.avi", "h264.ts", "h264.flv", "wmv2.asf"):
        data = shop.source(name)
        for count in (0, 1, 4, 8, 32, 188):
            yield f"first{count}-{name}", data[:count], REFUSED
        yield f"zeros-{name}", bytes(len(data)), REFUSED
        yield f"head-then-zeros-{name}", data[:64] + bytes(len(data) - 64), None


def wrong_suffix(shop: Workshop) -> Iterator[Made]:
    for name in ("h264.mp4", "h264.mkv", "vp9.webm", "mpeg4.avi", "h264.ts"):
        for suffix in (".mp4", ".avi", ".jpg", ".txt", ".m3u8", ".exe", ""):
            yield f"is-{name.replace('.', '-')}{suffix}", shop.source(name), READ
    for name, content in {
        "text.mp4": b"This is a transcript.\n" * 40,
        "page.mp4": b"<html><body>Not found</body></html>" * 20,
        "archive.mkv": b"PK\x03\x04" + bytes(400),
        "program.avi": b"\x7fELF\x02\x01\x01" + bytes(400),
        "random.mp4": bytes(range(256)) * 64,
    }.items():
        yield name, content, REFUSED


def odd_formats(shop: Workshop) -> Iterator[Made]:
    for name in rec.ODD_KINDS:
        # Of black and white dots no face can be made out.
        ends = READ if "mono" not in name else frozenset({"exit 6"})
        yield name, lambda p, n=name: p.write_bytes(shop.source(n)), ends


def absurd_sizes(shop: Workshop) -> Iterator[Made]:
    mp4, avi = shop.source("mpeg4.mp4"), shop.source("mpeg4.avi")
    for width, height in ((65535, 65535), (1, 65535), (0, 0), (32768, 1)):
        entry = struct.pack(">HH", width, height)
        yield f"mp4-{width}x{height}.mp4", box.patched(mp4, b"stsd", 48, entry), None
    at = avi.index(b"strf") + 12
    for width, height in ((1 << 30, 1 << 30), (-160, -160), (1 << 16, 1 << 16), (0, 0)):
        entry = struct.pack("<ii", width, height)
        yield f"avi-{width}x{height}.avi", avi[:at] + entry + avi[at + 8 :], None
    mkv = shop.source("h264.mkv")
    for width in (0, 65535, 1 << 16, (1 << 31) - 1):
        wide = box.element(0xB0, width.to_bytes(4, "big"))
        tracks = mkv.replace(b"\xb0\x81\xa0", wide[:1] + b"\x81\x00", 1)
        yield f"mkv-{width}.mkv", tracks if width == 0 else mkv, None
    jpeg = shop.source("mjpeg.avi")
    huge = jpeg.replace(b"\xff\xc0\x00\x11\x08\x00\xa0\x00\xa0", _sof(65500, 65500))
    assert huge != jpeg
    yield "jpeg-65500.avi", huge, None
    yield "jpeg-1.avi", jpeg.replace(b"\xff\xc0\x00\x11\x08\x00\xa0\x00\xa0", _sof(1, 1)), None
    yield "tiny.mp4", lambda p: rec.write(p, rec.KINDS["h264.mp4"], size_px=(16, 16)), None
    yield "wide.mp4", lambda p: rec.write(p, rec.KINDS["h264.mp4"], size_px=(4096, 16)), None
    yield (
        "over-8k.mp4",
        lambda p: rec.write(p, rec.KINDS["mpeg4.mp4"], size_px=(8000, 4432), frames=2),
        REFUSED,
    )


def absurd_lengths(shop: Workshop) -> Iterator[Made]:
    mp4 = shop.source("h264.mp4")
    for kind, at in ((b"mvhd", 20), (b"mdhd", 20), (b"mvhd", 24), (b"mdhd", 24)):
        for value in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
            data = box.patched(mp4, kind, at, struct.pack(">I", value))
            yield f"{kind.decode()}{at}-{value}.mp4", data, None
    mkv = shop.source("h264.mkv")
    for name, value in (("inf", 7e300 * 1e300), ("nan", float("nan")), ("minus", -1.0)):
        data = box.patched_element(mkv, b"\x44\x89", struct.pack(">d", value))
        yield f"mkv-{name}.mkv", data, None
    for scale in (0, 1, 0xFFFFFFFF):
        data = box.patched_element(mkv, b"\x2a\xd7\xb1", struct.pack(">I", scale))
        yield f"mkv-scale-{scale}.mkv", data, None
    avi = shop.source("mpeg4.avi")
    for offset, name in ((20, "scale"), (24, "rate"), (32, "length")):
        for value in (0, 1, 0xFFFFFFFF):
            at = avi.index(b"strh") + 8 + offset
            data = avi[:at] + struct.pack("<I", value) + avi[at + 4 :]
            yield f"avi-{name}-{value}.avi", data, None
    yield "day.mp4", lambda p: rec.write(p, rec.KINDS["h264.mp4"], times_ms=_DAYS), REFUSED


def timestamps(shop: Workshop) -> Iterator[Made]:
    flv, regular = shop.source("h264.flv"), 1000 // rec.FPS
    for name, time_of in {
        "all-zero": lambda k, t: 0,
        "all-same": lambda k, t: 5000,
        "backwards": lambda k, t: 10_000 - t,
        "negative": lambda k, t: t - 100_000,
        "repeated": lambda k, t: t - t % 400,
        "one-back": lambda k, t: t - 900 * (k == 20),
        "one-leap": lambda k, t: t + 50_000 * (k == 20),
        "restart": lambda k, t: t - 20 * regular * (k >= 20),
        "shuffled": lambda k, t: (k * 17 % rec.FRAMES) * regular,
        "huge": lambda k, t: 0x7FFFFFFF - t,
        "wraps": lambda k, t: 0xFFFFFF00 + t,
        "hour-gap": lambda k, t: t + 3_600_000 * (k >= 20),
        "half-day-gap": lambda k, t: t + 43_200_000 * (k >= 20),
    }.items():
        yield f"{name}.flv", box.retimed_flv(flv, time_of), None
    mp4 = rec.write(shop.sources / "plain.mp4", rec.KINDS["mpeg4.mp4"]).read_bytes()
    for name, deltas in {
        "zero": [0] * rec.FRAMES,
        "negative": [100, -50] * (rec.FRAMES // 2),
        "huge": [0x7FFFFFFF] * rec.FRAMES,
        "all-ones": [-1] * rec.FRAMES,
        "one-huge": [10] * 20 + [0x7FFFFFF0] + [10] * (rec.FRAMES - 21),
        "short-table": [1000] * 3,
    }.items():
        yield f"steps-{name}.mp4", box.steps(mp4, deltas), None
    uneven = tuple(int(1000 * t) for t in clips.uneven(rec.FRAMES))
    for name in ("h264.mp4", "h264.mkv", "vp9.webm", "h264.ts"):
        yield (
            f"uneven-{name}",
            lambda p, n=name: rec.write(p, rec.KINDS[n], times_ms=uneven),
            READ,
        )
    one = rec.write(shop.sources / "late.ts", rec.KINDS["h264.ts"], start_ms=900_000)
    yield "clock-restarts.ts", one.read_bytes() + shop.source("h264.ts"), SAID
    raw = shop.sources / "raw.h264"
    yield "no-container.mp4", _elementary(shop.source("h264.ts"), raw), REFUSED


def streams(shop: Workshop) -> Iterator[Made]:
    yield "turned.mp4", lambda p: _turned(p, shop.source("h264.mp4")), READ
    yield "sound.m4a", clips.write_sound, REFUSED
    yield "sound.mp4", clips.write_sound, REFUSED
    small = clips.regular(40, 10)
    yield "cover.mp4", lambda p: clips.write_clip(p, small, cover=True), frozenset({"exit 6"})
    yield "three.mkv", lambda p: clips.write_clip(p, small, streams=3), frozenset({"exit 6"})
    later = rec.write(
        shop.sources / "large.ts", rec.KINDS["h264.ts"], size_px=(320, 240), start_ms=4000
    )
    yield "grows.ts", shop.source("h264.ts") + later.read_bytes(), SAID
    yield "shrinks.ts", later.read_bytes() + shop.source("h264.ts"), SAID
    yield "grows-to-8k.ts", lambda p: _growing(p, shop.source("h264.ts")), SAID
    yield "no-keyframe.ts", lambda p: _without_packets(shop.sources / "h264.ts", p, 0), None
    yield "starts-late.ts", lambda p: _without_packets(shop.sources / "h264.ts", p, 5), None
    yield "two-kinds.ts", shop.source("h264.ts") + shop.source("mpeg2.mpg"), None
    yield "tail.mp4", shop.source("h264.mp4") + os.urandom(5000), READ
    yield "twice.mp4", shop.source("h264.mp4") * 2, READ
    yield "sparse-tail.mp4", lambda p: _sparse(p, shop.source("h264.mp4"), 1 << 31), READ
    yield "sparse.mp4", lambda p: _sparse(p, b"", 1 << 42), REFUSED
    yield (
        "sparse-head.mkv",
        lambda p: _sparse(p, shop.source("h264.mkv")[:64], 1 << 42),
        REFUSED,
    )


def _turned(path: Path, recording: bytes) -> None:
    path.write_bytes(recording)
    clips.turn(path, 180)


def _growing(path: Path, recording: bytes) -> None:
    rec.write(path, rec.KINDS["h264.ts"], size_px=(7680, 4320), start_ms=4000, frames=3)
    path.write_bytes(recording + path.read_bytes())


def _sof(width: int, height: int) -> bytes:
    return b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", height, width)


def _packet_places(path: Path) -> Iterator[tuple[str, int]]:
    """Yield places around the start, the inside and the end of some pictures in a file."""
    with av.open(str(path)) as given:
        packets = [p for p in given.demux(video=0) if p.size and p.pos is not None]
    for number in (0, 1, len(packets) // 2, len(packets) - 1):
        packet = packets[number]
        for name, at in (("start", 0), ("inside", 3), ("middle", packet.size // 2)):
            yield f"{name}{number}", packet.pos + at


def _without_packets(source: Path, target: Path, first: int) -> None:
    """Copy without the packets before number ``first``, or with 0 without any keyframe."""
    with av.open(str(source)) as given, av.open(str(target), "w") as out:
        copy = out.add_stream_from_template(given.streams.video[0])
        for number, packet in enumerate(p for p in given.demux(video=0) if p.size):
            dropped = number < first if first else packet.is_keyframe
            if not dropped:
                packet.stream = copy
                out.mux(packet)


def _elementary(stream: bytes, target: Path) -> bytes:
    source = target.with_suffix(".ts")
    source.write_bytes(stream)
    with av.open(str(source)) as given, av.open(str(target), "w", format="h264") as out:
        copy = out.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = copy
                out.mux(packet)
    return target.read_bytes()


def _sparse(path: Path, head: bytes, size: int) -> None:
    with path.open("wb") as file:
        file.write(head)
        file.truncate(size)
