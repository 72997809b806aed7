"""Skin, brows, lips, beard, hair and wrinkles: what a person looks like, painted from numbers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training.face_model import HEAD, SKIN, FaceModel, Floats
from models.training.raster import rasterise

TEXTURE_PX = 512
"""Texture size for large pictures; `make_canvas` takes a smaller one for small faces."""

WRINKLES = (
    "forehead", "forehead_L", "forehead_R", "glabella", "nose_root", "crow_L", "crow_R",
    "under_eye_L", "under_eye_R", "nasolabial_L", "nasolabial_R", "dimple_L", "dimple_R",
    "corner_L", "corner_R", "chin", "lip_lines",
)  # fmt: skip
"""Furrow groups; a wrinkle vector gives the depth of each, 0..about 1.5."""


@dataclass(frozen=True, slots=True)
class Look:
    """One person's colours and surface; colours are RGB 0..255."""

    skin: Floats
    lip: Floats
    brow: Floats
    hair: Floats
    iris: Floats
    clothes: Floats
    brow_width: float = 0.35
    brow_density: float = 0.9
    blush: float = 0.15
    mottle: float = 0.05
    """Relative amplitude of skin unevenness."""
    beard: float = 0.0
    """Opacity of the beard, 0 = shaved."""
    moustache: float = 0.0
    hairline_cm: float = 10.5
    """Height of the hairline in face units; above 13 is bald."""
    hair_volume_cm: float = 0.7
    gloss: float = 0.15
    iris_deg: float = 26.0
    pupil_deg: float = 10.0
    teeth: Floats | None = None
    resting_wrinkles: Floats | None = None
    """(17,) furrows of the neutral face."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Canvas:
    """Everything about the skin's texture space that does not depend on the person."""

    position: Floats
    """(N, N, 3) neutral position of each texel."""
    brow_cm: Floats
    """(N, N) distance to the brow line."""
    lips: Floats
    mouth_inside: Floats
    beard: Floats
    moustache: Floats
    cheeks: Floats
    shade: Floats
    """Darker lids and sockets, 0..1."""
    furrows: Floats
    """(17, N, N) height of each wrinkle group at depth 1."""


def make_canvas(model: FaceModel, size_px: int = TEXTURE_PX) -> Canvas:
    """Measure the texture space of the morphable face; takes about a second, do it once."""
    position = _texel_positions(model, size_px)
    x, y, z = position[..., 0], position[..., 1], position[..., 2]
    front = (z > 2).astype(np.float32)
    mark = model.neutral[model.landmark68]
    brow = np.minimum(_distance(position, mark[17:22]), _distance(position, mark[22:27]))
    outer, inner = _inside(x, y, mark[48:60]), _inside(x, y, mark[60:68])
    deep = (z < 9.3) & (np.abs(x) < 2.5) & (y > -5.0) & (y < -1.6)
    lips = cv2.GaussianBlur((outer & (z > 9.0)).astype(np.float32), (0, 0), 1.5)
    mouth = cv2.GaussianBlur((deep | (inner & (z < 9.8))).astype(np.float32), (0, 0), 1.2)
    jaw = _soft(-y, 3.0, 5.0) + _soft(np.abs(x), 4.8, 6.4) * _soft(-y, -0.5, 1.5)
    beard = np.clip(jaw, 0, 1) * front * (1 - lips) * _soft(y, -13.5, -10.0)
    above_lip = _blob(x, y, 0.0, -1.75, 2.6, 0.65) * front * (1 - lips)
    cheeks = _blob(x, y, 4.2, 0.0, 1.8, 1.8) + _blob(x, y, -4.2, 0.0, 1.8, 1.8)
    sockets = _blob(x, y, 3.1, 3.7, 2.2, 1.0) + _blob(x, y, -3.1, 3.7, 2.2, 1.0)
    return Canvas(
        position=position,
        brow_cm=np.where(front > 0, brow, 9).astype(np.float32),
        lips=lips,
        mouth_inside=mouth,
        beard=beard.astype(np.float32),
        moustache=above_lip.astype(np.float32),
        cheeks=(cheeks * front).astype(np.float32),
        shade=(sockets * front).astype(np.float32),
        furrows=_furrows(position, front),
    )


