"""Outputs stand complete under their names, or not at all."""

import errno
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext

import pytest

from echodepth_cli.errors import OutputError
from echodepth_cli.output import atomic
from echodepth_cli.output.atomic import OUTPUT_FILES, check_target, staged_directory, write_file


def _fill(folder, text):
    for name in OUTPUT_FILES:
        (folder / name).write_text(text)


def _leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name.endswith(".partial")]


def test_a_finished_directory_appears_with_all_files(tmp_path):
    target = tmp_path / "deep" / "session"
    with staged_directory(target, force=False) as staging:
        _fill(staging, "new")
        assert not target.exists()
    assert sorted(path.name for path in target.iterdir()) == sorted(OUTPUT_FILES)
    assert _leftovers(target.parent) == []


def test_a_failure_leaves_nothing_new_and_the_old_untouched(tmp_path):
    target = tmp_path / "session"
    with staged_directory(target, force=False) as staging:
        _fill(staging, "old")
    with (
        pytest.raises(ZeroDivisionError),
        staged_directory(target, force=True) as staging,
    ):
        (staging / "report.json").write_text(str(1 / 0))
    assert {(target / name).read_text() for name in OUTPUT_FILES} == {"old"}
    assert _leftovers(tmp_path) == []


def test_force_replaces_and_its_absence_refuses(tmp_path):
    target = tmp_path / "session"
    with staged_directory(target, force=False) as staging:
        _fill(staging, "old")
    with pytest.raises(OutputError, match="--force"):
        check_target(target, force=False)
    with staged_directory(target, force=True) as staging:
        _fill(staging, "new")
    assert {(target / name).read_text() for name in OUTPUT_FILES} == {"new"}


@pytest.mark.parametrize("force", [False, True])
def test_a_run_that_is_faster_by_a_moment_is_met_like_one_before(tmp_path, monkeypatch, force):
    target = tmp_path / "session"

    def flush(staging):
        # The last step before the rename, and the slowest.
        target.mkdir()
        _fill(target, "theirs")

    monkeypatch.setattr(atomic, "_flush", flush)
    refused = nullcontext() if force else pytest.raises(OutputError, match="already holds a report")
    with refused, staged_directory(target, force=force) as staging:
        _fill(staging, "ours")
    expected = "ours" if force else "theirs"
    assert {(target / name).read_text() for name in OUTPUT_FILES} == {expected}
    assert _leftovers(tmp_path) == []


def test_foreign_files_are_never_replaced(tmp_path):
    target = tmp_path / "session"
    target.mkdir()
    (target / "thesis.docx").write_text("mine")
    with pytest.raises(OutputError, match=r"thesis\.docx"):
        check_target(target, force=True)


def test_a_file_in_the_way_is_refused(tmp_path):
    target = tmp_path / "session"
    target.write_text("mine")
    with pytest.raises(OutputError, match="not a directory"):
        check_target(target, force=True)


def test_a_full_disk_is_said_in_plain_words(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "session"
    monkeypatch.setattr("echodepth_cli.output.atomic._flush", full)
    with (
        pytest.raises(OutputError, match="disk is full"),
        staged_directory(target, force=False) as staging,
    ):
        _fill(staging, "new")
    assert not target.exists()
    assert _leftovers(tmp_path) == []


def test_outputs_follow_the_umask(tmp_path):
    target = tmp_path / "session"
    before = os.umask(0o027)
    try:
        with staged_directory(target, force=False) as staging:
            _fill(staging, "new")
        write_file(tmp_path / "single.json", b"{}")
    finally:
        os.umask(before)
    assert target.stat().st_mode & 0o777 == 0o750
    assert (target / "report.json").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "single.json").stat().st_mode & 0o777 == 0o640


def test_a_kill_leaves_no_final_name(tmp_path):
    target = tmp_path / "session"
    program = (
        "import sys, time, pathlib\n"
        "from echodepth_cli.output.atomic import staged_directory\n"
        f"with staged_directory(pathlib.Path({str(target)!r}), force=False) as staging:\n"
        "    (staging / 'report.json').write_text('half')\n"
        "    print('writing', flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"writing"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not target.exists()
    with staged_directory(target, force=False) as staging:
        _fill(staging, "new")
    assert (target / "report.json").read_text() == "new"
    assert time.time() - (target / "report.json").stat().st_mtime < 60


def test_what_a_killed_run_left_is_gone_after_the_next_and_was_private(tmp_path):
    program = (
        "import pathlib, time\n"
        "from echodepth_cli.output.atomic import replacing, staged_directory\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "with staged_directory(folder / 'session', force=False) as staging:\n"
        "    (staging / 'report.json').write_text('half')\n"
        "    with replacing(folder / 'frames.jsonl') as file:\n"
        "        file.write(b'half')\n"
        "        print('writing', flush=True)\n"
        "        time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"writing"
    modes = {path.is_dir(): path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {True: 0o700, False: 0o600}
    # What a living run is writing is left alone.
    with staged_directory(tmp_path / "session", force=False) as staging:
        _fill(staging, "other")
    write_file(tmp_path / "frames.jsonl", b"other")
    assert len(_leftovers(tmp_path)) == 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with staged_directory(tmp_path / "session", force=True) as staging:
        _fill(staging, "new")
    write_file(tmp_path / "frames.jsonl", b"new")
    assert _leftovers(tmp_path) == []
    assert (tmp_path / "session" / "report.json").read_text() == "new"
