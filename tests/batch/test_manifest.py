from __future__ import annotations

import json

import pytest

from echodepth_cli.batch.discover import find_inputs
from echodepth_cli.batch.inputs import Naming
from echodepth_cli.batch.plan import make_plan
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.errors import UsageError


def read(path):
    return find_inputs([str(path)], naming=Naming())


def configs(path, base=None):
    plan = make_plan(
        read(path), path.parent / "out", base or AnalysisConfig(), models={}, sources_before={}
    )
    return {job.name: job.config for job in plan.jobs}


def test_csv_gives_each_recording_its_own_settings(tmp_path):
    (tmp_path / "list.csv").write_text(
        "path,label,use_case,started_at,valence_low,arousal_high,fps\n"
        "a.mp4,Claim 17,insurance_claims,2026-03-01T09:30:00Z,0.2,off,all\n"
        "sub/b.mp4,,,,,,\n",
        encoding="utf-8",
    )
    base = AnalysisConfig.from_dict({"fps": 4.0, "alert_thresholds": {"dominance_low": None}})
    found = configs(tmp_path / "list.csv", base)
    first, second = found["a"], found["sub/b"]
    assert (first.label, first.use_case, first.fps) == ("Claim 17", "insurance_claims", None)
    assert first.started_at.isoformat() == "2026-03-01T09:30:00+00:00"
    assert first.alert_thresholds.valence_low == 0.2
    assert first.alert_thresholds.arousal_high is None
    assert first.alert_thresholds.dominance_low is None, "settings of the batch stay"
    assert second == base


def test_spreadsheet_exports_are_read(tmp_path):
    text = 'path;label\r\n"with; semicolon.mp4";"Müller, ""Jo"""\r\n'
    (tmp_path / "list.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (item,) = read(tmp_path / "list.csv")
    assert item.path == tmp_path / "with; semicolon.mp4"
    assert item.settings["label"] == 'Müller, "Jo"'


def test_jsonl_and_names(tmp_path):
    rows = [{"path": "a.mp4", "name": "claims/17", "fps": 5, "snapshots": False}, {"path": "b.mp4"}]
    (tmp_path / "list.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    found = configs(tmp_path / "list.jsonl")
    assert list(found) == ["claims/17", "b"]
    assert found["claims/17"].fps == 5
    assert found["claims/17"].snapshots is False


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("path,valence_lo\na.mp4,0.2\n", "line 2: unknown column 'valence_lo'"),
        ("path,valence_low\na.mp4,low\n", "line 2: .*valence_low must be a number"),
        ("path,valence_low\na.mp4,7\n", "line 2: .*valence_low must be between 0 and 1"),
        ("label\nx\n", "line 2: 'path' is missing"),
        ("path,name\na.mp4,../../etc\n", "below the output directory"),
        ("path,name\na.mp4,/etc\n", "below the output directory"),
        ("path,started_at\na.mp4,yesterday\n", "line 2: 'yesterday' is not a date"),
        ("path\na.mp4,b.mp4\n", "line 2: more cells than columns"),
        ('path\n"a.mp4\n', "not valid CSV"),
    ],
)
def test_mistakes_are_named_with_their_line_before_any_work(tmp_path, text, problem):
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=problem.replace("(", r"\(")):
        read(path)


def test_all_mistakes_are_listed_at_once(tmp_path):
    (tmp_path / "list.csv").write_text("path,fps\na.mp4,x\nb.mp4,y\n")
    with pytest.raises(UsageError, match=r"(?s)line 2.*line 3"):
        read(tmp_path / "list.csv")


@pytest.mark.parametrize(
    "line",
    ["{", "[1]", '{"path": 3}', '{"path": "a", "label": 3}', r'{"path": "a", "label": "\ud800"}'],
)
def test_bad_json_lines_are_usage_errors(tmp_path, line):
    (tmp_path / "list.jsonl").write_text(line)
    with pytest.raises(UsageError, match="line 1"):
        read(tmp_path / "list.jsonl")


def test_a_manifest_that_is_no_text_is_a_usage_error(tmp_path):
    (tmp_path / "list.csv").write_bytes(b"\xff\xfe\x00path")
    with pytest.raises(UsageError, match="not UTF-8"):
        read(tmp_path / "list.csv")


def test_a_baseline_that_cannot_be_carried_over_makes_one_job_impossible(tmp_path):
    (tmp_path / "list.csv").write_text("path,baseline_from\na.mp4,before/a\nb.mp4,\n")
    first, second = read(tmp_path / "list.csv")
    assert (first.baseline_from, second.baseline_from) == (tmp_path / "before" / "a", None)
    plan = make_plan(
        [first, second], tmp_path / "out", AnalysisConfig(), models={}, sources_before={}
    )
    ((job, why),) = plan.impossible
    assert job.name == "a"
    assert "baseline_from" in why
    assert str(tmp_path / "before" / "a") in why
    assert [job.name for job in plan.jobs] == ["b"]


def test_a_carried_baseline_and_a_window_of_ones_own_exclude_each_other(tmp_path):
    (tmp_path / "list.csv").write_text("path,baseline_from,baseline_window_s\na.mp4,before,30\n")
    with pytest.raises(UsageError, match="leave out the baseline window"):
        read(tmp_path / "list.csv")
