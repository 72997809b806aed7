"""Make the recordings that speed is measured on, out of the sample interview; needs ffmpeg.

Half a minute of the interview, enlarged, under a camera that sways and with sensor noise in every
picture, so that nothing stands still; encoded once and repeated by stream copy.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.clips import turn

REPO = Path(__file__).resolve().parents[1]
FOLDER = REPO / "build" / "bench"
_SAMPLE = REPO / "sample_videos" / "interview.mp4"
_BASE_S = 30


@dataclass(frozen=True, slots=True)
class Input:
    """A recording to measure on."""

    name: str
    what: str
    scale: str
    crop: str
    """Width, height and offset of the swaying camera, as ffmpeg's crop filter takes them."""
    rate: str
    """Filters that set the frame rate."""
    encoder: Sequence[str]
    rotation_deg: int = 0


_1080 = ("2080:1560", "1920:1080:80+60*sin(t*1.3):180+60*sin(t*0.9)")
_720 = ("1400:1050", "1280:720:60+40*sin(t*1.3):130+40*sin(t*0.9)")
_H264 = ("-c:v", "libx264", "-preset", "medium", "-crf", "23", "-bf", "3")

INPUTS = {
    each.name: each
    for each in (
        Input(
            "h264_1080p30.mp4",
            "H.264, 1920 x 1080, 30 fps, B-frames, a keyframe every 250",
            *_1080,
            "fps=30",
            (*_H264, "-g", "250"),
        ),
        Input(
            "h264_720p25.mp4",
            "H.264, 1280 x 720, 25 fps, B-frames, a keyframe every 250",
            *_720,
            "fps=25",
            (*_H264, "-g", "250"),
        ),
        Input(
            "hevc_1080p30.mp4",
            "HEVC, 1920 x 1080, 30 fps, B-frames, a keyframe every 250",
            *_1080,
            "fps=30",
            (
                *("-c:v", "libx265", "-preset", "veryfast", "-crf", "26", "-tag:v", "hvc1"),
                *("-x265-params", "log-level=none:keyint=250"),
            ),
        ),
        Input(
            "vp9_720p30.webm",
            "VP9, 1280 x 720, 30 fps, as browsers record",
            *_720,
            "fps=30",
            (
                *("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "7"),
                *("-b:v", "1500k", "-g", "240", "-row-mt", "1"),
            ),
        ),
        Input(
            "phone_1080p_vfr.mp4",
            "H.264 from a phone: upright by its display matrix, uneven times, a keyframe a second",
            *_1080,
            "fps=30,select=not(eq(mod(n\\,7)\\,3)),transpose=2",
            (*_H264, "-bf", "0", "-g", "30", "-fps_mode", "vfr"),
            rotation_deg=90,
        ),
    )
}


def make(names: Sequence[str], minutes: float = 2.0) -> list[Path]:
    """Return the recordings, made where they are not there yet; at least ``minutes`` long."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    return [_made(INPUTS[name], round(minutes * 60 / _BASE_S)) for name in names]


def _made(item: Input, times: int) -> Path:
    target = FOLDER / f"{times}x_{item.name}"
    if target.exists():
        return target
    base = FOLDER / f"base_{item.name}"
    if not base.exists():
        _encode(item, base)
    repeat(base, target, times)
    if item.rotation_deg:
        turn(target, item.rotation_deg)
    return target


def _encode(item: Input, target: Path) -> None:
    width, height, x, y = item.crop.split(":")
    filters = (
        f"scale={item.scale}:flags=bicubic,crop={width}:{height}:'{x}':'{y}',"
        f"noise=alls=6:allf=t,{item.rate}"
    )
    unfinished = target.with_stem(f"unfinished_{target.stem}")
    ffmpeg(
        *("-ss", "10", "-t", str(_BASE_S), "-i", str(_SAMPLE), "-an", "-vf", filters),
        *(*item.encoder, str(unfinished)),
    )
    unfinished.rename(target)


def repeat(source: Path, target: Path, times: int) -> None:
    """Write ``source`` several times behind itself, without encoding it again."""
    ffmpeg("-stream_loop", str(times - 1), "-i", str(source), "-c", "copy", "-an", str(target))


def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg quietly; raises CalledProcessError."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True)
