"""The documentation of batch: its queries run, its manifest is one, its words are the code's."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from faces import face_clip

from echodepth_cli.batch.discover import find_inputs
from echodepth_cli.batch.inputs import Naming
from echodepth_cli.batch.jobs import JobStatus
from echodepth_cli.output.webhook import SECRET_VARIABLE

DOCUMENT = (Path(__file__).parents[2] / "docs" / "batch.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The folder that holds ``results/``, made by the real command."""
    from echodepth_cli.cli.exits import run

    here = tmp_path_factory.mktemp("docs")
    first = face_clip(here / "in" / "claims" / "17.mp4", 3, 1)
    face_clip(here / "in" / "claims" / "18.mp4", 3, 2)
    shutil.copy(first, here / "in" / "again.mp4")
    (here / "in" / "broken.mp4").write_text("not a video")
    assert run(["batch", str(here / "in"), "-o", str(here / "results"), "-j", "1", "-q"]) == 8
    return here


@pytest.fixture
def database(results, monkeypatch):
    duckdb = pytest.importorskip("duckdb")
    monkeypatch.chdir(results)
    return duckdb.connect()


def test_every_documented_query_runs_and_answers(database):
    answers = [database.sql(query).fetchall() for query in blocks("sql")]
    assert len(answers) == 8
    order, failures, twice, status, active, lowest, minutes, same = answers
    assert {row[0] for row in order} == {"again", "claims/17", "claims/18"}
    assert [(row[0], row[1]) for row in failures] == [("broken", "unreadable_input")]
    assert [set(names) for _, names in twice] == [{"again", "claims/17"}]
    assert sum(row[2] for row in status) == 18
    assert all(0 < share <= 1 for _, _, share in active)
    assert {row[0] for row in lowest} == {"again", "claims/17", "claims/18"}
    assert [row[1] for row in minutes] == [0]
    assert [row[3] for row in same] == [3]


def test_the_documented_python_runs(results, monkeypatch):
    monkeypatch.chdir(results)
    first, second = blocks("python")
    names: dict = {}
    exec(first, names)
    assert len(names["table"]) == 18
    exec(second, names)
    from echodepth_cli.output.webhook import sign

    assert names["is_genuine"](b"{}", sign(b"{}", "k"), "k")
    assert not names["is_genuine"](b"{}", sign(b"{}", "other"), "k")


def test_the_documented_manifest_is_one(tmp_path):
    (tmp_path / "list.csv").write_text(blocks("csv")[0], encoding="utf-8")
    found = find_inputs([str(tmp_path / "list.csv")], naming=Naming())
    assert [item.name for item in found] == ["claims/17", "claims/18"]


def test_the_documented_commands_are_accepted(run_cli, tmp_path):
    (tmp_path / "srv").mkdir()
    lines = re.findall(r"echodepth (batch [^\n]*)", "".join(blocks("cron") + blocks("ini")))
    assert len(lines) == 2
    for line in lines:
        words = line.split(" 2>>")[0].replace("/srv/interviews", str(tmp_path / "srv"))
        words = words.replace("/srv/results", str(tmp_path / "out"))
        outcome = run_cli(*words.split())
        assert outcome.code == 0
        assert json.loads(outcome.err.splitlines()[-1])["event"] == "batch.ended"


def test_statuses_and_names_are_those_of_the_code():
    for status in JobStatus:
        assert f"`{status}`" in DOCUMENT
    assert SECRET_VARIABLE in DOCUMENT
