import numpy as np
import pytest

from echodepth_cli.affect.alerts import alert_to_dict, find_alerts, frame_reasons
from echodepth_cli.config import AlertThresholds
from tests.affect.builders import (
    DISTRESS,
    MODEL,
    SMILE,
    SURPRISE,
    baseline,
    event,
    series,
    together,
)


def alerts_of(session, thresholds=None, base=None):
    return find_alerts(session, thresholds or AlertThresholds(), base or baseline(), MODEL)


def _by_type(alert):
    return alert.type, alert.onset_s


def test_nothing_happens_nothing_is_alerted():
    assert alerts_of(series(120, noise=0.02)) == []


def test_an_excursion_has_its_times_value_and_causes():
    (alert,) = alerts_of(series(120, event(40, 44, SURPRISE)), base=baseline(a=0.52))
    assert alert.type == "arousal_high"
    assert alert.onset_s == pytest.approx(40, abs=0.5)
    assert alert.offset_s == pytest.approx(44, abs=0.5)
    assert alert.onset_s <= alert.apex_s <= alert.offset_s
    assert alert.value > alert.threshold == 0.80
    assert alert.baseline == 0.52
    assert alert.suppressed_reason is None
    assert {au for au, _ in alert.contributions} <= set(SURPRISE)


@pytest.mark.parametrize("fps", [1, 2, 5, 25])
def test_the_sampling_rate_changes_times_by_one_interval_at_most(fps):
    course = together(
        event(30.2, 33.1, SURPRISE), event(61.7, 66.4, DISTRESS), event(90.3, 93.2, SURPRISE)
    )
    reference = sorted(alerts_of(series(120, course, fps=50)), key=_by_type)
    found = sorted(alerts_of(series(120, course, fps=fps, noise=0.01)), key=_by_type)
    assert [a.type for a in found] == [a.type for a in reference]
    for alert, true in zip(found, reference, strict=True):
        assert alert.onset_s == pytest.approx(true.onset_s, abs=1 / fps + 0.05)
        assert alert.offset_s == pytest.approx(true.offset_s, abs=1 / fps + 0.05)


def test_times_lie_between_frames_where_the_score_crosses():
    course = event(30.2, 33.1, SURPRISE, ramp_s=2.0)
    (true,) = alerts_of(series(60, course, fps=100))
    (found,) = alerts_of(series(60, course, fps=1))
    assert found.onset_s == pytest.approx(true.onset_s, abs=0.5)
    assert found.offset_s == pytest.approx(true.offset_s, abs=0.5)
    assert found.onset_s % 1 != 0
    assert found.offset_s > found.onset_s


@pytest.mark.parametrize("fps", [1, 2, 5, 25])
def test_what_is_too_short_is_too_short_at_any_rate(fps):
    brief = event(30.0, 30.1, SURPRISE, ramp_s=0.25)
    assert alerts_of(series(60, brief, fps=fps)) == []


@pytest.mark.parametrize("fps", [1, 2, 5, 25])
def test_what_is_brief_is_set_aside_with_its_length(fps):
    session = series(60, event(30.0, 31.1, SURPRISE), fps=fps)
    (found,) = alerts_of(session)
    assert found.suppressed_because == "too_brief"
    assert f"for {found.offset_s - found.onset_s:.1f} s at a time" in found.suppressed_reason
    assert not any(frame_reasons(session, [found]))


@pytest.mark.parametrize("fps", [2, 5, 25])
def test_a_blink_in_the_middle_does_not_cut_an_alert_short(fps):
    session = series(60, event(30.0, 33.0, SURPRISE), fps=fps)
    shut = np.abs(session.offset_s - 31.5) < 0.15
    session.vad[shut, 1] = 0.6
    session.aus[shut, 42] = 0.9
    (found,) = alerts_of(session)
    assert found.suppressed_reason is None
    assert found.offset_s - found.onset_s == pytest.approx(3.2, abs=0.5)


