"""What is too old goes, whole and on record; nothing else does."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from echodepth_cli import purge as work
from echodepth_cli.batch.lock import output_lock
from echodepth_cli.cli.purge import parse_age
from echodepth_cli.errors import ExitCode, OutputError, UsageError
from echodepth_cli.output import scratch
from echodepth_cli.output.purged import PURGED_JSONL, purged_recordings

NOW = datetime(2026, 12, 23, 9, 0, tzinfo=timezone.utc)
"""Thirty days after the stand-in sessions were analysed."""


@pytest.fixture
def batch(bench):
    """Two sessions of a batch, one of them in a folder of its own."""
    bench.add("secret-name.mp4", "plain")
    bench.add("deep/other.mp4", "plain alert")
    with output_lock(bench.out):
        bench.run()
    return bench


def old_in(root: Path, days: int = 30) -> tuple[list, list]:
    found = list(work.find_old(root, timedelta(days=days), NOW))
    return (
        [f for f in found if isinstance(f, work.OldSession)],
        [f for f in found if isinstance(f, work.Left)],
    )


def tree(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_nothing_is_removed_without_yes(batch, run_cli):
    before = tree(batch.out)
    done = run_cli("purge", batch.out, "--older-than", "0d", "--json")
    assert done.code == ExitCode.OK
    assert tree(batch.out) == before
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["removed"] for line in lines] == [False, False]
    assert "would be removed" in done.err


def test_only_what_is_old_enough_goes(batch):
    assert old_in(batch.out, days=31) == ([], [])
    old, left = old_in(batch.out, days=30)
    assert {session.path.name for session in old} == {"secret-name", "other"}
    assert left == []


def test_a_purge_takes_whole_sessions_and_tells_the_batch(batch, run_cli):
    done = run_cli("purge", batch.out, "--older-than", "0d", "--yes")
    assert done.code == ExitCode.OK
    kept = {"batch.json", "index.html", "sessions.parquet", ".echodepth-batch.lock", PURGED_JSONL}
    assert tree(batch.out) == {*kept, "deep"}
    document = json.loads((batch.out / "batch.json").read_text())
    assert document["files"] == []
    assert "secret-name" not in (batch.out / "index.html").read_text()


def test_the_record_names_nobody(batch, run_cli):
    ids = {session.session_id for session in old_in(batch.out)[0]}
    run_cli("purge", batch.out, "--older-than", "0d", "--yes")
    text = (batch.out / PURGED_JSONL).read_text()
    records = [json.loads(line) for line in text.splitlines()]
    assert {record["session_id"] for record in records} == ids
    assert all(record["analysed_at"] == "2026-11-23T09:00:00+00:00" for record in records)
    assert all(len(record["files"]) == 3 and record["bytes"] > 0 for record in records)
    assert "secret" not in text
    assert "other" not in text


def test_a_batch_does_not_bring_back_what_was_purged(batch, run_cli):
    run_cli("purge", batch.out, "--older-than", "0d", "--yes")
    batch.add("new.mp4", "plain new")
    batch.run()
    assert batch.statuses() == {"deep/other": "skipped", "new": "done", "secret-name": "skipped"}
    assert batch.recorder.outcomes["secret-name"].code == "purged"
    assert not (batch.out / "secret-name").exists()
    assert "purged at" in (batch.out / "index.html").read_text()
    batch.run(force=True)
    assert batch.statuses()["secret-name"] == "done"
    batch.run()
    assert batch.recorder.outcomes["secret-name"].code is None


def test_an_unreadable_record_is_not_taken_for_none(batch):
    (batch.out / PURGED_JSONL).write_text("half a li")
    shutil.rmtree(batch.out / "secret-name")
    batch.run()
    outcome = batch.recorder.outcomes["secret-name"]
    assert str(outcome.status) == "failed"
    assert PURGED_JSONL in outcome.message


def test_other_files_are_never_touched(batch, tmp_path):
    (batch.out / "secret-name" / "notes.txt").write_text("mine")
    foreign = batch.out / "foreign"
    foreign.mkdir()
    (foreign / "report.json").write_text('{"session_id": "mine", "run": {}}')
    (batch.out / "list").mkdir()
    (batch.out / "list" / "report.json").write_text("[1")
    before = tree(batch.out / "secret-name"), tree(foreign)
    old, left = old_in(batch.out)
    assert [session.path.name for session in old] == ["other"]
    assert [(each.path.name, "notes.txt" in each.reason) for each in left] == [
        ("secret-name", True)
    ]
    assert work.purge(batch.out, old, NOW) == []
    assert (tree(batch.out / "secret-name"), tree(foreign)) == before


def test_links_are_not_followed(batch, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    shutil.move(batch.out / "secret-name", elsewhere)
    (batch.out / "secret-name").symlink_to(elsewhere)
    fake = batch.out / "fake"
    fake.mkdir()
    (fake / "report.json").symlink_to(elsewhere / "report.json")
    old, _ = old_in(batch.out)
    assert [session.path.name for session in old] == ["other"]
    work.purge(batch.out, old, NOW)
    assert len(tree(elsewhere)) == 3


def test_an_age_that_is_not_known_is_said(batch):
    path = batch.out / "secret-name" / "report.json"
    report = json.loads(path.read_text())
    report["run"]["analysed_at"] = "once"
    path.write_text(json.dumps(report))
    (batch.out / "deep" / "other" / "report.json").write_text("{")
    old, left = old_in(batch.out)
    assert old == []
    assert len(left) == 2


def test_what_a_killed_purge_left_is_finished(batch, monkeypatch):
    old, _ = old_in(batch.out)
    monkeypatch.setattr(work, "record_purged", lambda *_: os._exit(1))
    child = os.fork()
    if child == 0:
        work.purge(batch.out, old, NOW)
    os.waitpid(child, 0)
    monkeypatch.undo()
    assert len([name for name in tree(batch.out) if "echodepth-purge" in name]) == 4
    again, _ = old_in(batch.out, days=400)
    assert [session.session_id for session in again] == [old[0].session_id]
    work.purge(batch.out, again, NOW)
    assert not [name for name in tree(batch.out) if "echodepth-purge" in name]
    assert len(purged_recordings(batch.out)) == 1


def test_what_a_killed_analysis_left_goes_when_it_is_old(batch, run_cli):
    left = batch.out / ".name.12345678.partial"
    theirs = batch.out / ".photos.12345678.partial"
    for folder, name in ((left, "frames.parquet"), (theirs, "holiday.jpg")):
        folder.mkdir()
        (folder / name).write_bytes(b"half a table")
        os.utime(folder / name, (0, (NOW - timedelta(days=40)).timestamp()))
        os.utime(folder, (0, (NOW - timedelta(days=50)).timestamp()))
    assert old_in(batch.out, days=41) == ([], [])
    ((found,), _) = old_in(batch.out, days=40)
    assert (found.path, found.session_id, found.files) == (left, None, ("frames.parquet",))
    with scratch.scratch_directory(batch.out, ".other.") as busy:
        (busy / "frames.parquet").write_bytes(b"being written")
        os.utime(busy / "frames.parquet", (0, 0))
        os.utime(busy, (0, 0))
        assert old_in(batch.out, days=40) == ([found], [])
        assert run_cli("purge", batch.out, "--older-than", "0d", "--yes").code == ExitCode.OK
        assert busy.exists()
    assert not left.exists()
    assert (theirs / "holiday.jpg").exists()
    record = [json.loads(line) for line in (batch.out / PURGED_JSONL).read_text().splitlines()]
    assert {entry["session_id"] is None for entry in record} == {True, False}
    assert len(record) == 3


@pytest.mark.parametrize("name", ["secret-name/report.json", PURGED_JSONL])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(batch, run_cli, name):
    (batch.out / name).unlink(missing_ok=True)
    os.mkfifo(batch.out / name)
    before = tree(batch.out)
    done = run_cli("purge", batch.out, "--older-than", "0d", "--yes")
    assert done.code == ExitCode.OUTPUT
    if name == PURGED_JSONL:
        # Nothing is deleted that cannot be put on record.
        assert len(list(batch.out.rglob("frames.parquet"))) == 2
    assert {path for path in before if path.endswith(name)} <= tree(batch.out)


def test_a_running_batch_is_not_purged(batch):
    old, _ = old_in(batch.out)
    with output_lock(batch.out), pytest.raises(OutputError, match="another batch"):
        work.purge(batch.out, old, NOW)
    assert (batch.out / "secret-name" / "report.json").exists()


def test_a_single_session_is_recorded_beside_it(batch):
    alone = batch.out.parent / "alone"
    shutil.copytree(batch.out / "secret-name", alone / "session")
    (old,), _ = old_in(alone / "session")
    work.purge(alone / "session", [old], NOW)
    assert tree(alone) == {PURGED_JSONL}


@pytest.mark.parametrize("text", ["90", "d", "-1d", "1.5d", "1y", ""])
def test_an_age_must_be_plain(text):
    with pytest.raises(UsageError, match="90d"):
        parse_age(text)


def test_a_missing_directory_is_3(run_cli, tmp_path):
    assert run_cli("purge", tmp_path / "none", "--older-than", "1d").code == ExitCode.INPUT
