import numpy as np
import pytest

from echodepth_cli.affect.baseline import Baseline, baseline_from
from echodepth_cli.affect.calibration import Calibrator
from echodepth_cli.records import Box, FaceObservation, HeadPose
from tests.affect.builders import DISTRESS, SMILE, event, series


def face(yaw_deg=0.0, confidence=0.9, pitch_deg=0.0):
    return FaceObservation(
        points=np.zeros((478, 3), dtype=np.float32),
        landmarks_px=np.zeros((478, 3), dtype=np.float32),
        appearance=np.zeros(0, dtype=np.float32),
        box=Box(0.3, 0.3, 0.4, 0.4),
        pose=HeadPose(yaw_deg, pitch_deg, 0.0),
        iod_px=100.0,
        confidence=confidence,
    )


def calibrate(duration_s, seen, *, fps=2.0, start_s=0.0, window_s=60.0):
    """Return the stretch and the offset at which it was decided (None at the end)."""
    calibrator = Calibrator(start_s, window_s, chosen=start_s > 0)
    for t in np.arange(round(duration_s * fps)) / fps:
        stretch = calibrator.push(float(t), seen(t))
        if stretch is not None:
            return stretch, float(t)
    return calibrator.finish(), None


def test_the_opening_window_serves_when_the_face_is_there():
    stretch, decided_s = calibrate(120, lambda t: face(pitch_deg=-4.0))
    assert (stretch.source, stretch.window_s, decided_s) == ("opening_window", (0, 60), 60)
    assert len(stretch.observations) == 120
    assert stretch.coverage == pytest.approx(1.0)
    assert stretch.pitch_deg == pytest.approx(-4.0)
    assert stretch.reasons == ()


def test_a_short_recording_calibrates_on_all_of_it():
    stretch, decided_s = calibrate(20, lambda t: face())
    assert (stretch.source, decided_s) == ("opening_window", None)
    assert stretch.coverage == pytest.approx(1.0)


@pytest.mark.parametrize("useless", [None, face(yaw_deg=45), face(confidence=0.2)])
def test_a_useless_opening_gives_way_to_the_first_later_stretch(useless):
    stretch, decided_s = calibrate(300, lambda t: face() if t >= 100 else useless)
    assert stretch.source == "later_stretch"
    assert 105 <= decided_s <= 112
    assert stretch.window_s[1] == decided_s + 0.5
    assert "baseline window shows 0.0 s" in stretch.reasons[0]


@pytest.mark.parametrize("window_s", [1.0, 3.5, 60.0])
def test_a_later_stretch_must_show_what_the_opening_must(window_s):
    stretch, _ = calibrate(90, lambda t: face() if 70 <= t < 72 else None, window_s=window_s)
    assert stretch.source == "population_neutral"
    stretch, _ = calibrate(90, lambda t: face() if t >= 70 else None, window_s=window_s)
    assert stretch.source == "later_stretch"
    assert stretch.usable_s >= 3


@pytest.mark.parametrize("fps", [5, 25])
def test_faster_sampling_calibrates_with_no_more_of_the_same_moment(fps):
    stretch, _ = calibrate(30, lambda t: face(), fps=fps)
    assert len(stretch.observations) == 120
    assert stretch.usable_s == pytest.approx(30)


def test_without_any_face_the_population_serves_and_says_so():
    stretch, _ = calibrate(200, lambda t: None)
    assert stretch.source == "population_neutral"
    assert stretch.observations == ()
    assert "average neutral face" in stretch.reasons[-1]
    base = baseline_from(stretch, series(200, missing=lambda t: True))
    assert base.quality == "unusable"
    assert base.to_dict()["spread"] == {"v": None, "a": None, "d": None}


def test_another_window_can_be_chosen():
    stretch, decided_s = calibrate(200, lambda t: face(), start_s=90, window_s=30)
    assert (stretch.source, stretch.window_s, decided_s) == ("chosen_window", (90, 120), 120)
    assert len(stretch.observations) == 60


def test_an_empty_recording_does_not_fail():
    assert Calibrator().finish().source == "population_neutral"


@pytest.mark.parametrize("fps", [1, 2, 5, 25])
def test_the_decision_does_not_depend_on_the_sampling_rate(fps):
    stretch, decided_s = calibrate(200, lambda t: face() if t >= 80 else None, fps=fps)
    assert stretch.source == "later_stretch"
    assert decided_s == pytest.approx(90, abs=1.5 / fps + 0.1)


def test_a_smiling_opening_does_not_become_the_baseline():
    stretch, _ = calibrate(120, lambda t: face())
    session = series(120, event(0, 40, SMILE), noise=0.01)
    base = baseline_from(stretch, session)
    assert base.vad.valence == pytest.approx(0.5, abs=0.05)
    assert base.quality == "weak"
    assert "not steady" in base.reasons[-1]


def test_a_calm_opening_is_a_good_baseline_with_a_small_spread():
    stretch, _ = calibrate(120, lambda t: face())
    base = baseline_from(stretch, series(120, event(80, 90, DISTRESS), noise=0.10))
    assert (base.quality, base.reasons, base.frames_used) == ("good", (), 120)
    assert 0 < base.spread.valence < 0.05


@pytest.mark.parametrize(
    ("talking", "unusable_from", "words"),
    [(True, 60, "talked for 100%"), (False, 20, "usable for 3")],
)
def test_what_makes_a_baseline_weak_is_said(talking, unusable_from, words):
    stretch, _ = calibrate(120, lambda t: face() if t < unusable_from else face(yaw_deg=40))
    base = baseline_from(stretch, series(120, talking=lambda t: talking))
    assert base.quality == "weak"
    assert words in " ".join(base.reasons)


def test_the_baseline_is_never_better_than_its_neutral_face():
    stretch, _ = calibrate(120, lambda t: face())
    base = baseline_from(stretch, series(120), "weak", ("The person never rested.",))
    assert (base.quality, base.reasons) == ("weak", ("The person never rested.",))


def test_a_baseline_survives_the_report():
    stretch, _ = calibrate(120, lambda t: face(pitch_deg=3.25))
    base = baseline_from(stretch, series(120, noise=0.02))
    again = Baseline.from_dict(base.to_dict())
    assert (again.vad, again.spread, again.pitch_deg) == (base.vad, base.spread, base.pitch_deg)
    assert again.to_dict() == base.to_dict()
