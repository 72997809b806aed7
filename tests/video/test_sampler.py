"""Frames are chosen by their times; skipping what is not needed changes nothing."""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echodepth_cli.errors import InputError
from echodepth_cli.video.reader import open_video
from echodepth_cli.video.sampler import EarliestInCell, Grid, sample, sampled_frames
from tests import clips


@dataclass(frozen=True)
class Tick:
    """A frame that is only a time; its picture carries its number."""

    offset_s: float
    number: int

    def to_rgb(self):
        return np.full((1, 1, 3), self.number % 256, np.uint8)


def ticks(times):
    return [Tick(time, number) for number, time in enumerate(times)]


times = st.lists(
    st.integers(min_value=0, max_value=100_000).map(lambda t: t / 1000), max_size=80, unique=True
).map(sorted)
rates = st.sampled_from([0.1, 0.5, 1.0, 2.0, 3.0, 7.5, 24000 / 1001, 25.0])
starts = st.sampled_from([0.0, 0.04, 1.0, 13.37, 200.0])
lengths = st.none() | st.sampled_from([0.01, 5.0, 100.0])


@given(times, rates, starts, lengths)
def test_each_grid_time_takes_the_first_frame_at_or_after_it(offsets, fps, start_s, length_s):
    end_s = None if length_s is None else start_s + length_s
    chosen = [frame.offset_s for frame in sample(ticks(offsets), fps, start_s, end_s)]
    inside = [t for t in offsets if t >= start_s - 1e-6 / fps and (end_s is None or t < end_s)]
    last = inside[-1] if inside else start_s
    expected = {
        next(t for t in inside if (t - start_s) * fps >= k - 1e-6)
        for k in range(math.floor((last - start_s) * fps + 1e-6) + 1 if inside else 0)
    }
    assert chosen == sorted(expected)


@given(times, st.none() | rates, starts, lengths)
def test_output_is_an_increasing_numbered_subset(offsets, fps, start_s, length_s):
    end_s = None if length_s is None else start_s + length_s
    frames = list(sample(ticks(offsets), fps, start_s, end_s))
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert all(a.offset_s < b.offset_s for a, b in pairwise(frames))
    assert {frame.offset_s for frame in frames} <= set(offsets)
    assert all(frame.offset_s < end_s for frame in frames if end_s is not None)


@given(times, starts)
def test_all_takes_every_frame_of_the_stretch(offsets, start_s):
    frames = list(sample(ticks(offsets), None, start_s, start_s + 50))
    assert [f.offset_s for f in frames] == [t for t in offsets if start_s <= t < start_s + 50]


@given(times, rates, starts, st.randoms(use_true_random=False))
def test_declined_frames_are_never_chosen_in_any_decoding_order(offsets, fps, start_s, random):
    shuffled = list(offsets)
    random.shuffle(shuffled)
    wanted = EarliestInCell(Grid(fps, start_s))
    kept = sorted(offset for offset in shuffled[:64] if wanted(offset))
    whole = sample(ticks(sorted(shuffled[:64])), fps, start_s)
    assert [f.offset_s for f in sample(ticks(kept), fps, start_s)] == [f.offset_s for f in whole]


def test_nothing_is_invented_in_a_gap():
    frames = sample(ticks([0.0, 0.5, 9.7, 10.0]), 2.0)
    assert [frame.offset_s for frame in frames] == [0.0, 0.5, 9.7, 10.0]


def test_a_rounded_time_still_meets_its_grid_time():
    offsets = [k / 100 for k in range(200)]
    chosen = [frame.offset_s for frame in sample(ticks(offsets), 100.0)]
    assert chosen == offsets


def test_reading_stops_at_the_end():
    asked = []

    def endless():
        for number in range(10**6):
            asked.append(number)
            yield Tick(number / 10, number)

    assert len(list(sample(endless(), 1.0, end_s=5.0))) == 5
    assert len(asked) <= 52


def test_pictures_are_made_only_of_chosen_frames():
    made = []

    class Counted(Tick):
        def to_rgb(self):
            made.append(self.number)
            return super().to_rgb()

    list(sample([Counted(k / 10, k) for k in range(100)], 2.0))
    assert made == list(range(0, 100, 5))


@pytest.mark.parametrize(("start_s", "end_s"), [(60.0, None), (60.0, 70.0), (1.001, 1.03)])
def test_a_stretch_without_pictures_is_an_error_that_says_where_they_end(tmp_path, start_s, end_s):
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(50))
    with open_video(path) as reader, pytest.raises(InputError, match=r"a\.mp4: holds no picture"):
        list(sampled_frames(reader, 2.0, start_s, end_s))


RECORDINGS = {
    "b_frames.mp4": {},
    "b_pyramid.mkv": {"options": {"bf": "8", "x264-params": "b-pyramid=normal:log-level=none"}},
    "open_gop.mkv": {"options": {"bf": "3", "x264-params": "open-gop=1:keyint=20:log-level=none"}},
    "no_b.mp4": {"options": {"bf": "0"}},
    "hevc.mkv": {"codec": "libx265"},
    "mpeg4.mp4": {"codec": "mpeg4"},
    "mpeg4.avi": {"codec": "mpeg4", "time_base": Fraction(1, 25)},
    "mpeg2.ts": {"codec": "mpeg2video", "time_base": Fraction(1, 25)},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "intra.mkv": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
}


@pytest.mark.parametrize("even", [True, False], ids=["cfr", "vfr"])
@pytest.mark.parametrize("name", RECORDINGS)
def test_skipping_changes_neither_times_nor_pictures(tmp_path, name, even):
    settings = RECORDINGS[name]
    if not even and "time_base" in settings:
        pytest.skip("stored at a constant rate only")
    shown = clips.regular(120) if even else clips.uneven(120)
    path = clips.write_clip(tmp_path / name, shown, **settings)
    for fps, start_s in ((2.0, 0.0), (3.7, 0.5), (12.0, 1.3)):
        with open_video(path) as reader:
            every = list(sample(reader.frames(), fps, start_s))
            full = reader.report().frames_decoded
        with open_video(path) as reader:
            lean = list(sampled_frames(reader, fps, start_s))
            decoded = reader.report().frames_decoded
        assert [f.offset_s for f in lean] == [f.offset_s for f in every]
        assert all(np.array_equal(a.image, b.image) for a, b in zip(lean, every, strict=True))
        assert decoded <= full


def test_frames_nothing_refers_to_are_not_decoded(tmp_path):
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(200))
    with open_video(path) as reader:
        assert len(list(sampled_frames(reader, 2.0))) == 16
        assert reader.report().frames_decoded < 160
        assert reader.report().warnings == ()
