"""One person's baseline in their next recording."""

import dataclasses
import os
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from echodepth_cli import AnalysisConfig, analyse
from echodepth_cli.affect.carried import USED_MODELS, CarriedBaseline, Likeness
from echodepth_cli.affect.neutral import Neutral, population_neutral
from echodepth_cli.errors import BaselineError, ExitCode
from echodepth_cli.face.alignment import reference_face
from echodepth_cli.face.appearance import APPEARANCE_VALUES
from echodepth_cli.output.parquet import read_metadata
from tests.affect.builders import baseline
from tests.affect.test_calibration import face

MODELS = dict.fromkeys(USED_MODELS, "0" * 64)


def neutral(**changes) -> Neutral:
    rng = np.random.default_rng(0)
    values = {
        "points": rng.normal(size=(478, 3)).astype(np.float32),
        "pose_deg": np.array([1.5, -2.25, 0.1], dtype=np.float32),
        "appearance": rng.normal(size=5).astype(np.float32),
        "floor": np.full(7, 0.05, dtype=np.float32),
        "frames_used": 12,
        "quality": "good",
        "reasons": (),
        "strangeness": 0.2875,
    }
    return Neutral(**{**values, **changes})


def carried(**changes) -> CarriedBaseline:
    values = {"session_id": "ses_1", "models": MODELS, "baseline": baseline(v=0.48)}
    return CarriedBaseline(**{**values, "neutral": neutral(), **changes})


def test_what_is_stored_comes_back_bit_by_bit():
    before = carried()
    after = CarriedBaseline.from_dict(before.to_dict(), "x")
    assert after.to_dict() == before.to_dict()
    assert after.digest() == before.digest()
    assert after.neutral.strangeness == 0.2875
    for part in ("points", "pose_deg", "appearance", "floor"):
        assert np.array_equal(getattr(after.neutral, part), getattr(before.neutral, part))


def test_the_digest_is_that_of_the_content():
    moved = neutral()
    moved.points[3, 1] += 1e-4
    assert carried().digest() == carried().digest()
    assert carried().digest() != carried(neutral=moved).digest()
    assert carried().digest() != carried(baseline=baseline(v=0.49)).digest()


@pytest.mark.parametrize("damage", [{}, {"neutral": {}}, {"models": {}}])
def test_a_session_without_it_is_refused_by_name(damage):
    with pytest.raises(BaselineError, match=r"^old session: "):
        CarriedBaseline.from_dict(damage and {**carried().to_dict(), **damage}, "old session")


def test_only_the_same_models_and_a_usable_baseline_serve():
    carried().check({**MODELS, "another": "1"}, "x")
    with pytest.raises(BaselineError, match="other models"):
        carried().check({**MODELS, "vad_weights": "1" * 64}, "x")
    with pytest.raises(BaselineError, match="no usable baseline"):
        carried(baseline=baseline(quality="unusable")).check(MODELS, "x")
    with pytest.raises(BaselineError, match="no usable baseline"):
        carried(neutral=population_neutral(7)).check(MODELS, "x")


def test_numbers_that_are_none_or_too_few_are_refused():
    stored = carried().to_dict()
    endless = carried(neutral=neutral(floor=np.array([np.inf], dtype=np.float32))).to_dict()
    for values in (endless, {**stored, "baseline": {**stored["baseline"], "vad": []}}):
        with pytest.raises(BaselineError, match=r"^old: "):
            CarriedBaseline.from_dict(values, "old")
    whole = neutral(appearance=np.zeros(APPEARANCE_VALUES, dtype=np.float32))
    carried(neutral=whole).check_size(7)
    with pytest.raises(BaselineError, match="another number of values"):
        carried(neutral=whole).check_size(5)
    with pytest.raises(BaselineError, match="another number of values"):
        carried().check_size(7)


