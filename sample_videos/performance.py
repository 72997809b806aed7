"""The script of the sample interview as curves: Action Units, lids, gaze and head over time.

`interview.script.csv` lists what happens; this module adds what nobody scripts (blinks, syllables,
the small drift of a head) from a seed, and translates Action Units into shapes of the face model.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]

SCRIPTED_AUS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 20, 22, 24, 25, 26, 43, 45)

SHAPES: dict[int, dict[str, float]] = {
    1: {"browInnerUp": 1.0},
    2: {"browOuterUp": 1.0},
    4: {"browDown": 1.0},
    5: {"eyeWide": 1.0},
    6: {"cheekSquint": 0.6, "cheekRaiser": 0.6},
    7: {"eyeSquint": 1.0},
    9: {"noseSneer": 1.0},
    10: {"mouthUpperUp": 1.0},
    12: {"mouthSmile": 1.0},
    14: {"mouthDimple": 1.0},
    15: {"mouthFrown": 1.0},
    16: {"mouthLowerDown": 1.0},
    17: {"mouthShrugLower": 1.0},
    18: {"mouthPucker": 1.0},
    20: {"mouthStretch": 1.0},
    22: {"mouthFunnel": 1.0},
    24: {"mouthPress": 1.0},
    26: {"jawOpen": 0.5},
    43: {"eyeBlink": 1.0},
    45: {"eyeBlink": 1.0},
}
"""Shapes of the face model at intensity 1; AU25 (lips part) follows from the others.

The full `jawOpen` is a mouth stretched wide (AU27), so a jaw drop (AU26) uses half of it.
"""

_WRINKLES: dict[str, tuple[int, float]] = {
    "forehead": (1, 0.9), "forehead_L": (2, 0.9), "forehead_R": (2, 0.9), "glabella": (4, 1.0),
    "nose_root": (9, 1.0), "crow_L": (6, 1.0), "crow_R": (6, 1.0), "under_eye_L": (6, 0.6),
    "under_eye_R": (6, 0.6), "nasolabial_L": (12, 0.8), "nasolabial_R": (12, 0.8),
    "dimple_L": (14, 0.8), "dimple_R": (14, 0.8), "corner_L": (15, 0.8), "corner_R": (15, 0.8),
    "chin": (17, 1.0), "lip_lines": (18, 0.6),
}  # fmt: skip
"""Which Action Unit deepens which furrow, and how much."""

_VOWELS: tuple[dict[int, float], ...] = (
    {26: 0.55, 16: 0.25},
    {26: 0.38, 20: 0.22, 16: 0.20},
    {26: 0.22, 20: 0.38, 12: 0.10},
    {26: 0.40, 22: 0.45},
    {26: 0.20, 18: 0.50},
    {26: 0.30, 10: 0.15, 16: 0.20},
)
_CONSONANTS: tuple[dict[int, float], ...] = (
    {24: 0.45},
    {26: 0.10},
    {26: 0.16, 10: 0.10},
    {26: 0.05, 17: 0.15},
)
_SYLLABLE_S = 0.23


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the script; times in seconds: rises from onset to apex, falls offset to end."""

    onset_s: float
    apex_s: float
    offset_s: float
    end_s: float
    kind: str
    """`face`, `speech`, `head` or `gaze`."""
    values: dict[str, float]
    what: str


@dataclass(frozen=True, slots=True)
class Performance:
    """Everything that moves, one row per picture."""

    time_s: Curve
    aus: dict[int, Curve]
    """Intensity 0..1 by Action Unit; AU25 is not here, see `make_interview`."""
    gaze: Curve
    """(N, 2) right and up as the subject sees it, -1..1."""
    pose_deg: Curve
    """(N, 3) yaw, pitch, roll with the signs of `HeadPose`."""
    sway_cm: Curve
    """(N, 2)."""


def read_script(path: Path) -> list[Event]:
    """Read the script; raises ValueError when times run backwards."""
    events = []
    with path.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            words = row["values"].split()
            values = {k: float(v) for k, v in zip(words[::2], words[1::2], strict=True)}
            times = [float(row[k]) for k in ("onset_s", "apex_s", "offset_s", "end_s")]
            if times != sorted(times):
                raise ValueError(f"{path}: times run backwards: {row}")
            onset, apex, offset, end = times
            events.append(Event(onset, apex, offset, end, row["kind"], values, row["what"]))
    return events


