"""What a face shows, told from landmarks that were moved on purpose."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from echodepth_cli.affect.action_units import EXTRA_COLUMNS, SIDED_AUS, ActionUnitModel
from echodepth_cli.affect.facs import ACTION_UNITS, Status, action_unit
from echodepth_cli.affect.neutral import MIN_FRAMES, find_neutral
from echodepth_cli.affect.trends import ACTIVE_FROM
from echodepth_cli.face.alignment import reference_face
from echodepth_cli.face.appearance import APPEARANCE_VALUES
from echodepth_cli.face.observer import observe
from echodepth_cli.face.tracker import MediaPipeTracker
from echodepth_cli.records import Box, FaceObservation, HeadPose

SAMPLE = Path(__file__).parents[1] / "sample_videos" / "interview.mp4"

LOWER_LIP = (14, 17, 84, 314, 87, 317, 178, 402, 15, 16, 85, 86, 315, 316)
UPPER_LIDS = (159, 158, 160, 161, 157, 386, 385, 387, 384, 388)
LOWER_LIDS = (145, 153, 144, 163, 154, 374, 380, 373, 381, 390)


@pytest.fixture(scope="module")
def model():
    return ActionUnitModel.load()


def face(points=None, yaw_deg=0.0, iod_px=80.0, noise=0.0, seed=0):
    points = reference_face().astype(np.float32) if points is None else points
    jitter = np.random.default_rng(seed).normal(0, noise, points.shape) if noise else 0
    return FaceObservation(
        points=(points + jitter).astype(np.float32),
        landmarks_px=points,
        appearance=np.zeros(APPEARANCE_VALUES, dtype=np.int8),
        box=Box(0.3, 0.3, 0.4, 0.4),
        pose=HeadPose(yaw_deg, 0.0, 0.0),
        iod_px=iod_px,
        confidence=1.0,
    )


def moved(landmarks, by):
    points = reference_face().astype(np.float32).copy()
    points[list(landmarks)] += np.array(by, dtype=np.float32)
    return points


def smile(left=1.0, right=1.0):
    """Draw the lip corners and the skin around them up, out and back."""
    points = reference_face().astype(np.float32).copy()
    for corner, side, share in ((291, 1.0, left), (61, -1.0, right)):
        away = np.linalg.norm(reference_face() - reference_face()[corner], axis=1)
        soft = np.exp(-0.5 * (away / 0.22) ** 2)[:, None] * share
        points += (soft * np.array((side * 0.11, -0.16, 0.12))).astype(np.float32)
    return points


@pytest.fixture(scope="module")
def calm(model):
    return find_neutral([face(noise=0.003, seed=k) for k in range(30)], model)


def test_the_table_has_46_rows_each_with_a_status_and_a_reason():
    assert [unit.number for unit in ACTION_UNITS] == list(range(1, 47))
    assert all(unit.name and unit.description and unit.why for unit in ACTION_UNITS)
    assert Counter(unit.status for unit in ACTION_UNITS) == {
        Status.MEASURED: 28,
        Status.PROXY: 13,
        Status.NOT_OBSERVABLE: 5,
    }
    assert action_unit(12).name == "Lip corner puller"


def test_a_calm_face_shows_no_active_unit(model, calm):
    estimate = model.relative([face(noise=0.003, seed=99)], calm)[0]
    assert not (np.nan_to_num(estimate.intensities) >= 0.3).any()


def test_lip_corners_drawn_up_and_out_are_au12(model, calm):
    estimate = model.relative([face(smile())], calm)[0]
    assert estimate.intensities[11] >= 0.3


def test_one_sided_movement_is_larger_on_its_side(model, calm):
    estimate = model.relative([face(smile(right=0.0))], calm)[0]
    assert estimate.left[11] > estimate.right[11]
    estimate = model.relative([face(smile(left=0.0))], calm)[0]
    assert estimate.right[11] > estimate.left[11]


def test_the_gap_of_the_lips_is_au25(model, calm):
    points = moved(LOWER_LIP, (0.0, 0.12, 0.0))
    estimate = model.relative([face(points)], calm)[0]
    assert estimate.intensities[24] >= 0.3
    assert estimate.lip_gap > 0.1


def test_at_most_one_band_of_lid_closure_is_active(model, calm):
    for share in np.linspace(0, 1, 9):
        points = reference_face().astype(np.float32).copy()
        upper, lower = list(UPPER_LIDS), list(LOWER_LIDS)
        points[upper] += share * (points[lower] - points[upper])
        bands = model.relative([face(points)], calm)[0].intensities[40:43]
        assert (bands >= 0.3).sum() <= 1


def test_a_wide_open_mouth_shows_no_raised_chin(model, calm):
    points = moved((*LOWER_LIP, 199, 152, 175, 200), (0.0, 0.3, 0.0))
    assert model.relative([face(points)], calm)[0].intensities[16] == 0


def test_what_cannot_be_seen_is_missing_with_a_reason_never_zero(model, calm):
    estimate = model.relative([face()], calm)[0]
    for unit in ACTION_UNITS:
        missing = bool(np.isnan(estimate.intensities[unit.number - 1]))
        assert missing == (unit.number in estimate.reasons)
        if unit.status is Status.NOT_OBSERVABLE:
            assert missing
    small = model.relative([face(iod_px=12.0)], calm)[0]
    assert np.isnan(small.intensities[6])
    assert small.reasons[7] == "face_too_small"
    turned = model.relative([face(yaw_deg=70.0)], calm)[0]
    assert np.isnan(turned.intensities).all()
    assert turned.reasons[12] == "turned_away"


def test_intensities_stay_within_0_and_1_for_absurd_landmarks(model, calm):
    points = reference_face().astype(np.float32) * np.float32(1.7)
    values = model.relative([face(points)], calm)[0].intensities
    seen = values[~np.isnan(values)]
    assert ((seen >= 0) & (seen <= 1)).all()


def test_results_do_not_depend_on_how_faces_are_grouped(model, calm):
    faces = [face(noise=0.01, seed=k) for k in range(5)]
    together = model.relative(faces, calm)
    apart = [model.relative([one], calm)[0] for one in faces]
    for a, b in zip(together, apart, strict=True):
        np.testing.assert_array_equal(a.intensities, b.intensities)


def test_extra_columns_are_those_announced(model, calm):
    columns = model.relative([face()], calm)[0].extra_columns()
    assert list(columns) == [name for name, _, _ in EXTRA_COLUMNS]
    assert f"AU{SIDED_AUS[0]:02d}_L" in columns


def test_the_neutral_face_is_the_calm_one_though_the_person_smiles_mostly(model):
    smiling = [face(smile(), noise=0.003, seed=k) for k in range(40)]
    resting = [face(noise=0.003, seed=100 + k) for k in range(8)]
    neutral = find_neutral([*smiling, *resting], model)
    rest_x = reference_face()[291, 0]
    assert abs(neutral.points[291, 0] - rest_x) < abs(neutral.points[291, 0] - smile()[291, 0])


@pytest.fixture(scope="module")
def interview():
    """Return the faces of the sample interview from 20.8 to 27.2 s: at rest, then a smile."""
    found = []
    with MediaPipeTracker(max_faces=1) as tracker, av.open(str(SAMPLE)) as container:
        container.seek(20 * av.time_base)
        for frame in container.decode(video=0):
            if frame.time > 27.2:
                break
            if frame.time >= 20.8:
                picture = frame.to_ndarray(format="rgb24")
                found.append((frame.time, observe(picture, tracker)[0]))
    return found


def test_the_neutral_face_holds_when_the_person_smiles_for_two_thirds_of_the_window(
    model, interview
):
    smiling = [one for time, one in interview if time >= 24.6]
    resting = [one for time, one in interview if time < 24.0]
    share = resting[:: -(-2 * len(resting) // len(smiling))]
    assert len(smiling) >= 1.8 * len(share)
    mixed = find_neutral([*smiling, *share], model)
    calm = find_neutral(resting, model)
    one, other = (
        np.stack([e.intensities for e in model.relative([*smiling, *resting], neutral)])
        for neutral in (mixed, calm)
    )
    seen = ~np.isnan(one).any(axis=0)
    differences = np.abs(one - other)[:, seen].mean(axis=0)
    assert differences.mean() < 0.1
    assert differences.max() < 0.25
    assert np.mean(one[: len(smiling), 11] >= 0.3) > 0.9


def test_one_eye_closed_is_a_wink_of_that_side_and_both_closed_are_none(model):
    with av.open(str(SAMPLE)) as container:
        container.seek(0)
        shown = {}
        for frame in container.decode(video=0):
            if frame.time > 1.9:
                break
            shown[round(frame.time, 2)] = frame.to_ndarray(format="rgb24")
    calm, blink = shown[1.2], shown[1.8]
    with MediaPipeTracker(max_faces=1) as tracker:
        resting = [observe(shown[time], tracker)[0] for time in (0.8, 1.0, 1.2, 1.4)]
        nose_px = round(float(resting[2].landmarks_px[1, 0]))
        wink = np.concatenate([blink[:, :nose_px], calm[:, nose_px:]], axis=1)
        mirrored = np.ascontiguousarray(wink[:, ::-1])
        calm_mirrored = [np.ascontiguousarray(shown[t][:, ::-1]) for t in (0.8, 1.0, 1.2, 1.4)]
        faces = [observe(picture, tracker)[0] for picture in (wink, blink, mirrored)]
        turned = [observe(picture, tracker)[0] for picture in calm_mirrored]
    neutral = find_neutral(resting, model)
    right, both = model.relative(faces[:2], neutral)
    left = model.relative(faces[2:], find_neutral(turned, model))[0]
    assert right.right[45] >= 0.3
    assert left.left[45] >= 0.3
    assert right.left[45] == left.right[45] == 0
    assert both.intensities[45] == 0
    assert both.intensities[42] >= 0.3


def test_too_few_frames_give_the_population_neutral_and_say_so(model):
    neutral = find_neutral([face()] * (MIN_FRAMES - 1), model)
    assert neutral.quality == "unusable"
    assert neutral.reasons
    estimate = model.relative([face()], neutral)[0]
    absolute = model.absolute([face()])[0]
    np.testing.assert_array_equal(estimate.intensities, absolute.intensities)


class Restless:
    """Sees every channel go up and down by 0.5 from picture to picture."""

    channel_names = ("AU12_L", "jaw")

    def search_channels(self, observations):
        return np.zeros((len(observations), 2), dtype=np.float32)

    absolute_channels = search_channels

    def relative_channels(self, observations, neutral):
        return np.tile(np.float32([[0.5], [-0.5]]), (len(observations), 2))[: len(observations)]


def test_no_noise_hides_more_than_half_of_what_is_active():
    floor = find_neutral([face(seed=k) for k in range(30)], Restless()).floor
    # AU12 is its channel; AU26 is full when the jaw channel is at half.
    np.testing.assert_allclose(floor / (1.0, 0.5), ACTIVE_FROM / 2)


def test_values_within_the_noise_of_the_recording_are_zero(model, calm):
    loud = replace(calm, floor=np.full(len(model.channel_names), 9.0, dtype=np.float32))
    values = model.relative([face(noise=0.02, seed=3)], loud)[0].intensities
    assert np.nanmax(np.delete(values, 24)) == 0
