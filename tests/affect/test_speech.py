import numpy as np
import pytest

from echodepth_cli.affect.speech import SpeechDetector

SHAPES = np.random.default_rng(3).gamma(2.0, 0.09, size=400)


def flags(times, opening):
    detector = SpeechDetector()
    out = []
    for t in times:
        out += detector.push(float(t), opening(t))
    return out + detector.finish()


def syllables(t):
    """Lips that go to a new opening eight times a second."""
    return float(np.interp(8 * t, np.arange(len(SHAPES)), SHAPES))


def jitter(t):
    return 0.02 + 0.004 * np.sin(37 * t) + 0.003 * np.cos(101 * t)


@pytest.mark.parametrize("fps", [1.9, 2, 5, 23.976, 25])
def test_speech_is_told_from_silence_at_any_rate(fps):
    times = np.arange(round(30 * fps)) / fps
    got = flags(times, lambda t: syllables(t) if 10 <= t < 20 else jitter(t))
    assert len(got) == len(times)
    inner = np.array(got)[(times > 12) & (times < 18)]
    outer = np.array(got)[(times < 8) | (times > 22)]
    assert inner.mean() >= 0.9
    assert not outer.any()


@pytest.mark.parametrize("fps", [1, 2, 5, 25])
def test_an_expression_that_is_held_is_not_speech(fps):
    times = np.arange(round(20 * fps)) / fps
    held = flags(
        times,
        lambda t: 0.3 * np.interp(t, [8, 8.5, 12, 12.5], [0, 1, 1, 0]) + jitter(t),
    )
    assert not any(held)


def test_frames_without_the_person_do_not_talk_and_lose_no_flag():
    times = np.arange(40) / 2
    got = flags(times, lambda t: syllables(t) if t < 10 else None)
    assert len(got) == 40
    assert not any(got[20:])


def test_flags_come_in_order_and_soon():
    detector = SpeechDetector()
    known = 0
    for i in range(100):
        known += len(detector.push(i * 0.5, 0.1))
        assert known >= i - 5
    assert known + len(detector.finish()) == 100
    assert detector.finish() == []
