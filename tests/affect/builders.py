"""Synthetic sessions: Action Unit series with known events."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from echodepth_cli.affect.baseline import Baseline
from echodepth_cli.affect.series import Series
from echodepth_cli.affect.vad import VadModel
from echodepth_cli.records import Vad
from echodepth_cli.resources import resource_dir

Course = Callable[[float], Mapping[int, float]]
"""Intensities by AU at an offset."""

MODEL = VadModel.load(resource_dir("models") / "vad_weights.toml")


def intensities(values: Mapping[int, float]) -> np.ndarray:
    aus = np.zeros(46, dtype=np.float32)
    for au, value in values.items():
        aus[au - 1] = value
    return aus


def series(
    duration_s: float,
    course: Course = lambda t: {},
    *,
    fps: float = 2.0,
    noise: float = 0.0,
    seed: int = 0,
    unreliable: Callable[[float], bool] = lambda t: False,
    missing: Callable[[float], bool] = lambda t: False,
    talking: Callable[[float], bool] = lambda t: False,
    lead: Mapping[int, float] | None = None,
) -> Series:
    rng = np.random.default_rng(seed)
    times = np.arange(round(duration_s * fps)) / fps
    aus = np.array([intensities(course(t)) for t in times]).reshape(-1, 46)
    aus = np.clip(aus + noise * rng.standard_normal(aus.shape), 0, 1).astype(np.float32)
    absent = np.array([missing(t) for t in times], dtype=bool)
    doubtful = np.array([unreliable(t) for t in times], dtype=bool)
    talks = np.array([talking(t) for t in times], dtype=bool)
    aus[absent] = np.nan
    vad = MODEL.score_many(aus, talking=talks)
    vad[absent] = np.nan
    confidence = np.where(doubtful, 0.3, 0.9)
    confidence[absent] = np.nan
    sides = np.full(aus.shape, np.nan, dtype=np.float32)
    for au, value in (lead or {}).items():
        sides[:, au - 1] = value
    return Series(
        offset_s=times,
        vad=vad,
        confidence=confidence,
        aus=aus,
        reliable=~absent & ~doubtful,
        talking=talks,
        pitch_deg=np.where(absent, np.nan, 0.0),
        lead=sides,
    )


def baseline(v: float = 0.5, a: float = 0.5, d: float = 0.5, **changes: object) -> Baseline:
    values: dict = {
        "source": "opening_window",
        "window_s": (0.0, 60.0),
        "frames_used": 120,
        "quality": "good",
        "reasons": (),
        "vad": Vad(v, a, d),
        "spread": Vad(0.02, 0.02, 0.02),
        "coverage": 1.0,
        "frontal_share": 1.0,
        "talking_share": 0.0,
        "pitch_deg": 0.0,
    }
    return Baseline(**{**values, **changes})


SURPRISE = {1: 0.8, 2: 0.8, 5: 0.8, 25: 0.7, 26: 0.7}
DISTRESS = {1: 0.8, 4: 0.9, 15: 0.8, 17: 0.6}
SMILE = {6: 0.7, 12: 0.8}


def event(start_s: float, end_s: float, aus: Mapping[int, float], ramp_s: float = 0.4) -> Course:
    """AUs that rise within ``ramp_s``, hold, and fall within ``ramp_s`` after the end."""

    def course(t: float) -> Mapping[int, float]:
        level = np.interp(t, [start_s - ramp_s, start_s, end_s, end_s + ramp_s], [0, 1, 1, 0])
        return {au: value * float(level) for au, value in aus.items()}

    return course


def together(*courses: Course) -> Course:
    def course(t: float) -> Mapping[int, float]:
        values: dict[int, float] = {}
        for part in courses:
            for au, value in part(t).items():
                values[au] = max(values.get(au, 0.0), value)
        return values

    return course
