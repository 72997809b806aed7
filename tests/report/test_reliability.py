from __future__ import annotations

import pytest

from echodepth_cli.output.reliability import judge
from tests.report.sessions import make_session


@pytest.fixture
def report():
    return make_session(2, alerts=0).report


def test_a_sound_session_can_be_relied_on(report):
    verdict = judge(report)
    assert verdict.level == "good"
    assert {point.level for point in verdict.points} == {"good"}


@pytest.mark.parametrize(
    ("part", "change", "level", "words"),
    [
        ("quality", {"coverage": 0.7}, "limited", "70% of frames"),
        ("quality", {"coverage": 0.41}, "poor", "41% of frames"),
        ("quality", {"coverage": None}, "limited", "not stated"),
        ("quality", {"mean_confidence": 0.4}, "limited", "Mean 0.40"),
        ("quality", {"mean_confidence": None}, "limited", "not stated"),
        ("quality", {"warnings": ["two people in view"]}, "limited", "two people in view"),
        ("baseline", {"quality": "weak", "reasons": ["much talking"]}, "limited", "Much talking"),
        ("baseline", {"quality": "unusable"}, "poor", "quality unusable"),
        ("baseline", {"source": "later_stretch"}, "limited", "a later stretch"),
        ("baseline", {"source": "population_neutral"}, "limited", "not this person"),
        ("baseline", {"quality": None}, "limited", "quality not stated"),
    ],
)
def test_each_weakness_is_named_and_lowers_the_verdict(report, part, change, level, words):
    report[part] |= change
    verdict = judge(report)
    assert verdict.level == level
    assert any(point.level == level and words in point.text for point in verdict.points)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"decode_failures": 3}, "3 pictures"),
        ({"truncated": True}, "ends before"),
        ({"warnings": ["timestamps ran backwards"]}, "backwards"),
    ],
)
def test_trouble_in_decoding_lowers_the_verdict(report, change, words):
    report["provenance"]["decode"] |= change
    verdict = judge(report)
    assert verdict.level == "limited"
    assert any(words in point.text for point in verdict.points)


def test_a_report_that_states_nothing_is_not_called_sound():
    assert judge({}).level == "limited"
