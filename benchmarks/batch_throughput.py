"""Measure how many recordings an hour a batch gets through with one worker and with more.

    python benchmarks/batch_throughput.py [--video FILE] [--files 12] [--workers 1 2] [--rounds 3]

Every round runs each number of workers once, on copies of one recording that differ in their
bytes, so that nothing is skipped. Start-up of workers and loading of models are part of the time,
as they are in use. Prints a table and writes the figures to stdout as JSON with ``--json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Figure:
    """The median over the rounds for one number of workers."""

    workers: int
    wall_s: float
    cpu_s: float
    files_per_hour: float
    video_hours_per_hour: float
    against_first: float
    """Files per hour relative to the first number of workers."""


def copies(video: Path, folder: Path, count: int) -> None:
    """Write ``count`` copies that play alike but are different recordings by their bytes."""
    for number in range(count):
        path = folder / f"copy {number}.mp4"
        shutil.copyfile(video, path)
        with path.open("ab") as file:
            # An MP4 box that readers skip (ISO/IEC 14496-12, 8.1.2).
            file.write(struct.pack(">I4sI", 12, b"free", number))


def run_once(folder: Path, workers: int) -> tuple[float, float]:
    """Run one batch; return wall-clock and processor seconds."""
    with tempfile.TemporaryDirectory() as out:
        before = os.times()
        started = time.perf_counter()
        subprocess.run(
            [
                *(sys.executable, "-m", "echodepth_cli", "batch", str(folder), "--quiet"),
                *("--out", out, "--workers", str(workers)),
            ],
            check=True,
        )
        wall_s = time.perf_counter() - started
        after = os.times()
    cpu_s = after.children_user + after.children_system
    return wall_s, cpu_s - before.children_user - before.children_system


def measure(video: Path, files: int, worker_counts: list[int], rounds: int) -> list[Figure]:
    """Run all rounds and return the medians."""
    times: dict[int, list[tuple[float, float]]] = {workers: [] for workers in worker_counts}
    with tempfile.TemporaryDirectory() as folder:
        copies(video, Path(folder), files)
        for _ in range(rounds):
            for workers in worker_counts:
                times[workers].append(run_once(Path(folder), workers))
    length_s = duration_s(video)
    figures: list[Figure] = []
    for workers, pairs in times.items():
        wall_s = statistics.median(wall for wall, _ in pairs)
        rate = files * 3600 / wall_s
        figures.append(
            Figure(
                workers=workers,
                wall_s=round(wall_s, 2),
                cpu_s=round(statistics.median(cpu for _, cpu in pairs), 2),
                files_per_hour=round(rate, 1),
                video_hours_per_hour=round(rate * length_s / 3600, 2),
                against_first=round(rate / figures[0].files_per_hour, 2) if figures else 1.0,
            )
        )
    return figures


def duration_s(video: Path) -> float:
    """Return the length of the recording."""
    import av

    with av.open(str(video)) as container:
        return (container.duration or 0) / av.time_base


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--video", type=Path, default=REPO / "sample_videos" / "interview.mp4")
    parser.add_argument("--files", type=int, default=12)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    load_before = os.getloadavg()[0]
    figures = measure(arguments.video, arguments.files, arguments.workers, arguments.rounds)
    facts = {
        "video": arguments.video.name,
        "duration_s": round(duration_s(arguments.video), 1),
        "files": arguments.files,
        "rounds": arguments.rounds,
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(load_before, 2),
        "machine": platform.platform(),
        "python": platform.python_version(),
    }
    if arguments.json:
        print(json.dumps({**facts, "figures": [asdict(figure) for figure in figures]}, indent=1))
        return
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    names = list(asdict(figures[0]))
    print("  ".join(f"{name:>20}" for name in names))
    for figure in figures:
        print("  ".join(f"{value:>20}" for value in asdict(figure).values()))


if __name__ == "__main__":
    main()
