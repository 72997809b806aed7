"""Options come before the config file, the config file before defaults."""

from __future__ import annotations

import pytest

from echodepth_cli import pipeline
from echodepth_cli.config import AnalysisConfig
from tests.cli.fake_session import FakeAnalyse


@pytest.fixture
def config_for(monkeypatch, run_cli):
    fake = FakeAnalyse()
    monkeypatch.setattr(pipeline, "analyse", fake)

    def config(*arguments: str) -> AnalysisConfig:
        done = run_cli("analyse", "x.mp4", *arguments)
        assert done.code == 0, done.err
        return fake.calls[-1][1]

    config.fake = fake
    return config


def test_without_options_all_is_default(config_for):
    assert config_for() == AnalysisConfig()


def test_every_option_reaches_the_configuration(config_for):
    config = config_for(
        *("--fps", "all", "--start", "1:30", "--end", "0:02:10.5"),
        *("--baseline-start", "95", "--baseline-window", "20"),
        *("--label", "claim 7", "--use-case", "insurance_claims"),
        *("--started-at", "2026-03-01T09:30:00Z"),
        *("--arousal-high", "off", "--valence-low", "0.2", "--dominance-low", "0.1"),
        *("--arousal-rise", "0.3", "--valence-drop", "0.4", "--dominance-drop", "0.5"),
        *("--no-snapshots", "--blur-snapshots", "--link-video"),
    )
    values = config.to_dict()
    assert values["alert_thresholds"] == {
        "arousal_high": None,
        "valence_low": 0.2,
        "dominance_low": 0.1,
        "arousal_rise": 0.3,
        "valence_drop": 0.4,
        "dominance_drop": 0.5,
    }
    assert values["fps"] is None
    assert (values["start_s"], values["end_s"]) == (90.0, 130.5)
    assert (values["baseline_start_s"], values["baseline_window_s"]) == (95.0, 20.0)
    assert (values["label"], values["use_case"]) == ("claim 7", "insurance_claims")
    assert values["started_at"] == "2026-03-01T09:30:00+00:00"
    assert (values["snapshots"], values["blur_snapshots"], values["link_video"]) == (
        False,
        True,
        True,
    )


def test_options_come_before_the_file(config_for, tmp_path):
    (tmp_path / "settings.toml").write_text(
        'fps = 5\nlabel = "from the file"\n'
        '[alert_thresholds]\nvalence_low = "off"\narousal_high = 0.7\n'
    )
    config = config_for("--config", "settings.toml", "--fps", "1", "--arousal-high", "0.9")
    assert config.fps == 1.0
    assert config.label == "from the file"
    assert config.alert_thresholds.arousal_high == 0.9
    assert config.alert_thresholds.valence_low is None
    assert config.alert_thresholds.dominance_low == 0.30


def test_an_unknown_setting_in_the_file_is_named(run_cli, tmp_path):
    (tmp_path / "settings.toml").write_text("frames_per_second = 2\n")
    done = run_cli("analyse", "x.mp4", "--config", "settings.toml")
    assert done.code == 2
    assert "settings.toml: unknown setting 'frames_per_second'" in done.err


def test_the_command_line_is_handed_on_for_the_record(config_for):
    config_for("--fps", "5")
    assert config_for.fake.calls[-1][4] == ("echodepth", "analyse", "x.mp4", "--fps", "5")


def test_a_webhook_address_stays_out_of_the_record(config_for):
    config_for("--webhook", "http://127.0.0.1:9/key", "--quiet")
    assert "key" not in " ".join(config_for.fake.calls[-1][4])


def test_a_webhook_address_can_come_unseen_from_the_environment(run_cli, config_for, monkeypatch):
    monkeypatch.setenv("ECHODEPTH_WEBHOOK", "ftp://127.0.0.1/key")
    done = run_cli("analyse", "x.mp4")
    assert (done.code, "key" in done.err) == (2, False)
    monkeypatch.setenv("ECHODEPTH_WEBHOOK", "")
    assert run_cli("analyse", "x.mp4").code == 0


def test_analyze_is_an_accepted_spelling(run_cli, config_for):
    assert run_cli("analyze", "x.mp4").code == 0


@pytest.mark.parametrize(
    ("written", "start_s", "window_s"),
    [("20", None, 20.0), ("95-125.5", 95.0, 30.5), ("1:30-2:00", 90.0, 30.0)],
)
def test_a_baseline_window_is_a_length_or_a_stretch(config_for, written, start_s, window_s):
    config = config_for("--baseline-window", written)
    assert (config.baseline_start_s, config.baseline_window_s) == (start_s, window_s)


def test_a_config_file_may_write_the_window_as_a_stretch_too(config_for, tmp_path):
    (tmp_path / "c.toml").write_text('baseline_window_s = "1:30-2:00"\n')
    config = config_for("--config", str(tmp_path / "c.toml"))
    assert (config.baseline_start_s, config.baseline_window_s) == (90.0, 30.0)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--baseline-window", "30-20"),
        ("--baseline-window", "30-x"),
        ("--baseline-window", "-5"),
        ("--baseline-window", "5-9", "--baseline-start", "5"),
    ],
)
def test_a_window_that_is_no_stretch_is_refused(run_cli, arguments):
    done = run_cli("analyse", "x.mp4", *arguments)
    assert done.code == 2
    assert "baseline" in done.err