def test_a_session_that_was_changed_hands_on_no_baseline(
    analysed_sample, sample_video, tmp_path, run_cli
):
    copy = shutil.copytree(analysed_sample.session_dir, tmp_path / "copy")
    frames, arguments = copy / "frames.parquet", ("--baseline-from", copy, "-o", tmp_path / "out")
    pq.write_table(pq.read_table(frames), frames)
    done = run_cli("analyse", sample_video, *arguments)
    assert done.code == ExitCode.INPUT
    assert "is not the one that report.json names" in done.err
    frames.unlink()
    os.mkfifo(frames)
    done = run_cli("analyse", sample_video, *arguments)
    assert done.code == ExitCode.INPUT
    assert "is not a regular file" in done.err
    assert not (tmp_path / "out").exists()


def test_it_says_where_it_comes_from_and_keeps_its_doubts():
    doubtful = carried(baseline=baseline(quality="weak", reasons=("It was dark.",)))
    received = doubtful.received()
    assert (received.source, received.window_s, received.quality) == ("carried", None, "weak")
    assert received.reasons == ("Carried over from session ses_1.", "It was dark.")
    assert carried(baseline=received).received() == received


def test_a_face_of_other_proportions_makes_it_weak():
    someone = reference_face().astype(np.float32)
    other = someone * np.array([1.3, 0.8, 1.0], dtype=np.float32)
    for points, quality in ((someone, "good"), (other, "weak")):
        likeness = Likeness(neutral(points=someone))
        for _ in range(5):
            likeness.see(dataclasses.replace(face(), points=points))
        judged = likeness.judged(baseline())
        assert judged.quality == quality
        assert ("same person" in " ".join(judged.reasons)) == (quality == "weak")


def test_the_next_recording_is_scored_against_the_first(analysed_sample, sample_video, tmp_path):
    """The second half, with the baseline of the whole: its very rows; handed on, they stay."""
    first = analysed_sample.session_dir
    config = AnalysisConfig(start_s=85.0)
    second = analyse(sample_video, config, tmp_path / "second", baseline_from=first)
    third = analyse(sample_video, config, tmp_path / "third", baseline_from=tmp_path / "second")
    assert second.report["baseline"]["source"] == "carried"
    assert second.report["baseline"]["vad"] == analysed_sample.report["baseline"]["vad"]
    assert analysed_sample.report["session_id"] in second.report["baseline"]["reasons"][0]
    assert "carried over from another recording" in second.report["summary"]
    assert second.frames_path.read_bytes() == third.frames_path.read_bytes()
    digest = CarriedBaseline.from_dict(
        read_metadata(analysed_sample.frames_path)["baseline"], "first"
    ).digest()
    assert second.report["provenance"]["config"]["carried_baseline"] == digest
    assert str(first) not in (tmp_path / "second" / "report.json").read_text()

    import pandas as pd

    whole = pd.read_parquet(analysed_sample.frames_path)
    part = pd.read_parquet(second.frames_path)
    # Whether someone talks is judged by the seconds around a frame; past the cut nothing differs.
    same = whole[whole.session_offset_s >= 89.0].reset_index(drop=True)
    again = part[part.session_offset_s >= 89.0].reset_index(drop=True)
    columns = [c for c in whole.columns if c not in ("frame_id", "session_id", "alert_reason")]
    pd.testing.assert_frame_equal(same[columns], again[columns])


def test_a_baseline_is_carried_or_chosen_not_both(run_cli, analysed_sample, sample_video, tmp_path):
    both = ("--baseline-from", analysed_sample.session_dir, "--baseline-window", "30")
    done = run_cli("analyse", sample_video, *both)
    assert done.code == ExitCode.USAGE
    assert "--baseline-from" in done.err
    assert run_cli("analyse", sample_video, "--baseline-from", tmp_path).code == ExitCode.INPUT


def test_settings_that_name_a_baseline_need_it(sample_video, tmp_path):
    with pytest.raises(BaselineError, match="--baseline-from"):
        analyse(sample_video, AnalysisConfig(carried_baseline="0" * 64), tmp_path / "out")
