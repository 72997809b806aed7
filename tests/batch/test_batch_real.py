"""The command over real files, through the real pipeline."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pyarrow.parquet as pq
import pytest
from faces import face_clip

from echodepth_cli.output.schema import load_schema
from tests.clips import cut, regular, write_clip, write_sound

pytestmark = pytest.mark.slow

SESSION_FILES = {"frames.parquet", "report.html", "report.json"}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> Path:
    """Forty inputs of every kind, with a manifest that names them and one that is missing."""
    folder = tmp_path_factory.mktemp("mixed")
    for number in range(10):
        face_clip(folder / "good" / f"interview {number}.mp4", 3, number)
    good = folder / "good" / "interview 0.mp4"
    for name in ("ünï cødé", "日本語", "two\nlines", "<b>bold & 'quotes'", "n" * 200, "-o"):
        (folder / "names").mkdir(exist_ok=True)
        (folder / "names" / f"{name}.mp4").write_bytes(good.read_bytes())
    for number in range(6):
        cut(good, folder / f"cut {number}.mp4", 0.15 * number + 0.05)
    for number in range(4):
        (folder / f"text {number}.mp4").write_text("not a video\n" * 10**number)
        (folder / f"empty {number}.mp4").touch()
        (folder / f"noise {number}.mkv").write_bytes(hashlib.sha256(bytes([number])).digest() * 999)
    write_sound(folder / "sound.mp4")
    for number in range(4):
        write_clip(folder / f"no face {number}.mp4", regular(60 + number))
    lines = [{"path": str(path)} for path in sorted(folder.rglob("*.m??"))]
    lines[0]["label"] = "a label as long as a book " * 4000
    lines.append({"path": "missing.mp4"})
    (folder / "all.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """Start ``echodepth batch`` as a process of its own, as cron does."""
    here = tmp_path_factory.mktemp("cwd")

    def start(*arguments: object, **options) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "echodepth_cli", "batch", *map(str, arguments)],
            cwd=here,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    return start


@pytest.fixture(scope="module")
def undisturbed(mixed, command, tmp_path_factory) -> tuple[Path, subprocess.Popen, str]:
    out = tmp_path_factory.mktemp("whole") / "out"
    process = command(mixed / "all.jsonl", "-o", out, "-j", 2, "--log-format", "json")
    _, messages = process.communicate()
    return out, process, messages


def documents(out: Path) -> dict[str, object]:
    """Everything that a session says, without the part on the run that made it."""
    found: dict[str, object] = {}
    for path in sorted(out.rglob("frames.parquet")):
        name = path.parent.relative_to(out).as_posix()
        report = json.loads((path.parent / "report.json").read_text())
        del report["run"]
        found[name] = (hashlib.sha256(path.read_bytes()).hexdigest(), report)
    return found


def entries(out: Path) -> dict[str, dict]:
    document = json.loads((out / "batch.json").read_text())
    jsonschema.validate(document, load_schema("batch"))
    return {entry["name"]: entry for entry in document["files"]}


def test_forty_mixed_inputs_end_with_the_right_table_of_outcomes(undisturbed):
    out, process, messages = undisturbed
    found = entries(out)
    assert (process.returncode, len(found)) == (8, 40), messages
    kinds: dict[str, set] = {}
    for name, entry in found.items():
        kind = name.split("/")[0].rstrip(" 0123456789")
        kinds.setdefault(kind, set()).add((entry["status"], entry["code"]))
    assert kinds.pop("cut") <= {("failed", "unreadable_input"), ("failed", "no_face_detected")}
    assert kinds == {
        "good": {("done", None)},
        "names": {("done", None)},
        "text": {("failed", "unreadable_input")},
        "empty": {("failed", "unreadable_input")},
        "noise": {("failed", "unreadable_input")},
        "sound": {("failed", "unreadable_input")},
        "no face": {("failed", "no_face_detected")},
        "missing": {("failed", "not_found")},
    }
    assert "Traceback" not in messages
    assert all(json.loads(line)["level"] for line in messages.splitlines())


def test_the_tables_tell_of_every_session_and_link_to_it(undisturbed):
    out, _, _ = undisturbed
    done = {name for name, entry in entries(out).items() if entry["session"]}
    table = pq.read_table(out / "sessions.parquet").to_pydict()
    assert set(table["name"]) == done
    assert {path.name for path in (out / "good" / "interview 0").iterdir()} == SESSION_FILES
    page = (out / "index.html").read_text()
    assert page.count("/report.html") == len(done)
    assert "<b>bold" not in page
    assert not list(out.rglob("*.partial"))


def test_the_same_recording_under_six_names_gives_the_same_numbers(undisturbed):
    out, _, _ = undisturbed
    found = documents(out)
    same = {name: value[0] for name, value in found.items() if name.startswith("names/")}
    assert len(same) == 6
    assert set(same.values()) == {found["good/interview 0"][0]} or len(set(same.values())) == 1


def test_a_run_and_a_worker_that_are_killed_change_nothing_in_the_end(
    mixed, command, undisturbed, tmp_path
):
    out = tmp_path / "out"
    arguments = (mixed / "all.jsonl", "-o", out, "-j", 2)
    process = command(*arguments)
    kill_after(process, lambda: len(list(out.rglob("report.json"))) >= 2, process.pid)
    process.communicate()
    assert 2 <= len(list(out.rglob("report.json"))) < 16
    process = command(*arguments)
    kill_after(process, lambda: len(list(out.rglob("report.json"))) >= 6, worker_of(process))
    _, messages = process.communicate()
    assert "trying once more" in messages
    assert process.returncode == 8
    assert documents(out) == documents(undisturbed[0])
    assert {n: (e["code"], e["exit_code"]) for n, e in entries(out).items()} == {
        n: (e["code"], e["exit_code"]) for n, e in entries(undisturbed[0]).items()
    }
    assert not list(out.rglob("*.partial"))


def kill_after(process: subprocess.Popen, reached, victim) -> None:
    when(process, reached)
    os.kill(victim() if callable(victim) else victim, signal.SIGKILL)


def when(process: subprocess.Popen, reached) -> None:
    deadline = time.monotonic() + 240
    while not reached():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def worker_of(process: subprocess.Popen):
    """Return a function that names a process working for this run."""

    def find() -> int:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        threads = Path(f"/proc/{process.pid}/task").iterdir()
        children += [c for t in threads for c in (t / "children").read_text().split()]
        workers = [c for c in children if b"spawn_main" in Path(f"/proc/{c}/cmdline").read_bytes()]
        return int(workers[0])

    return find


def test_cron_without_home_terminal_or_a_writable_directory(mixed, command, tmp_path):
    readonly = tmp_path / "readonly"
    readonly.mkdir(mode=0o555)
    out = tmp_path / "out"
    recording = mixed / "good" / "interview 1.mp4"
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "echodepth_cli", "batch", recording, "-o", out, "--log-format=json"],
        cwd=readonly,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    output, messages = process.communicate()
    lines = [json.loads(line) for line in messages.splitlines()]
    assert (process.returncode, output) == (0, ""), messages
    assert lines[-1]["event"] == "batch.ended"
    assert lines[-1]["done"] == 1
    assert not list(readonly.iterdir())


def test_sigterm_ends_with_130_and_says_how_to_go_on(mixed, command, tmp_path):
    out = tmp_path / "out"
    process = command(mixed / "good", "-o", out, "-j", 1)
    # With one worker, the second result means that the first has been noted.
    when(process, lambda: len(list(out.glob("*/report.json"))) >= 2)
    process.send_signal(signal.SIGTERM)
    _, messages = process.communicate()
    assert process.returncode == 130
    assert "run the same command again" in messages
    document = json.loads((out / "batch.json").read_text())
    counts = document["run"]["counts"]
    assert document["state"] == "interrupted"
    assert counts["done"] >= 1
    assert counts["done"] + counts["pending"] == 10
    assert not list(out.rglob("*.partial"))
