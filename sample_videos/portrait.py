"""One picture of the sample interviewee: the morphable head, hair, pullover, room and shadow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training.face_model import (
    HEAD,
    LASHES,
    SKIN,
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
from sample_videos.light import darken_hollows, paint_hair, shadow
from sample_videos.sitters import Sitter

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


@dataclass(frozen=True, slots=True)
class Studio:
    """Everything that does not change from frame to frame."""

    sitter: Sitter
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


def make_studio(face_path: Path, sitter: Sitter) -> Studio:
    """Build the person and the room; takes a few seconds, do it once per process."""
    model = _trimmed(load_face_model(face_path))
    canvas = make_canvas(model)
    canvas = replace(canvas, lips=cv2.GaussianBlur(canvas.lips, (0, 0), 2.0))
    room = make_room(*_BIG, seed=sitter.room_seed)
    weights = np.random.default_rng(sitter.identity_seed).normal(0, 0.75, len(model.identity))
    share = _hair_of_surfaces(model) * (not sitter.bald)
    head = identity_vertices(model, weights.astype(np.float32))
    head = head + hair_volume(model.neutral, share)
    torso = make_torso(sitter.pullover)
    extra, count = len(torso.vertices), len(torso.triangles)
    return Studio(
        sitter=sitter,
        model=model,
        canvas=canvas,
        base=np.concatenate([head, torso.vertices]),
        follows=np.concatenate([_follows(model.neutral), np.zeros((extra, 1), np.float32)]),
        triangles=np.concatenate([model.triangles, torso.triangles + len(head)]),
        kind=np.concatenate([model.kind, np.full(count, HEAD, np.int8)]),
        uv=np.concatenate([model.uv, np.zeros((count, 3, 2), np.float32)]),
        eye_angle=np.concatenate([model.eye_angle, np.full(extra, 180, np.float32)]),
        tint=np.concatenate([paint_head(model, sitter.look), torso.tint]),
        skin=paint_skin(canvas, sitter.look),
        hair=np.concatenate([share, np.zeros(extra, np.float32)]),
        strand_at=np.concatenate([_strand_directions(model.neutral), np.zeros((extra, 3))]).astype(
            np.float32
        ),
        strands=_strand_noise(),
        room=np.ascontiguousarray(room[:, ::-1] if sitter.room_mirrored else room),
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
    look = studio.sitter.look
    vertices = _posed(studio, expression, pose_deg, sway_cm)
    normals = vertex_normals(vertices, studio.triangles)
    xy, depth = project(vertices, _CAMERA)
    width, height = _BIG
    owner, weights = rasterise(xy * _ZOOM, depth, studio.triangles, width, height)
    furrows = wrinkle_heights(studio.canvas, look, wrinkles)
    lit = studio.room.astype(np.float32)
    unlit = lit.copy()
    for picture, key in ((lit, 1.0), (unlit, 0.0)):
        shade(
            picture, owner, weights, studio.triangles, studio.kind, studio.uv, normals,
            studio.eye_angle, studio.tint, studio.skin, furrows, _palette(look), _lights(key),
            look.gloss,
        )  # fmt: skip
        paint_hair(
            picture, owner, weights, studio.triangles, studio.hair, studio.strand_at,
            studio.strands, normals, _lights(key), studio.sitter.look.hair,
        )  # fmt: skip
    reach = shadow(owner, weights, studio.triangles, vertices, _KEY)
    picture = unlit + (lit - unlit) * reach[..., None]
    darken_hollows(picture, owner, studio.kind)
    small = cv2.resize(picture, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_AREA)
    pixels: Image = np.clip(small + 0.5, 0, 255).astype(np.uint8)
    return pixels


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
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    return ray


def _strand_noise() -> Floats:
    rng = np.random.default_rng(8)
    fine = cv2.GaussianBlur(rng.normal(size=(1024, 256)), (0, 0), 18, sigmaY=1.0)
    locks = cv2.GaussianBlur(rng.normal(size=(1024, 256)), (0, 0), 40, sigmaY=7.0)
    noise: Floats = (0.6 * fine / fine.std() + 0.8 * locks / locks.std()).astype(np.float32)
    return noise


def _palette(look: Look) -> Floats:
    teeth, gums, lashes = (206, 196, 180), (92, 42, 42), (34, 25, 22)
    rows = [(206, 199, 194), tuple(look.iris), (12, 10, 10), teeth, gums, lashes]
    return np.array([*rows, (look.iris_deg, look.pupil_deg, 0)], dtype=np.float32)


def _lights(key: float) -> Floats:
    rows = [(0.0, 0.0, 1.0, *_AMBIENT)]
    for ray, colour, gain in ((_KEY, _KEY_RGB, key), (_FILL, _FILL_RGB, 1), (_RIM, _RIM_RGB, 1)):
        rows.append((*(ray / np.linalg.norm(ray)), *(gain * np.array(colour))))
    return np.array(rows, dtype=np.float32)
