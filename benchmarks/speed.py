"""Measure what an analysis costs, against bare decoding and against the usual script.

    python -m benchmarks.speed [--input NAME ...] [--rounds 3] [--minutes 2] [--json FILE]

Makes its inputs in build/bench on the first run (needs ffmpeg). Every round runs each contender
once on each input, in turn. Prints medians: seconds of wall-clock time, seconds of processor time,
peak memory, frames a second, and wall-clock time relative to `ffmpeg -i FILE -f null -` and to the
usual script, each round by itself: their median, and the least and most of them. With ``--stages``
also where the time of one analysis goes, one thing at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import inputs
from benchmarks.stages import print_stages

BARE, USUAL, OURS, EVERY = "ffmpeg to null", "usual script, 2 fps", "2 fps", "every frame"


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took."""

    wall_s: float
    cpu_s: float
    peak_mb: float


Rounds = dict[str, dict[str, list[Run]]]
"""By input and contender, one run a round."""


def contenders(video: Path, out: Path) -> dict[str, list[str]]:
    """Return the commands that are compared, by name."""
    ours = [sys.executable, "-m", "echodepth_cli", "analyse", str(video), "--quiet", "--force"]
    ours += ["--out", str(out / video.stem)]
    return {
        BARE: ["ffmpeg", "-v", "error", "-nostats", "-i", str(video), "-f", "null", "-"],
        USUAL: [sys.executable, str(Path(__file__).parent / "usual_script.py"), str(video)],
        OURS: ours,
        EVERY: [*ours, "--fps", "all"],
    }


def run(command: Sequence[str], environment: dict[str, str] | None = None) -> Run:
    """Run a command to its end; raises RuntimeError when it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with code {process.returncode}")
    return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measure(videos: Sequence[Path], names: Sequence[str], rounds: int) -> Rounds:
    """Return what each round took, by input and contender."""
    runs: Rounds = {}
    with tempfile.TemporaryDirectory() as out:
        for number in range(rounds):
            for video in videos:
                for name, command in contenders(video, Path(out)).items():
                    if name in names:
                        done = run(command)
                        runs.setdefault(video.name, {}).setdefault(name, []).append(done)
                        _say(f"round {number + 1}: {video.name}, {name}: {done.wall_s:.2f} s")
    return runs


def medians(rounds: Sequence[Run]) -> Run:
    """Return the median of each figure."""
    return Run(
        statistics.median(r.wall_s for r in rounds),
        statistics.median(r.cpu_s for r in rounds),
        statistics.median(r.peak_mb for r in rounds),
    )


def share(ours: Sequence[Run], others: Sequence[Run]) -> str:
    """Return how much of another's time something took: median, least and most of the rounds."""
    ratios = sorted(one.wall_s / other.wall_s for one, other in zip(ours, others, strict=True))
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def table(measured: Rounds, frames: dict[str, int]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [
        "| recording | what | wall s | CPU s | peak MB | frames/s | of ffmpeg | of usual script |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for video, by_name in measured.items():
        for name, rounds in by_name.items():
            median = medians(rounds)
            shares = [
                share(rounds, by_name[other]) if other in by_name and other != name else ""
                for other in (BARE, USUAL)
            ]
            figures = (
                f"{median.wall_s:.2f} | {median.cpu_s:.2f} | {median.peak_mb:.0f}"
                f" | {frames[video] / median.wall_s:.0f} | {' | '.join(shares)}"
            )
            lines.append(f"| {video} | {name} | {figures} |")
    return lines


def frame_count(video: Path) -> int:
    """Return how many frames a recording holds."""
    import av

    with av.open(str(video)) as container:
        return sum(packet.size > 0 for packet in container.demux(video=0))


def facts() -> dict[str, str]:
    """Return what the figures depend on."""
    import av

    from echodepth_cli.output.provenance import software_versions

    shown = subprocess.run(["ffmpeg", "-version"], check=True, capture_output=True, text=True)
    return {
        "machine": platform.platform(),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load before": f"{os.getloadavg()[0]:.2f}",
        "ffmpeg": shown.stdout.split()[2],
        "libavcodec of PyAV": ".".join(map(str, av.library_versions["libavcodec"])),
        **software_versions(),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    every = [BARE, USUAL, OURS, EVERY]
    parser.add_argument("--input", nargs="+", choices=inputs.INPUTS, default=list(inputs.INPUTS))
    parser.add_argument("--what", nargs="+", choices=every, default=every)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--stages", action="store_true")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    arguments = parser.parse_args()
    known = facts()
    videos = inputs.make(arguments.input, arguments.minutes)
    print("\n".join(f"{name}: {value}" for name, value in known.items()), end="\n\n")
    measured = measure(videos, arguments.what, arguments.rounds)
    frames = {video.name: frame_count(video) for video in videos}
    print("\n".join(table(measured, frames)))
    if arguments.stages:
        for video in videos:
            print_stages(video)
    if arguments.json:
        figures = {
            video: {name: [asdict(run) for run in rounds] for name, rounds in by_name.items()}
            for video, by_name in measured.items()
        }
        arguments.json.write_text(json.dumps({"facts": known, "figures": figures}, indent=1))


if __name__ == "__main__":
    main()
