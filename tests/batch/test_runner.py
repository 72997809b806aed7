from __future__ import annotations

import json
import logging
import os
import shutil

import pyarrow.parquet as pq
import pytest
from batch_fakes import open_fake

from echodepth_cli.batch.executors import SerialExecutor
from echodepth_cli.batch.ledger import Ledger
from echodepth_cli.config import AlertThresholds, AnalysisConfig
from echodepth_cli.errors import ExitCode, OutputError
from echodepth_cli.output.schema import load_schema


def document(bench) -> dict:
    found = json.loads((bench.out / "batch.json").read_text())
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(found, load_schema("batch"))
    return found


def files(bench) -> dict[str, dict]:
    return {entry["name"]: entry for entry in document(bench)["files"]}


def test_every_recording_ends_with_a_status_and_one_bad_file_stops_nothing(bench, caplog):
    for name, content in {
        "good.mp4": "ok",
        "sub/ünï cødé.mp4": "ok alert alert",
        "broken.mp4": "corrupt",
        "empty room.mp4": "noface",
        "zbug.mp4": "bug",
        "large.mp4": "memory",
    }.items():
        bench.add(name, content)
    with caplog.at_level(logging.CRITICAL):
        result = bench.run()
    assert result.exit_code == ExitCode.BATCH_PARTIAL
    assert result.counts == {
        "pending": 0, "done": 2, "skipped": 0, "failed": 4, "timed_out": 0, "total": 6,
    }  # fmt: skip
    entries = files(bench)
    assert [entries[name]["code"] for name in ("broken", "empty room", "zbug", "large")] == [
        "unreadable_input",
        "no_face_detected",
        "internal_error",
        "out_of_memory",
    ]
    assert entries["broken"]["exit_code"] == ExitCode.INPUT
    assert "not a video" in entries["broken"]["message"]
    assert document(bench)["state"] == "complete"
    table = pq.read_table(bench.out / "sessions.parquet").to_pylist()
    assert [(row["name"], row["alerts"]) for row in table] == [("sub/ünï cødé", 2), ("good", 0)]
    assert not (bench.out / "broken").exists()


def test_a_second_run_skips_what_is_done_and_tries_failures_again(bench):
    bench.add("a.mp4", "ok")
    bad = bench.add("b.mp4", "corrupt")
    bench.run()
    bad.write_text("ok now")
    assert bench.run().exit_code == ExitCode.OK
    assert bench.statuses() == {"a": "skipped", "b": "done"}
    assert files(bench)["a"]["session"]["file_name"] == "a.mp4"


def test_force_and_changes_of_bytes_settings_or_outputs_redo(bench):
    path = bench.add("a.mp4", "ok")
    bench.run()
    assert bench.run(force=True).counts["done"] == 1
    path.write_text("ok, but another take")
    assert bench.run().counts["done"] == 1, "other bytes"
    other = AnalysisConfig(alert_thresholds=AlertThresholds(valence_low=0.1))
    assert bench.run(config=other).counts["done"] == 1, "other thresholds"
    (bench.out / "a" / "frames.parquet").write_bytes(b"damaged")
    assert bench.run(config=other).counts["done"] == 1, "damaged table"
    (bench.out / "a" / "report.html").unlink()
    assert bench.run(config=other).counts["done"] == 1, "missing page"
    assert bench.run(config=other).counts["skipped"] == 1


