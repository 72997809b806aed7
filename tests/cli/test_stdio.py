"""stdout carries data only; stderr carries a bar, lines or JSON."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from echodepth_cli import pipeline
from echodepth_cli.cli.words import clock, duration, percent
from echodepth_cli.errors import ExitCode
from echodepth_cli.output.schema import load_schema
from tests.cli.fake_session import FakeAnalyse, fake_report

REPO = Path(__file__).resolve().parents[2]

NOISY = """
import ctypes, sys, warnings
sys.path.insert(0, {repo!r})
from echodepth_cli import pipeline
from echodepth_cli.cli.exits import run
from tests.cli.fake_session import FakeAnalyse

class Noisy(FakeAnalyse):
    def __call__(self, *args, **kwargs):
        print("from Python")
        ctypes.CDLL(None).puts(b"from C")
        ctypes.CDLL(None).fflush(None)
        warnings.warn("from a library")
        return super().__call__(*args, **kwargs)

pipeline.analyse = Noisy()
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture
def fake(monkeypatch) -> FakeAnalyse:
    fake = FakeAnalyse()
    monkeypatch.setattr(pipeline, "analyse", fake)
    return fake


def noisy(*arguments: str) -> list[str]:
    return [sys.executable, "-c", NOISY.format(repo=str(REPO)), *arguments]


def test_json_writes_the_report_to_stdout(fake, run_cli):
    done = run_cli("analyse", "x.mp4", "--json")
    assert json.loads(done.out) == fake_report()


