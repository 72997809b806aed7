"""A real Dask scheduler and real worker processes on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from batch_fakes import open_fake
from faces import face_clip

from echodepth_cli.batch import cluster_worker
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.errors import ExitCode, ModelError, OutputError, UsageError

pytest.importorskip("distributed", reason="needs the extra: pip install 'echodepth-cli[cluster]'")

from echodepth_cli.batch.cluster import ClusterExecutor

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


class Cluster:
    """One scheduler and some workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.processes = folder, []
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "20s",
        }
        ready = folder / "scheduler.json"
        self._start("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(ready))
        self.address = self._address(ready)

    def _start(self, *arguments: str) -> subprocess.Popen:
        log = (self.folder / f"{arguments[0]}-{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments, "--host", "127.0.0.1"],
            cwd=self.folder,
            env=self.environment,
            stdout=log,
            stderr=log,
        )
        self.processes.append(process)
        return process

    def _address(self, ready: Path) -> str:
        import json

        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                return json.loads(ready.read_text())["address"]
            except (OSError, ValueError, KeyError):
                time.sleep(0.1)
        pytest.fail((self.folder / "scheduler-0.log").read_text())

    def add_workers(self, count: int) -> list[subprocess.Popen]:
        from distributed import Client

        workers = [
            self._start("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
            for _ in range(count)
        ]
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)
        return workers

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def empty_cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("dask"))
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def cluster(empty_cluster):
    empty_cluster.add_workers(2)
    return empty_cluster


def executor_for(bench, cluster, **options) -> ClusterExecutor:
    return ClusterExecutor(
        cluster.address, bench.recorder, out_dir=bench.out, open_run_job=open_fake, **options
    )


def outputs(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent != folder
    }


def test_a_cluster_without_workers_is_said_before_any_work(bench, empty_cluster):
    with pytest.raises(UsageError, match="has no workers"):
        executor_for(bench, empty_cluster)


def test_an_address_where_no_scheduler_answers_is_a_usage_error(bench, monkeypatch):
    monkeypatch.setattr("echodepth_cli.batch.cluster._CONNECT_S", "1s")
    with pytest.raises(UsageError, match="no Dask scheduler answers"):
        ClusterExecutor("tcp://127.0.0.1:9", bench.recorder, out_dir=bench.out)


def test_two_workers_give_the_same_files_and_outcomes_as_this_process(bench, cluster):
    for number in range(5):
        bench.add(f"{number}.mp4", "ok" + " alert" * number)
    bench.add("broken.mp4", "corrupt")
    bench.run()
    expected, statuses = outputs(bench.out), bench.statuses()
    result = bench.run(executor=executor_for(bench, cluster), force=True)
    assert outputs(bench.out) == expected
    assert bench.statuses() == statuses
    assert result.exit_code == ExitCode.BATCH_PARTIAL
    assert len({outcome.worker for outcome in bench.recorder.outcomes.values()}) == 2


def frames(folder: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in sorted(folder.rglob("frames.parquet"))}


def test_real_recordings_give_byte_identical_tables_on_any_cluster(tmp_path, cluster, run_process):
    from distributed import LocalCluster

    for number in range(3):
        face_clip(tmp_path / "in" / f"{number}.mp4", 3, number)
    (tmp_path / "in" / "text.mp4").write_text("not a video")
    local = run_process("batch", tmp_path / "in", "-o", tmp_path / "local")
    remote = ("--scheduler", cluster.address, "--log-format", "json")
    there = run_process("batch", tmp_path / "in", "-o", tmp_path / "there", *remote)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as here:
        address = ("--scheduler", here.scheduler_address)
        also = run_process("batch", tmp_path / "in", "-o", tmp_path / "also", *address)
    assert [local.code, there.code, also.code] == [8, 8, 8], there.err + also.err
    expected = frames(tmp_path / "local")
    assert list(expected) == ["0", "1", "2"]
    assert frames(tmp_path / "there") == expected
    assert frames(tmp_path / "also") == expected
    assert there.err.count('"status": "done"') == 3


def test_a_recording_that_takes_too_long_is_stopped_between_frames(bench, cluster):
    bench.add("slow.mp4", "slow")
    bench.add("ok.mp4", "ok")
    bench.run(executor=executor_for(bench, cluster), config=AnalysisConfig(timeout_s=1.0))
    assert bench.statuses() == {"slow": "timed_out", "ok": "done"}
    assert not list(bench.out.rglob("*.partial"))


def test_workers_with_other_models_or_another_file_system_are_refused(bench, cluster, monkeypatch):
    with pytest.raises(OutputError, match="a file system that all its machines share"):
        ClusterExecutor(cluster.address, bench.recorder, out_dir=bench.out / "not there")
    monkeypatch.setattr(cluster_worker, "model_digests", lambda: {"au": "0" * 64})
    with pytest.raises(ModelError, match="has au None, this machine 0000"):
        executor_for(bench, cluster)


def test_the_job_of_a_lost_worker_goes_to_another(bench, cluster):
    (extra,) = cluster.add_workers(1)
    path = bench.add("unlucky.mp4", "kill-once")
    bench.add("ok.mp4", "ok")
    result = bench.run(executor=executor_for(bench, cluster))
    assert path.with_suffix(".killed").exists()
    assert bench.statuses() == {"unlucky": "done", "ok": "done"}
    assert result.exit_code == ExitCode.OK
    extra.terminate()


def test_a_scheduler_that_dies_ends_the_batch_instead_of_hanging_it(bench, tmp_path, caplog):
    cluster = Cluster(tmp_path)
    cluster.add_workers(1)
    marker = bench.add("a.mp4", "hang").with_suffix(".hanging")
    bench.add("b.mp4", "ok")

    def kill_scheduler() -> None:
        while not marker.exists():
            time.sleep(0.02)
        cluster.processes[0].kill()

    killer = threading.Thread(target=kill_scheduler, daemon=True)
    killer.start()
    try:
        result = bench.run(executor=executor_for(bench, cluster))
    finally:
        for process in cluster.processes:
            process.kill()
            process.wait()
    assert result.exit_code == ExitCode.BATCH_PARTIAL
    assert [failure.code for failure in result.failures] == ["worker_lost", "worker_lost"]
    assert "run the same command again" in result.failures[1].message
    # Dask says that it cannot reconnect.
    caplog.clear()
