"""Real recordings through the real pipeline: the contract of a session directory."""

import json

import jsonschema
import numpy as np
import pandas as pd
import pytest

from echodepth_cli import AlertThresholds, AnalysisConfig, analyse
from echodepth_cli.errors import BaselineError, InputError, NoFaceError, OutputError
from echodepth_cli.output.report_json import rounded
from echodepth_cli.output.schema import load_schema
from echodepth_cli.output.snapshots import read_stills
from echodepth_cli.rerender import render_again
from echodepth_cli.verify import verify_session
from tests.clips import regular, write_clip

AUS = [f"AU{number:02d}" for number in range(1, 47)]


@pytest.fixture(scope="module")
def phone_clip(shared_data, tmp_path_factory):
    """Five seconds of a real phone clip: no face at first, then one enters."""
    target = tmp_path_factory.mktemp("phone") / "session"
    return analyse(shared_data / "videos" / "noface_then_face.mov", out_dir=target)


@pytest.mark.shared
def test_a_face_that_enters_late_is_a_gap_with_a_reason(phone_clip):
    report = phone_clip.report
    assert 0.3 <= report["quality"]["coverage"] <= 0.5
    (gap,) = report["quality"]["gaps"]
    assert gap["reason"] == "no_face_detected"
    assert gap["start_s"] == 0.0
    assert 3.5 < gap["end_s"] < 4.5
    assert "nothing is said about 00:00–00:04" in report["summary"]


@pytest.mark.shared
def test_rows_carry_true_times_and_nothing_invented(phone_clip):
    table = pd.read_parquet(phone_clip.frames_path)
    assert len(table) == phone_clip.report["frame_count"]
    assert table.session_offset_s.is_monotonic_increasing
    assert set(table.status) == {"no_face_detected", "ok"}
    unseen, seen = table[table.status != "ok"], table[table.status == "ok"]
    assert unseen[["valence", "confidence", "face_x", *AUS]].isna().all(axis=None)
    assert seen[["valence", "arousal", "dominance"]].notna().all(axis=None)
    assert ((seen[AUS] >= 0) & (seen[AUS] <= 1) | seen[AUS].isna()).all(axis=None)
    for numbers, (_, row) in zip(seen.active_aus, seen[AUS].iterrows(), strict=True):
        assert list(numbers) == [i for i, value in enumerate(row, start=1) if value >= 0.3]


@pytest.mark.shared
def test_the_report_follows_its_schema_and_its_rows(phone_clip):
    report = json.loads((phone_clip.session_dir / "report.json").read_text())
    jsonschema.validate(report, load_schema("report"))
    seen = pd.read_parquet(phone_clip.frames_path).query("status == 'ok'")
    for letter, name in zip("vad", ("valence", "arousal", "dominance"), strict=True):
        assert report["mean_vad"][letter] == pytest.approx(seen[name].mean(), abs=1e-6)
        baseline = (seen[name] - seen[f"delta_{name}"]).to_numpy()
        assert np.allclose(baseline, report["baseline_vad"][letter], atol=1e-6)


@pytest.mark.shared
def test_what_was_written_verifies(phone_clip):
    assert verify_session(phone_clip.session_dir).differences == ()


@pytest.mark.shared
def test_the_same_bytes_give_the_same_numbers(phone_clip, shared_data, tmp_path):
    again = analyse(shared_data / "videos" / "noface_then_face.mov", out_dir=tmp_path / "b")
    assert again.frames_path.read_bytes() == phone_clip.frames_path.read_bytes()
    first, second = dict(phone_clip.report), dict(again.report)
    del first["run"], second["run"]
    assert first == second


@pytest.mark.shared
def test_rendering_again_gives_what_a_fresh_run_would(shared_data, tmp_path):
    video = shared_data / "videos" / "noface_then_face.mov"
    strict = AlertThresholds(arousal_high=0.55, valence_low=0.6)
    analyse(video, out_dir=tmp_path / "a")
    fresh = analyse(video, AnalysisConfig(alert_thresholds=strict), tmp_path / "b")
    again = render_again(tmp_path / "a", thresholds=strict)
    assert again.frames_path.read_bytes() == fresh.frames_path.read_bytes()
    first, second = rounded(fresh.report), rounded(again.report)
    del first["run"], second["run"]
    assert first == second


@pytest.fixture
def faceless(tmp_path):
    """Two seconds of moving pattern without anyone in it."""
    path = tmp_path / "pattern.mp4"
    write_clip(path, regular(50))
    return path


def test_no_face_is_refused_and_nothing_is_written(faceless, tmp_path):
    with pytest.raises(NoFaceError, match=r"pattern\.mp4.*face"):
        analyse(faceless, out_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_stretch_beyond_the_end_says_where_the_recording_ends(faceless, tmp_path):
    with pytest.raises(InputError, match=r"1\.96 s"):
        analyse(faceless, AnalysisConfig(start_s=30.0), tmp_path / "out")


def test_a_baseline_beyond_the_end_is_said(faceless, tmp_path):
    with pytest.raises(BaselineError, match="--baseline"):
        analyse(faceless, AnalysisConfig(baseline_start_s=30.0), tmp_path / "out")


def test_an_unwritable_place_is_said_before_any_work(faceless, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="taken"):
        analyse(faceless, out_dir=tmp_path / "taken")
    with pytest.raises(OutputError):
        analyse(faceless, out_dir=tmp_path / "taken" / "inside")


def test_the_library_prints_nothing(faceless, tmp_path, capfd):
    with pytest.raises(NoFaceError):
        analyse(faceless, out_dir=tmp_path / "out")
    assert capfd.readouterr() == ("", "")


@pytest.mark.shared
def test_every_alert_has_its_still_whatever_the_frame_rate(shared_data, tmp_path):
    strict = AlertThresholds(arousal_high=0.6, valence_low=0.45)
    video = shared_data / "videos" / "interview_pexels.mp4"  # 24000/1001 frames a second
    result = analyse(video, AnalysisConfig(alert_thresholds=strict), tmp_path / "a")
    page = (result.session_dir / "report.html").read_text(encoding="utf-8")
    assert len(result.report["alerts"]) > 0
    assert sum(still.person is None for still in read_stills(page)) == len(result.report["alerts"])
