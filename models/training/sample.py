"""Draw people, expressions and pictures at random, widely enough to cover real recordings."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training.actions import CENTRAL, CHANNELS, GAZE, LATERAL
from models.training.face_model import Floats
from models.training.paint import WRINKLES, Look
from models.training.render import Camera, Glasses, Light, Scene

Rng = np.random.Generator

PROTOTYPES: tuple[dict[str, float], ...] = (
    {"AU06": 0.7, "AU12": 0.9},
    {"AU06": 0.8, "AU12": 0.9, "AU10": 0.2, "AU16": 0.2, "jaw": 0.2},
    {"AU12": 0.7},
    {"AU12": 0.6, "AU15": 0.4, "AU17": 0.3},
    {"AU01": 0.8, "AU02": 0.8, "AU05": 0.6, "jaw": 0.4},
    {"AU01": 0.8, "AU02": 0.9},
    {"AU01": 0.7, "AU02": 0.7, "AU05": 0.8, "jaw": 0.8},
    {"AU04": 0.8, "AU05": 0.5, "AU07": 0.6, "AU24": 0.6},
    {"AU04": 0.8, "AU07": 0.6, "AU23": 0.7},
    {"AU04": 0.8},
    {"AU04": 0.6, "AU07": 0.5},
    {"AU01": 0.7, "AU04": 0.5, "AU15": 0.7},
    {"AU01": 0.6, "AU04": 0.4, "AU15": 0.6, "AU17": 0.6},
    {"AU15": 0.6, "AU17": 0.7},
    {"AU17": 0.8, "AU24": 0.4},
    {"AU09": 0.8, "AU10": 0.3, "AU17": 0.3},
    {"AU10": 0.7, "AU17": 0.4, "AU04": 0.3},
    {"AU09": 0.7, "AU04": 0.5, "AU07": 0.4, "AU06": 0.4},
    {"AU01": 0.7, "AU02": 0.5, "AU04": 0.5, "AU05": 0.7, "AU20": 0.6, "jaw": 0.25},
    {"AU12": 0.4, "AU14": 0.6},
    {"AU14": 0.7},
    {"AU04": 0.5, "AU06": 0.6, "AU07": 0.6, "AU10": 0.5, "lid": 0.8},
    {"AU18": 0.8},
    {"AU22": 0.7, "jaw": 0.3},
    {"jaw": 0.9},
    {"lid": 1.0},
    {"AU06": 0.6, "AU07": 0.6, "AU12": 0.9, "lid": 0.3, "jaw": 0.4},
    {"AU23": 0.6, "AU24": 0.5},
    {"AU28": 0.7},
    {"AU34": 0.8},
    {"AU16": 0.6, "AU10": 0.4, "AU20": 0.4, "jaw": 0.3},
    {"AU12": 1.0, "AU14": 0.2},
    {"AU12": 1.0, "AU06": 0.8, "AU07": 0.3},
    {"AU12": 0.9, "AU20": 0.3, "jaw": 0.15},
    {"jaw": 1.1, "AU01": 0.3, "AU02": 0.3},
    {"jaw": 1.0, "AU16": 0.4, "AU20": 0.3},
    {"AU17": 0.9},
    {"AU17": 0.7, "AU15": 0.4, "AU04": 0.3},
    {"AU15": 0.8},
    {"AU07": 0.8},
    {"AU06": 0.8},
    {"AU05": 0.8},
)
"""Combinations that occur: FACS and EMFACS prototypes, their parts, conversational faces, and
broad smiles and open mouths, which a model of the chin raiser must tell from it."""

VISEMES: tuple[dict[str, float], ...] = (
    {"jaw": 0.45, "AU16": 0.2},
    {"jaw": 0.15, "AU20": 0.4, "AU10": 0.15},
    {"jaw": 0.25, "AU22": 0.5},
    {"AU18": 0.6, "AU22": 0.25, "jaw": 0.08},
    {"AU24": 0.4},
    {"AU32": 0.4, "AU10": 0.2, "jaw": 0.06},
    {"jaw": 0.2},
    {"AU22": 0.5, "jaw": 0.1},
    {"jaw": 0.12, "AU16": 0.25},
    {"jaw": 0.3, "AU12": 0.2},
)
"""Mouth shapes of speech."""

OPPOSED = (
    ("AU18", "AU20"), ("AU22", "AU24"), ("AU22", "AU28"), ("AU05", "lid"), ("AU24", "jaw"),
    ("AU28", "AU18"), ("AU12", "AU18"), ("AU34", "AU35"), ("AU38", "AU39"), ("mouth_L", "mouth_R"),
    ("AU30_L", "AU30_R"), ("AU28", "AU16"), ("AU32", "AU24"), ("AU34", "jaw"), ("AU13", "AU15"),
    ("AU23", "jaw"), ("AU05", "AU06"), ("AU09", "AU02"), ("AU17", "jaw"),
)  # fmt: skip

_SINGLES = tuple(name for name in (*LATERAL, *CENTRAL) if name != "AU08")
_RARE = {"AU11", "AU13", "AU29", "AU32", "AU34", "AU35", "AU38", "AU39", "mouth_L", "mouth_R"}


def expression(rng: Rng) -> Floats:
    """Return the channel strengths of one expressive frame, in the order of `CHANNELS`."""
    chosen: dict[str, float] = {}
    kind = rng.random()
    if kind < 0.22:
        chosen[_pick(rng)] = rng.uniform(0.15, 1.15)
    elif kind < 0.57:
        gain = rng.uniform(0.3, 1.35)
        for name, strength in PROTOTYPES[rng.integers(len(PROTOTYPES))].items():
            if rng.random() < 0.9:
                chosen[name] = strength * gain * rng.uniform(0.6, 1.3)
        if rng.random() < 0.4:
            chosen.setdefault(_pick(rng), rng.uniform(0.1, 0.7))
    elif kind < 0.85:
        for _ in range(rng.integers(2, 6)):
            chosen[_pick(rng)] = rng.uniform(0.15, 1.05)
    else:
        gain = rng.uniform(0.5, 1.3)
        viseme = VISEMES[rng.integers(len(VISEMES))]
        chosen = {name: strength * gain for name, strength in viseme.items()}
        if rng.random() < 0.6:
            chosen.setdefault(_pick(rng), rng.uniform(0.1, 0.8))
    if "lid" not in chosen and rng.random() < 0.12:
        chosen["lid"] = rng.uniform(0.1, 1.0)
    if chosen.get("jaw", 0) > 0.15 and rng.random() < 0.08:
        chosen["AU08"] = chosen["jaw"] * rng.uniform(0.4, 1.0)
    return _to_channels(rng, _without_opposed(rng, chosen), gaze=0.5)


def resting(rng: Rng) -> Floats:
    """Return the channels of a neutral frame: lids and gaze live a little, the rest is calm."""
    calm = {"lid": rng.uniform(0.02, 0.12)} if rng.random() < 0.3 else {}
    return _to_channels(rng, calm, gaze=0.4, gaze_reach=0.35)


def look(rng: Rng) -> Look:
    """Return the colours and surface of a random person, all ages and skins."""
    level = rng.uniform(70, 240)
    skin = level * np.array([1.0, rng.uniform(0.68, 0.83), rng.uniform(0.50, 0.74)])
    grey = rng.random() < 0.15
    hair = np.array([1.0, rng.uniform(0.7, 0.95), rng.uniform(0.5, 0.9)]) * rng.uniform(15, 120)
    hair = np.full(3, rng.uniform(120, 210)) if grey else hair
    # Face mesh finds brows by their contrast; faint ones hardly move its landmarks.
    brow = np.minimum(hair * rng.uniform(0.4, 1.0), skin * rng.uniform(0.15, 0.55))
    lip = skin * np.array([rng.uniform(0.75, 1.0), rng.uniform(0.5, 0.8), rng.uniform(0.55, 0.85)])
    if rng.random() < 0.12:
        lip = np.array([rng.uniform(110, 190), rng.uniform(20, 60), rng.uniform(30, 80)])
    bearded = rng.random() < 0.22
    age = rng.uniform(0, 1) ** 1.5
    furrows = age * rng.uniform(0, 0.8, len(WRINKLES)) + rng.uniform(0, 0.15, len(WRINKLES))
    return Look(
        skin=_f32(skin),
        lip=_f32(lip),
        brow=_f32(brow),
        hair=_f32(hair),
        iris=_f32(
            np.array([1, rng.uniform(0.6, 1.1), rng.uniform(0.3, 1.3)]) * rng.uniform(35, 110)
        ),
        clothes=_f32(rng.uniform(20, 220, 3)),
        brow_width=rng.uniform(0.3, 0.75),
        brow_density=rng.uniform(0.7, 1.0),
        blush=rng.uniform(0, 0.5),
        mottle=rng.uniform(0.01, 0.09),
        beard=rng.uniform(0.25, 0.95) if bearded else 0.0,
        moustache=rng.uniform(0.3, 0.95) if bearded and rng.random() < 0.8 else 0.0,
        hairline_cm=float(rng.choice([rng.uniform(8.6, 11.8), 14.0], p=[0.92, 0.08])),
        hair_volume_cm=rng.uniform(0.2, 1.6),
        gloss=rng.uniform(0.0, 0.45),
        iris_deg=rng.uniform(23, 28),
        pupil_deg=rng.uniform(7, 14),
        teeth=_f32(np.array([1, 0.97, 0.88]) * rng.uniform(150, 240)),
        resting_wrinkles=_f32(furrows),
        seed=int(rng.integers(2**31)),
    )


def glasses(rng: Rng) -> Glasses:
    """Return a random pair of glasses."""
    dark = rng.random() < 0.7
    colour = rng.uniform(10, 70, 3) if dark else rng.uniform(90, 200, 3)
    return Glasses(
        colour=(float(colour[0]), float(colour[1]), float(colour[2])),
        round=rng.uniform(0, 1),
        thickness_cm=rng.uniform(0.08, 0.4),
        width_cm=rng.uniform(2.3, 3.0),
        height_cm=rng.uniform(1.5, 2.5),
        tint=rng.uniform(0, 0.15),
        glare=float(rng.choice([0.0, rng.uniform(0, 0.3)])),
    )


def pose(rng: Rng, spread: float = 1.0) -> tuple[float, float, float]:
    """Return (yaw, pitch, roll) in degrees: mostly towards the camera, a third anywhere.

    Yaw goes to ±35, pitch and roll to ±25 at a spread of 1.
    """
    roll = float(np.clip(rng.normal(0, 6 * spread), -25, 25))
    if rng.random() < 0.65:
        yaw, pitch = rng.normal(0, 9 * spread), rng.normal(0, 6 * spread)
    else:
        yaw, pitch = rng.uniform(-35, 35) * spread, rng.uniform(-25, 25) * spread
    return float(np.clip(yaw, -35, 35)), float(np.clip(pitch, -25, 25)), roll


def camera_distance_cm(rng: Rng) -> float:
    """Return how far one recording's camera stands from the face."""
    return float(np.exp(rng.uniform(np.log(38), np.log(160))))


