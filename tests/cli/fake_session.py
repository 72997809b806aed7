"""A session directory made without a recording, for tests of what the command does around one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from echodepth_cli.events import AlertRaised, FrameAnalysed, ScoredUpTo, SessionStarted
from echodepth_cli.output.columns import RowContext, frame_columns
from echodepth_cli.output.parquet import FrameTableWriter
from echodepth_cli.pipeline import AnalysisResult
from echodepth_cli.records import Alert, FrameResult, FrameStatus, Vad, VideoInfo

SESSION = "ses_0123456789abcdef01234567"


def frame_rows() -> list[FrameResult]:
    """Two measured frames, the second one with an alert, and one without a face."""
    calm = np.full(46, np.nan, dtype=np.float32)
    calm[:4] = (0.1, 0.2, np.nan, 0.05)
    tense = calm.copy()
    tense[[0, 3]] = (0.3, 0.9)
    return [
        FrameResult(0, 0.0, FrameStatus.OK, 0.9, Vad(0.5, 0.5, 0.5), Vad(0, 0, 0), calm),
        FrameResult(1, 0.5, FrameStatus.NO_FACE),
        FrameResult(
            2,
            1.0,
            FrameStatus.OK,
            0.8,
            Vad(0.4, 0.85, 0.45),
            Vad(-0.1, 0.35, -0.05),
            tense,
            alert_reasons=("arousal_high",),
        ),
    ]


def write_frames(path: Path) -> None:
    with FrameTableWriter(path, frame_columns(), RowContext(SESSION, 0), {}) as writer:
        writer.write(frame_rows())


def fake_report(alerts: int = 1) -> dict:
    return {
        "session_id": SESSION,
        "label": None,
        "duration_s": 74.2,
        "frame_count": 3,
        "alerts": [{"type": "arousal_high", "value": 0.85, "session_offset_s": 1.0}] * alerts,
        "suppressed_alerts": [],
        "quality": {"coverage": 2 / 3},
        "baseline": {"quality": "good"},
        "summary": "Calm.",
    }


class FakeAnalyse:
    """Stands in for `pipeline.analyse`; remembers its arguments, may fail as told."""

    def __init__(self, *, alerts: int = 1, error: BaseException | None = None) -> None:
        self.alerts, self.error = alerts, error
        self.calls: list[tuple] = []

    def __call__(self, path, config, out_dir, *, force, sink, command_line, **others):
        self.calls.append((path, config, out_dir, force, command_line, others))
        if self.error is not None:
            raise self.error
        folder = Path(out_dir or Path("echodepth-out") / Path(path).stem)
        folder.mkdir(parents=True, exist_ok=True)
        write_frames(folder / "frames.parquet")
        report = fake_report(self.alerts)
        (folder / "report.json").write_text(json.dumps(report))
        self._tell(sink, Path(path))
        return AnalysisResult(report, folder, folder / "frames.parquet")

    def _tell(self, sink, path: Path) -> None:
        info = VideoInfo(path, "mp4", "h264", 640, 480, 0, 74.2, 25.0, None)
        sink.on_event(SessionStarted(SESSION, None, info, 74.2, timestamp_ms=0))
        for row in frame_rows():
            sink.on_event(FrameAnalysed(row.offset_s))
        sink.on_event(ScoredUpTo(0.0))
        alert = Alert("arousal_high", 0.9, 1.0, 1.1, 0.85, 0.8, 0.5, 0.8)
        for _ in range(self.alerts):
            sink.on_event(AlertRaised(SESSION, None, 1000, alert))
