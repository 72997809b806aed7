from __future__ import annotations

import cv2
import numpy as np
import pytest

from echodepth_cli.output.snapshots import WIDTH_PX, make_still
from echodepth_cli.records import Box


@pytest.fixture
def noisy_picture():
    return np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8)


def pixels(still):
    return cv2.imdecode(np.frombuffer(still.jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_a_still_is_small_and_keeps_its_shape_and_colours():
    image = np.zeros((720, 1280, 3), dtype=np.uint8)
    image[:, :, 0] = 200
    still = make_still(image, 12.5)
    picture = pixels(still)
    assert picture.shape == (180, WIDTH_PX, 3)
    assert still.offset_s == 12.5
    blue, _, red = picture.mean(axis=(0, 1))
    assert red > 190
    assert blue < 10


def test_a_small_picture_is_not_enlarged():
    assert pixels(make_still(np.zeros((90, 120, 3), np.uint8), 0)).shape == (90, 120, 3)


def test_blurring_removes_the_detail_of_the_face_only(noisy_picture):
    face = Box(0.3, 0.3, 0.2, 0.3)
    plain = pixels(make_still(noisy_picture, 0)).astype(float)
    blurred = pixels(make_still(noisy_picture, 0, (face,), blur=True)).astype(float)
    inside = np.s_[80:136, 102:154]
    outside = np.s_[0:50, 200:320]
    assert blurred[inside].std() < plain[inside].std() / 3
    assert blurred[outside].std() > plain[outside].std() * 0.9


def test_blurring_without_a_known_face_hides_the_whole_picture(noisy_picture):
    plain = pixels(make_still(noisy_picture, 0)).astype(float)
    blurred = make_still(noisy_picture, 0, blur=True)
    assert blurred.blurred
    assert pixels(blurred).astype(float).std() < plain.std() / 3


def test_a_face_reaching_out_of_the_picture_can_be_blurred(noisy_picture):
    assert make_still(noisy_picture, 0, (Box(-0.2, 0.8, 0.5, 0.6),), blur=True).jpeg
