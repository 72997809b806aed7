import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from echodepth_cli.affect.vad import VadModel, top_contributions
from echodepth_cli.affect.vad_stills import StillVadModel
from echodepth_cli.errors import ModelError
from tests.affect.builders import DISTRESS, MODEL, SMILE, SURPRISE, intensities

FACES = arrays(np.float32, 46, elements=st.floats(0, 1, width=32))


def test_a_still_face_is_exactly_neutral():
    vad = MODEL.score(np.zeros(46, dtype=np.float32))
    assert (vad.valence, vad.arousal, vad.dominance) == (0.5, 0.5, 0.5)


@given(aus=FACES, talking=st.booleans(), pitch=st.floats(-60, 60))
def test_contributions_add_up_to_the_scores(aus, talking, pitch):
    parts = MODEL.contributions(aus, talking=talking, pitch_change_deg=pitch)
    vad = MODEL.score(aus, talking=talking, pitch_change_deg=pitch)
    sums = 0.5 + parts.sum(axis=1)
    assert np.allclose(sums, (vad.valence, vad.arousal, vad.dominance), atol=1e-6, rtol=0)
    assert ((sums >= 0) & (sums <= 1)).all()


@given(aus=FACES)
def test_a_part_has_the_sign_of_its_weight(aus):
    parts = MODEL.contributions(aus)
    assert (parts * MODEL.weights >= 0).all()


def test_unseen_units_take_no_part():
    seen = intensities(SMILE)
    hidden = seen.copy()
    hidden[[2, 20, 30, 35, 39]] = np.nan
    assert MODEL.score(hidden) == MODEL.score(seen)


def test_one_frame_scores_as_in_a_batch():
    faces = np.stack([intensities(e) for e in (SMILE, DISTRESS, SURPRISE)])
    batch = MODEL.score_many(faces, talking=np.array([False, True, False]))
    single = MODEL.score(faces[1], talking=True)
    assert tuple(batch[1]) == (single.valence, single.arousal, single.dominance)


def test_expressions_move_the_scores_the_documented_way():
    smile, distress, surprise = (MODEL.score(intensities(e)) for e in (SMILE, DISTRESS, SURPRISE))
    assert smile.valence > 0.8
    assert distress.valence < 0.25
    assert surprise.arousal > 0.8
    assert abs(surprise.valence - 0.5) < 0.05
    assert smile.dominance > 0.5 > distress.dominance


def test_speech_alone_barely_moves_the_scores():
    mouth = intensities({16: 0.6, 18: 0.5, 22: 0.5, 25: 0.8, 26: 0.6})
    quiet, talking = MODEL.score(mouth), MODEL.score(mouth, talking=True)
    assert abs(talking.arousal - 0.5) < 0.1 < abs(quiet.arousal - 0.5)
    assert abs(talking.valence - 0.5) < 0.1


def test_a_bowed_head_takes_the_brow_out_of_dominance_only():
    brow = intensities({4: 0.9})
    level, bowed = MODEL.score(brow), MODEL.score(brow, pitch_change_deg=-30)
    assert bowed.dominance == 0.5 != level.dominance
    assert bowed.valence == level.valence


def test_closing_the_eyes_alone_passes_no_threshold():
    closed = MODEL.score(intensities({43: 1.0}))
    assert closed.valence == closed.dominance == 0.5
    assert closed.arousal < 0.5


def test_noise_of_a_resting_face_does_not_move_the_scores():
    noise = np.full(46, 0.09, dtype=np.float32)
    vad = MODEL.score(noise)
    assert (vad.valence, vad.arousal, vad.dominance) == (0.5, 0.5, 0.5)


def test_top_contributions_are_shares_of_the_whole_distance():
    parts = MODEL.contributions(intensities(DISTRESS))
    top = top_contributions(parts, 0, count=46)
    assert sum(share for _, share in top) == pytest.approx(1.0, abs=0.05)
    assert top[0][0] in DISTRESS
    assert [abs(share) for _, share in top] == sorted((abs(s) for _, s in top), reverse=True)
    assert top_contributions(MODEL.contributions(np.zeros(46)), 0) == ()


GOOD = """version = "1"
rest_band = 0.1
[weights]
AU01 = {valence = 0.1, arousal = 0, dominance = 0}
[talking]
[head_pitch]
aus = [1]
full_deg = 1
none_deg = 2
[rest]
AU01 = 0.1
"""


@pytest.mark.parametrize("kind", [VadModel, StillVadModel])
@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        (GOOD, "", "not a table"),
        (GOOD, "[weights", "not a table"),
        ("[weights]\nAU01", "[weights]\nAU99", "AU99"),
        ("valence = 0.1", "valence = nan", "not a number"),
        ("valence = 0.1, ", "", "'valence'"),
    ],
)
def test_a_damaged_table_is_a_model_error(kind, good, bad, words, tmp_path):
    path = tmp_path / "table.toml"
    path.write_text(GOOD)
    kind.load(path)
    path.write_text(GOOD.replace(good, bad))
    with pytest.raises(ModelError, match=words):
        kind.load(path)


@pytest.mark.parametrize("kind", [VadModel, StillVadModel])
def test_a_missing_table_is_a_model_error(kind, tmp_path):
    with pytest.raises(ModelError, match="cannot read"):
        kind.load(tmp_path / "none.toml")


def test_plainly_raised_brows_pass_no_threshold():
    """Speakers raise them to underline a word."""
    brows = MODEL.score(intensities({1: 1.0, 2: 1.0}))
    assert 0.6 < brows.arousal < 0.8
    assert abs(brows.valence - 0.5) < 0.05
