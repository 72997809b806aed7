"""What a recording may ask of the machine is bounded, and whoever is refused learns by what."""

import json
import shutil

import pytest

from echodepth_cli.errors import ExitCode
from tests.conftest import REPO

CALM = REPO / "tests" / "material" / "calm.mp4"


@pytest.mark.parametrize(
    ("option", "named"),
    [
        (("--max-pixels", "1000"), "pictures of 640 x 480 are over the limit of 1000 pixels"),
        (("--max-duration", "0:30"), "a length of 60 s is over the limit of 30 s"),
        (("--timeout", "0.001"), "took longer than the limit of 0.001 s"),
    ],
)
def test_a_recording_over_a_limit_is_refused_by_name(run_process, tmp_path, option, named):
    done = run_process("analyse", CALM, "--end", "4", "-o", tmp_path / "out", "-q", *option)
    assert done.code == ExitCode.INPUT
    (line,) = done.err.splitlines()
    assert line.startswith(f"error: {CALM}: ")
    assert named in line
    assert option[0] in line
    assert list(tmp_path.iterdir()) == []


def test_a_batch_ends_one_recording_for_its_time_and_goes_on(run_process, tmp_path):
    manifest, copy = tmp_path / "list.csv", shutil.copy(CALM, tmp_path / "copy.mp4")
    rows = [f"{CALM},slow,4,0.001", f"{copy},whole,4,"]
    manifest.write_text("path,name,end_s,timeout_s\n" + "\n".join(rows))
    done = run_process("batch", manifest, "-o", tmp_path / "out", "-j", "1", "-q")
    assert done.code == ExitCode.BATCH_PARTIAL
    files = json.loads((tmp_path / "out" / "batch.json").read_text())["files"]
    ends = {entry["name"]: (entry["status"], entry["exit_code"]) for entry in files}
    assert ends == {"slow": ("timed_out", 3), "whole": ("done", 0)}
    assert not list(tmp_path.rglob("*.partial"))
