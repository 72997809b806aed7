"""Disks that fill, folders that go away, memory that runs out, clocks that jump, two runs at once.

Outputs are complete or absent, earlier results untouched, and the message says what to do.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from echodepth_cli import pipeline
from echodepth_cli.batch.lock import LOCK_NAME, output_lock
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.errors import ExitCode, OutputError
from echodepth_cli.events import FrameAnalysed
from tests.hostile import recordings as rec
from tests.hostile.kills import facts

OUTPUTS = {"frames.parquet", "report.html", "report.json"}


@pytest.fixture(scope="module")
def engine() -> Iterator[pipeline.Engine]:
    with pipeline.open_engine() as opened:
        yield opened


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    return rec.write(tmp_path_factory.mktemp("in") / "good.mp4", rec.KINDS["h264.mp4"])


@pytest.fixture
def disk(tmp_path) -> Iterator[Callable[[int], Path]]:
    """A file system of its own, of a size in KiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounted = []

    def mount(size_kib: int) -> Path:
        place = tmp_path / f"disk{size_kib}"
        place.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={size_kib}k,mode=0777", "tmpfs", str(place)]
        if subprocess.run(["mount", *options], capture_output=True).returncode != 0:
            pytest.skip("this machine lets nobody mount")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", place], check=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class AtFrame:
    """Does something to the world when the n-th frame has been analysed."""

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        self._left, self._act = number, act

    def on_event(self, event) -> None:
        if isinstance(event, FrameAnalysed):
            self._left -= 1
            if self._left == 0:
                self._act()


def test_a_full_disk_leaves_the_earlier_result_and_nothing_else(engine, recording, disk):
    said = set()
    # Far too small, and then full at one stage of writing after another.
    for size_kib in (4, 16, 32, 48, 64, 80, 96, 128, 160, 192, 256, 320, 512):
        place = disk(size_kib)
        message = None
        try:
            pipeline.analyse(recording, out_dir=place / "a", engine=engine)
        except OutputError as error:
            message = error.message
            said.add(size_kib)
        if message is None:
            assert {path.name for path in (place / "a").iterdir()} == OUTPUTS
        else:
            full = "the disk is full; free some space or choose another --out"
            assert message == f"{place / 'a'}: {full}"
            assert list(place.iterdir()) == []
    assert {4, 16, 32} <= said
    assert 512 not in said


def test_a_disk_that_fills_while_a_result_is_replaced_keeps_it(engine, recording, disk):
    place = disk(512)
    pipeline.analyse(recording, out_dir=place / "a", engine=engine)
    before = contents(place / "a")
    room = 60 * 1024
    (place / "ballast").write_bytes(bytes(shutil.disk_usage(place).free - room))
    with pytest.raises(OutputError, match="the disk is full"):
        pipeline.analyse(recording, out_dir=place / "a", engine=engine, force=True)
    assert contents(place / "a") == before
    assert {path.name for path in place.iterdir()} == {"a", "ballast"}


def test_a_limit_on_file_sizes_is_an_error_of_one_line(recording, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "echodepth_cli", "analyse", "-q", str(recording), "-o", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)),
    )
    assert done.returncode == ExitCode.OUTPUT
    (line,) = done.stderr.splitlines()
    assert line == "error: out: cannot be written: File too large; choose another --out"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("frame", [1, 5])
def test_a_folder_that_goes_away_midway_is_an_output_error(engine, recording, tmp_path, frame):
    place = tmp_path / "results"
    sink = AtFrame(frame, lambda: shutil.rmtree(place))
    with pytest.raises(OutputError, match=r"cannot be written.*choose another --out"):
        pipeline.analyse(recording, out_dir=place / "a", engine=engine, sink=sink)
    assert not place.exists()


def test_a_file_put_in_the_way_midway_stays_and_is_named(engine, recording, tmp_path):
    target = tmp_path / "a"
    sink = AtFrame(3, lambda: target.write_text("mine"))
    with pytest.raises(OutputError, match=rf"{target}"):
        pipeline.analyse(recording, out_dir=target, engine=engine, sink=sink)
    assert contents(tmp_path) == {"a": b"mine"}


