import copy
import re

import pytest

from echodepth_cli.output.summary import clock, summarise

CALM = {
    "duration_s": 1200.0,
    "alerts": [],
    "suppressed_alerts": [],
    "combinations": [],
    "anomalies": [],
    "baseline": {
        "source": "opening_window",
        "window_s": [0.0, 60.0],
        "quality": "good",
        "reasons": [],
    },
    "quality": {"coverage": 1.0, "gaps": []},
}


def report(**changes):
    return {**copy.deepcopy(CALM), **changes}


def alert(kind, onset_s, offset_s, deviation=0.3, apex_s=None):
    return {
        "type": kind,
        "onset_s": onset_s,
        "offset_s": offset_s,
        "deviation": deviation,
        "session_offset_s": onset_s if apex_s is None else apex_s,
    }


def test_a_calm_session_says_so():
    assert summarise(report()) == (
        "No score passed its alert threshold. No review is called for by the alert rules."
    )


def test_the_documented_example():
    alerts = [
        alert("arousal_high", 250, 262),
        alert("arousal_high", 310, 400),
        alert("arousal_high", 845, 1035),
        alert("valence_low", 270, 280, deviation=-0.39, apex_s=273),
    ]
    combination = {
        "aus": [1, 4],
        "label": "brow tension",
        "total_s": 24.2,
        "longest_s": 13.6,
        "episodes": [{"start_s": 250, "end_s": 263.6}, {"start_s": 850, "end_s": 860.6}],
    }
    assert summarise(report(alerts=alerts, combinations=[combination])) == (
        "Elevated arousal detected during minutes 4–6 and 14–17 "
        "(04:10–04:22, 05:10–06:40 and 14:05–17:15). "
        "Low valence detected during minute 4 (04:30–04:40). "
        "Sustained AU1+4 brow tension observed for 24 seconds in total, "
        "the longest stretch being 14 seconds. "
        "Valence drop of 0.39 from the baseline at session offset 273s (04:33). "
        "Arousal rise of 0.30 from the baseline at session offset 250s (04:10). "
        "Review recommended (4 alerts)."
    )


def test_a_short_session_speaks_in_clock_times():
    text = summarise(report(duration_s=90.0, alerts=[alert("arousal_high", 33, 41.5, 0.1)]))
    assert text == "Elevated arousal detected at 00:33–00:41. Review recommended (1 alert)."


def test_many_stretches_are_counted():
    alerts = [alert("arousal_high", 120 * k, 120 * k + 5, 0.1) for k in range(1, 9)]
    assert "in 8 stretches between 02:00–16:05." in summarise(report(alerts=alerts))


@pytest.mark.parametrize(
    ("coverage", "gaps", "sentence"),
    [
        (
            0.64,
            [{"start_s": 430, "end_s": 580, "reason": "no_face_detected"}],
            "The face was measured in 64 % of the session; nothing is said about 07:10–09:40, "
            "where no face was found.",
        ),
        (
            0.9,
            [
                {"start_s": 10, "end_s": 12, "reason": "no_face_detected"},
                {"start_s": 60, "end_s": 80, "reason": "other_person"},
                {"start_s": 80, "end_s": 95, "reason": "other_person"},
                {"start_s": 99, "end_s": 100, "reason": "no_face_detected"},
            ],
            "The face was measured in 90 % of the session; nothing is said about 00:10–00:12 and "
            "01:39–01:40, where no face was found, nor about 01:00–01:35, where another person was "
            "in view.",
        ),
        (0.97, [], "The face was measured in 97 % of the session."),
        (
            0.001,
            [{"start_s": 1, "end_s": 1199, "reason": "low_confidence"}],
            "1 % of the session; nothing is said about 00:01–19:59, where the face could not be "
            "measured well.",
        ),
        (
            0.9949,
            [{"start_s": 1, "end_s": 5, "reason": "decode_error"}],
            "99 % of the session; nothing is said about 00:01–00:05, where the video could not be "
            "decoded.",
        ),
    ],
)
def test_gaps_are_told(coverage, gaps, sentence):
    assert sentence in summarise(report(quality={"coverage": coverage, "gaps": gaps}))


def test_little_coverage_calls_for_review():
    text = summarise(report(quality={"coverage": 0.3, "gaps": []}))
    assert "Review recommended (the face was measured in less than half of the session)." in text


@pytest.mark.parametrize(
    ("baseline", "sentence"),
    [
        (
            {"source": "population_neutral", "quality": "unusable", "reasons": ["No face."]},
            "No usable baseline of this person was found: the scores are relative to an average "
            "face and are much less certain.",
        ),
        (
            {
                "source": "later_stretch",
                "quality": "good",
                "window_s": [100, 112.5],
                "reasons": ["x"],
            },
            "The opening could not serve as baseline; the stretch 01:40–01:52 was taken instead.",
        ),
        (
            {
                "source": "opening_window",
                "quality": "weak",
                "window_s": [0, 60],
                "reasons": ["The face was not steady (spread 0.15)."],
            },
            "The baseline is weak: the face was not steady (spread 0.15).",
        ),
        (
            {"source": "carried", "quality": "good", "window_s": None, "reasons": []},
            "The baseline was carried over from another recording of the person.",
        ),
    ],
)
def test_the_baseline_is_told_when_it_is_not_as_usual(baseline, sentence):
    assert sentence in summarise(report(baseline=baseline))