def test_a_printing_library_cannot_spoil_the_data(tmp_path):
    done = subprocess.run(
        noisy("analyse", "x.mp4", "--json"), cwd=tmp_path, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == fake_report()
    assert "from C" in done.stderr
    assert "from a library" not in done.stderr
    assert done.returncode == ExitCode.OK


def test_frame_results_go_to_stdout_in_order(fake, run_cli):
    done = run_cli("analyse", "x.mp4", "--frames-jsonl", "-")
    frames = [json.loads(line) for line in done.out.splitlines()]
    for frame in frames:
        jsonschema.validate(frame, load_schema("frame"))
    assert [frame["timestamp_ms"] for frame in frames] == [0, 500, 1000]
    assert frames[1]["code"] == "no_face_detected"
    assert "vad" not in frames[1]
    assert frames[2]["vad"] == {
        "valence": 0.4,
        "arousal": 0.85,
        "dominance": 0.45,
        "confidence": 0.8,
        "delta_from_baseline": {"valence": -0.1, "arousal": 0.35, "dominance": -0.05},
    }
    assert frames[2]["active_aus"] == [1, 4]
    assert frames[2]["alert_triggered"] is True
    assert frames[2]["alert_reason"] == "arousal_high"
    assert "aus" not in frames[0]


def test_detail_adds_all_46_units_and_null_is_not_zero(fake, run_cli, tmp_path):
    done = run_cli("analyse", "x.mp4", "--frames-jsonl", "frames.jsonl", "--detail", "aus")
    assert done.out == ""
    frames = [json.loads(line) for line in (tmp_path / "frames.jsonl").read_text().splitlines()]
    for frame in frames:
        jsonschema.validate(frame, load_schema("frame"))
    units = frames[2]["aus"]
    assert len(units) == 46
    shown = {name: list(unit.values()) for name, unit in units.items()}
    assert list(units["AU01"]) == ["name", "intensity", "active", "status"]
    assert shown["AU01"] == ["Inner brow raiser", 0.3, True, "measured"]
    assert shown["AU02"] == ["Outer brow raiser", 0.2, False, "measured"]
    assert shown["AU03"][1:] == [None, None, "not_observable"]
    assert units["AU04"]["intensity"] == 0.9


def test_a_frames_file_is_not_replaced_without_force(fake, run_cli, tmp_path):
    (tmp_path / "frames.jsonl").write_text("earlier\n")
    refused = run_cli("analyse", "x.mp4", "--frames-jsonl", "frames.jsonl")
    assert refused.code == ExitCode.OUTPUT
    assert not fake.calls
    assert (tmp_path / "frames.jsonl").read_text() == "earlier\n"
    assert run_cli("analyse", "x.mp4", "--frames-jsonl", "frames.jsonl", "--force").code == 0
    assert (tmp_path / "frames.jsonl").read_text() != "earlier\n"


def test_a_frames_file_that_cannot_be_written_is_found_before_the_work(fake, run_cli):
    for place in ("missing/frames.jsonl", "."):
        assert run_cli("analyse", "x.mp4", "--frames-jsonl", place).code == ExitCode.OUTPUT
    assert not fake.calls


def test_a_device_named_as_frames_file_stays_a_device(fake, run_cli):
    assert run_cli("analyse", "x.mp4", "--frames-jsonl", "/dev/null").code == ExitCode.OK
    assert Path("/dev/null").is_char_device()


def test_a_reader_that_leaves_is_no_error_message(tmp_path):
    done = subprocess.run(
        ["bash", "-c", '"$@" | true; exit ${PIPESTATUS[0]}', "-", *noisy("schema", "report")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 141  # what a shell shows for SIGPIPE
    assert done.stderr == ""


def test_a_full_disk_behind_stdout_is_an_output_error(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            noisy("schema", "report"), cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == ExitCode.OUTPUT
    assert done.stderr == "error: stdout: cannot be written: No space left on device\n"


def test_without_a_terminal_there_are_plain_lines_and_no_bar(tmp_path):
    done = subprocess.run(noisy("analyse", "x.mp4"), cwd=tmp_path, capture_output=True, text=True)
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr
    lines = done.stderr.splitlines()
    assert lines[0].endswith("Z info    analysing x.mp4 (1 min 14 s)")
    assert lines[1].endswith("alert arousal_high at 00:01: 0.85, threshold 0.80")
    assert "  face measured in  67 % of frames" in lines


def test_json_messages_are_one_object_per_line(tmp_path):
    done = subprocess.run(
        noisy("analyse", "x.mp4", "--log-format", "json"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    records = [json.loads(line) for line in done.stderr.splitlines()]
    assert [r["event"] for r in records] == [
        "session.created",
        "session.alert",
        "session.report_ready",
    ]
    assert all(r["level"] == "info" and r["time"].endswith("Z") for r in records)
    assert records[-1]["session_dir"] == "echodepth-out/x"


def test_quiet_says_nothing_when_all_is_well(fake, run_cli):
    done = run_cli("analyse", "x.mp4", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_gets_a_bar_and_no_color_is_honoured(tmp_path, no_color):
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    env |= {"TERM": "xterm-256color", "COLUMNS": "100"} | ({"NO_COLOR": "1"} if no_color else {})
    parent, child = pty.openpty()
    process = subprocess.Popen(
        noisy("analyse", "x.mp4"), cwd=tmp_path, stderr=child, env=env, stdout=subprocess.DEVNULL
    )
    os.close(child)
    written = b""
    try:
        while piece := os.read(parent, 65536):
            written += piece
    except OSError:  # how Linux says that the other side has closed
        pass
    assert process.wait(timeout=60) == ExitCode.OK
    text = written.decode()
    assert "analysing" in text
    assert "scoring" in text
    assert "left" in text
    assert "alert arousal_high" in text
    assert "report " in text
    assert ("\x1b[38" in text or "\x1b[3" in text) is not no_color


def test_numbers_read_well():
    assert [duration(s) for s in (8, 59.96, 74.2, 7380)] == [
        "8.0 s",
        "1 min 00 s",
        "1 min 14 s",
        "2 h 03 min",
    ]
    assert [clock(s) for s in (0.4, 273, 3873)] == ["00:00", "04:33", "1:04:33"]
    assert [percent(p) for p in (0, 0.001, 0.4, 0.999, 1)] == [
        "0 %",
        "under 1 %",
        "40 %",
        "over 99 %",
        "100 %",
    ]