def test_the_same_size_and_time_stamp_do_not_pass_for_the_same_bytes(bench):
    path = bench.add("a.mp4", "ok 1")
    before = path.stat()
    bench.run()
    path.write_text("ok 2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert bench.run().counts["done"] == 1


def test_the_report_of_another_recording_is_not_replaced_unless_forced(bench, tmp_path):
    bench.add("a.mp4", "ok 1")
    bench.run()
    mine = (bench.out / "a" / "report.json").read_bytes()
    bench.input = tmp_path / "elsewhere"
    bench.add("a.mp4", "ok, someone else's")
    for _ in range(2):
        result = bench.run()
        assert result.exit_code == ExitCode.BATCH_PARTIAL
        assert "holds the report of another recording" in result.failures[0].message
        assert (bench.out / "a" / "report.json").read_bytes() == mine
    assert bench.run(force=True).exit_code == ExitCode.OK


def test_a_recording_that_was_broken_for_a_night_is_replaced_when_mended(bench):
    path = bench.add("a.mp4", "ok 1")
    bench.run()
    path.write_text("corrupt")
    assert bench.run().counts["failed"] == 1
    path.write_text("ok 2")
    assert bench.run().counts["done"] == 1


def test_fail_fast_leaves_the_rest_for_the_next_run(bench):
    bench.add("a.mp4", "corrupt")
    bench.add("b.mp4", "ok")
    result = bench.run(fail_fast=True)
    assert (result.exit_code, result.counts["pending"]) == (ExitCode.BATCH_PARTIAL, 1)
    assert files(bench)["b"]["status"] == "pending"


def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(bench):
    for name in ("a", "b", "c"):
        bench.add(f"{name}.mp4", "ok")

    class Interrupted(SerialExecutor):
        def submit(self, job):
            if job.name == "b":
                raise KeyboardInterrupt
            return super().submit(job)

    result = bench.run(executor=Interrupted(open_fake, bench.recorder))
    assert (result.exit_code, result.interrupted) == (ExitCode.INTERRUPTED, True)
    assert document(bench)["state"] == "interrupted"
    assert {name: e["status"] for name, e in files(bench).items()} == {
        "a": "done",
        "b": "pending",
        "c": "pending",
    }
    assert bench.run().counts["done"] == 2
    assert bench.statuses()["a"] == "skipped"


def test_earlier_runs_stay_listed_until_their_sessions_are_removed(bench):
    first = bench.add("a.mp4", "ok")
    gone = bench.add("gone.mp4", "corrupt")
    bench.run()
    first.unlink()
    gone.unlink()
    bench.add("b.mp4", "ok")
    bench.run()
    assert sorted(files(bench)) == ["a", "b"]
    shutil.rmtree(bench.out / "a")
    bench.run()
    assert sorted(files(bench)) == ["b"]


@pytest.mark.parametrize("damage", [None, b"{", b"[]", b'{"schema_version": "0.1", "files": []}'])
def test_a_lost_or_damaged_batch_json_is_rebuilt_from_the_reports(bench, damage):
    bench.add("a.mp4", "ok")
    bench.add("sub/b.mp4", "ok alert")
    bench.run()
    if damage is None:
        (bench.out / "batch.json").unlink()
    else:
        (bench.out / "batch.json").write_bytes(damage)
    assert sorted(Ledger.load(bench.out).entries) == ["a", "sub/b"]


def test_an_output_directory_that_goes_away_ends_the_batch_with_an_output_error(bench):
    bench.add("a.mp4", "ok")
    executor = SerialExecutor(open_fake, bench.recorder)
    shutil.rmtree(bench.out)
    bench.out.write_text("now a file")
    with pytest.raises((OutputError, NotADirectoryError)):
        bench.run(executor=executor)


def test_the_index_puts_first_what_needs_review(bench):
    bench.add("calm.mp4", "ok")
    bench.add("alerts.mp4", "ok alert")
    bench.add("many.mp4", "ok alert alert")
    bench.add("broken.mp4", "corrupt")
    bench.add("<b>markup</b>.mp4", "ok")
    bench.run()
    page = (bench.out / "index.html").read_text()
    places = [page.index(f">{name}<") for name in ("broken", "many", "alerts", "calm")]
    assert places == sorted(places)
    assert "<b>markup" not in page
    assert "&lt;b&gt;markup" in page
    assert 'href="alerts/report.html"' in page
    assert "default-src &#39;none&#39;" in page