def scene(rng: Rng, distance_cm: float) -> Scene:
    """Return a random framing, light and background, the camera at about a distance."""
    small = rng.random() < 0.15
    low, high = (60, 110) if small else (110, 270)
    face = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    side = int(face * rng.uniform(1.3, 1.7))
    camera = Camera(
        width_px=side,
        height_px=side,
        face_px=face,
        distance_cm=distance_cm * rng.uniform(0.92, 1.08),
        shift_px=(float(rng.normal(0, 0.03) * side), float(rng.normal(0, 0.03) * side)),
    )
    warmth = rng.uniform(-0.18, 0.18)
    tint = np.array([1 + warmth, 1.0, 1 - warmth])
    ambient = tint * rng.uniform(0.2, 0.6)
    lights = []
    for strength in (rng.uniform(0.25, 0.85), rng.uniform(0, 0.4)):
        way = (rng.normal(0, 0.7), rng.uniform(-0.2, 1.0), 1.0)
        own = tint * (1 + rng.normal(0, 0.05, 3)) * strength
        lights.append(Light(way, (float(own[0]), float(own[1]), float(own[2]))))
    return Scene(
        camera=camera,
        ambient=(float(ambient[0]), float(ambient[1]), float(ambient[2])),
        lights=tuple(lights),
        background=_background(rng),
        supersample=2 if face < 130 else 1,
    )


