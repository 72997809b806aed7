"""One case per documented exit code: one line on stderr, nothing on stdout."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from echodepth_cli import errors, pipeline
from echodepth_cli.errors import ExitCode
from tests.cli.fake_session import FakeAnalyse
from tests.clips import regular, write_clip
from tests.hostile import recordings as rec


@pytest.fixture
def analyse_with(monkeypatch):
    def replace(**how) -> FakeAnalyse:
        fake = FakeAnalyse(**how)
        monkeypatch.setattr(pipeline, "analyse", fake)
        return fake

    return replace


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("in")
    rec.write(folder / "good.mp4", rec.KINDS["h264.mp4"])
    write_clip(folder / "nobody.mp4", regular(50))
    return folder


def test_complete_is_0(analyse_with, run_cli):
    analyse_with()
    done = run_cli("analyse", "interview.mp4")
    assert done.code == ExitCode.OK
    assert done.out == ""
    assert "echodepth-out/interview/report.html" in done.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x.mp4: no"), 2),
        (errors.InputError("x.mp4: no"), 3),
        (errors.NotFoundError("x.mp4: no"), 3),
        (errors.ModelError("x.mp4: no"), 4),
        (errors.OutputError("x.mp4: no"), 5),
        (errors.NoFaceError("x.mp4: no"), 6),
        (errors.BaselineError("x.mp4: no"), 7),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_end_in_their_documented_code(analyse_with, run_cli, error, code):
    analyse_with(error=error)
    done = run_cli("analyse", "x.mp4")
    assert done.code == code
    assert done.out == ""
    assert done.err.splitlines()[-1] == f"error: {str(error) or 'interrupted'}"
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("kind", [errors.ModelError, RuntimeError])
def test_what_foreign_code_made_of_ctrl_c_is_still_an_interruption(analyse_with, run_cli, kind):
    error = kind("initialization failed")
    error.__cause__ = KeyboardInterrupt()
    analyse_with(error=error)
    done = run_cli("analyse", "x.mp4")
    assert done.code == ExitCode.INTERRUPTED
    assert done.err == "error: interrupted\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["analyse"],
        ["analyse", "x.mp4", "--fsp", "2"],
        ["analyse", "x.mp4", "--fps", "fast"],
        ["analyse", "x.mp4", "--fps", "0"],
        ["analyse", "x.mp4", "--valence-low", "2"],
        ["analyse", "x.mp4", "--start", "1:75"],
        ["analyse", "x.mp4", "--start", "10", "--end", "5"],
        ["analyse", "x.mp4", "--started-at", "2026-03-01T09:30:00"],
        ["analyse", "x.mp4", "--config", "missing.toml"],
        ["analyse", "x.mp4", "--detail", "all"],
        ["analyse", "x.mp4", "--json", "--frames-jsonl", "-"],
        ["schema", "nothing"],
        ["nothing"],
    ],
)
def test_arguments_that_cannot_be_used_are_2(analyse_with, run_cli, arguments):
    fake = analyse_with()
    done = run_cli(*arguments)
    assert done.code == ExitCode.USAGE
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("error: ")
    assert not fake.calls


def test_no_arguments_show_the_help_and_are_2(run_cli):
    done = run_cli()
    assert done.code == ExitCode.USAGE
    assert "Usage: echodepth" in done.err
    assert done.out == ""


def test_an_unexpected_error_is_1_and_shows_where_only_when_asked(analyse_with, run_cli):
    analyse_with(error=ZeroDivisionError("oh"))
    short = run_cli("analyse", "x.mp4")
    long = run_cli("--debug", "analyse", "x.mp4")
    assert short.code == long.code == ExitCode.UNEXPECTED
    assert short.err == "error: unexpected ZeroDivisionError: oh; echodepth --debug shows where\n"
    assert "Traceback" in long.err


def test_alerts_are_9_only_when_asked(analyse_with, run_cli):
    analyse_with(alerts=1)
    assert run_cli("analyse", "x.mp4").code == ExitCode.OK
    assert run_cli("analyse", "x.mp4", "--fail-on-alert").code == ExitCode.ALERTS
    analyse_with(alerts=0)
    assert run_cli("analyse", "x.mp4", "--fail-on-alert").code == ExitCode.OK


def test_errors_are_json_lines_when_messages_are(analyse_with, run_cli):
    analyse_with(error=errors.NotFoundError("x.mp4: no such file"))
    for arguments in (["analyse", "x.mp4", "--log-format", "json"], ["x", "--log-format=json"]):
        record = json.loads(run_cli(*arguments).err)
        assert record["level"] == "error"
        assert record["time"].endswith("Z")
        assert record["exit_code"] in (2, 3)
        assert record["code"] in ("not_found", "usage_error")


def test_a_message_stays_one_honest_line(analyse_with, run_cli):
    analyse_with(error=errors.InputError("a\nb\x1b[31m\u202egpj.mp4: no"))
    assert run_cli("analyse", "x.mp4").err == "error: a\\nb\\x1b[31m\\u202egpj.mp4: no\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_and_cleans_up(tmp_path, number):
    program = (
        "import signal, sys, time, pathlib\n"
        "from echodepth_cli import pipeline\n"
        "from echodepth_cli.__main__ import main\n"
        # A shell that runs the tests in the background has them ignore Ctrl-C.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def analyse(path, config, out_dir, **_):\n"
        "    try:\n"
        "        pathlib.Path('staging').mkdir(); time.sleep(60)\n"
        "    finally:\n"
        "        pathlib.Path('staging').rmdir()\n"
        "pipeline.analyse = analyse\n"
        "sys.argv[1:] = ['analyse', 'x.mp4']\n"
        "main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "staging").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert err == "error: interrupted\n"
    assert not (tmp_path / "staging").exists()


@pytest.mark.parametrize(
    ("library", "package"),
    [("libGL.so.1", "libgl1"), ("libgthread-2.0.so.0", "libglib2.0-0")],
)
def test_a_missing_system_library_is_named_with_its_package(
    tmp_path, run_process, library, package
):
    (tmp_path / "broken" / "cv2").mkdir(parents=True)
    (tmp_path / "broken" / "cv2" / "__init__.py").write_text(
        f"raise ImportError('{library}: cannot open shared object file: No such file')\n"
    )
    done = run_process("doctor", env={"PYTHONPATH": str(tmp_path / "broken")})
    wrong = [line for line in done.out.splitlines() if line.startswith("wrong")]
    assert done.code == ExitCode.MODEL
    assert any(f"apt-get install {package}" in line and library in line for line in wrong)
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("code", "recording", "options", "said"),
    [
        (6, "nobody.mp4", (), "a face could be measured in 0 of 4 sampled frames"),
        (7, "good.mp4", ("--baseline-start", "100"), "choose an earlier --baseline-start"),
        (9, "good.mp4", ("--arousal-high", "0.1", "--fail-on-alert"), None),
    ],
)
def test_what_only_a_whole_analysis_shows_ends_in_its_documented_code(
    recordings, run_cli, code, recording, options, said
):
    done = run_cli("analyse", "-q", "-o", "out", *options, recordings / recording)
    assert (done.code, done.out) == (code, "")
    if said is None:
        assert done.err == ""
    else:
        (line,) = done.err.splitlines()
        assert said in line
