"""The same bytes and settings give the same bytes, whatever surrounds the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.determinism import Condition, digests, run
from tests.conftest import REPO

CALM = REPO / "tests" / "material" / "calm.mp4"
PART = ("--end", "20", "--baseline-window", "10")


@pytest.fixture(scope="module")
def as_usual(tmp_path_factory) -> Path:
    return run(Condition("as usual"), CALM, tmp_path_factory.mktemp("usual") / "run", PART)


@pytest.mark.parametrize(
    "condition",
    [
        Condition(
            "another surrounding",
            {
                "LC_ALL": "tr_TR.UTF-8",
                "TZ": "Pacific/Kiritimati",
                "PYTHONHASHSEED": "1",
                "OMP_NUM_THREADS": "1",
                "ECHODEPTH_SERIAL": "1",
            },
            prefix=("taskset", "-c", "0"),
            terminal=True,
        ),
        Condition("in a worker, after another recording", workers=1),
    ],
    ids=lambda condition: condition.name,
)
def test_what_surrounds_a_run_changes_no_byte(as_usual, tmp_path, condition):
    assert digests(run(condition, CALM, tmp_path / "run", PART)) == digests(as_usual)


def test_the_run_part_alone_tells_runs_apart(as_usual):
    """What changes from run to run stands in `run`, and no path to the recording elsewhere."""
    report = json.loads((as_usual / "report.json").read_bytes())
    assert set(report["run"]) >= {"analysed_at", "elapsed_s", "host", "command_line", "page"}
    del report["run"]
    text = json.dumps(report)
    assert str(CALM.parent) not in text
    assert "material" not in text
