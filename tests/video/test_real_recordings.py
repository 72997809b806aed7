"""Recordings from real cameras; they are not part of the repository."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from echodepth_cli.video.reader import open_video
from echodepth_cli.video.sampler import sample, sampled_frames

VIDEOS = Path(__file__).parents[3] / "shared" / "data" / "videos"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not VIDEOS.is_dir(), reason="needs ../shared/data/videos"),
]


@pytest.mark.parametrize(
    ("name", "codec", "size", "frames", "length_s"),
    [
        ("interview_pexels.mp4", "h264", (640, 360), 472, 19.685),
        ("noface_then_face.mov", "hevc", (960, 540), 169, 6.379),
        ("speech_mpeg4.mp4", "mpeg4", (512, 512), 200, 8.0),
        ("expressions_a.mp4", "h264", (512, 512), 587, 19.567),
    ],
)
def test_facts_and_frames(name, codec, size, frames, length_s):
    with open_video(VIDEOS / name) as reader:
        offsets = [frame.offset_s for frame in reader.frames()]
        info, report = reader.info, reader.report()
    assert (info.codec, (info.width_px, info.height_px)) == (codec, size)
    assert info.duration_s == pytest.approx(length_s, abs=0.001)
    assert len(offsets) == report.frames_decoded == frames
    assert all(a < b for a, b in pairwise(offsets))
    assert (report.decode_failures, report.truncated, report.warnings) == (0, False, ())


def test_ntsc_film_times_do_not_drift():
    with open_video(VIDEOS / "interview_pexels.mp4") as reader:
        offsets = [frame.offset_s for frame in reader.frames()]
    assert offsets == [float(k * Fraction(1001, 24000)) for k in range(len(offsets))]


@pytest.mark.parametrize("name", ["interview_pexels.mp4", "noface_then_face.mov"])
def test_skipping_changes_nothing(name):
    with open_video(VIDEOS / name) as reader:
        every = [(f.offset_s, f.image.tobytes()) for f in sample(reader.frames(), 2.0)]
    with open_video(VIDEOS / name) as reader:
        lean = [(f.offset_s, f.image.tobytes()) for f in sampled_frames(reader, 2.0)]
    assert lean == every