def test_a_disk_that_is_full_is_said_before_a_batch_begins(disk):
    place = disk(16)
    with pytest.raises(OSError, match="No space left"):
        (place / "ballast").write_bytes(bytes(64 * 1024))
    with pytest.raises(OutputError, match=r"out: the disk is full; free some space"):
        output_lock(place / "out").__enter__()


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_what_stands_in_the_place_of_a_lock_is_neither_waited_for_nor_written_to(tmp_path, kind):
    other = tmp_path / "other.txt"
    other.write_text("mine")
    if kind == "pipe":
        os.mkfifo(tmp_path / LOCK_NAME)
    else:
        (tmp_path / LOCK_NAME).symlink_to(other)
    with pytest.raises(OutputError, match="cannot be written"):
        output_lock(tmp_path).__enter__()
    assert other.read_text() == "mine"


def test_a_disk_that_turns_read_only_keeps_the_earlier_result(engine, recording, disk):
    place = disk(2048)
    pipeline.analyse(recording, out_dir=place / "a", engine=engine)
    before = contents(place / "a")
    remount = ["mount", "-o", "remount,ro", str(place)]
    # Not while the frame table is open for writing: the system would not allow it.
    real = pipeline.write_pages

    def turn_read_only(*arguments):
        subprocess.run(remount, check=True)
        real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "write_pages", turn_read_only)
        with pytest.raises(OutputError, match="Read-only file system; choose another --out"):
            pipeline.analyse(recording, out_dir=place / "a", engine=engine, force=True)
    assert contents(place / "a") == before


def test_a_folder_without_permission_is_refused_before_any_work(recording, tmp_path):
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root, to become somebody who may write nothing")
    place = tmp_path / "results"
    place.mkdir(mode=0o755)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    command = [sys.executable, "-m", "echodepth_cli", "analyse", "-q", "-o", str(place / "a")]
    # Open already, since the folder of the test is closed to everybody else.
    with recording.open("rb") as file:
        done = subprocess.run(
            [*nobody, *command, f"/proc/self/fd/{file.fileno()}"],
            pass_fds=[file.fileno()],
            capture_output=True,
            text=True,
        )
    if "No module named" in done.stderr or not done.stderr:
        pytest.skip("the environment itself is out of reach of other users")
    assert done.returncode == ExitCode.OUTPUT, done.stderr
    assert "cannot be written: Permission denied; choose another --out" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(place.iterdir()) == []


def test_a_clock_that_jumps_changes_nothing(engine, recording, tmp_path, monkeypatch):
    usual = pipeline.analyse(recording, out_dir=tmp_path / "usual", engine=engine)
    moments = iter([2e9, 1e9, 3e9, 0.0] * 100_000)
    monkeypatch.setattr(time, "time", lambda: next(moments))
    config = AnalysisConfig(timeout_s=60.0)
    jumped = pipeline.analyse(recording, config, tmp_path / "jumped", engine=engine)
    assert jumped.frames_path.read_bytes() != b""
    first, second = facts(usual.session_dir), facts(jumped.session_dir)
    for report in (first["report"], second["report"]):
        report.pop("provenance")
    assert first["report"] == second["report"]


def test_two_runs_on_one_output_leave_one_whole_result(recording, tmp_path):
    command = [sys.executable, "-m", "echodepth_cli", "analyse", "-q", str(recording), "-o", "out"]
    runs = [
        subprocess.Popen([*command, *options], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        for options in ([], [], ["--force"])
    ]
    ends = [(run.communicate()[1], run.returncode) for run in runs]
    refused = "error: out: already holds a report; use --force to replace it\n"
    assert set(ends) <= {("", ExitCode.OK), (refused, ExitCode.OUTPUT)}
    assert ("", ExitCode.OK) in ends
    assert {path.name for path in (tmp_path / "out").iterdir()} == OUTPUTS
    assert facts(tmp_path / "out")["page"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_recording_that_needs_too_much_memory_fails_alone(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    rec.write(folder / "small.mp4", rec.KINDS["h264.mp4"])
    vast = {**rec.KINDS["h264.mp4"].options, "bf": "0", "refs": "1"}
    kind = rec.Kind("mp4", "libx264", options=vast)
    rec.write(folder / "vast.mp4", kind, size_px=(8192, 4320), frames=6)
    limit = 3 << 30
    done = subprocess.run(
        [sys.executable, "-m", "echodepth_cli", "batch", "-q", "-j", "1", "-o", "out", "in"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert done.returncode == ExitCode.BATCH_PARTIAL, done.stderr
    files = json.loads((tmp_path / "out" / "batch.json").read_text())["files"]
    ends = {entry["name"]: entry["status"] for entry in files}
    assert ends == {"small": "done", "vast": "failed"}
    assert "Traceback" not in done.stderr
    assert done.stderr.count("failed: ") == 1
    assert not list(tmp_path.rglob("*.partial"))
