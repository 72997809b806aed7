"""Measure whether memory stays flat: the peak for a long recording against a short one.

    python -m benchmarks.memory [--hours 4] [--minutes 10] [--fps 2]

Both are the sample interview, made small and slow so that reading is quick, and repeated by stream
copy: as many sampled frames as a real recording of that length has. Needs ffmpeg.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.inputs import FOLDER, REPO, ffmpeg, repeat
from benchmarks.speed import Run, run

_SECONDS = 90


def recording(seconds: float) -> Path:
    """Return a recording of about that length, made if it is not there yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    base = FOLDER / "base_memory.mp4"
    if not base.exists():
        sample = str(REPO / "sample_videos" / "interview.mp4")
        filters = "scale=320:240,fps=5"
        ffmpeg("-t", str(_SECONDS), "-i", sample, "-an", "-vf", filters, "-g", "50", str(base))
    times = max(1, round(seconds / _SECONDS))
    target = FOLDER / f"{times}x_memory.mp4"
    if not target.exists():
        repeat(base, target, times)
    return target


def peak(video: Path, fps: str) -> Run:
    """Analyse a recording in a process of its own."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "echodepth_cli", "analyse", str(video), "--quiet"]
        return run([*command, "--fps", fps, "--out", f"{out}/session"])


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--fps", default="2")
    arguments = parser.parse_args()
    lengths = {
        f"{arguments.minutes:g} minutes": arguments.minutes * 60,
        f"{arguments.hours:g} hours": arguments.hours * 3600,
    }
    peaks = []
    print("| recording | peak MB | wall s | of the short one |\n|---|---:|---:|---:|")
    for name, seconds in lengths.items():
        done = peak(recording(seconds), arguments.fps)
        peaks.append(done.peak_mb)
        print(
            f"| {name} | {done.peak_mb:.0f} | {done.wall_s:.0f} | {done.peak_mb / peaks[0]:.3f} |"
        )


if __name__ == "__main__":
    main()
