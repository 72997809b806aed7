"""The windows show the same skin in any light, size and tilt of the head."""

import cv2
import numpy as np
import pytest

from echodepth_cli.face.alignment import align, reference_face
from echodepth_cli.face.appearance import (
    APPEARANCE_VALUES,
    WINDOW_PX,
    even,
    packed,
    unpacked,
    windows,
)
from echodepth_cli.face.grey import grey_face
from echodepth_cli.face.quality import quality_factors
from echodepth_cli.face.tracker import _rendered_face


@pytest.fixture(scope="module")
def face():
    """Return a picture of a face and landmarks for it."""
    picture = cv2.resize(_rendered_face(), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    height, width = picture.shape[:2]
    eye_distance = width / 4
    landmarks = reference_face() * eye_distance + (width / 2, height * 0.42, 0)
    return picture, landmarks.astype(np.float32)


def test_darker_and_flatter_light_changes_next_to_nothing(face):
    picture, landmarks = face
    points, _ = align(landmarks)
    dimmed = (picture * 0.55 + 20).astype(np.uint8)
    bright, dim = (even(windows(p, landmarks, points)).ravel() for p in (picture, dimmed))
    assert bright.shape == (APPEARANCE_VALUES,)
    assert np.abs(bright - dim).mean() < 0.15 * np.abs(bright).mean()


def test_windows_keep_still_while_the_head_tilts_and_comes_nearer(face):
    picture, landmarks = face
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 20, 0.8)
    tilted = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    moved = landmarks.copy()
    moved[:, :2] = landmarks[:, :2] @ turn[:, :2].T + turn[:, 2]
    moved[:, 2] *= 0.8
    before = windows(picture, landmarks, align(landmarks)[0]).astype(float)
    after = windows(tilted, moved, align(moved)[0]).astype(float)
    assert np.abs(before - after).mean() < 6.0


def test_the_left_eye_comes_mirrored(face):
    picture, landmarks = face
    points, _ = align(landmarks)
    both = np.concatenate([picture[:, : picture.shape[1] // 2]] * 2, axis=1)
    half = both.shape[1] // 2
    both[:, half : 2 * half] = both[:, :half][:, ::-1]
    right, left, _ = windows(both, landmarks, points).astype(float)
    assert np.abs(right - left).mean() < 6.0
    assert np.abs(right - left[:, ::-1]).mean() > 12.0


def test_what_is_kept_of_a_window_is_what_was_seen(face):
    picture, landmarks = face
    points, _ = align(landmarks)
    seen = even(windows(picture, landmarks, points))
    np.testing.assert_allclose(unpacked(packed(seen)), seen.ravel(), atol=1 / 60)


def test_a_margin_adds_skin_around_the_same_window(face):
    picture, landmarks = face
    points, _ = align(landmarks)
    wide = windows(picture, landmarks, points, margin_px=4)
    assert wide.shape == (3, WINDOW_PX + 8, WINDOW_PX + 8)
    np.testing.assert_array_equal(wide[:, 4:-4, 4:-4], windows(picture, landmarks, points))


def test_a_face_partly_out_of_the_picture_and_a_blank_one_give_numbers(face):
    picture, landmarks = face
    points, _ = align(landmarks)
    cut = even(windows(picture, landmarks + np.float32((picture.shape[1] * 0.6, 0, 0)), points))
    assert np.isfinite(cut).all()
    away = even(windows(picture, landmarks * 9 + np.float32((9000, 9000, 0)), points))
    assert np.isfinite(away).all()
    blank = np.zeros((3, WINDOW_PX, WINDOW_PX), dtype=np.uint8)
    np.testing.assert_array_equal(even(blank), 0)


@pytest.mark.parametrize("scale", [1.0, 0.3, 0.01])
@pytest.mark.parametrize("shift", [(0, 0), (250, 100), (-200, -150), (0, 350), (9000, 0)])
def test_one_grey_face_serves_for_windows_and_quality(face, scale, shift):
    picture, landmarks = face
    moved = (landmarks * scale + (*shift, 0)).astype(np.float32)
    (points, pose), grey = align(moved), grey_face(picture, moved)
    whole = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    (left, top), (right, bottom) = grey.low, grey.high
    np.testing.assert_array_equal(grey.part(grey.low, grey.high), whole[top:bottom, left:right])
    nothing = np.zeros_like(picture)
    np.testing.assert_array_equal(
        windows(nothing, moved, points, face=grey), windows(picture, moved, points)
    )
    given = quality_factors(nothing, moved, pose, 50.0, grey)
    assert given == quality_factors(picture, moved, pose, 50.0)
