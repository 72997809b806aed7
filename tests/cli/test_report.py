"""``echodepth report`` takes thresholds and names from a config file, not what measures."""

from __future__ import annotations

import json
import shutil

import pytest

from echodepth_cli.errors import ExitCode


@pytest.fixture
def session(analysed_sample, tmp_path):
    return shutil.copytree(analysed_sample.session_dir, tmp_path / "session")


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "house.toml"
    path.write_text('fps = 2\nlabel = "Room 4"\n[alert_thresholds]\nvalence_low = 0.35\n')
    return path


def test_thresholds_and_label_come_from_the_file_and_options_come_first(
    run_cli, session, config_file
):
    before = json.loads((session / "report.json").read_text())
    done = run_cli("report", session, "--config", config_file, "--label", "Room 5", "-q")
    assert done.code == ExitCode.OK, done.err
    report = json.loads((session / "report.json").read_text())
    used = report["provenance"]["config"]["alert_thresholds"]
    assert used == {**before["provenance"]["config"]["alert_thresholds"], "valence_low": 0.35}
    assert report["label"] == "Room 5"
    assert {a["threshold"] for a in report["alerts"] if a["type"] == "valence_low"} == {0.35}
    assert run_cli("verify", session).code == ExitCode.OK


def test_what_a_file_would_measure_otherwise_is_not_used_and_said(run_cli, session, config_file):
    config_file.write_text("fps = 5\nsubject_at_s = 3\n[alert_thresholds]\narousal_high = 0.7\n")
    done = run_cli("report", session, "--config", config_file, "-q")
    assert done.code == ExitCode.OK, done.err
    assert "house.toml: fps, subject_at_s not used" in done.err
    used = json.loads((session / "report.json").read_text())["provenance"]["config"]
    assert (used["fps"], used["subject_at_s"]) == (2.0, None)
    assert used["alert_thresholds"]["arousal_high"] == 0.7
    assert run_cli("verify", session).code == ExitCode.OK


def test_a_file_that_cannot_be_used_leaves_the_report_as_it_was(run_cli, session, config_file):
    before = (session / "report.json").read_bytes()
    config_file.write_text("[alert_thresholds]\nvalence_low = 7\n")
    done = run_cli("report", session, "--config", config_file)
    assert done.code == ExitCode.USAGE
    assert "house.toml" in done.err
    assert (session / "report.json").read_bytes() == before


@pytest.mark.parametrize("nonsense", [[], None, "fps", 3])
def test_a_report_whose_settings_are_no_table_is_refused(run_cli, session, nonsense):
    path = session / "report.json"
    report = json.loads(path.read_text())
    report["provenance"]["config"] = nonsense
    path.write_text(json.dumps(report))
    done = run_cli("report", session)
    assert done.code == ExitCode.INPUT
    assert "is not a report written by echodepth" in done.err
