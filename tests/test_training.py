"""The generator draws what it says; needs numba, and the face data beside the repository."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

pytest.importorskip("numba", reason="training extras are not installed")

from models.training import generate, sample
from models.training.actions import (
    CHANNELS,
    RECIPES,
    shape_weights,
    with_own_shapes,
    wrinkle_depths,
)
from models.training.dataset import TARGETS, others_at_rest
from models.training.face_model import DEFAULT_PATH, load_face_model
from models.training.paint import WRINKLES, make_canvas
from models.training.render import Camera, Scene, make_person, project, render, rotation

needs_face = pytest.mark.skipif(not DEFAULT_PATH.exists(), reason="no face data in ../shared")


def test_expressions_are_reproducible_and_leave_antagonists_out():
    draws = [sample.expression(np.random.default_rng(k)) for k in range(200)]
    again = sample.expression(np.random.default_rng(7))
    np.testing.assert_array_equal(draws[7], again)
    at = {name: k for k, name in enumerate(CHANNELS)}
    for values in draws:
        if values[at["AU08"]] == 0:
            assert not (values[at["AU18"]] > 0 and values[at["AU20_L"]] > 0)


def test_every_channel_has_a_recipe_and_furrows_match_the_canvas():
    named = {name.removesuffix("_L").removesuffix("_R") for name in CHANNELS}
    assert named - set(RECIPES) - {"AU30", "mouth", "AU08", "gaze_x", "gaze_y"} == set()
    assert len(wrinkle_depths(np.zeros(len(CHANNELS), np.float32))) == len(WRINKLES)


def test_rotation_follows_the_signs_of_the_head_pose():
    nose = np.array([0.0, 0.0, 1.0])
    assert (rotation(20, 0, 0) @ nose)[0] > 0
    assert (rotation(0, 20, 0) @ nose)[1] > 0
    assert (rotation(0, 0, 20) @ np.array([0.0, 1.0, 0.0]))[0] > 0


@needs_face
@pytest.mark.shared
def test_a_smile_moves_the_lip_corner_of_its_side_in_the_picture():
    model = with_own_shapes(load_face_model())
    canvas = make_canvas(model, 128)
    person = make_person(model, canvas, np.zeros(100, np.float32), sample.look(_rng()))
    channels = np.zeros(len(CHANNELS), np.float32)
    channels[CHANNELS.index("AU12_L")] = 1.0
    weights = shape_weights(model, channels, _rng())
    scene = Scene(camera=Camera(160, 160, 110.0), supersample=1)
    calm = render(model, canvas, person, np.zeros(len(weights), np.float32), scene=scene)
    smile = render(model, canvas, person, weights, scene=scene)
    changed = np.abs(calm.astype(int) - smile.astype(int)).sum(axis=2)
    assert changed[:, 80:].sum() > 3 * changed[:, :80].sum()
    assert project(person.vertices, scene.camera)[0].shape == (len(person.vertices), 2)


def _rng():
    return np.random.default_rng(1)


def test_training_evens_windows_as_the_product_does():
    torch = pytest.importorskip("torch", reason="training extras are not installed")
    from echodepth_cli.face.appearance import WINDOW_PX, even
    from models.training.windows import evened

    soft = cv2.GaussianBlur(_rng().uniform(0, 255, (3, WINDOW_PX, WINDOW_PX)), (0, 0), 3)
    windows = soft.astype(np.uint8)
    trained = evened(torch.from_numpy(windows[None].astype(np.float32)))[0].numpy()
    np.testing.assert_allclose(trained, even(windows), atol=1e-5)


def test_a_neutral_picture_is_not_held_against_itself():
    data = SimpleNamespace(
        identity=np.array([7, 7, 7, 8, 8, 9]),
        neutral=np.array([True, True, False, True, False, True]),
    )
    values = np.array([[1.0], [3.0], [9.0], [5.0], [6.0], [2.0]], dtype=np.float32)
    rest = others_at_rest(data, values)[:, 0]
    np.testing.assert_array_equal(rest, [3, 1, 2, np.nan, 5, np.nan])


def test_gains_undo_most_of_what_a_turn_costs_but_keep_neutral_faces_inactive():
    torch = pytest.importorskip("torch", reason="training extras are not installed")
    from models.training.calibrate import calibrated

    neutral = np.arange(400) < 200
    pose = np.zeros((400, 3), dtype=np.float32)
    pose[:, 0] = np.tile([0.0, 30.0], 200)
    truth = np.where(neutral[:, None], 0, np.full(len(TARGETS), 0.8)).astype(np.float32)
    guess = truth * np.where(pose[:, :1] > 0, 0.4, 0.8).astype(np.float32)
    chin, pout = TARGETS.index("AU17"), TARGETS.index("AU18")
    guess[:200, pout] = 0.2
    gain = calibrated(guess, truth, pose, neutral)
    read = gain(torch.from_numpy(guess), torch.from_numpy(pose)).numpy()
    frontal, turned = read[200::2, chin], read[201::2, chin]
    assert ((frontal > 0.74) & (frontal < 0.81)).all()  # 0.64 without a gain
    assert ((turned > 0.64) & (turned < 0.81)).all()  # 0.32 without a gain
    assert read[:200, pout].max() < 0.30


def test_a_person_is_judged_by_the_landmark_part_that_was_not_fitted_on_them():
    torch = pytest.importorskip("torch", reason="training extras are not installed")
    from models.training.train import Halves, in_first

    class Says(torch.nn.Module):
        def __init__(self, number):
            super().__init__()
            self.number = number

        def forward(self, points, *_):
            return torch.full((len(points), 2), self.number)

    halves, people = Halves(Says(1.0), Says(2.0)), torch.tensor([4, 5, 6])
    face = [torch.zeros(3, 1)] * 4
    assert in_first(people).tolist() == [True, False, True]
    assert halves.of_strangers(people, *face)[:, 0].tolist() == [2.0, 1.0, 2.0]
    assert halves(*face)[:, 0].tolist() == [1.5, 1.5, 1.5]


@needs_face
@pytest.mark.shared
def test_a_shard_depends_on_its_number_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "IDENTITIES", 1)
    monkeypatch.setattr(generate, "EXPRESSIVE", 2)
    stage = generate._open_stage()
    other = generate.generate_shard(stage, 4)
    first, again = generate.generate_shard(stage, 3), generate.generate_shard(stage, 3)
    assert set(first) == set(again)
    for key, values in first.items():
        np.testing.assert_array_equal(values, again[key])
    assert not np.array_equal(first["channels"], other["channels"])
