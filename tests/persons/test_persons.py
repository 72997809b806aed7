"""Who is who, through leaving, swapping, cuts and doubles."""

from dataclasses import replace

import numpy as np
import pytest

from echodepth_cli.face.looks import Mean
from echodepth_cli.face.odds import SURE
from echodepth_cli.face.persons import PersonTracker
from echodepth_cli.face.tracks import without_doubles
from tests.persons.people import Someone

SHOT = np.random.default_rng(1).integers(0, 255, (36, 64), dtype=np.uint8)
OTHER_SHOT = np.random.default_rng(2).integers(0, 255, (36, 64), dtype=np.uint8)


def followed(frames, fps=2.0, looks=None):
    """Push lists of faces; return per frame what was seen."""
    tracker, out = PersonTracker(), []
    for index, faces in enumerate(frames):
        look = looks[index] if looks else None
        out += tracker.push(index, index / fps, faces, look)
    out += tracker.end()
    assert [seen.index for seen in out] == list(range(len(frames)))
    return out


def numbers(frame):
    return [face.person for face in frame.faces]


@pytest.mark.parametrize("fps", [1, 2, 10, 30])
def test_two_people_keep_their_numbers_at_any_rate(fps):
    a, b = Someone(1), Someone(2)
    seen = followed([[b.at(0.75), a.at(0.25)] for _ in range(20 * fps)], fps)
    assert {tuple(numbers(frame)) for frame in seen} == {(1, 2)}


def test_sides_swapped_at_a_cut_are_seen_through():
    a, b = Someone(1), Someone(2)
    frames = [[a.at(0.25), b.at(0.75)] for _ in range(20)]
    frames += [[b.at(0.25), a.at(0.75)] for _ in range(20)]
    seen = followed(frames, looks=[SHOT] * 20 + [OTHER_SHOT] * 20)
    assert [numbers(frame) for frame in seen] == [[1, 2]] * 20 + [[2, 1]] * 20


def test_a_swap_without_a_visible_cut_is_found_or_doubted():
    a, b = Someone(1), Someone(2)
    frames = [[a.at(0.25), b.at(0.75)] for _ in range(20)]
    frames += [[b.at(0.25), a.at(0.75)] for _ in range(20)]
    late = followed(frames)[20:]
    wrong = [
        f for frame in late for f, true in zip(frame.faces, (2, 1), strict=True) if f.person != true
    ]
    assert all(face.certainty < SURE for face in wrong)


def test_someone_who_returns_on_the_other_side_has_the_same_number():
    a, b = Someone(1), Someone(2)
    frames = [[a.at(0.25), b.at(0.75)] for _ in range(30)]
    frames += [[b.at(0.75)] for _ in range(40)]
    frames += [[b.at(0.30), a.at(0.8)] for _ in range(30)]
    seen = followed(frames, looks=[SHOT] * 70 + [OTHER_SHOT] * 30)
    assert numbers(seen[0]) == [1, 2]
    assert numbers(seen[50]) == [2]
    assert numbers(seen[-1]) == [2, 1]


def test_a_stranger_in_an_empty_chair_is_not_the_person_who_left():
    a, stranger = Someone(1), Someone(3)
    frames = [[a.at(0.5)] for _ in range(20)] + [[]] * 10
    frames += [[stranger.at(0.5)] for _ in range(20)]
    seen = followed(frames)
    assert numbers(seen[-1]) != numbers(seen[0])


def test_a_face_that_shows_too_little_is_doubted_not_decided():
    a, turned = Someone(1), Someone(3)
    frames = [[a.at(0.25)] for _ in range(20)] + [[]] * 20
    frames += [[replace(turned.at(0.75, yaw_deg=50), colours=None)] for _ in range(20)]
    assert all(face.certainty < SURE for face in followed(frames)[-1].faces)


