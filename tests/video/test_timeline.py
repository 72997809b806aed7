"""Times only move forwards, true ones stay as they are, and every repair is said."""

from fractions import Fraction
from itertools import pairwise, zip_longest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echodepth_cli.video.timeline import Timeline

_TICK = Fraction(1, 90_000)
_FRAME = Fraction(1, 25)

ticks = st.integers(min_value=-(10**11), max_value=10**11)


def place(times, start=None):
    """Return the offsets given to ``times`` (seconds or None) and the sentences."""
    timeline = Timeline(start, _FRAME)
    offsets = [timeline.place(a, b) for a, b in zip_longest(times, times[1:])]
    return offsets, " ".join(timeline.warnings())


def seconds(*values):
    return [None if value is None else Fraction(str(value)) for value in values]


@given(st.lists(st.none() | ticks.map(lambda t: t * _TICK), min_size=1, max_size=60))
def test_offsets_always_increase_and_none_is_lost(times):
    offsets, _ = place(times)
    assert len(offsets) == len(times)
    assert all(a < b for a, b in pairwise(offsets))
    assert offsets[0] == 0


@given(
    ticks,
    st.lists(st.integers(min_value=1, max_value=9 * 90_000), min_size=1, max_size=60),
)
def test_increasing_times_are_kept_exactly(first, steps):
    times = [first * _TICK]
    for step in steps:
        times.append(times[-1] + step * _TICK)
    offsets, said = place(times)
    assert offsets == [float(time - times[0]) for time in times]
    assert said == ""


def test_a_missing_time_lies_between_its_neighbours():
    offsets, said = place(seconds(0, None, "0.06", "0.10"))
    assert offsets == pytest.approx([0, 0.03, 0.06, 0.10])
    assert "1 frame(s) carry no timestamp" in said


def test_without_any_time_frames_follow_at_the_stated_rate():
    offsets, said = place(seconds(None, None, None))
    assert offsets == pytest.approx([0, 0.04, 0.08])
    assert "3 frame(s) carry no timestamp" in said


def test_a_repeated_time_does_not_push_the_true_ones_after_it():
    offsets, said = place(seconds(0, "0.04", "0.04", "0.04", "0.08", "0.12"))
    assert offsets[1] < offsets[2] < offsets[3] < 0.08
    assert offsets[4:] == pytest.approx([0.08, 0.12])
    assert "2 frame(s) carry a timestamp not later than the frame before" in said


def test_a_lone_step_back_is_put_right():
    offsets, _ = place(seconds(0, "0.04", "-3", "0.12", "0.16"))
    assert offsets == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])


def test_a_lone_leap_is_put_right():
    offsets, said = place(seconds(0, "0.04", 5000, "0.12", "0.16"))
    assert offsets == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert "far from those around them" in said


def test_a_clock_that_starts_again_is_counted_on():
    offsets, said = place(seconds(100, "100.04", 0, "0.04", "0.08"))
    assert offsets == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert "clock jumps by -100.040 s at 0.080 s" in said


def test_a_leap_of_days_is_a_broken_clock():
    offsets, said = place(seconds(0, "0.04", 300_000, "300000.04"))
    assert offsets == pytest.approx([0, 0.04, 0.08, 0.12])
    assert "clock jumps" in said


def test_a_long_gap_is_kept_and_said():
    offsets, said = place(seconds(0, "0.04", 90, "90.04"))
    assert offsets == pytest.approx([0, 0.04, 90, 90.04])
    assert "no pictures from 0.04 s to 90.00 s" in said


@pytest.mark.parametrize(("stated", "first"), [("7", 0), ("6.92", 0), ("5", 2), ("7.5", 0)])
def test_the_stated_start_counts_only_when_pictures_were_lost(stated, first):
    offsets, said = place(seconds(7, "7.04"), start=Fraction(stated))
    assert offsets == pytest.approx([first, first + 0.04])
    assert ("hold no picture" in said) == (first > 0)


def test_sentences_stay_few_when_repairs_are_many():
    times = [Fraction(20 * k) for k in range(200)]
    times += [Fraction(5 if k % 2 else 1) for k in range(50)]
    timeline = Timeline(None, _FRAME)
    for a, b in zip_longest(times, times[1:]):
        timeline.place(a, b)
    assert len(timeline.warnings()) < 20
