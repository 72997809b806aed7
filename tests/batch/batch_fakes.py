"""A stand-in for the analysis, steered by what the "recording" says; for faults only.

It lives in an importable module because worker processes import it by name.
"""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from echodepth_cli.batch.jobs import AnalysisJob, JobOutcome, RunJob, run_job
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.errors import InputError, NoFaceError
from echodepth_cli.events import EventSink, FrameAnalysed, SessionStarted
from echodepth_cli.output.atomic import staged_directory
from echodepth_cli.output.provenance import file_sha256, session_id
from echodepth_cli.output.report_json import to_json_bytes
from echodepth_cli.overlap import Ahead, Patience, Step
from echodepth_cli.records import VideoInfo

MODELS = {"au.onnx": "a" * 64}


@dataclass(frozen=True)
class FakeResult:
    report: dict


def make_report(path: Path, config: AnalysisConfig, *, alerts: int = 0, **changes) -> dict:
    """A report with every fact that a batch reads."""
    sha256 = file_sha256(path)
    alert = {"type": "arousal_high", "onset_s": 12.0, "threshold": 0.8, "value": 0.9}
    return {
        "schema_version": "1.0",
        "session_id": session_id(sha256, config.measurement_digest()),
        "label": config.label,
        "use_case": config.use_case,
        "duration_s": 90.0,
        "frame_count": 180,
        "timestamp_origin": "zero",
        "started_at": None,
        "recording": {"file_name": path.name, "sha256": sha256, "bytes": path.stat().st_size},
        "baseline_vad": {"v": 0.5, "a": 0.4, "d": 0.5},
        "mean_vad": {"v": 0.5, "a": 0.45, "d": 0.5},
        "alerts": [alert] * alerts,
        "suppressed_alerts": [],
        "summary": "Nothing crossed a threshold.",
        "baseline": {"source": "opening_window", "quality": "good", "reasons": []},
        "anomalies": [],
        "quality": {"coverage": 0.98, "mean_confidence": 0.9, "gaps": [], "warnings": []},
        "provenance": {
            "software": {"echodepth-cli": "0.1.0"},
            "models": [{"name": name, "sha256": digest} for name, digest in MODELS.items()],
            "config_digest": config.digest(),
            "measurement_digest": config.measurement_digest(),
            "frames_parquet_sha256": hashlib.sha256(b"frames" + sha256.encode()).hexdigest(),
            "decode": {"decode_failures": 0, "truncated": False, "warnings": []},
        },
        "run": {"analysed_at": "2026-11-23T09:00:00+00:00"},
        **changes,
    }


def fake_analyse(
    path: Path,
    config: AnalysisConfig,
    out_dir: Path,
    *,
    force: bool,
    sink: EventSink,
    command_line: Sequence[str],
    baseline_from: Path | None,
) -> FakeResult:
    with staged_directory(out_dir, force=force) as staging:
        (staging / "frames.parquet").write_bytes(b"frames" + file_sha256(path).encode())
        info = VideoInfo(path, "mp4", "h264", 640, 480, 0, 90.0, 25.0, None)
        sink.on_event(SessionStarted("ses", config.label, info, 90.0, 0))
        sink.on_event(FrameAnalysed(0.0))
        _act(path, sink)
        report = make_report(path, config, alerts=path.read_bytes().count(b"alert"))
        (staging / "report.html").write_text("<p>report</p>")
        (staging / "report.json").write_bytes(to_json_bytes(report))
    return FakeResult(report)


def _act(path: Path, sink: EventSink) -> None:
    match path.read_bytes().split()[:1]:
        case [b"corrupt"]:
            raise InputError(f"{path}: not a video")
        case [b"noface"]:
            raise NoFaceError(f"{path}: too few frames with a face")
        case [b"bug"]:
            raise ZeroDivisionError("a bug")
        case [b"memory"]:
            raise MemoryError
        case [b"kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case [b"kill-once"]:
            marker = path.with_suffix(".killed")
            if not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        case [b"hang"]:
            path.with_suffix(".hanging").touch()
            time.sleep(600)
        case [b"slow"]:
            for frame in range(6000):
                time.sleep(0.1)
                sink.on_event(FrameAnalysed(frame / 2))
        case [b"stuck"]:
            # A codec in native code does not notice SIGTERM.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        case [b"codec"]:
            # One that hangs while reading ahead is noticed, but nothing can end its thread.
            with Ahead(_never, depth=1, patience=Patience(path, 0.5)) as ahead:
                next(iter(ahead))
        case [b"noisy"]:
            os.write(1, b"noise from a library\n")


def _never(step: Step) -> Generator[None, None, None]:
    time.sleep(600)
    yield


@contextmanager
def open_fake() -> Iterator[RunJob]:
    def run(job: AnalysisJob, sink: EventSink) -> JobOutcome:
        return run_job(job, sink, analyse=fake_analyse, models=MODELS)

    yield run
