"""A hand before the mouth is noticed, on pictures that were really measured."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.false_alarms import in_time, session_of
from echodepth_cli.engine import open_engine
from echodepth_cli.face.cover import COVERED, cover_factor, usual_strangeness
from echodepth_cli.face.observer import observe_frame
from echodepth_cli.records import Frame, SeenPicture
from echodepth_cli.video.reader import open_video
from echodepth_cli.video.sampler import sampled_frames
from models.training.cover import fingers
from tests.conftest import REPO

CALM_S, DOUBT_S = (3.0, 23.0), (55.0, 62.0)
"""The person talks and nods; the person holds the mouth corners down, which is an alert."""


@pytest.fixture(scope="module")
def seen():
    """Return the calm stretch, the other one, and that with a hand before the mouth."""
    rng = np.random.default_rng(0)
    with open_engine() as engine:

        def pictures(stretch_s, *, covered=False) -> list[SeenPicture]:
            with open_video(REPO / "sample_videos" / "interview.mp4") as reader:
                out = []
                for frame in sampled_frames(reader, 2.0, *stretch_s):
                    picture = observe_frame(frame, engine.tracker)
                    if covered:
                        image = fingers(frame.image, picture.faces[0], rng)
                        picture = observe_frame(
                            Frame(frame.index, frame.offset_s, image), engine.tracker
                        )
                    out.append(picture)
                return out

        calm = pictures(CALM_S)
        yield engine, calm, pictures(DOUBT_S), pictures(DOUBT_S, covered=True)


def test_fingers_are_told_from_every_bare_mouth(seen):
    _, calm, bare, covered = seen
    usual = usual_strangeness([picture.faces[0] for picture in calm])
    assert {cover_factor(p.faces[0], usual) for p in (*calm, *bare)} == {1.0}
    found = [cover_factor(face, usual) for p in covered for face in p.faces]
    assert len(found) > 10
    assert np.mean(np.array(found) == COVERED) > 0.9


def test_a_person_whose_mouth_always_looks_strange_is_measured_all_the_same(seen):
    _, _, _, covered = seen
    faces = [face for picture in covered for face in picture.faces]
    usual = usual_strangeness(faces)
    assert np.mean([cover_factor(face, usual) == 1.0 for face in faces]) > 0.5


def test_what_a_hand_does_to_the_mouth_raises_no_alert(seen):
    engine, calm, bare, covered = seen
    findings, series = session_of(in_time([*calm, *bare]), engine)
    assert [alert.type for alert in findings.alerts] == ["valence_low"]
    assert series.reliable.all()
    findings, series = session_of(in_time([*calm, *covered]), engine)
    assert findings.alerts == ()
    assert series.confidence[len(calm) :].max() < 0.4
    assert {alert.suppressed_because for alert in findings.suppressed} <= {"poorly_measured"}
    assert series.reliable[: len(calm)].all()
