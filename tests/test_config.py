"""Settings as people write them, and the digests that identify a session."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echodepth_cli.config import AlertThresholds, AnalysisConfig, load_config_file
from echodepth_cli.errors import UsageError


def test_words_stand_for_none():
    config = AnalysisConfig.from_dict(
        {"fps": "all", "alert_thresholds": {"arousal_high": "off", "valence_low": "0.3"}}
    )
    assert config.fps is None
    assert config.alert_thresholds.arousal_high is None
    assert config.alert_thresholds.valence_low == 0.3
    assert config.alert_thresholds.dominance_low == AlertThresholds().dominance_low


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90.0), ("1:30", 90.0), ("0:01:30.5", 90.5), ("1:00:00", 3600.0), (12, 12.0)],
)
def test_times_are_seconds_or_clock_times(text, seconds):
    assert AnalysisConfig.from_dict({"start_s": text}).start_s == seconds


@pytest.mark.parametrize(
    "values",
    [
        {"fps": "fast"},
        {"fps": True},
        {"fps": 0},
        {"fps": float("nan")},
        {"label": 5},
        {"start_s": "1:75"},
        {"start_s": "1:2:3:4"},
        {"start_s": -1},
        {"start_s": 10, "end_s": 5},
        {"max_faces": 1.5},
        {"snapshots": 1},
        {"started_at": "2026-03-01T09:30:00"},
        {"started_at": "yesterday"},
        {"alert_thresholds": 3},
        {"alert_thresholds": {"arousal_high": 1.5}},
        {"alert_thresholds": {"joy_high": 0.5}},
        {"frames_per_second": 2},
    ],
)
def test_unusable_settings_are_usage_errors(values):
    with pytest.raises(UsageError):
        AnalysisConfig.from_dict(values, "settings.toml")


def test_the_error_names_the_source_and_the_setting():
    with pytest.raises(UsageError, match=r"settings\.toml: fps must be a number or 'all'"):
        AnalysisConfig.from_dict({"fps": "fast"}, "settings.toml")
    section = r"settings\.toml \[alert_thresholds\]"
    with pytest.raises(UsageError, match=rf"{section}: valence_low must be between 0 and 1"):
        AnalysisConfig.from_dict({"alert_thresholds": {"valence_low": 1.5}}, "settings.toml")
    with pytest.raises(UsageError, match=r"settings\.toml: max_faces must be"):
        AnalysisConfig.from_dict({"max_faces": 0}, "settings.toml")


def test_a_whole_number_and_its_decimal_form_are_one_setting():
    assert AnalysisConfig(fps=2).digest() == AnalysisConfig(fps=2.0).digest()


def test_thresholds_and_labels_do_not_change_what_is_measured():
    plain = AnalysisConfig()
    other = AnalysisConfig(label="x", alert_thresholds=AlertThresholds(arousal_high=0.9))
    assert plain.measurement_digest() == other.measurement_digest()
    assert plain.digest() != other.digest()
    assert plain.measurement_digest() != AnalysisConfig(fps=5).measurement_digest()


def test_a_bound_that_lets_a_recording_through_changes_nothing_about_its_session():
    plain = AnalysisConfig()
    bounded = AnalysisConfig(max_duration_s=None, timeout_s=90.0)
    assert bounded.digest() == plain.digest()
    assert bounded.measurement_digest() == plain.measurement_digest()
    # Larger pictures may come midway, and are then left out.
    assert AnalysisConfig(max_pixels=1000).measurement_digest() != plain.measurement_digest()


@given(
    fps=st.none() | st.floats(0.001, 1000),
    start=st.floats(0, 1e6),
    label=st.none() | st.text(),
    arousal=st.none() | st.floats(0, 1),
)
def test_plain_form_and_back_is_the_identity(fps, start, label, arousal):
    config = AnalysisConfig(
        fps=fps,
        start_s=start,
        label=label,
        alert_thresholds=AlertThresholds(arousal_high=arousal),
    )
    assert AnalysisConfig.from_dict(config.to_dict()) == config


def test_a_config_file_is_read_as_toml(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text('fps = "all"\n[alert_thresholds]\nvalence_low = "off"\n')
    config = AnalysisConfig.from_dict(load_config_file(path), str(path))
    assert config.fps is None
    assert config.alert_thresholds.valence_low is None


@pytest.mark.parametrize("content", [b"fps = ", b"\xff\xfe", None])
def test_an_unreadable_config_file_is_a_usage_error(tmp_path, content):
    path = tmp_path / "settings.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"settings\.toml"):
        load_config_file(path)