@dataclass(frozen=True, slots=True)
class Recording:
    """What a camera and its codec do to every picture of one recording."""

    noise: float
    blur: float
    """Gaussian, in pixels of a picture 256 high."""
    quality: float
    """Of the JPEG coding, 0..100."""
    exposure: float
    gamma: float


def recording(rng: Rng) -> Recording:
    """Return the faults of one random camera."""
    return Recording(
        noise=float(rng.choice([0.0, rng.uniform(0, 7)])),
        blur=float(rng.choice([0.0, rng.uniform(0.3, 1.1)], p=[0.7, 0.3])),
        quality=float(rng.choice([92, rng.uniform(30, 90)])),
        exposure=rng.uniform(0.2, 0.8),
        gamma=rng.uniform(0.8, 1.25),
    )


def degrade(rng: Rng, image: NDArray[np.uint8], camera: Recording) -> NDArray[np.uint8]:
    """Return the picture as the camera would give it."""
    out = image.astype(np.float32)
    blur = camera.blur * image.shape[0] / 256
    if blur > 0.2:
        out = cv2.GaussianBlur(out, (0, 0), blur)
    level = (125 / max(float(out.mean()), 20.0)) ** camera.exposure
    out = np.clip(level, 0.7, 2.5) * 255 * np.clip(out / 255, 0, 1) ** camera.gamma
    if camera.noise > 0:
        out += camera.noise * rng.standard_normal(out.shape, dtype=np.float32)
    out = np.clip(out, 0, 255).astype(np.uint8)
    _, packed = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(camera.quality)])
    return cv2.imdecode(packed, cv2.IMREAD_COLOR)