def test_an_unusable_baseline_calls_for_review():
    baseline = {"source": "population_neutral", "quality": "unusable", "reasons": []}
    assert "(there is no usable baseline)" in summarise(report(baseline=baseline))


@pytest.mark.parametrize(
    ("because", "sentence"),
    [
        (["poorly_measured"], "One possible alert was set aside because the face was not measured"),
        (["poorly_measured"] * 2, "Two possible alerts were set aside because the face was not"),
        (
            ["too_brief"],
            "No alert was raised. One possible alert was set aside because the score never stayed "
            "past its threshold long enough (01:40–01:45).",
        ),
        (["too_brief"] * 2, "past its threshold long enough (01:40–01:45 and 03:20–03:25)."),
    ],
)
def test_suppressed_alerts_are_told(because, sentence):
    suppressed = [
        {**alert("arousal_high", 100 * k, 100 * k + 5), "suppressed_because": code}
        for k, code in enumerate(because, start=1)
    ]
    summary = summarise(report(suppressed_alerts=suppressed))
    assert sentence in summary
    assert "No score passed" not in summary


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (1, "One stretch differs from the rest of the session (01:40–01:50)."),
        (2, "Two stretches differ from the rest of the session (01:40–01:50 and 03:20–03:30)."),
    ],
)
def test_anomalies_are_told(count, sentence):
    anomalies = [
        {"start_s": 100 * k, "end_s": 100 * k + 10, "signal": signal, "direction": "rise"}
        for k in range(1, count + 1)
        for signal in ("arousal", "valence")
    ]
    assert sentence in summarise(report(anomalies=anomalies))


def test_a_change_of_level_is_told():
    change = {
        "start_s": 450.0,
        "end_s": 900.0,
        "signal": "valence",
        "direction": "change",
        "magnitude": -0.214,
    }
    assert "Valence kept a lower level from 07:30 on, by 0.21." in summarise(
        report(anomalies=[change])
    )


def test_nothing_is_said_about_what_a_person_feels_or_intends():
    alerts = [
        alert(kind, 70, 80, -0.4) for kind in ("arousal_high", "valence_low", "dominance_low")
    ]
    text = summarise(report(alerts=alerts, quality={"coverage": 0.2, "gaps": []}))
    assert not re.search(
        r"emotion|feel|felt|lie|lying|decepti|intent|stress|afraid|angry|sad", text
    )
    assert "dominance (low reliability)" in text


@pytest.mark.parametrize(
    ("offset_s", "words"), [(0, "00:00"), (59.99, "00:59"), (273, "04:33"), (3723, "1:02:03")]
)
def test_the_clock(offset_s, words):
    assert clock(offset_s) == words


def unit(au, left_led, right_led, share_active=0.2, longest_s=4.0):
    return {
        "au": au,
        "left_led": left_led,
        "right_led": right_led,
        "share_active": share_active,
        "longest_s": longest_s,
    }


@pytest.mark.parametrize(
    ("units", "sentence"),
    [
        (
            [unit(12, 0.84, 0.0)],
            "AU12 was stronger on the person's left for 84 % of the time it was active.",
        ),
        (
            [unit(4, 0.1, 0.6), unit(17, None, None)],
            "AU4 was stronger on the person's right for 60 % of the time it was active.",
        ),
        ([unit(12, 0.4, 0.5)], None),
        ([unit(12, 1.0, 0.0, longest_s=1.0)], None),
    ],
)
def test_a_unit_that_is_mostly_one_sided_is_told(units, sentence):
    text = summarise(report(action_units=units))
    assert (sentence in text) if sentence else ("stronger on" not in text)


@pytest.mark.parametrize(
    ("subject", "persons", "unlisted", "sentence"),
    [
        (
            {"person": 1, "is_clear": True},
            2,
            1,
            "Three persons were in view; everything here is about person 1.",
        ),
        (
            {"person": 2, "is_clear": False},
            2,
            0,
            "Two persons were in view; everything here is about person 2, and it is in doubt that "
            "this is the right one.",
        ),
        ({"person": 1, "is_clear": True}, 1, 0, None),
    ],
)
def test_other_persons_are_told(subject, persons, unlisted, sentence):
    found = report(subject=subject, persons=[{}] * persons, persons_unlisted=unlisted)
    text = summarise(found)
    assert (sentence in text) if sentence else ("in view" not in text)
