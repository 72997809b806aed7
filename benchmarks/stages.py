"""Say where the time of one analysis goes, with one thing done after the other.

    python -m benchmarks.stages VIDEO [FPS]

Runs the analysis in this process with ECHODEPTH_SERIAL, adds up the processor time of the calls
that make up each stage, and prints seconds and milliseconds per sampled frame. Decoding is what is
left of reading.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from echodepth_cli.overlap import SERIAL_VARIABLE


class Stopwatch:
    """Adds up the seconds spent in calls, each second counted for the innermost of them."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._inner: list[float] = [0.0]

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``function`` with its time added to ``name``."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._running(name):
                result = function(*args, **kwargs)
            return self._steps(name, result) if isinstance(result, Iterator) else result

        return call

    def _steps(self, name: str, items: Iterator[Any]) -> Iterator[Any]:
        while True:
            with self._running(name):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item

    @contextmanager
    def _running(self, name: str) -> Iterator[None]:
        self._inner.append(0.0)
        started = time.process_time()
        try:
            yield
        finally:
            took = time.process_time() - started
            self.seconds[name] += took - self._inner.pop()
            self._inner[-1] += took


def measure_stages(video: Path, fps: float | None = 2.0) -> tuple[dict[str, float], int]:
    """Return seconds by stage, and the number of sampled frames."""
    # As the command line does: with OpenBLAS on several threads the figures are half as high again.
    import echodepth_cli.__main__  # noqa: F401
    from echodepth_cli import AnalysisConfig, pipeline
    from echodepth_cli.engine import open_engine
    from echodepth_cli.face.tracker import MediaPipeTracker
    from echodepth_cli.output.parquet import FrameTableWriter
    from echodepth_cli.session import Session
    from echodepth_cli.video.ahead import ReadAhead
    from echodepth_cli.video.picture import PictureMaker

    watch = Stopwatch()
    calls: list[tuple[Any, str, str]] = [
        (ReadAhead, "frames", "decode"),
        (PictureMaker, "rgb", "convert"),
        (MediaPipeTracker, "detect", "face mesh"),
        (pipeline, "observe_frames", "face: pose, quality, identity"),
        (Session, "push_seen", "persons"),
        (Session, "end", "action units and scores"),
        (FrameTableWriter, "write", "write the table"),
        (pipeline, "file_sha256", "hash the file"),
        (pipeline, "_stills", "stills of alerts"),
        (pipeline, "_report", "findings and report.json"),
        (pipeline, "write_pages", "report.html"),
    ]
    os.environ[SERIAL_VARIABLE] = "1"
    started = time.process_time()
    with open_engine() as engine, tempfile.TemporaryDirectory() as out:
        watch.seconds["load the models"] = time.process_time() - started
        for owner, method, name in calls:
            setattr(owner, method, watch.timed(name, getattr(owner, method)))
        started = time.process_time()
        result = pipeline.analyse(
            video, AnalysisConfig(fps=fps), Path(out) / "session", engine=engine
        )
        whole_s = time.process_time() - started
    watch.seconds["the rest"] = (
        whole_s + watch.seconds["load the models"] - sum(watch.seconds.values())
    )
    return dict(watch.seconds), result.report["frame_count"]


def print_stages(video: Path, fps: float | None = 2.0) -> None:
    """Print a Markdown table."""
    seconds, frames = measure_stages(video, fps)
    print(f"\n{video.name} at {fps or 'every'} frame(s) a second, {frames} frames, serial\n")
    print("| stage | s | ms per sampled frame |\n|---|---:|---:|")
    for name, value in {**seconds, "together": sum(seconds.values())}.items():
        print(f"| {name} | {value:.2f} | {1000 * value / frames:.1f} |")


if __name__ == "__main__":
    wanted = sys.argv[2] if len(sys.argv) > 2 else "2"
    print_stages(Path(sys.argv[1]), None if wanted == "all" else float(wanted))
