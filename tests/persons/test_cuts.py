"""What is a cut, and what only moved."""

from fractions import Fraction
from itertools import islice

import numpy as np
import pytest

from echodepth_cli.engine import open_engine
from echodepth_cli.face.cuts import COLUMNS, ROWS, CutDetector, look_of
from echodepth_cli.face.odds import SURE
from echodepth_cli.face.persons import PersonTracker
from echodepth_cli.face.together import observe_frames
from echodepth_cli.records import Frame
from tests.composites import INTERVIEWEE, INTERVIEWER, looped


def rings(x, y):
    """Return the look of a striped thing at a place, before a plain wall."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    away = np.hypot(rows - y, columns - x)
    return np.where(away < 14, 128 + 100 * np.cos(away * 0.9), 60).astype(np.uint8)


def is_cut(*looks):
    detector = CutDetector()
    for look in looks:
        detector.push(look)
    return detector.is_cut


def test_what_moved_a_little_was_not_cut():
    still = [rings(32, 18)] * 4
    assert unlikeness(still[0], rings(34, 19)) > 0.5, (
        "it does not change enough to be taken for a cut"
    )
    assert not is_cut(*still, rings(34, 19))
    assert is_cut(*still, rings(44, 18))


def unlikeness(one, other):
    return 1 - np.corrcoef(one.ravel(), other.ravel())[0, 1]


def cuts_among(looks):
    detector, found = CutDetector(), []
    for index, look in enumerate(looks):
        detector.push(look)
        found += [index] if detector.is_cut else []
    return found


def alike(x, y):
    """Return a shot in which something else stands there as well."""
    return (0.55 * rings(x, y) + 0.45 * rings(x + 9, y - 4)).astype(np.uint8)


def test_cuts_that_come_often_are_not_what_is_usual():
    one, other = rings(32, 18), alike(32, 18)
    assert 0.2 < unlikeness(one, other) < 0.4, "they do not look alike"
    looks = ([one] * 2 + [other] * 2) * 8
    assert cuts_among(looks) == list(range(2, 32, 2))


def test_a_cut_between_two_lively_shots_that_are_alike_is_noticed():
    one = [rings(32 + k % 2 / 2, 18) for k in range(12)]
    other = [alike(32 + k % 2 / 2, 18) for k in range(12)]
    assert unlikeness(*one[:2]) > 0.06, "nothing moves"
    assert 0.2 < unlikeness(one[-1], other[0]) < 0.4, "they do not look alike"
    assert cuts_among(one + other) == [12]


def test_a_cut_to_somebody_else_who_sits_alike_is_one():
    one, other = (
        [look_of(picture) for picture in islice(looped(clip, Fraction(2)), 6)]
        for clip in (INTERVIEWEE, INTERVIEWER)
    )
    assert not is_cut(*one)
    assert is_cut(*one, other[0])
    assert is_cut(*other, one[0])


def test_a_woman_who_sways_and_covers_her_face_stays_herself(shared_data):
    clip = shared_data / "videos" / "interview_pexels.mp4"
    pictures = islice(looped(clip, Fraction(5)), 90)
    frames = [Frame(index, index / 5, picture) for index, picture in enumerate(pictures)]
    tracker, out = PersonTracker(), []
    with open_engine() as engine:
        for seen in observe_frames(frames, [engine.tracker]):
            out += tracker.push(seen.index, seen.offset_s, seen.faces, seen.look)
    out += tracker.end()
    known = tracker.identities()
    faces = [face for frame in out for face in known.settled(frame).faces]
    assert len(faces) >= 85
    assert {face.person for face in faces} == {1}
    assert min(face.certainty for face in faces) == pytest.approx(1.0, abs=1 - SURE)
