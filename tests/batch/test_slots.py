"""Worker processes: the same outcomes as without, and what happens when one dies or hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from echodepth_cli.config import AnalysisConfig
from echodepth_cli.errors import ExitCode


def leftovers(bench) -> list[Path]:
    return [path for path in bench.out.rglob("*.partial")]


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)


def outputs(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent != folder
    }


def test_workers_give_the_same_files_as_one_process(bench, capfd):
    for number in range(4):
        bench.add(f"{number}.mp4", "noisy" + " alert" * number)
    bench.run(workers=2)
    with_workers = outputs(bench.out)
    assert len({outcome.worker for outcome in bench.recorder.outcomes.values()}) == 2
    assert capfd.readouterr().out == "", "what libraries print must not reach stdout"
    bench.run(force=True)
    assert outputs(bench.out) == with_workers


def test_a_killed_worker_costs_its_own_file_which_is_tried_twice(bench):
    bench.add("killer.mp4", "kill")
    bench.add("unlucky.mp4", "kill-once")
    bench.add("a.mp4", "ok")
    bench.add("z.mp4", "ok")
    result = bench.run(workers=2)
    assert bench.statuses() == {"a": "done", "killer": "failed", "unlucky": "done", "z": "done"}
    assert bench.recorder.outcomes["unlucky"].attempts == 2
    (failure,) = result.failures
    assert (failure.code, failure.attempts) == ("worker_lost", 2)
    assert "SIGKILL" in failure.message
    assert leftovers(bench) == []


def test_a_recording_that_hangs_ends_as_timed_out_even_in_native_code(bench):
    bench.add("hang.mp4", "hang")
    bench.add("stuck.mp4", "stuck")
    bench.add("ok.mp4", "ok")
    result = bench.run(workers=2, config=AnalysisConfig(timeout_s=4.0))
    assert bench.statuses() == {"hang": "timed_out", "stuck": "timed_out", "ok": "done"}
    assert result.exit_code == ExitCode.BATCH_PARTIAL
    assert {failure.code for failure in result.failures} == {"timed_out"}
    assert leftovers(bench) == []


def test_a_worker_in_which_a_codec_hangs_is_replaced_and_the_batch_goes_on(bench):
    for name, content in {"a": "ok", "b": "codec", "c": "ok", "d": "ok"}.items():
        bench.add(f"{name}.mp4", content)
    (failure,) = bench.run(workers=1).failures
    assert bench.statuses() == {"a": "done", "b": "failed", "c": "done", "d": "done"}
    assert (failure.name, failure.attempts, failure.exit_code) == ("b", 1, ExitCode.INPUT)
    assert "made no progress" in failure.message
    worker = {name: outcome.worker for name, outcome in bench.recorder.outcomes.items()}
    assert worker["a"] == worker["b"] != worker["c"] == worker["d"]


def test_workers_end_when_the_run_is_killed(bench, tmp_path):
    path = bench.add("hang.mp4", "hang")
    script = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from conftest import Bench
if __name__ == "__main__":
    Path({str(tmp_path / "other")!r}).mkdir()
    bench = Bench(Path({str(tmp_path / "other")!r}))
    bench.input = Path({str(bench.input)!r})
    bench.run(workers=1)
"""
    program = tmp_path / "program.py"
    program.write_text(script)
    process = subprocess.Popen([sys.executable, str(program)], start_new_session=True)
    wait_for(path.with_suffix(".hanging"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 20
    while group_is_alive(process.pid):
        assert time.monotonic() < deadline, "a worker outlived its run"
        time.sleep(0.05)


def group_is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