def paint_skin(canvas: Canvas, look: Look) -> Floats:
    """Return the (N, N, 3) skin texture, 0..255."""
    rng = np.random.default_rng(look.seed)
    coarse, fine, hairs = (_noise(rng, s, len(canvas.lips)) for s in (14.0, 1.5, 0.8))
    colour = np.broadcast_to(look.skin, (*coarse.shape, 3)).astype(np.float32).copy()
    colour *= (1 + look.mottle * (coarse + 0.6 * fine))[..., None]
    colour *= 1 - 0.18 * canvas.shade[..., None]
    red = look.skin * np.array([1.0, 0.72, 0.72], dtype=np.float32)
    colour = _mix(colour, red, look.blush * canvas.cheeks)
    colour = _mix(colour, look.lip * (1 + 0.1 * fine[..., None]), 0.9 * canvas.lips)
    colour = _mix(colour, np.array([70, 25, 25], dtype=np.float32), canvas.mouth_inside)
    strokes = np.clip(0.8 + 0.22 * hairs, 0, 1)
    edge = _soft(-canvas.brow_cm, -look.brow_width, -0.45 * look.brow_width)
    colour = _mix(colour, look.brow, look.brow_density * edge * strokes)
    stubble = np.clip(0.75 + 0.3 * hairs, 0, 1)
    colour = _mix(colour, look.hair, look.beard * canvas.beard * stubble)
    colour = _mix(colour, look.hair, look.moustache * canvas.moustache * stubble)
    x, y, z = (canvas.position[..., k] for k in range(3))
    side = _soft(-z, -4.0, -1.0) * _soft(y, 1.0, 3.5) * _soft(look.hairline_cm, 13.5, 12.5)
    line = look.hairline_cm + 0.5 * coarse - 0.012 * x**2
    hair = np.maximum(_soft(y - line, -0.3, 0.5), side) * (look.hairline_cm < 13)
    return np.clip(_mix(colour, look.hair * (1 + 0.25 * hairs[..., None]), hair), 0, 255)


def paint_head(model: FaceModel, look: Look) -> Floats:
    """Return (V, 4): colour and share of hair of the head behind the face."""
    x, y, z = model.neutral.T
    scalp = _soft(y, 1.5, 3.5) * _soft(-z, -9.0, -7.0) + _soft(y, 9.5, 11.0)
    nape = _soft(-z, -1.0, 1.0) * _soft(y, -7.0, -5.0)
    hair = np.clip(scalp + nape, 0, 1) * (look.hairline_cm < 13)
    grain = np.random.default_rng(look.seed + 1).normal(0, 0.12, len(x))
    cloth = _soft(-y, 15.0, 15.6)[:, None]
    colour = look.skin * (1 - cloth) + look.clothes * cloth
    colour = colour * (1 - hair[:, None]) + look.hair * (1 + grain[:, None]) * hair[:, None]
    return np.column_stack([np.clip(colour, 0, 255), hair]).astype(np.float32)


def hair_growth(model: FaceModel, look: Look) -> Floats:
    """Return (V, 3): how far hair stands out of the scalp, in face units."""
    scalp = np.zeros(len(model.neutral), dtype=bool)
    scalp[np.unique(model.triangles[model.kind == HEAD])] = True
    scalp[np.unique(model.triangles[model.kind == SKIN])] = False
    share = paint_head(model, look)[:, 3] * scalp
    rng = np.random.default_rng(look.seed + 2)
    length = look.hair_volume_cm * share * (1 + 0.25 * rng.normal(size=len(share)))
    ray = model.neutral - np.array([0.0, 3.0, 2.0], dtype=np.float32)
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    return (ray * length[:, None]).astype(np.float32)


def wrinkle_heights(canvas: Canvas, look: Look, active: Floats) -> Floats:
    """Return the (N, N) height map for the furrows ``active`` (17,) plus the resting ones."""
    rest = look.resting_wrinkles if look.resting_wrinkles is not None else np.zeros_like(active)
    total = np.clip(rest + active, 0, 2).astype(np.float32)
    return np.tensordot(total, canvas.furrows, 1)


def _texel_positions(model: FaceModel, size_px: int) -> Floats:
    skin = model.kind == SKIN
    uv = model.uv[skin].reshape(-1, 2) * (size_px - 1)
    # Each corner is its own vertex: seams in the texture have two. Drawn once per winding.
    corners = np.arange(len(uv), dtype=np.int32).reshape(-1, 3)
    corners = np.concatenate([corners, corners[:, ::-1]])
    owner, weight = rasterise(uv, np.zeros(len(uv), np.float32), corners, size_px, size_px)
    where = model.neutral[model.triangles[skin].reshape(-1)]
    w = np.concatenate([weight, 1 - weight.sum(axis=2, keepdims=True)], axis=2)
    position = np.einsum("ijk,ijkc->ijc", w, where[corners[owner]])
    position[owner < 0] = (0, 0, -9)
    return position.astype(np.float32)


