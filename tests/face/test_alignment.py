"""Pose-free, scale-free landmarks and head pose."""

import numpy as np
import pytest

from echodepth_cli.face.alignment import align, iod_px, reference_face
from echodepth_cli.face.quality import LOW_CONFIDENCE, confidence, quality_factors
from echodepth_cli.records import HeadPose


def _turned(yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0, scale=80.0, shift=(200.0, 180.0, 0.0)):
    """Turn the reference face; x right, y down, z away, angles as `HeadPose` documents."""
    y, p, r = np.deg2rad([yaw_deg, pitch_deg, roll_deg])
    turn = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    nod = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    tilt = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    head = turn @ nod @ tilt
    return (scale * reference_face() @ head.T + np.array(shift)).astype(np.float32)


@pytest.mark.parametrize("pose", [(0, 0, 0), (30, 0, 0), (-25, 10, 5), (0, -20, 0), (5, 5, -30)])
def test_pose_is_found_and_taken_out(pose):
    points, found = align(_turned(*pose))
    assert (found.yaw_deg, found.pitch_deg, found.roll_deg) == pytest.approx(pose, abs=0.01)
    assert np.abs(points - reference_face()).max() < 1e-4


def test_signs_are_those_of_the_documentation():
    nose = 4
    centre = _turned()[nose]
    assert _turned(yaw_deg=20)[nose, 0] > centre[0], "positive yaw: to the picture's right"
    assert _turned(pitch_deg=20)[nose, 1] < centre[1], "positive pitch: chin up"
    right_eye, left_eye = _turned(roll_deg=20)[[33, 263]]
    assert left_eye[1] > right_eye[1], "positive roll: clockwise in the picture"


def test_an_expression_survives_alignment_whatever_the_pose():
    raised = reference_face().copy()
    raised[[107, 336], 1] -= 0.08
    frontal, _ = align(raised.astype(np.float32))
    for yaw, pitch in ((30, 0), (-30, 10), (0, 20)):
        y, p = np.deg2rad([yaw, pitch])
        turn = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
        nod = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
        points, _ = align((50 * raised @ (turn @ nod).T).astype(np.float32))
        assert np.abs(points - frontal).max() < 1e-4


def test_eye_distance_is_in_pixels_and_not_shortened_by_turning():
    assert iod_px(_turned(scale=80.0)) == pytest.approx(80.0, rel=1e-3)
    assert iod_px(_turned(yaw_deg=40, scale=80.0)) == pytest.approx(80.0, rel=1e-3)


def _picture(brightness=128, noise=30):
    rng = np.random.default_rng(0)
    blocks = rng.normal(brightness, noise, (50, 50, 1)).repeat(8, axis=0).repeat(8, axis=1)
    return np.clip(blocks.repeat(3, axis=2), 0, 255).astype(np.uint8)


FRONTAL = HeadPose(0.0, 0.0, 0.0)


def test_a_good_view_is_trusted():
    assert confidence(quality_factors(_picture(), _turned(), FRONTAL, 80.0)) > 0.95


def test_a_turn_costs_confidence_before_it_costs_the_frame():
    turns = [HeadPose(10.0, 0.0, 0.0), HeadPose(25.0, 0.0, 0.0), HeadPose(25.0, 20.0, 0.0)]
    slight, turned, both = (
        confidence(quality_factors(_picture(), _turned(), pose, 80.0)) for pose in turns
    )
    assert slight > turned > both > LOW_CONFIDENCE


@pytest.mark.parametrize(
    ("factor", "case"),
    [
        ("size", (_picture(), _turned(scale=15), FRONTAL, 15.0)),
        ("pose", (_picture(), _turned(yaw_deg=50), HeadPose(50.0, 0.0, 0.0), 80.0)),
        ("pose", (_picture(), _turned(pitch_deg=-40), HeadPose(0.0, -40.0, 0.0), 80.0)),
        ("light", (_picture(brightness=10, noise=3), _turned(), FRONTAL, 80.0)),
        ("sharpness", (np.full((400, 400, 3), 128, np.uint8), _turned(), FRONTAL, 80.0)),
        ("framing", (_picture(), _turned(shift=(0.0, 180.0, 0.0)), FRONTAL, 80.0)),
    ],
)
def test_confidence_falls_and_says_why(factor, case):
    factors = quality_factors(*case)
    assert factors[factor] < 0.5
    assert confidence(factors) <= factors[factor]
