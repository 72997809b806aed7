"""Which single pictures agree with what is known of their person."""

import numpy as np

from echodepth_cli.face.agreement import Agreement
from echodepth_cli.face.identities import Identity, TrackRecord
from echodepth_cli.face.odds import SURE
from echodepth_cli.face.signature import signature
from echodepth_cli.face.tracks import Sighting, Track
from tests.persons.people import Someone

A, B = Someone(1), Someone(4)


def pictures(who, count):
    return [who.at(0.5) for _ in range(count)]


def agreement_of(*tracks):
    """Take (person, faces) of each track, numbered from 1."""
    records, known = [], {}
    for number, (person, faces) in enumerate(tracks, start=1):
        records.append(TrackRecord(number, False, 0.0, faces[0].box, 0.0, faces[0].box))
        for k, face in enumerate(faces):
            records[-1].add(Sighting(k / 2, face, signature(face), Track(0.0)))
        known[number] = Identity(person, 0.99)
    return Agreement(records, known)


def sure(agreement, track, person, faces):
    return [agreement.certainty(track, person, face) >= SURE for face in faces]


def test_several_pictures_of_somebody_known_that_a_track_took_along_are_in_doubt():
    mine, taken_along = pictures(A, 5), pictures(B, 3)
    agreement = agreement_of((1, pictures(A, 20)), (2, pictures(B, 20)), (1, mine + taken_along))
    assert sure(agreement, 3, 1, mine) == [True] * 5
    assert sure(agreement, 3, 1, taken_along) == [False] * 3


def test_a_few_grimaces_elsewhere_say_nothing_against_a_long_track():
    grimacing, alike = Someone(1, colours=9), Someone(4, colours=1)
    grimacing._proportions = A._proportions + 3 * np.sign(A._proportions)
    mine = pictures(A, 30)
    agreement = agreement_of((1, mine), (1, pictures(grimacing, 4)), (2, pictures(alike, 20)))
    assert all(sure(agreement, 1, 1, mine))


def test_a_picture_with_nothing_to_compare_is_not_doubted():
    (only,) = faces = pictures(A, 1)
    assert agreement_of((1, faces), (2, pictures(B, 20))).certainty(1, 1, only) == 1.0