def _furrows(position: Floats, front: Floats) -> Floats:
    """Return each wrinkle group as a height map; lines drawn on the average face."""
    out = np.zeros((len(WRINKLES), *front.shape), dtype=np.float32)
    for name, lines in _furrow_lines().items():
        for line in lines:
            near = _distance(position[..., :2], np.array(line, dtype=np.float32))
            depth = np.exp(-0.5 * (near / 0.10) ** 2) - 0.35 * np.exp(-0.5 * (near / 0.30) ** 2)
            out[WRINKLES.index(name)] -= depth * front
    pits = _noise(np.random.default_rng(5), 2.5, len(front))
    x, y = position[..., 0], position[..., 1]
    out[WRINKLES.index("chin")] = 0.8 * pits * _blob(x, y, 0, -6.3, 1.4, 1.1) * front
    return out


def _furrow_lines() -> dict[str, list[list[tuple[float, float]]]]:
    lines: dict[str, list[list[tuple[float, float]]]] = {
        "forehead": [[(-2.4, h), (-1, h + 0.15), (1, h + 0.1), (2.4, h)] for h in (7.9, 8.8, 9.8)],
        "glabella": [[(s * 0.75, 5.2), (s * 0.6, 6.2), (s * 0.8, 7.2)] for s in (1, -1)],
        "nose_root": [[(-1.1, h - 0.3), (0, h), (1.1, h - 0.3)] for h in (3.6, 4.3, 4.9)],
        "lip_lines": [[(u, -2.3), (u * 1.1, -1.6)] for u in (-1.6, -0.9, 0.9, 1.6)],
    }
    for side, s in (("L", 1), ("R", -1)):
        lines[f"forehead_{side}"] = [
            [(s * 2.2, h), (s * 4, h), (s * 5.8, h - 0.9)] for h in (7.8, 8.7, 9.6)
        ]
        lines[f"crow_{side}"] = [
            [(s * 5.2, 3.4 + 0.25 * k), (s * 6.0, 3.4 + 0.6 * k), (s * 6.6, 3.4 + 0.85 * k)]
            for k in (-1, 0, 1)
        ]
        lines[f"under_eye_{side}"] = [[(s * 1.5, 2.3), (s * 3.1, 1.5), (s * 4.9, 2.1)]]
        lines[f"nasolabial_{side}"] = [
            [(s * 1.7, 0.4), (s * 2.6, -1.1), (s * 3.3, -2.8), (s * 3.4, -4.0)]
        ]
        lines[f"dimple_{side}"] = [[(s * 3.1, -2.7), (s * 3.35, -3.5), (s * 3.1, -4.3)]]
        lines[f"corner_{side}"] = [[(s * 2.8, -3.9), (s * 3.3, -4.6), (s * 3.5, -5.4)]]
    return lines


def _distance(points: Floats, line: Floats) -> Floats:
    best = np.full(points.shape[:-1], 1e9, dtype=np.float32)
    for a, b in pairwise(line):
        along = np.clip(((points - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
        away = np.linalg.norm(points - (a + along[..., None] * (b - a)), axis=-1)
        best = np.minimum(best, away)
    return best


def _inside(x: Floats, y: Floats, polygon: Floats) -> NDArray[np.bool_]:
    odd = np.zeros(x.shape, dtype=bool)
    before = np.roll(polygon[:, :2], 1, axis=0)
    for (xi, yi), (xj, yj) in zip(polygon[:, :2], before, strict=True):
        odd ^= ((yi > y) != (yj > y)) & (x < (xj - xi) * (y - yi) / (yj - yi + 1e-12) + xi)
    return odd


def _blob(x: Floats, y: Floats, cx: float, cy: float, rx: float, ry: float) -> Floats:
    return np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2).astype(np.float32)


def _soft(value: Floats | float, zero: float, one: float) -> Floats:
    t = np.clip((np.asarray(value, dtype=np.float32) - zero) / (one - zero), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32)


def _mix(under: Floats, over: Floats, share: Floats) -> Floats:
    return (under + (over - under) * share[..., None]).astype(np.float32)


def _noise(rng: np.random.Generator, sigma: float, size_px: int) -> Floats:
    """Return smooth noise of unit spread; ``sigma`` counts in texels of a 512 texture."""
    shrink = 4 if sigma > 8 else 1
    small = size_px // shrink
    field = rng.standard_normal((small, small), dtype=np.float32)
    field = cv2.GaussianBlur(field, (0, 0), max(sigma * small / TEXTURE_PX, 0.4))
    field = cv2.resize(field, (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    return field / field.std()
