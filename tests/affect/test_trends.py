from dataclasses import dataclass

import numpy as np
import pytest

from echodepth_cli.affect.facs import ACTION_UNITS
from echodepth_cli.affect.trends import (
    au_summary,
    mean_vad,
    minute_trend,
    sustained_combinations,
)
from tests.affect.builders import DISTRESS, SMILE, event, series, together


@dataclass(frozen=True)
class Unit:
    number: int
    name: str = "some unit"
    status: str = "measured"


UNITS = [Unit(number) for number in range(1, 47)]


def test_minutes_cover_the_session_with_their_coverage():
    rows = minute_trend(series(150, event(65, 80, SMILE), missing=lambda t: 90 <= t < 120))
    assert [(r["minute"], r["start_s"], r["end_s"], r["frames"]) for r in rows] == [
        (0, 0.0, 60.0, 120),
        (1, 60.0, 120.0, 120),
        (2, 120.0, 150.0, 60),
    ]
    assert [r["coverage"] for r in rows] == [1.0, 0.5, 1.0]
    assert rows[1]["v"]["mean"] > rows[0]["v"]["mean"] == 0.5
    assert rows[1]["v"]["low"] < rows[1]["v"]["mean"] < rows[1]["v"]["high"]


def test_a_minute_without_a_face_has_nulls():
    rows = minute_trend(series(180, missing=lambda t: 60 <= t < 120))
    assert rows[1]["coverage"] == 0.0
    assert rows[1]["v"] == {"mean": None, "low": None, "high": None}


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        session = series(60)
        # Level shifts of five seconds: the alikeness that the blocks allow for.
        session.vad[:, 0] = 0.5 + 0.1 * np.repeat(rng.standard_normal(12), 10)
        (row,) = minute_trend(session)
        hits += row["v"]["low"] <= 0.5 <= row["v"]["high"]
    assert 0.90 <= hits / 200 <= 0.99


def test_the_mean_is_over_reliable_frames():
    session = series(60, event(0, 30, SMILE), unreliable=lambda t: t < 35)
    assert mean_vad(session) == {"v": 0.5, "a": 0.5, "d": 0.5}
    assert mean_vad(series(10, missing=lambda t: True)) == {"v": None, "a": None, "d": None}


@pytest.mark.parametrize("fps", [1, 2, 5, 25])
def test_au_figures_do_not_depend_on_the_sampling_rate(fps):
    course = together(event(20, 29.9, {12: 0.8}, 0.01), event(60, 65.9, {12: 0.6}, 0.01))
    row = au_summary(series(100, course, fps=fps), UNITS)[11]
    assert row["share_active"] == pytest.approx(0.16, abs=0.02)
    assert row["mean"] == pytest.approx(0.8 * 0.1 + 0.6 * 0.06, abs=0.02)
    assert (row["peak"], row["episodes"]) == (pytest.approx(0.8), 2)
    assert 20 <= row["peak_offset_s"] <= 30
    assert row["longest_s"] == pytest.approx(10, abs=1.1)


def test_an_unseen_unit_has_nulls_not_zeros():
    session = series(30)
    session.aus[:, 20] = np.nan
    row = au_summary(session, UNITS)[20]
    assert row["au"] == 21
    assert row["mean"] is row["peak"] is row["share_active"] is row["episodes"] is None


def test_a_sustained_combination_is_listed_with_its_episodes():
    course = together(event(20, 25, DISTRESS), event(50, 51, DISTRESS))
    found = {tuple(c["aus"]): c for c in sustained_combinations(series(90, course))}
    assert set(found) == {(1, 4), (15, 17), (1, 4, 15)}
    assert found[1, 4]["label"] == "brow tension"
    (episode,) = found[1, 4]["episodes"]
    assert episode["start_s"] == pytest.approx(20, abs=0.5)
    assert found[1, 4]["total_s"] == pytest.approx(5.5, abs=1.0)


def test_speech_does_not_make_combinations_of_the_mouth():
    course = event(20, 30, {15: 0.6, 17: 0.6, 1: 0.6, 4: 0.6})
    found = sustained_combinations(series(60, course, talking=lambda t: True))
    assert [c["aus"] for c in found] == [[1, 4]]


def test_an_empty_session_gives_empty_figures():
    nothing = series(0)
    assert minute_trend(nothing) == []
    assert sustained_combinations(nothing) == []
    assert len(au_summary(nothing, UNITS)) == 46


def test_the_side_that_leads_is_counted_over_the_active_time():
    smile = event(10, 30, {12: 0.8})
    left, even = (
        next(
            row
            for row in au_summary(series(60, smile, lead={12: lead}), ACTION_UNITS)
            if row["au"] == 12
        )
        for lead in (0.3, 0.1)
    )
    assert (left["left_led"], left["right_led"]) == (1.0, 0.0)
    assert (even["left_led"], even["right_led"]) == (0.0, 0.0)
    quiet, sideless = (
        next(row for row in au_summary(series(60, smile), ACTION_UNITS) if row["au"] == au)
        for au in (4, 17)
    )
    assert quiet["left_led"] is None
    assert sideless["left_led"] is None
