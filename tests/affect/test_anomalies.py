import numpy as np
import pytest

from echodepth_cli.affect.anomalies import find_anomalies
from tests.affect.builders import DISTRESS, SMILE, event, series, together


@pytest.mark.parametrize("seed", range(4))
def test_half_an_hour_of_calm_has_at_most_one(seed):
    assert len(find_anomalies(series(1800, noise=0.03, seed=seed))) <= 1


@pytest.mark.parametrize("fps", [1, 2, 5])
def test_an_unusual_stretch_is_found_at_any_rate(fps):
    session = series(600, event(300, 312, DISTRESS), fps=fps, noise=0.02)
    found = [a for a in find_anomalies(session) if a.signal == "valence"]
    (anomaly,) = found
    assert anomaly.direction == "drop"
    assert anomaly.start_s == pytest.approx(300, abs=2.5)
    assert anomaly.end_s == pytest.approx(312, abs=2.5)
    assert anomaly.magnitude < -0.2


def test_a_lasting_change_of_level_is_found_once_where_it_happens():
    session = series(900, lambda t: {4: 0.6, 9: 0.6} if t >= 450 else {}, noise=0.02)
    (change,) = [a for a in find_anomalies(session) if a.signal == "valence"]
    assert change.direction == "change"
    assert change.start_s == pytest.approx(450, abs=10)
    assert change.end_s == pytest.approx(900, abs=1)
    assert change.magnitude < -0.1


def test_slow_drift_and_noise_that_lasts_are_no_change():
    rng = np.random.default_rng(5)
    session = series(1800)
    walk = np.zeros(len(session))
    for i in range(1, len(walk)):
        walk[i] = 0.95 * walk[i - 1] + 0.01 * rng.standard_normal()
    session.vad[:, 1] = 0.55 + walk
    assert len(find_anomalies(session)) <= 1


def test_a_blink_of_an_event_is_left_to_the_alerts():
    assert find_anomalies(series(600, event(300, 301, DISTRESS), noise=0.02)) == []


def test_what_is_usual_for_the_person_is_no_anomaly():
    smiles = together(*(event(t, t + 8, SMILE) for t in range(20, 600, 20)))
    assert find_anomalies(series(600, smiles, noise=0.02)) == []


def test_too_short_a_session_has_nothing_unusual():
    assert find_anomalies(series(50, event(20, 30, DISTRESS))) == []
    assert find_anomalies(series(0)) == []