def perform(events: list[Event], duration_s: float, fps: int, seed: int) -> Performance:
    """Play the script; the same seed gives the same curves."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(duration_s * fps)) / fps
    aus = {au: np.zeros(len(time)) for au in SHAPES}
    gaze, pose = np.zeros((len(time), 2)), np.zeros((len(time), 3))
    talking = np.zeros(len(time))
    for event in events:
        curve = _envelope(time, event)
        if event.kind == "speech":
            talking = np.maximum(talking, curve * event.values["loudness"])
        for name, value in event.values.items():
            if event.kind == "face":
                alive = 1 + 0.03 * _drift(rng, len(time), 0.5 * fps)
                unit = int(name.removeprefix("AU"))
                aus[unit] = np.maximum(aus[unit], np.clip(curve * value * alive, 0, 1))
            elif event.kind == "gaze":
                sign = -1 if name in ("left", "down") else 1
                gaze[:, int(name in ("up", "down"))] += sign * value * curve
            elif event.kind == "head":
                pose[:, ("yaw", "pitch", "roll").index(name)] += value * curve
    _add_speech(aus, time, talking, rng)
    _add_blinks(aus, time, rng)
    gaze += _glances(time, rng)
    pose += _head_drift(len(time), fps, talking, rng)
    sway = np.stack([_drift(rng, len(time), 2.2 * fps) * s for s in (0.22, 0.10)], axis=1)
    return Performance(time, aus, gaze, pose, sway)


def shape_weights(
    aus: dict[int, float], gaze: Curve, names: tuple[str, ...], lean: dict[int, float]
) -> NDArray[np.float32]:
    """Return the (57,) weights of the face model's shapes for one moment.

    ``lean`` tells how much stronger each Action Unit is on the subject's left, -0.1..0.1.
    """
    weights = dict.fromkeys(names, 0.0)
    for au, value in aus.items():
        for shape, gain in SHAPES.get(au, {}).items():
            if shape in weights:
                weights[shape] = max(weights[shape], value * gain)
                continue
            for side, sign in (("_L", 1), ("_R", -1)):
                sided = value * gain * (1 + sign * lean.get(au, 0.0))
                weights[shape + side] = max(weights[shape + side], min(sided, 1.0))
    # A blink wins over wide eyes.
    for side in ("_L", "_R"):
        weights["eyeWide" + side] *= 1 - weights["eyeBlink" + side]
    right, up = gaze
    for shape, value in (
        ("eyeLookUp_L", up), ("eyeLookUp_R", up), ("eyeLookDown_L", -up), ("eyeLookDown_R", -up),
        ("eyeLookIn_L", right), ("eyeLookOut_R", right), ("eyeLookOut_L", -right),
        ("eyeLookIn_R", -right),
    ):  # fmt: skip
        weights[shape] = max(value, 0.0)
    return np.array([weights[name] for name in names], dtype=np.float32)


def wrinkle_depths(aus: dict[int, float], names: tuple[str, ...]) -> NDArray[np.float32]:
    """Return the depth of each furrow that the Action Units of one moment make."""
    depths = [aus.get(_WRINKLES[n][0], 0.0) * _WRINKLES[n][1] for n in names]
    return np.array(depths, dtype=np.float32)


def _envelope(time: Curve, event: Event) -> Curve:
    rise = _ease((time - event.onset_s) / max(event.apex_s - event.onset_s, 1e-6))
    fall = _ease((time - event.offset_s) / max(event.end_s - event.offset_s, 1e-6))
    return rise * (1 - fall)


def _ease(t: Curve) -> Curve:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def _drift(rng: np.random.Generator, count: int, sigma: float) -> Curve:
    """Return smooth noise of unit spread; ``sigma`` in samples."""
    reach = int(4 * sigma)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    noise = np.convolve(rng.normal(size=count + 2 * reach), bell, mode="valid")
    smooth: Curve = noise / np.sqrt((bell**2).sum())
    return smooth


def _add_speech(
    aus: dict[int, Curve], time: Curve, talking: Curve, rng: np.random.Generator
) -> None:
    """Add syllables: a consonant and a vowel each, phrases with short pauses between."""
    at, phrase_end = 0.0, rng.uniform(1.6, 3.2)
    while at < time[-1]:
        if at > phrase_end:
            at += rng.uniform(0.3, 0.7)
            phrase_end = at + rng.uniform(1.6, 3.2)
        length = _SYLLABLE_S * rng.uniform(0.75, 1.35)
        stress = rng.uniform(0.6, 1.15)
        loud = float(np.interp(at, time, talking)) * stress
        consonant = _CONSONANTS[rng.integers(len(_CONSONANTS))]
        vowel = _VOWELS[rng.integers(len(_VOWELS))]
        for mouth, centre in ((consonant, at), (vowel, at + 0.5 * length)):
            bump = np.clip(1 - np.abs(time - centre) / (0.62 * length), 0, 1)
            for au, value in mouth.items():
                aus[au] = np.clip(np.maximum(aus[au], _ease(bump) * value * loud), 0, 1)
        at += length


def _add_blinks(aus: dict[int, Curve], time: Curve, rng: np.random.Generator) -> None:
    at = 1.7
    while at < time[-1] - 0.4:
        close, shut, rise = 0.08, rng.uniform(0.03, 0.07), rng.uniform(0.11, 0.16)
        event = Event(at, at + close, at + close + shut, at + close + shut + rise, "face", {}, "")
        free = float(np.interp(at, time, aus[43])) < 0.05
        if free:
            aus[45] = np.maximum(aus[45], _envelope(time, event))
        # Now and then two blinks follow each other closely.
        at += rng.uniform(2.4, 5.2) if rng.random() > 0.12 else 0.5


def _glances(time: Curve, rng: np.random.Generator) -> Curve:
    """Return small gaze shifts about the listener's face."""
    out = np.zeros((len(time), 2))
    at, here = 0.8, np.zeros(2)
    while at < time[-1]:
        there = rng.normal(0, (0.07, 0.04)) + 0.02
        out += _ease((time - at) / 0.07)[:, None] * (there - here)
        here = there
        at += rng.uniform(0.7, 2.2)
    return out


def _head_drift(count: int, fps: int, talking: Curve, rng: np.random.Generator) -> Curve:
    slow = np.stack([_drift(rng, count, 1.3 * fps) * s for s in (1.6, 0.9, 0.7)], axis=1)
    lively = np.stack([_drift(rng, count, 0.28 * fps) * s for s in (0.9, 1.1, 0.7)], axis=1)
    drift: Curve = slow + lively * talking[:, None]
    return drift