def test_people_built_alike_in_other_clothes_are_told_apart_or_doubted():
    a, b = Someone(1), Someone(1, colours=2)
    frames = [[who.at(0.5)] for who in (a, b, a, b, a, b) for _ in range(10)]
    seen = followed(frames, looks=([SHOT] * 10 + [OTHER_SHOT] * 10) * 3)
    sure = [set(), set()]
    for k, frame in enumerate(seen):
        sure[k // 10 % 2] |= {f.person for f in frame.faces if f.certainty >= SURE}
    assert sure[0]
    assert not sure[0] & sure[1]


def test_someone_who_walks_past_does_not_take_the_identity_along():
    a, b = Someone(1), Someone(2)
    frames = [[a.at(0.5)] for _ in range(20)]
    frames += [[b.at(x)] for x in (0.42, 0.52, 0.62, 0.72, 0.82)]
    frames += [[a.at(0.5)] for _ in range(20)]
    seen = followed(frames)
    assert {tuple(numbers(frame)) for frame in seen[:20] + seen[25:]} == {(1,)}
    past = [face for frame in seen[20:25] for face in frame.faces]
    assert not any(face.person == 1 and face.certainty >= SURE for face in past)


def test_a_profile_keeps_its_track():
    a = Someone(1)
    frames = [[a.at(0.5, yaw_deg=0 if k < 15 else 55, confidence=0.3)] for k in range(40)]
    assert {tuple(numbers(frame)) for frame in followed(frames)} == {(1,)}


def test_one_face_found_twice_is_one():
    a, b = Someone(1), Someone(2)
    face = a.at(0.3)
    again = replace(a.at(0.32), confidence=0.7)
    kept = without_doubles([again, face, b.at(0.7)])
    assert [other.box.x for other in kept] == [face.box.x, b.at(0.7).box.x]


def test_the_same_observations_give_the_same_people():
    def once():
        a, b = Someone(1), Someone(2)
        frames = [[a.at(0.25), b.at(0.6 if k % 7 else 0.65)] for k in range(40)]
        return [(numbers(f), [s.certainty for s in f.faces]) for f in followed(frames)]

    assert once() == once()


def settled(frames, looks):
    """Push lists of faces; return per frame what was seen, judged from the whole.

    What is recalled later must be the same.
    """
    tracker, out = PersonTracker(), []
    for index, faces in enumerate(frames):
        out += tracker.push(index, index / 2, faces, looks[index])
    out += tracker.end()
    known = tracker.identities()
    seen = [known.settled(frame) for frame in out]
    certainties = iter([face.certainty for frame in seen for face in frame.faces])
    assert [known.recalled(frame, certainties) for frame in out] == seen
    return seen


def test_what_a_track_shows_later_settles_its_beginning():
    a, b = Someone(1), Someone(2)
    turned = [replace(a.at(0.5, yaw_deg=40), colours=None) for _ in range(12)]
    frames = [[a.at(0.5)] for _ in range(20)] + [[b.at(0.5)] for _ in range(20)]
    frames += [[face] for face in turned] + [[a.at(0.5)] for _ in range(20)]
    looks = [SHOT] * 20 + [OTHER_SHOT] * 20 + [SHOT] * 32
    at_once, in_the_end = followed(frames, looks=looks)[40:], settled(frames, looks)[40:]
    assert any(face.certainty < SURE for frame in at_once for face in frame.faces)
    assert {tuple(numbers(frame)) for frame in in_the_end} == {(1,)}
    assert all(face.certainty >= SURE for frame in in_the_end for face in frame.faces)


def test_people_built_alike_stay_apart_or_in_doubt_in_the_end():
    a, b = Someone(1), Someone(1, colours=2)
    frames = [[who.at(0.5)] for who in (a, b, a, b, a, b) for _ in range(10)]
    seen = settled(frames, ([SHOT] * 10 + [OTHER_SHOT] * 10) * 3)
    sure = [set(), set()]
    for k, frame in enumerate(seen):
        sure[k // 10 % 2] |= {f.person for f in frame.faces if f.certainty >= SURE}
    assert sure[0]
    assert not sure[0] & sure[1]


def test_two_who_were_in_one_frame_are_never_made_one():
    a, b = Someone(1), Someone(1, apart=2.6)
    frames = [[a.at(0.25), b.at(0.75)] for _ in range(20)] + [[a.at(0.25)] for _ in range(20)]
    seen = settled(frames, [SHOT] * 40)
    assert {tuple(numbers(frame)) for frame in seen[:20]} == {(1, 2)}


def test_a_glimpse_in_doubt_casts_no_doubt_on_who_was_in_view_for_long():
    a, b = Someone(1), Someone(2)
    glimpse = replace(a.at(0.32), colours=a.at(0.3).colours - np.float32(25))
    frames = [[a.at(0.25), b.at(0.75)] for _ in range(40)]
    frames += [[glimpse, b.at(0.75)]] + [[a.at(0.25), b.at(0.75)] for _ in range(40)]
    seen = settled(frames, [SHOT] * 81)
    long = [frame.faces[0] for frame in seen[:40] + seen[41:]]
    assert {(face.person, face.certainty >= SURE) for face in long} == {(1, True)}


def test_a_face_that_changes_colour_for_a_moment_is_still_the_same():
    a = Someone(1)
    shade = np.full(9, 17, dtype=np.float32)
    dark = [replace(f, colours=f.colours - shade) for f in (a.at(0.5) for _ in range(3))]
    frames = [[a.at(0.5)] for _ in range(20)] + [[f] for f in dark] + [[a.at(0.5)]] * 20
    seen = settled(frames, [SHOT] * 43)
    assert {tuple(numbers(frame)) for frame in seen} == {(1,)}
    assert all(face.certainty >= SURE for frame in seen for face in frame.faces)


def grimaced(face, *, clothes=0.0):
    """Return a face unlike itself: stretched, with the brow where the hair was."""
    points = face.points * np.array([1.0, 1.12, 1.0], dtype=np.float32)
    return replace(face, points=points, colours=face.colours + np.float32([30] * 3 + [clothes] * 6))


def test_a_grimace_between_two_sights_of_somebody_in_one_place_is_theirs():
    a, b = Someone(1), Someone(2)
    both = [[a.at(0.25), b.at(0.75)] for _ in range(20)]
    frames = [*both, [grimaced(a.at(0.25)), b.at(0.75)], *both]
    seen = settled(frames, [SHOT] * 41)
    tracks = [frame.faces[0].track for frame in seen]
    assert tracks[20] != tracks[0] == tracks[40], "the grimace was not unlike enough to test it"
    assert (seen[20].faces[0].person, seen[20].faces[0].certainty >= SURE) == (1, True)


def test_somebody_else_in_the_very_place_for_a_moment_is_not_taken_for_them():
    a, b = Someone(1), Someone(2)
    for stranger in (grimaced(a.at(0.25), clothes=25.0), Someone(5).at(0.25)):
        frames = [[a.at(0.25), b.at(0.75)] for _ in range(20)]
        frames = [*frames, [stranger, b.at(0.75)], *frames]
        face = settled(frames, [SHOT] * 41)[20].faces[0]
        assert face.person != 1 or face.certainty < SURE


def test_many_tracks_are_settled_as_few_are():
    """The first four hundred teach; the others are compared with those."""
    cast = [Someone(k) for k in range(3)]
    frames, looks = [], []
    for k in range(500):
        frames += [[cast[k % 3].at(0.5)] for _ in range(4 if k % 2 else 3)]
        looks += [SHOT if k % 2 else OTHER_SHOT] * (len(frames) - len(looks))
    who = [k % 3 for k in range(500) for _ in range(4 if k % 2 else 3)]
    seen = settled(frames, looks)
    pairs = {(w, f.person) for w, frame in zip(who, seen, strict=True) for f in frame.faces}
    assert len({face.track for frame in seen for face in frame.faces}) == 500
    assert len(pairs) == 3


def test_two_who_look_the_same_are_in_doubt_once_they_may_have_changed_places():
    a, b = Someone(1), Someone(1)
    frames = [[a.at(0.25), b.at(0.75)] for _ in range(20)] + [[b.at(0.75)] for _ in range(20)]
    frames += [[b.at(0.25), a.at(0.75)] for _ in range(20)]
    late = settled(frames, [SHOT] * 20 + [OTHER_SHOT] * 20 + [SHOT] * 20)[40:]
    assert all(face.certainty < SURE for frame in late for face in frame.faces)


def test_colours_in_which_somebody_was_seen_now_and_then_are_theirs():
    """Raised brows bring skin to where the hair was; a turned head shows no proportions."""
    a, b = Someone(1), Someone(2)
    skin = np.array([22] * 3 + [0] * 6, dtype=np.float32)

    def raised(yaw_deg):
        face = a.at(0.5, yaw_deg=yaw_deg)
        return replace(face, colours=face.colours + skin)

    frames = [[raised(0)] if k % 5 == 4 else [a.at(0.5)] for k in range(40)]
    frames += [[b.at(0.5)] for _ in range(20)] + [[raised(40)] for _ in range(12)]
    seen = settled(frames, [SHOT] * 40 + [OTHER_SHOT] * 20 + [SHOT] * 12)
    assert {(f.person, f.certainty >= SURE) for s in seen[60:] for f in s.faces} == {(1, True)}


def test_who_is_first_seen_badly_is_known_from_all_that_was_seen_better():
    a, b, unlike = Someone(1), Someone(2), Someone(2)
    unlike._proportions = (a._proportions + 2 * b._proportions) / 3
    looks, frames = [], []
    for k, shot in enumerate([[a], [unlike], [a, b], [a], [b], [a, b]]):
        for _ in range(8):
            faces = [who.at(x) for who, x in zip(shot, (0.25, 0.75), strict=False)]
            frames.append(faces if len(shot) > 1 else [shot[0].at(0.5)])
        looks += [SHOT if k % 2 else OTHER_SHOT] * 8
    seen = settled(frames, looks)
    assert {(f.person, f.certainty >= SURE) for s in seen[8:16] for f in s.faces} == {(2, True)}


@pytest.mark.parametrize("count", [1, 5, 450])
def test_a_mean_taken_at_once_is_the_one_taken_one_by_one_to_the_bit(count):
    vectors = np.random.default_rng(count).uniform(0, 255, (count, 9)).astype(np.float32)
    vectors[:, 6:] = np.nan
    vectors[1::3, 5] = np.nan
    one_by_one = Mean()
    for vector in (vectors[0], None, *vectors[1:]):
        one_by_one.add(vector)
    at_once = Mean.of([vectors[0], None, *vectors[1:]])
    assert at_once.count == one_by_one.count == count
    np.testing.assert_array_equal(at_once.value, one_by_one.value)


def test_a_picture_of_somebody_else_that_a_track_took_along_is_in_doubt():
    a, b = Someone(1), Someone(4)
    shade = np.full(9, 11, dtype=np.float32)
    in_like_clothes = replace(b.at(0.5), colours=a.at(0.5).colours + shade)
    frames = [*([a.at(0.5)] for _ in range(20)), [in_like_clothes], *([] for _ in range(8))]
    frames += [[a.at(0.5)] for _ in range(20)]
    seen = settled(frames, [SHOT] * 49)
    assert seen[20].faces[0].track == seen[0].faces[0].track, "it was not taken along"
    doubtful = [k for k, frame in enumerate(seen) for f in frame.faces if f.certainty < SURE]
    assert doubtful == [20]
