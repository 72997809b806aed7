"""Feed the video reader thousands of damaged recordings under a watchdog.

    python -m tests.fuzz_video --count 5000 --seed 1

Every input must end as frames with increasing times or as one of our own errors on one line:
no foreign exception, crash, hang or memory without bound. The process that reads is watched from
outside, because a codec that crashes takes its process along. Failing inputs are kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from tests import clips
from tests.hostile.watchdog import Lost, Watchdog

MEMORY_LIMIT_BYTES = 4 << 30

_EXTREMES = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 0x00010000)

SOURCES = {
    "h264.mp4": {},
    "front.mp4": {"faststart": True},
    "h264.mkv": {},
    "h264.ts": {},
    "h264.flv": {},
    "sound.mov": {"sound_s": 1},
    "cover.mp4": {"cover": True},
    "mpeg4.avi": {"codec": "mpeg4", "time_base": clips.Fraction(1, 25)},
    "mjpeg.mkv": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "hevc.mp4": {"codec": "libx265"},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "mpeg2.mpg": {"codec": "mpeg2video", "time_base": clips.Fraction(1, 25)},
    "alpha.mov": {"codec": "png", "pix_fmt": "rgba"},
}


@dataclass(frozen=True)
class Outcome:
    """What became of one input: ``read``, ``refused`` or a word for what must not happen."""

    kind: str
    detail: str = ""


def make_sources(folder: Path) -> list[Path]:
    """Write one small intact recording per container and codec."""
    times = clips.regular(25)
    return [
        clips.write_clip(folder / name, times, size=(80, 64), **settings)
        for name, settings in SOURCES.items()
    ]


def damaged(data: bytes, seed: int) -> bytes:
    """Return ``data`` with one to three kinds of damage, the same for the same seed."""
    random = np.random.default_rng(seed)
    content = bytearray(data)
    for _ in range(random.integers(1, 4)):
        content = _hurt(content, random)
    return bytes(content)


def _hurt(data: bytearray, random: np.random.Generator) -> bytearray:
    size = len(data)
    if size < 64:
        return data
    # Half the damage goes where the structure is: the head and the tail.
    edge = min(2048, size // 2)
    spot = int(random.choice([random.integers(size), random.integers(edge), size - edge]))
    length = int(random.integers(1, max(2, min(4096, size - spot))))
    kind = random.integers(8)
    if kind == 0:
        for _ in range(random.integers(1, 65)):
            data[int(random.integers(size))] ^= 1 << int(random.integers(8))
    elif kind == 1:
        data[spot] ^= 1 << int(random.integers(8))
    elif kind == 2:
        data[spot : spot + length] = random.integers(0, 256, length, np.uint8).tobytes()
    elif kind == 3:
        data[spot : spot + length] = bytes([int(random.choice([0, 255]))]) * length
    elif kind == 4:
        del data[int(random.integers(size)) :]
    elif kind == 5:
        del data[spot : spot + length]
    elif kind == 6:
        data[spot:spot] = data[spot : spot + length]
    else:
        order = str(random.choice(["big", "little"]))
        extreme = int(random.choice(_EXTREMES)).to_bytes(4, order)
        data[spot : spot + 4] = extreme[: max(0, size - spot)]
    return data


def try_to_read(path: Path) -> Outcome:
    """Read ``path`` as an analysis does and judge what happened."""
    from echodepth_cli.errors import EchodepthError
    from echodepth_cli.video.reader import open_video
    from echodepth_cli.video.sampler import sample, sampled_frames
    from echodepth_cli.video.stills import pictures_at

    try:
        with open_video(path) as reader:
            first = [(f.offset_s, f.image.tobytes()) for f in sampled_frames(reader, 10.0)]
            report = reader.report()
        with open_video(path) as reader:
            second = [(f.offset_s, f.image.tobytes()) for f in sampled_frames(reader, 10.0)]
        with open_video(path) as reader:
            every = [(f.offset_s, f.image) for f in sample(reader.frames(), None)]
        for _ in pictures_at(path, [offset for offset, _ in every[::7]]):
            pass
    except EchodepthError as error:
        one_line = error.message.isprintable() and path.name in error.message
        return Outcome("refused" if one_line else "bad message", error.message)
    except BaseException as error:
        return Outcome("foreign error", f"{type(error).__name__}: {error}")
    if first != second:
        return Outcome("not the same twice")
    if not all(a < b for a, b in pairwise([offset for offset, _ in every])):
        return Outcome("times not increasing")
    if not all(image.ndim == 3 and image.flags["C_CONTIGUOUS"] for _, image in every):
        return Outcome("bad picture")
    return Outcome("read", "; ".join(report.warnings))


def run(count: int, seed: int, folder: Path) -> Iterator[tuple[Path, Outcome | Lost]]:
    """Yield each damaged file and what became of it; deletes the file when that was fine."""
    sources = make_sources(folder)
    contents = [source.read_bytes() for source in sources]
    with Watchdog(try_to_read, MEMORY_LIMIT_BYTES) as watchdog:
        for number in range(seed, seed + count):
            source = sources[number % len(sources)]
            path = folder / f"{number}_{source.name}"
            path.write_bytes(damaged(contents[number % len(sources)], number))
            outcome = watchdog.call(path)
            if outcome.kind in {"read", "refused"}:
                path.unlink()
            yield path, outcome


def main() -> int:
    """Run from the command line; exit status 1 when anything happened that must not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-video-"))
    outcomes: Counter[str] = Counter()
    for path, outcome in run(options.count, options.seed, folder):
        outcomes[outcome.kind] += 1
        if path.exists():
            sys.stderr.write(f"{outcome.kind}: {outcome.detail}: {path}\n")
    sys.stdout.write(f"{dict(outcomes)}\n")
    return 0 if set(outcomes) <= {"read", "refused"} else 1


if __name__ == "__main__":
    raise SystemExit(main())
