"""Where a picture gets a second look, and what that finds."""

from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from echodepth_cli.face.lookout import LAG_S, LookOut
from echodepth_cli.face.together import observe_frames
from echodepth_cli.face.tracker import MediaPipeTracker
from echodepth_cli.records import Box, Frame, SeenPicture
from tests.composites import INTERVIEWEE
from tests.persons.people import Someone

SHOT = np.random.default_rng(1).integers(0, 255, (72, 128, 3), dtype=np.uint8)
OTHER_SHOT = np.random.default_rng(2).integers(0, 255, (72, 128, 3), dtype=np.uint8)


def plans(pictures, faces, step_s=0.5):
    """Return the plan of each picture, when in each those faces were then seen."""
    lookout, made = LookOut(), []
    for index, (picture, found) in enumerate(zip(pictures, faces, strict=True)):
        plan = lookout.plan(Frame(index, index * step_s, picture))
        lookout.saw(SeenPicture(index, index * step_s, tuple(found), plan.look))
        made.append(plan)
    return made


def searched_s(made, step_s=0.5):
    return [index * step_s for index, plan in enumerate(made) if plan.everywhere]


def test_a_quiet_recording_is_searched_at_its_beginning_and_seldom_after():
    made = plans([SHOT] * 60, [[Someone(1).at(0.5)]] * 60)
    assert searched_s(made) == [0.0, 1.0, 2.0, 3.0, 13.0, 23.0]


def test_a_cut_and_a_missing_face_are_reasons_to_search():
    a, b = Someone(1).at(0.3), Someone(2).at(0.7)
    pictures = [SHOT] * 30 + [OTHER_SHOT] * 30
    cut = searched_s(plans(pictures, [[a]] * 60))
    assert [at_s for at_s in cut if 14 < at_s < 20] == [15.0, 16.0, 17.0, 18.0]
    gone = searched_s(plans([SHOT] * 60, [[a, b]] * 30 + [[a]] * 30))
    assert [at_s for at_s in gone if 14 < at_s < 20] == [15.5, 16.5, 17.5, 18.5]


def test_a_face_is_expected_where_it_was_for_two_seconds_and_not_beyond_a_cut():
    a, b = Someone(1).at(0.3), Someone(2).at(0.7)
    made = plans([SHOT] * 20, [[a, b]] * 10 + [[a]] * 10)
    assert [len(plan.places) for plan in made] == [0] + [2] * 13 + [1] * 6
    made = plans([SHOT] * 10 + [OTHER_SHOT] * 10, [[a, b]] * 20)
    assert [len(plan.places) for plan in made] == [0] + [2] * 9 + [0] + [2] * 9


def test_what_was_seen_a_moment_ago_may_still_be_in_work_and_is_not_used():
    step_s = 0.1
    made = plans([SHOT] * 10, [[Someone(1).at(0.5)]] * 10, step_s)
    first = next(index for index, plan in enumerate(made) if plan.places)
    assert first * step_s == pytest.approx(LAG_S)


@pytest.fixture(scope="module")
def portrait():
    with av.open(str(INTERVIEWEE)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


@pytest.fixture(scope="module")
def conversation(portrait):
    """A large face, and from 1 s on a small one beside it that moves a little."""
    large = cv2.resize(portrait, (620, 540))
    small = cv2.resize(portrait, (110, 96), interpolation=cv2.INTER_AREA)
    frames = []
    for index in range(12):
        picture = np.full((540, 960, 3), 120, dtype=np.uint8)
        picture[:, :620] = large
        if index >= 2:
            picture[400:496, 760 + 2 * index : 870 + 2 * index] = small
        frames.append(Frame(index, index / 4, picture))
    return frames


def test_a_small_face_beside_a_large_one_is_followed_once_it_was_found(conversation):
    with MediaPipeTracker() as one, MediaPipeTracker() as other:
        alone = list(observe_frames(conversation, [one]))
        together = list(observe_frames(conversation, [one, other]))
    # Found by the search at 1.25 s, and expected there from 0.4 s after that.
    assert [len(seen.faces) for seen in alone] == [1] * 5 + [2, 1] + [2] * 5
    for seen, same in zip(alone, together, strict=True):
        assert [f.box for f in seen.faces] == [f.box for f in same.faces]


def test_a_face_is_found_where_it_is_expected_and_once(conversation):
    picture = conversation[-1].image
    small = Box(800 / 960, 415 / 540, 40 / 960, 50 / 540)
    with MediaPipeTracker() as tracker:
        (large,) = tracker.detect(picture)
        low, high = large[:, :2].min(axis=0), large[:, :2].max(axis=0)
        known = Box(*(low / (960, 540)), *((high - low) / (960, 540)))
        assert len(tracker.detect(picture, [known])) == 1
        assert len(tracker.detect(picture, [known, small, replace(small, y=0.1)])) == 2


def test_where_only_one_face_is_kept_it_is_the_one_that_was_there_before(conversation):
    picture = conversation[-1].image
    with MediaPipeTracker(max_faces=1) as tracker:
        (large,), (small,) = (
            tracker.detect(picture, places) for places in ([], [Box(800 / 960, 0.77, 0.04, 0.09)])
        )
    assert large[0, 0] < 620 < small[0, 0]


def test_a_tile_before_a_large_face_is_somebody_else(portrait):
    picture = np.full((540, 960, 3), 120, dtype=np.uint8)
    picture[:, 170:790] = cv2.resize(portrait, (620, 540))
    with MediaPipeTracker() as tracker:
        (large,) = tracker.detect(picture)
        low, high = large[:, :2].min(axis=0), large[:, :2].max(axis=0)
        left, top = (round(v) for v in high - (high - low) * (0.45, 0.4))
        picture[top : top + 139, left : left + 160] = cv2.resize(
            portrait, (160, 139), interpolation=cv2.INTER_AREA
        )
        assert len(tracker.detect(picture, everywhere=True)) == 2
