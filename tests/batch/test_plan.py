from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from echodepth_cli.batch.inputs import BatchInput
from echodepth_cli.batch.lock import LOCK_NAME, is_locked, output_lock
from echodepth_cli.batch.plan import check_collisions, make_plan, sweep_staging
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.errors import OutputError, UsageError


def plan_for(*items: BatchInput, **options):
    arguments = {"models": {}, "sources_before": {}} | options
    return make_plan(items, Path("/out"), AnalysisConfig(), **arguments)


@pytest.mark.parametrize(
    "items",
    [
        [("/in/a.mp4", "a"), ("/in/a.mov", "a")],
        [("/in/day.mp4", "day"), ("/in/day/a.mp4", "day/a")],
        [("/in/day/sub/a.mp4", "day/sub/a"), ("/in/day.mp4", "day")],
    ],
)
def test_outputs_that_would_collide_or_nest_are_refused(items):
    with pytest.raises(UsageError, match="would both write into"):
        check_collisions([BatchInput(Path(path), name) for path, name in items])


@pytest.mark.parametrize("name", ["batch.json", "index.html", "sessions.parquet", LOCK_NAME])
def test_the_files_of_the_batch_are_not_overwritten_by_a_session(name):
    with pytest.raises(UsageError, match="keep-suffix"):
        plan_for(BatchInput(Path(f"/in/{name}.mp4"), name))


def test_names_that_only_begin_alike_do_not_collide():
    plan = plan_for(BatchInput(Path("/in/a.mp4"), "a"), BatchInput(Path("/in/ab.mp4"), "ab/c"))
    assert [job.out_dir for job in plan.jobs] == [Path("/out/a"), Path("/out/ab/c")]


def test_files_that_changed_just_now_are_left_when_asked(tmp_path):
    fresh, kept_time = tmp_path / "fresh.mp4", tmp_path / "copied.mp4"
    fresh.touch()
    kept_time.touch()
    os.utime(kept_time, (0, 0))
    items = [BatchInput(path, path.stem) for path in (fresh, kept_time)]
    assert len(plan_for(*items).jobs) == 2
    # The copy's own time stamp is old, but the file itself has just been written.
    assert [job.name for job in plan_for(*items, settle_s=60).unsettled] == ["fresh", "copied"]
    time.sleep(0.06)
    assert len(plan_for(*items, settle_s=0.05).jobs) == 2


def test_what_a_killed_run_left_is_swept_and_nothing_else(tmp_path):
    ours = tmp_path / ".a.x1y2z3_8.partial"
    other_session = tmp_path / ".b.x1y2z3_8.partial"
    foreign = tmp_path / ".a.backup.partial"
    for folder in (ours, other_session, foreign):
        folder.mkdir()
        (folder / "frames.parquet").touch()
    (foreign / "thesis.doc").touch()
    sweep_staging([tmp_path / "a", tmp_path / "missing" / "c"])
    assert not ours.exists()
    assert other_session.exists()
    assert (foreign / "thesis.doc").exists()


def test_a_second_batch_on_the_same_output_is_refused_and_names_the_first(tmp_path):
    with output_lock(tmp_path / "out"):
        assert is_locked(tmp_path / "out")
        held = pytest.raises(OutputError, match=f"process {os.getpid()} on ")
        with held, output_lock(tmp_path / "out"):
            pytest.fail("two runs hold the lock")
    assert not is_locked(tmp_path / "out")


def test_a_lock_file_without_a_process_is_stale(tmp_path):
    (tmp_path / LOCK_NAME).write_text('{"pid": 1, "host": "x", "started_at": "2020"}')
    assert not is_locked(tmp_path)
    with output_lock(tmp_path):
        assert is_locked(tmp_path)


def test_an_output_directory_that_cannot_be_made_is_an_output_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"), output_lock(tmp_path / "file"):
        pytest.fail("entered")
