"""What the morphable face lacks for a head-and-shoulders picture: a pullover, hair and a room."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training.face_model import Floats, Ints

Image = NDArray[np.uint8]

WIDTH_PX, HEIGHT_PX = 640, 480
"""Size of the sample clip."""

_PROFILE_CM = (
    # height, half width, half depth, how far the ring leans down at the front
    (-11.6, 6.4, 6.3, 2.4),
    (-11.0, 6.8, 6.8, 2.5),
    (-11.3, 7.3, 7.4, 2.7),
    (-12.6, 8.0, 8.0, 3.2),
    (-13.0, 9.2, 8.6, 3.2),
    (-13.9, 11.8, 9.3, 3.0),
    (-15.0, 14.8, 10.0, 2.5),
    (-16.4, 17.6, 10.6, 2.0),
    (-18.4, 19.8, 11.2, 1.5),
    (-22.0, 21.4, 11.8, 1.0),
    (-26.0, 22.0, 12.2, 0.5),
    (-34.0, 22.2, 12.6, 0.0),
    (-60.0, 21.5, 12.8, 0.0),
)
"""Rings of the pullover from the collar down, in face units."""

_COLLAR_RINGS = 14
_TORSO_Z_CM = -2.2


@dataclass(frozen=True, slots=True)
class Torso:
    """A pullover as a closed sleeve of rings."""

    vertices: Floats
    """(V, 3)."""
    triangles: Ints
    """(T, 3), outside facing the camera counter-clockwise."""
    tint: Floats
    """(V, 4) colour and 0, as the shader wants it for surfaces that are not skin."""


def make_torso(colour: tuple[float, float, float], rings: int = 90, around: int = 160) -> Torso:
    """Return a pullover of one colour with a ribbed collar."""
    profile = np.array(_PROFILE_CM)
    knots = np.linspace(0, 1, len(profile))
    at = np.linspace(0, 1, rings)
    height, width, depth, lean = (np.interp(at, knots, profile[:, k]) for k in range(4))
    smooth = [cv2.GaussianBlur(v[:, None], (0, 0), 1.5).ravel() for v in (height, width, depth)]
    height, width, depth = smooth
    angle = np.linspace(0, 2 * np.pi, around, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    x = width[:, None] * np.sign(c) * np.abs(c) ** 0.9
    z = depth[:, None] * np.sign(s) * np.abs(s) ** 0.9 + _TORSO_Z_CM
    y = height[:, None] - lean[:, None] * (0.5 + 0.5 * s)
    vertices = np.stack([x, y, z], axis=2).reshape(-1, 3).astype(np.float32)
    i, j = np.meshgrid(np.arange(rings - 1), np.arange(around), indexing="ij")
    a, b = i * around + j, i * around + (j + 1) % around
    quads = np.stack([a, b, a + around, b, b + around, a + around], axis=2)
    return Torso(vertices, quads.reshape(-1, 3).astype(np.int32), _cloth(colour, rings, around))


def _cloth(colour: tuple[float, float, float], rings: int, around: int) -> Floats:
    rng = np.random.default_rng(11)
    folds = cv2.GaussianBlur(rng.normal(size=(rings, around)), (0, 0), 5)
    gain = 1 + 0.05 * folds / folds.std()
    ribs = 1 + 0.16 * np.where(np.arange(around) % 2 == 0, 1, -1)
    gain[:_COLLAR_RINGS] *= ribs
    gain[_COLLAR_RINGS : _COLLAR_RINGS + 2] *= 0.72
    tint = np.zeros((rings * around, 4), dtype=np.float32)
    tint[:, :3] = np.array(colour) * gain.reshape(-1, 1)
    return tint


def hair_share(position: Floats) -> Floats:
    """Return how surely each (V, 3) point of the average head lies under hair, 0..1."""
    x, y, z = position.T
    # Swept to the subject's right from a parting above the left eye.
    hairline = 10.9 - 0.030 * x**2 - 0.10 * x + 0.8 * np.exp(-(((x - 3.4) / 0.9) ** 2))
    front = _soft(y - hairline, -0.5, 0.9)
    temple = _soft(np.abs(x), 6.2, 7.2) * _soft(y, 0.8, 4.0) * _soft(-z, -4.9, -2.6)
    back = _soft(y, 1.5, 3.5) * _soft(-z, 0.2, 1.5)
    nape = _soft(-z, 1.0, 2.5) * _soft(y, -6.5, -4.5)
    ear = (np.abs(x) > 7.9) & (y < 5.2) & (z > -2.4)
    inside = (z > 3.0) & (y < 7.0) & (np.abs(x) < 6.0)
    share = np.maximum.reduce([front, temple, back, nape])
    return np.where(ear | inside, 0, share).astype(np.float32)


def hair_volume(position: Floats, share: Floats) -> Floats:
    """Return (V, 3): how far the hair stands out of the scalp, in face units."""
    x, y, z = position.T
    ray = position - np.array([0.0, 3.0, 1.0], dtype=np.float32)
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    top = _soft(y, 5.0, 13.0)
    length = share**1.5 * (0.45 + 1.15 * top + 0.25 * np.sin(1.3 * x + 0.9 * z) * top)
    lift = np.array([0.15, 0.35, 0.1], dtype=np.float32) * np.sign(position + 1e-6)
    growth: Floats = ((ray + lift * top[:, None]) * length[:, None]).astype(np.float32)
    return growth


def make_room(width_px: int, height_px: int, seed: int) -> Image:
    """Paint a room far out of focus: a wall lit from a window, a shelf, a plant, a lamp."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:1:480j, 0:1:640j]
    glow = np.exp(-(((x + 0.05) / 0.5) ** 2) - ((y - 0.2) / 0.9) ** 2)
    wall = np.array([150.0, 146.0, 138.0]) - 26 * y[..., None] - 22 * x[..., None]
    room = wall + glow[..., None] * np.array([62.0, 64.0, 66.0])
    _shelf(room, rng)
    for _ in range(60):
        tip = (int(rng.normal(70, 34)), int(rng.normal(215, 60)))
        green = rng.uniform(0.75, 1.2) * np.array([70, 98, 66])
        cv2.line(room, (72, 400), tip, green.tolist(), 7)
    cv2.rectangle(room, (40, 380), (106, 480), (150, 104, 80), -1)
    soft = cv2.GaussianBlur(room, (0, 0), 11)
    lamp = np.exp(-(((x - 0.83) / 0.10) ** 2) - ((y - 0.12) / 0.12) ** 2)
    soft += lamp[..., None] * np.array([70.0, 55.0, 30.0])
    picture: Image = cv2.resize(np.clip(soft, 0, 255).astype(np.uint8), (width_px, height_px))
    return picture


def _shelf(room: Floats, rng: np.random.Generator) -> None:
    cv2.rectangle(room, (470, 120), (640, 480), (92, 72, 56), -1)
    for top in (135, 240, 345):
        cv2.rectangle(room, (480, top), (640, top + 92), (64, 52, 44), -1)
        left = 484
        while left < 640:
            wide, tall = int(rng.integers(9, 22)), int(rng.integers(50, 84))
            book = rng.uniform(50, 165) * rng.uniform(0.7, 1.1, 3)
            cv2.rectangle(room, (left, top + 92 - tall), (left + wide, top + 92), book.tolist(), -1)
            left += wide + int(rng.integers(0, 5))


def _soft(value: Floats, zero: float, one: float) -> Floats:
    t = np.clip((value - zero) / (one - zero), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)
