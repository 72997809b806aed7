import numpy as np
import pytest

from echodepth_cli.affect.action_units import AUEstimate
from echodepth_cli.affect.vad_stills import StillVadModel, still_levels
from echodepth_cli.models import model_path
from tests.affect.builders import MODEL

STILLS = StillVadModel.load(model_path("vad_stills"))


def picture(levels, left=None, right=None, lids=(0.0, 0.0)) -> AUEstimate:
    nothing = np.full(46, np.nan, dtype=np.float32)
    return AUEstimate(
        intensities=np.asarray(levels, dtype=np.float32),
        left=nothing if left is None else left,
        right=nothing if right is None else right,
        gaze_x=0.0,
        gaze_y=0.0,
        lid_closure_left=lids[0],
        lid_closure_right=lids[1],
        lip_gap=0.0,
        jaw_open=0.0,
        reasons={},
    )


def test_a_face_at_the_levels_of_rest_is_exactly_neutral():
    closure = float(STILLS.rest[42])
    vad = STILLS.score(picture(STILLS.rest, lids=(closure, closure)))
    assert (vad.valence, vad.arousal, vad.dominance) == pytest.approx((0.5, 0.5, 0.5), abs=1e-6)


def test_contributions_add_up_and_what_was_not_seen_takes_no_part():
    levels = np.random.default_rng(1).uniform(size=(50, 46))
    parts = STILLS.contributions(levels)
    scores = 0.5 + parts.sum(axis=-1)
    exact = 0.5 + 0.5 * np.tanh((levels - STILLS.rest) @ STILLS.weights.T)
    assert np.abs(scores - exact).max() < 1e-9
    levels[:, 11] = np.nan
    assert not STILLS.contributions(levels)[..., 11].any()


def test_every_weight_has_the_sign_that_recordings_give_it():
    both = (STILLS.weights != 0) & (MODEL.weights != 0)
    assert both.sum() > 30
    assert (np.sign(STILLS.weights) == np.sign(MODEL.weights))[both].all()


def test_sides_are_averaged_and_the_grades_of_closure_are_one():
    left, right = (np.full(46, np.nan, dtype=np.float32) for _ in range(2))
    left[11], right[11] = 0.2, 0.6
    levels = still_levels(picture(np.full(46, 0.6), left, right, lids=(1.0, 0.5)))
    assert levels[11] == pytest.approx(0.4)
    assert levels[16] == pytest.approx(0.6)
    assert levels[42] == pytest.approx(0.75)


def test_a_smile_is_above_and_a_frown_with_closing_eyes_below():
    smile, tired = STILLS.rest.copy(), STILLS.rest.copy()
    smile[[5, 11]] = 0.7
    tired[[14, 16]] = 0.5
    assert STILLS.score(picture(smile)).valence > 0.65
    assert STILLS.score(picture(tired, lids=(0.6, 0.6))).valence < 0.4
