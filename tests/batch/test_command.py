"""What the command says and does besides analysing."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest
from faces import face_clip
from test_webhook import Server


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    face_clip(folder / "a.mp4", 3, 1)
    (folder / "broken.mp4").write_text("not a video")
    return folder


def test_a_batch_is_previewed_run_resumed_and_rebuilt(run_cli, recordings, tmp_path, caplog):
    batch = ("batch", recordings, "--out", tmp_path / "out", "--workers", "0")
    plan = run_cli(*batch, "--dry-run")
    assert plan.code == 0
    assert [line.split("\t")[:2] for line in plan.out.splitlines()] == [
        ["analyse", "a"],
        ["analyse", "broken"],
    ]
    assert not (tmp_path / "out").exists()
    first = run_cli(*batch, "--json")
    document = json.loads(first.out)
    assert (first.code, document["run"]["counts"]["failed"]) == (8, 1)
    assert "broken.mp4: not a readable video file" in first.err
    plan = run_cli(*batch, "--dry-run", "--json")
    assert [json.loads(line)["action"] for line in plan.out.splitlines()] == ["skip", "analyse"]
    assert run_cli(*batch, "--quiet").code == 8
    for name in ("index.html", "sessions.parquet", "batch.json"):
        (tmp_path / "out" / name).unlink()
    assert run_cli("batch", "--report-only", tmp_path / "out").code == 0
    rebuilt = json.loads((tmp_path / "out" / "batch.json").read_text())
    assert [entry["name"] for entry in rebuilt["files"]] == ["a"]
    assert rebuilt["files"][0]["session"] == document["files"][0]["session"]
    # A time that is none is no table that echodepth wrote.
    rebuilt["files"][0]["session"]["analysed_at"] = "yesterday"
    (tmp_path / "out" / "batch.json").write_text(json.dumps(rebuilt))
    assert run_cli("batch", "--report-only", tmp_path / "out").code == 0
    again = json.loads((tmp_path / "out" / "batch.json").read_text())
    assert again["files"][0]["session"] == document["files"][0]["session"]
    caplog.clear()


def test_a_webhook_hears_of_each_session_and_its_address_is_kept_secret(
    run_cli, recordings, tmp_path, monkeypatch
):
    monkeypatch.setenv("ECHODEPTH_WEBHOOK_SECRET", "s3cret")
    with Server(500, 200) as server:
        done = run_cli("batch", recordings / "a.mp4", "-o", tmp_path / "o", "--webhook", server.url)
    assert done.code == 0
    report = json.loads((tmp_path / "o" / "a" / "report.json").read_text())
    events = [body["event"] for body in server.bodies]
    assert events[:2] == ["session.created", "session.created"], "the failed post is repeated"
    assert events[2:] == [
        *["session.alert"] * len(report["alerts"]),
        "session.ended",
        "session.report_ready",
    ]
    assert {body["session_id"] for body in server.bodies} == {report["session_id"]}
    written = json.dumps(report) + (tmp_path / "o" / "batch.json").read_text() + done.err
    assert "team=a" not in written
    assert "s3cret" not in written


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no PATH given"),
        (("x", "--timeout-per-file", "0"), "timeout_s must be at least 0.001"),
        (("x", "--workers", "2", "--scheduler", "tcp://h:1"), "leave it out"),
        (("x", "--webhook", "ftp://h/"), "must be an http"),
        (("--report-only", "here", "x"), "takes no PATH"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(run_cli, arguments, message):
    outcome = run_cli("batch", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.out == ""


def test_an_empty_directory_is_nothing_to_do(run_cli, tmp_path):
    (tmp_path / "in").mkdir()
    outcome = run_cli("batch", tmp_path / "in", "-o", tmp_path / "out")
    assert outcome.code == 0
    assert (tmp_path / "out" / "index.html").exists()


def test_a_terminal_shows_bars_and_a_file_does_not(recordings, tmp_path):
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "echodepth_cli", "batch", str(recordings), "-o", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = bytearray()
    while True:
        try:
            shown += os.read(master, 65536)
        except OSError:
            break
    os.close(master)
    assert process.wait() == 8
    text = shown.decode()
    assert "recordings" in text
    assert "2/2 1 failed, 1 done" in text or "2/2 1 done, 1 failed" in text
    assert "broken.mp4: not a readable video file" in text.replace("\r\n", "")