def test_another_dip_in_the_middle_does():
    session = series(60, event(30.0, 33.0, SURPRISE))
    session.vad[63, 1] = 0.6
    (found,) = alerts_of(session)
    assert found.suppressed_because == "too_brief"


def test_a_single_frame_is_no_alert_at_the_default_rate():
    assert alerts_of(series(60, event(30, 30.1, SURPRISE, ramp_s=0.1))) == []


def test_a_dip_does_not_make_two_alerts_and_a_pause_does():
    near = together(event(30, 33, SURPRISE), event(34.5, 37, SURPRISE))
    far = together(event(30, 33, SURPRISE), event(45, 48, SURPRISE))
    assert len(alerts_of(series(90, near))) == 1
    assert len(alerts_of(series(90, far))) == 2


def test_low_confidence_suppresses_with_a_reason():
    session = series(90, event(30, 35, SURPRISE), unreliable=lambda t: 25 <= t <= 40)
    (alert,) = alerts_of(session)
    assert alert.suppressed_because == "poorly_measured"
    assert "0.0 s of it" in alert.suppressed_reason
    assert alert.confidence == pytest.approx(0.3)
    assert not any(frame_reasons(session, [alert]))


def test_a_confident_part_is_enough_to_raise():
    session = series(90, event(30, 36, SURPRISE), unreliable=lambda t: 33 <= t <= 40)
    (alert,) = alerts_of(session)
    assert alert.suppressed_reason is None
    assert alert.apex_s < 33


def test_an_absent_face_ends_an_alert():
    session = series(90, event(30, 60, SURPRISE), missing=lambda t: 35 <= t < 50)
    first, second = alerts_of(session)
    assert first.offset_s < 35 <= 50 <= second.onset_s
    reasons = frame_reasons(session, [first, second])
    assert not any(reasons[i] for i in range(70, 100))


def test_frame_flags_agree_with_the_list():
    course = together(event(30, 34, DISTRESS), event(50, 53, SURPRISE))
    session = series(90, course)
    found = alerts_of(session)
    reasons = frame_reasons(session, found)
    for i, offset_s in enumerate(session.offset_s):
        inside = {a.type for a in found if a.onset_s <= offset_s <= a.offset_s}
        assert set(reasons[i]) == inside
    assert sum(map(bool, reasons)) > 8


def test_rules_can_be_turned_off_and_deviation_rules_on():
    session = series(90, event(30, 34, DISTRESS))
    off = AlertThresholds(arousal_high=None, valence_low=None, dominance_low=None)
    assert alerts_of(session, off) == []
    drop = AlertThresholds(
        arousal_high=None, valence_low=None, dominance_low=None, valence_drop=0.30
    )
    (alert,) = alerts_of(session, drop, baseline(v=0.6))
    assert alert.type == "valence_drop"
    assert alert.threshold == pytest.approx(0.30)
    assert alerts_of(series(90, event(30, 34, SMILE)), drop, baseline(v=0.6)) == []


def test_the_report_form_is_complete():
    (alert,) = alerts_of(series(120, event(40, 44, SURPRISE)))
    values = alert_to_dict(alert, 1_704_067_200_000, {5: "Upper lid raiser"})
    assert values["timestamp_ms"] == 1_704_067_200_000 + round(alert.apex_s * 1000)
    assert values["session_offset_s"] == alert.apex_s
    assert values["deviation"] == pytest.approx(alert.value - 0.5, abs=1e-4)
    assert {"au": 5, "name": "Upper lid raiser"}.items() <= values["contributions"][0].items() or (
        any(c["name"] == "Upper lid raiser" for c in values["contributions"])
    )
    assert "suppressed_reason" not in values


@pytest.mark.parametrize("count", [0, 1])
def test_empty_sessions_have_no_alerts(count):
    assert alerts_of(series(count / 2)) == []
