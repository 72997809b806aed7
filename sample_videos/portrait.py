"""One picture of the sample interviewee: the morphable head, hair, pullover, room and shadow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numba as nb
import numpy as np
from numpy.typing import NDArray

from models.training.face_model import (
    GUMS,
    HEAD,
    LASHES,
    SCLERA,
    SKIN,
    TEETH,
    FaceModel,
    Floats,
    Ints,
    add_shapes,
    identity_vertices,
    load_face_model,
)
from models.training.paint import Canvas, Look, make_canvas, paint_head, paint_skin, wrinkle_heights
from models.training.raster import rasterise, shade, vertex_normals
from models.training.render import Camera, project, rotation
from sample_videos.body import (
    HEIGHT_PX,
    WIDTH_PX,
    Image,
    hair_share,
    hair_volume,
    make_room,
    make_torso,
)

_CAMERA = Camera(WIDTH_PX, HEIGHT_PX, face_px=230.0, distance_cm=95.0, shift_px=(0.0, -4.0))
_BIG = (960, 720)
_ZOOM = 1.5
"""Rendered larger, then averaged down: smooth edges."""
_LASH_CM = 0.22
_PIVOT = np.array([0.0, -4.0, 0.0], dtype=np.float32)
"""Where the head sits on the spine."""
_KEY = np.array([-0.55, 0.55, 0.75])
_AMBIENT, _KEY_RGB = (0.45, 0.45, 0.47), (0.68, 0.64, 0.58)
_FILL, _FILL_RGB = np.array([0.85, 0.1, 0.45]), (0.20, 0.21, 0.24)
_RIM, _RIM_RGB = np.array([0.75, 0.45, -0.5]), (0.30, 0.26, 0.20)
_HAIR_RGB = np.array([58.0, 42.0, 32.0], dtype=np.float32)


def _rgb(*values: float) -> Floats:
    return np.array(values, dtype=np.float32)


LOOK = Look(
    skin=_rgb(214, 166, 140),
    lip=_rgb(172, 106, 98),
    brow=_rgb(66, 47, 36),
    hair=_HAIR_RGB,
    iris=_rgb(84, 62, 44),
    clothes=_rgb(214, 166, 140),
    brow_width=0.42,
    brow_density=0.95,
    blush=0.22,
    mottle=0.03,
    beard=0.0,
    hairline_cm=30.0,
    gloss=0.10,
    seed=4,
)
"""Bald on purpose: the hair is drawn by this module."""


@dataclass(frozen=True, slots=True)
class Studio:
    """Everything that does not change from frame to frame."""

    model: FaceModel
    canvas: Canvas
    base: Floats
    """(V, 3) the person at rest: head, then pullover."""
    follows: Floats
    """(V, 1) how far each vertex turns with the head, 1 on the face, 0 on the shoulders."""
    triangles: Ints
    kind: NDArray[np.int8]
    uv: Floats
    eye_angle: Floats
    tint: Floats
    skin: Floats
    hair: Floats
    """(V,) share of hair."""
    strand_at: Floats
    """(V, 3) direction from the middle of the head, where strands are looked up."""
    strands: Floats
    """(A, R) noise: across and along the strands."""
    room: Image


def make_studio(face_path: Path, identity_seed: int, strength: float = 0.75) -> Studio:
    """Build the person and the room; takes a few seconds, do it once per process."""
    model = _trimmed(load_face_model(face_path))
    canvas = make_canvas(model)
    canvas = replace(canvas, lips=cv2.GaussianBlur(canvas.lips, (0, 0), 2.0))
    weights = np.random.default_rng(identity_seed).normal(0, strength, len(model.identity))
    share = _hair_of_surfaces(model)
    head = identity_vertices(model, weights.astype(np.float32))
    head = head + hair_volume(model.neutral, share)
    torso = make_torso((52.0, 66.0, 88.0))
    extra, count = len(torso.vertices), len(torso.triangles)
    return Studio(
        model=model,
        canvas=canvas,
        base=np.concatenate([head, torso.vertices]),
        follows=np.concatenate([_follows(model.neutral), np.zeros((extra, 1), np.float32)]),
        triangles=np.concatenate([model.triangles, torso.triangles + len(head)]),
        kind=np.concatenate([model.kind, np.full(count, HEAD, np.int8)]),
        uv=np.concatenate([model.uv, np.zeros((count, 3, 2), np.float32)]),
        eye_angle=np.concatenate([model.eye_angle, np.full(extra, 180, np.float32)]),
        tint=np.concatenate([paint_head(model, LOOK), torso.tint]),
        skin=paint_skin(canvas, LOOK),
        hair=np.concatenate([share, np.zeros(extra, np.float32)]),
        strand_at=np.concatenate([_strand_directions(model.neutral), np.zeros((extra, 3))]).astype(
            np.float32
        ),
        strands=_strand_noise(),
        room=make_room(*_BIG, seed=3),
    )


def render_portrait(
    studio: Studio,
    expression: Floats,
    pose_deg: tuple[float, float, float],
    sway_cm: tuple[float, float],
    wrinkles: Floats,
) -> Image:
    """Return the (480, 640, 3) RGB picture of one moment.

    ``expression`` (57,) weighs the shapes of the face model, ``pose_deg`` is (yaw, pitch, roll)
    with the signs of `HeadPose`, ``sway_cm`` moves the whole person right and up.
    """
    vertices = _posed(studio, expression, pose_deg, sway_cm)
    normals = vertex_normals(vertices, studio.triangles)
    xy, depth = project(vertices, _CAMERA)
    width, height = _BIG
    owner, weights = rasterise(xy * _ZOOM, depth, studio.triangles, width, height)
    furrows = wrinkle_heights(studio.canvas, LOOK, wrinkles)
    lit = studio.room.astype(np.float32)
    unlit = lit.copy()
    for picture, key in ((lit, 1.0), (unlit, 0.0)):
        shade(
            picture, owner, weights, studio.triangles, studio.kind, studio.uv, normals,
            studio.eye_angle, studio.tint, studio.skin, furrows, _palette(), _lights(key),
            LOOK.gloss,
        )  # fmt: skip
        _draw_hair(picture, owner, weights, studio, normals, _lights(key), _HAIR_RGB)
    reach = _shadow(owner, weights, studio.triangles, vertices)
    picture = unlit + (lit - unlit) * reach[..., None]
    _darken_hollows(picture, owner, studio.kind)
    small = cv2.resize(picture, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    return np.clip(small + 0.5, 0, 255).astype(np.uint8)


def _posed(
    studio: Studio,
    expression: Floats,
    pose_deg: tuple[float, float, float],
    sway_cm: tuple[float, float],
) -> Floats:
    count = len(studio.model.neutral)
    vertices = studio.base.copy()
    vertices[:count] = add_shapes(studio.base[:count], studio.model.expression, expression)
    turned = (vertices - _PIVOT) @ rotation(*pose_deg).T.astype(np.float32) + _PIVOT
    vertices += (turned - vertices) * studio.follows
    vertices[:, :2] += np.array(sway_cm, dtype=np.float32)
    return vertices


def _trimmed(model: FaceModel) -> FaceModel:
    """Drop the bare shoulders under the pullover, and all of the lashes but their roots."""
    middle = model.neutral[model.triangles].mean(axis=1)
    lids = model.neutral[np.unique(model.triangles[model.kind == SKIN])]
    lashes = np.flatnonzero(model.kind == LASHES)
    away = np.linalg.norm(middle[lashes, None] - lids[None], axis=2).min(axis=1)
    hidden = (middle[:, 1] < -10.2) & (np.hypot(middle[:, 0], middle[:, 2] + 2.2) > 6.4)
    keep = ~((model.kind == HEAD) & hidden)
    keep[lashes[away > _LASH_CM]] = False
    return replace(model, triangles=model.triangles[keep], kind=model.kind[keep], uv=model.uv[keep])


def _follows(neutral: Floats) -> Floats:
    t = np.clip((neutral[:, 1] + 13.5) / 7.0, 0, 1)
    share = t * t * (3 - 2 * t)
    share[(neutral[:, 2] > 6) & (neutral[:, 1] > -9.5)] = 1.0
    return share[:, None].astype(np.float32)


def _hair_of_surfaces(model: FaceModel) -> Floats:
    share = hair_share(model.neutral)
    bare = np.ones(len(share), dtype=bool)
    bare[np.unique(model.triangles[(model.kind == SKIN) | (model.kind == HEAD)])] = False
    share[bare] = 0
    return share


def _strand_directions(neutral: Floats) -> Floats:
    ray = neutral - np.array([0.0, 3.0, 1.0], dtype=np.float32)
    return ray / np.linalg.norm(ray, axis=1, keepdims=True)


def _strand_noise() -> Floats:
    rng = np.random.default_rng(8)
    fine = cv2.GaussianBlur(rng.normal(size=(1024, 256)), (0, 0), 18, sigmaY=1.0)
    locks = cv2.GaussianBlur(rng.normal(size=(1024, 256)), (0, 0), 40, sigmaY=7.0)
    return (0.6 * fine / fine.std() + 0.8 * locks / locks.std()).astype(np.float32)


def _palette() -> Floats:
    teeth, gums, lashes = (206, 196, 180), (92, 42, 42), (34, 25, 22)
    rows = [(206, 199, 194), tuple(LOOK.iris), (12, 10, 10), teeth, gums, lashes]
    return np.array([*rows, (LOOK.iris_deg, LOOK.pupil_deg, 0)], dtype=np.float32)


def _lights(key: float) -> Floats:
    rows = [(0.0, 0.0, 1.0, *_AMBIENT)]
    for ray, colour, gain in ((_KEY, _KEY_RGB, key), (_FILL, _FILL_RGB, 1), (_RIM, _RIM_RGB, 1)):
        rows.append((*(ray / np.linalg.norm(ray)), *(gain * np.array(colour))))
    return np.array(rows, dtype=np.float32)


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _paint_hair(
    picture: Any, owner: Any, weights: Any, triangles: Any, hair: Any, at: Any, noise: Any,
    normals: Any, lights: Any, colour: Any,
) -> None:  # fmt: skip
    """Lay strands over the head where there is hair; they part at the crown."""
    for y in range(owner.shape[0]):
        for x in range(owner.shape[1]):
            t = owner[y, x]
            if t < 0:
                continue
            a, b, c = triangles[t]
            if hair[a] + hair[b] + hair[c] <= 0:
                continue
            w0, w1 = weights[y, x]
            w2 = 1 - w0 - w1
            share = w0 * hair[a] + w1 * hair[b] + w2 * hair[c]
            px = w0 * at[a, 0] + w1 * at[b, 0] + w2 * at[c, 0]
            py = w0 * at[a, 1] + w1 * at[b, 1] + w2 * at[c, 1]
            pz = w0 * at[a, 2] + w1 * at[b, 2] + w2 * at[c, 2]
            # A parting on the subject's left: strands fan out from a line, not from a point.
            across = np.arctan2(pz + 0.35, px - 0.28) / (2 * np.pi) + 0.5
            along = np.arccos(min(max(py, -1.0), 1.0)) / np.pi
            row, column = int(across * 1023) % 1024, int(along * 255)
            strand = noise[row, column]
            edge = min(max((share + 0.16 * strand - 0.30) / 0.25, 0.0), 1.0)
            if edge <= 0:
                continue
            nx = w0 * normals[a, 0] + w1 * normals[b, 0] + w2 * normals[c, 0]
            ny = w0 * normals[a, 1] + w1 * normals[b, 1] + w2 * normals[c, 1]
            nz = w0 * normals[a, 2] + w1 * normals[b, 2] + w2 * normals[c, 2]
            for k in range(3):
                light = lights[0, 3 + k] * (0.8 + 0.2 * ny)
                shine = 0.0
                for m in range(1, lights.shape[0]):
                    lx, ly, lz = lights[m, 0], lights[m, 1], lights[m, 2]
                    light += lights[m, 3 + k] * max(nx * lx + ny * ly + nz * lz + 0.1, 0.0)
                    half = np.sqrt(lx * lx + ly * ly + (lz + 1) ** 2) + 1e-9
                    glance = max((nx * lx + ny * ly + nz * (lz + 1)) / half, 0.0)
                    shine += lights[m, 3 + k] * glance**10
                gain = max(1 + 0.30 * strand, 0.25)
                value = colour[k] * light * gain + 26.0 * shine * gain
                picture[y, x, k] += (min(value, 255.0) - picture[y, x, k]) * edge


def _draw_hair(
    picture: Floats,
    owner: Ints,
    weights: Floats,
    studio: Studio,
    normals: Floats,
    lights: Floats,
    colour: Floats,
) -> None:
    _paint_hair(
        picture, owner, weights, studio.triangles, studio.hair, studio.strand_at, studio.strands,
        normals, lights, colour,
    )  # fmt: skip


_MAP_PX, _MAP_PER_CM = 420, 7.0


def _shadow(owner: Ints, weights: Floats, triangles: Ints, vertices: Floats) -> Floats:
    """Return (H, W) how much of the key light reaches each pixel, 0..1."""
    ray = _KEY / np.linalg.norm(_KEY)
    right = np.cross([0.0, 1.0, 0.0], ray)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(ray, right), ray]).astype(np.float32)
    seen = vertices @ axes.T
    xy = np.stack([seen[:, 0], -seen[:, 1]], axis=1) * _MAP_PER_CM + _MAP_PX / 2
    far = -seen[:, 2]
    front, _ = rasterise(xy, far, triangles, _MAP_PX, _MAP_PX)
    near = np.where(front >= 0, far[triangles[front]].min(axis=2), 1e6).astype(np.float32)
    reach = np.ones(owner.shape, dtype=np.float32)
    _look_up(reach, owner, weights, triangles, xy.astype(np.float32), far, near)
    return cv2.GaussianBlur(reach, (0, 0), 2.2)


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _look_up(
    reach: Any, owner: Any, weights: Any, triangles: Any, xy: Any, far: Any, near: Any
) -> None:
    for y in range(owner.shape[0]):
        for x in range(owner.shape[1]):
            t = owner[y, x]
            if t < 0:
                continue
            a, b, c = triangles[t]
            w0, w1 = weights[y, x]
            w2 = 1 - w0 - w1
            u = w0 * xy[a, 0] + w1 * xy[b, 0] + w2 * xy[c, 0]
            v = w0 * xy[a, 1] + w1 * xy[b, 1] + w2 * xy[c, 1]
            z = w0 * far[a] + w1 * far[b] + w2 * far[c]
            hits = 0.0
            for dv in (-3, -1, 1, 3):
                for du in (-3, -1, 1, 3):
                    i, j = int(v) + dv, int(u) + du
                    inside = 0 <= i < near.shape[0] and 0 <= j < near.shape[1]
                    # The margin keeps a surface from shading itself.
                    if inside and near[i, j] < z - 1.1:
                        hits += 1.0 / 16
            reach[y, x] = 1.0 - 0.85 * hits


def _darken_hollows(picture: Floats, owner: Ints, kind: NDArray[np.int8]) -> None:
    """Shade eyeballs under their lids and teeth behind the lips."""
    hollow = np.isin(kind, (SCLERA, TEETH, GUMS))
    rows, columns = np.nonzero(hollow[owner] & (owner >= 0))
    if len(rows) == 0:
        return
    top, left = max(rows.min() - 30, 0), max(columns.min() - 30, 0)
    box = np.s_[top : rows.max() + 30, left : columns.max() + 30]
    owner, picture = owner[box], picture[box]
    surface = np.where(owner >= 0, kind[owner], -1)
    for inner, radius, drop, depth in (((SCLERA,), 3.7, 3, 0.85), ((TEETH, GUMS), 5.2, 2, 1.1)):
        mask = np.isin(surface, inner)
        cover = cv2.GaussianBlur((~mask).astype(np.float32), (0, 0), radius)
        cover = np.roll(cover, drop, axis=0)
        gain = np.clip(1 - depth * np.clip(cover - 0.25, 0, 1), 0.15, 1)
        picture[mask] *= gain[mask][:, None]
