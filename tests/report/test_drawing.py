from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from echodepth_cli.output.charts import Axis, area_path, axis_of, line_path
from echodepth_cli.output.downsample import bin_maxima, keep_peaks, runs
from echodepth_cli.output.face_map import REGIONS, face_map
from echodepth_cli.output.series import read_series


@settings(max_examples=30)
@given(
    arrays(np.float64, st.integers(300, 900), elements=st.floats(0, 1) | st.just(np.nan)),
    st.integers(60, 200),
)
def test_thinned_rows_keep_the_highest_and_the_lowest_value(signal, limit):
    times = np.arange(len(signal)) / 2
    kept = keep_peaks(times, signal[:, None], limit)
    assert len(kept) <= len(signal)
    assert (np.diff(kept) > 0).all()
    assert {0, len(signal) - 1} <= set(kept.tolist())
    if np.isfinite(signal).any():
        assert np.nanmax(signal[kept]) == np.nanmax(signal)
        assert np.nanmin(signal[kept]) == np.nanmin(signal)


def test_every_single_spike_of_a_long_session_survives_thinning():
    times = np.arange(90_000) / 25
    signals = np.full((len(times), 3), 0.5)
    spikes = [1234, 40_000, 89_000]
    for column, row in enumerate(spikes):
        signals[row, column] = 0.9
    kept = keep_peaks(times, signals, 7200)
    assert set(spikes) <= set(kept.tolist())
    assert len(kept) < 10_000


def test_a_long_gap_stays_a_gap_after_thinning():
    times = np.arange(20_000) / 2
    signal = np.full((len(times), 1), 0.5)
    signal[8000:9000] = np.nan
    kept = keep_peaks(times, signal, 1000)
    path = line_path(Axis(0, 10_000), times[kept], signal[kept, 0], np.zeros(len(kept), int))
    assert path.count("M") == 2


def test_a_line_breaks_where_a_value_is_missing_and_where_rows_are_far_apart():
    axis = Axis(0, 10)
    times = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 7.0])
    values = np.array([0.5, 0.6, np.nan, 0.4, 0.4, 0.3])
    path = line_path(axis, times, values, np.array([0, 0, 0, 0, 0, 1]))
    assert path == "M0 500h0l50-100M150 600h0l50 0M700 700h0"


def test_intensities_are_drawn_at_their_peak_and_missing_ones_not_at_all():
    times = np.arange(100) / 2
    values = np.zeros(100)
    values[51] = 1.0
    assert area_path(Axis(0, 50), times, values, 10) == "M2500 1000V0H3000V1000"
    assert area_path(Axis(0, 50), times, np.full(100, np.nan), 10) == ""
    highest = bin_maxima(times[:50], values[:50], 0, 50, 2)
    assert highest[0] == 0
    assert np.isnan(highest[1])


@pytest.mark.parametrize("span", [0.5, 6, 59, 61, 600, 3600, 3 * 3600, 23 * 3600])
def test_the_time_axis_has_a_few_round_marks(span):
    ticks = Axis(0, span).ticks()
    assert 1 <= len(ticks) <= 9
    assert ticks[0].label == "00:00"
    assert all(float(tick.percent.rstrip("%")) <= 100 for tick in ticks)


def test_the_axis_holds_the_last_row_and_survives_an_empty_table():
    axis = axis_of(np.array([10.0, 10.5, 11.0]), 0.5, 60)
    assert (axis.start_s, axis.end_s) == (10.0, 11.5)
    assert axis_of(np.array([]), 0.0, 60).end_s == 60
    assert axis_of(np.array([4.0]), 0.0, 60).width > 1


def test_a_hole_in_time_starts_a_new_stretch():
    times = [0.0, 0.5, 1.0, 3.0, 3.5]
    series = read_series({"session_offset_s": times})
    assert series.stretches.tolist() == [0, 0, 0, 1, 1]
    assert read_series({"session_offset_s": []}).stretches.tolist() == []
    assert read_series({"session_offset_s": [4.0]}).stretches.tolist() == [0]


def test_runs_are_first_and_last_of_each_unbroken_stretch():
    assert runs(np.array([1, 1, 0, 1, 0, 0, 1], bool)) == [(0, 1), (3, 3), (6, 6)]
    assert runs(np.zeros(3, bool)) == []


def test_every_unit_has_a_place_on_the_face_and_every_place_a_drawing():
    assert {au for units in REGIONS.values() for au in units} == set(range(1, 47))
    from echodepth_cli.resources import resource_dir

    symbols = (resource_dir("templates") / "report" / "_symbols.svg").read_text()
    drawn = set(re.findall(r'id="face-([a-z-]+)"', symbols)) - {"outline"}
    assert drawn == set(REGIONS)


@given(st.lists(st.tuples(st.integers(1, 46), st.floats(-1, 1)), max_size=46))
def test_labels_on_the_face_do_not_overlap(weights):
    drawing = face_map(weights)
    for side in ("start", "end"):
        heights = sorted(label.y for label in drawing.labels if label.side == side)
        assert all(b - a >= 20 for a, b in itertools.pairwise(heights))
    assert all(1 <= mark.level <= 4 for mark in drawing.highlights)