def _pick(rng: Rng) -> str:
    name = _SINGLES[rng.integers(len(_SINGLES))]
    if name in _RARE and rng.random() < 0.6:
        name = _SINGLES[rng.integers(len(_SINGLES))]
    return name


def _without_opposed(rng: Rng, chosen: dict[str, float]) -> dict[str, float]:
    kept = dict(chosen)
    for a, b in OPPOSED:
        if a in kept and b in kept and "AU08" not in kept:
            del kept[a if rng.random() < 0.5 else b]
    return kept


def _to_channels(
    rng: Rng, chosen: dict[str, float], gaze: float, gaze_reach: float = 0.9
) -> Floats:
    value = dict.fromkeys(CHANNELS, 0.0)
    for name, strength in chosen.items():
        strength = float(np.clip(strength, 0, 1.15))
        if name not in LATERAL:
            value[name] = strength
            continue
        weaker = strength * (1 - _imbalance(rng, name))
        left, right = (strength, weaker) if rng.random() < 0.5 else (weaker, strength)
        value[f"{name}_L"], value[f"{name}_R"] = left, right
    if rng.random() < gaze:
        for name, share in zip(GAZE, (1.0, 0.7), strict=True):
            value[name] = float(np.clip(rng.normal(0, 0.45), -1, 1) * gaze_reach * share)
    return np.array([value[name] for name in CHANNELS], dtype=np.float32)


def _imbalance(rng: Rng, name: str) -> float:
    kind = rng.random()
    if name == "lid":
        return float(rng.uniform(0, 0.05) if kind < 0.8 else rng.uniform(0.2, 1))
    if kind < 0.6:
        return float(rng.uniform(0, 0.2))
    return float(rng.uniform(0.2, 0.6) if kind < 0.85 else 1.0)


def _background(rng: Rng) -> NDArray[np.uint8]:
    small = rng.uniform(0, 255, (rng.integers(1, 5), rng.integers(1, 5), 3)).astype(np.float32)
    method = cv2.INTER_LINEAR if rng.random() < 0.6 else cv2.INTER_NEAREST
    return np.clip(cv2.resize(small, (64, 64), interpolation=method), 0, 255).astype(np.uint8)


def _f32(values: NDArray[np.float64]) -> Floats:
    return np.clip(values, 0, 255).astype(np.float32)
