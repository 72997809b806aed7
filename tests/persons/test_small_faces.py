"""Faces too small for the detector at first sight, and parts of a picture."""

from itertools import pairwise

import av
import cv2
import numpy as np
import pytest

from echodepth_cli.face.observer import observe, observe_frame
from echodepth_cli.face.search import squares
from echodepth_cli.face.tracker import MediaPipeTracker
from echodepth_cli.records import Frame
from tests.composites import INTERVIEWEE


@pytest.fixture(scope="module")
def tracker():
    with MediaPipeTracker() as opened:
        yield opened


@pytest.fixture(scope="module")
def portrait():
    with av.open(str(INTERVIEWEE)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def in_a_room(tracker, portrait, iod_px, at):
    """Return a 1920 x 1080 picture with a face so small, and where its landmarks are."""
    (face,) = observe(portrait, tracker)
    scale = iod_px / face.iod_px
    small = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    room = np.random.default_rng(1).integers(110, 130, (1080, 1920, 3), dtype=np.uint8)
    x, y = at
    room[y : y + small.shape[0], x : x + small.shape[1]] = small
    return room, face.landmarks_px * scale + np.array([x, y, 0], dtype=np.float32)


@pytest.mark.parametrize("iod_px", [40, 60, 80, 100])
@pytest.mark.parametrize("at", [(100, 60), (1050, 300)])
def test_a_small_face_in_a_wide_shot_is_found_and_placed_well(tracker, portrait, iod_px, at):
    room, true = in_a_room(tracker, portrait, iod_px, at)
    (found,) = tracker.detect(room)
    assert np.abs(found - true)[:, :2].mean() < 0.03 * iod_px


def test_a_small_face_beside_a_large_one_is_found_when_asked_for(tracker, portrait):
    room, _ = in_a_room(tracker, portrait, 40, (1500, 100))
    large = cv2.resize(portrait, (1200, round(1200 * portrait.shape[0] / portrait.shape[1])))
    room[: min(1080, len(large)), :1200] = large[:1080]
    assert len(tracker.detect(room)) == 1
    with MediaPipeTracker(small_faces=True) as thorough:
        assert len(thorough.detect(room)) == 2


def test_a_region_hides_the_rest_and_keeps_places(tracker, portrait):
    width = portrait.shape[1]
    both = np.concatenate([portrait, portrait[:, ::-1]], axis=1)
    whole = observe_frame(Frame(0, 0.0, both), tracker)
    right = observe_frame(Frame(0, 0.0, both), tracker, (0.5, 0.0, 0.5, 1.0))
    assert len(whole.faces) == 2
    (face,) = right.faces
    there = max(whole.faces, key=lambda f: f.box.x)
    assert face.box.x == pytest.approx(there.box.x, abs=0.02)
    assert face.landmarks_px[0, 0] == pytest.approx(there.landmarks_px[0, 0], abs=0.02 * width)


@pytest.mark.parametrize("shape", [(1080, 1920), (1920, 1080), (480, 640), (100, 100), (90, 1000)])
def test_the_squares_cover_the_picture_and_overlap(shape):
    seen = np.zeros(shape, dtype=int)
    parts = list(squares(*shape))
    for left, top, side in parts:
        seen[top : top + side, left : left + side] += 1
    assert seen.min() == 1
    longer = sorted(max(left, top) for left, top, _ in parts)
    assert all(b - a <= 0.8 * min(shape) + 1 for a, b in pairwise(longer))


def test_all_faces_are_known_to_the_blur_however_few_are_followed(portrait):
    small = cv2.resize(portrait, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    picture = np.concatenate([portrait, portrait[:, ::-1]], axis=1)
    picture[: small.shape[0], : small.shape[1]] = small
    middles = [(0.075, 0.15), (0.25, 0.5), (0.75, 0.5)]
    with MediaPipeTracker(max_faces=1) as tracker:
        assert len(tracker.detect(picture)) == 1
        places = tracker.places(picture)
    for x, y in middles:
        assert any(abs(b.x + b.w / 2 - x) < 0.05 and abs(b.y + b.h / 2 - y) < 0.1 for b in places)
