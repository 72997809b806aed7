"""Blinks are told from closed eyes by how long the lids stay down."""

from dataclasses import replace

import numpy as np
import pytest

from echodepth_cli.affect.action_units import UNTIMED, AUEstimate
from echodepth_cli.affect.blinks import BlinkDetector

OPEN, AJAR, SHUT = 0.05, 0.40, 0.95


def estimate(closure, other=None):
    """Return what the models say of one picture with the lids so far down."""
    other = closure if other is None else other
    values = np.zeros(46, dtype=np.float32)
    values[44] = np.nan
    both = min((closure + other) / 2, 2 * min(closure, other))
    values[40], values[42] = (both, 0.1) if 0.3 <= both < 0.5 else (0.0, both)
    return AUEstimate(
        intensities=values,
        left=values.copy(),
        right=values.copy(),
        gaze_x=0.0,
        gaze_y=0.0,
        lid_closure_left=closure,
        lid_closure_right=other,
        lip_gap=0.0,
        jaw_open=0.0,
        reasons={45: UNTIMED},
    )


def told(estimates, step_s=1 / 25):
    detector, out = BlinkDetector(), []
    for k, one in enumerate(estimates):
        out += detector.push(k * step_s, one)
    out += detector.finish()
    assert len(out) == len(estimates)
    return out


def column(estimates, number):
    return [None if e is None else float(e.intensities[number - 1]) for e in estimates]


def test_a_brief_closure_of_both_eyes_is_a_blink_and_not_closed_eyes():
    lids = [OPEN, OPEN, AJAR, SHUT, SHUT, AJAR, OPEN, OPEN]
    out = told([estimate(c) for c in lids])
    assert column(out, 45)[1:] == pytest.approx([0, AJAR, SHUT, SHUT, AJAR, 0, 0])
    assert column(out, 43)[2:6] == [0, 0, 0, 0]
    assert column(out, 41)[2:6] == [0, 0, 0, 0]
    assert 45 not in out[3].reasons


def test_eyes_closed_for_longer_stay_au43():
    lids = [OPEN] * 3 + [SHUT] * 20 + [OPEN] * 3
    out = told([estimate(c) for c in lids])
    assert column(out, 43)[3:23] == pytest.approx([SHUT] * 20)
    assert column(out, 45)[1:] == [0] * 25


def test_pictures_too_far_apart_tell_no_blink_and_say_so():
    out = told([estimate(c) for c in (OPEN, SHUT, OPEN, OPEN)], step_s=0.5)
    assert np.isnan(column(out, 45)).all()
    assert all(e.reasons[45] == UNTIMED for e in out)
    assert column(out, 43)[1] == pytest.approx(SHUT)


def test_a_wink_and_narrowed_lids_are_no_blinks():
    wink = told([estimate(OPEN), estimate(OPEN), estimate(SHUT, OPEN), estimate(OPEN)])
    assert max(column(wink, 45)[1:]) == 0
    ajar = told([estimate(c) for c in (OPEN, OPEN, AJAR, AJAR, OPEN)])
    assert max(column(ajar, 45)[1:]) == 0
    assert column(ajar, 41)[2] == pytest.approx(AJAR)


@pytest.mark.parametrize("cut", [3, 4])
def test_a_closure_whose_end_or_start_was_not_seen_is_no_blink(cut):
    lids = [estimate(c) for c in (OPEN, OPEN, SHUT, SHUT, OPEN, OPEN)]
    lids[cut] = None
    out = told(lids)
    assert out[cut] is None
    assert max(v for v in column(out, 45)[1:] if v is not None and not np.isnan(v)) == 0
    assert max(column(told(lids[:4]), 45)[1:3]) == 0


def test_each_picture_comes_out_once_in_order_while_others_wait():
    detector, marks = BlinkDetector(), []
    lids = [OPEN, OPEN, SHUT, SHUT, OPEN, SHUT]
    for k, closure in enumerate(lids):
        marked = replace(estimate(closure), lip_gap=float(k))
        marks += [e.lip_gap for e in detector.push(k / 25, marked)]
        assert len(marks) <= k + 1
    marks += [e.lip_gap for e in detector.finish()]
    assert marks == [0, 1, 2, 3, 4, 5]


def test_a_face_that_cannot_show_its_lids_gets_no_blink():
    hidden = replace(estimate(SHUT), reasons={45: "turned_away"})
    out = told([estimate(OPEN), estimate(OPEN), hidden, estimate(OPEN)])
    assert out[2].reasons[45] == "turned_away"
    assert np.isnan(out[2].intensities[44])
