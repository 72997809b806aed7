"""Pictures of the morphable face: a person, an expression, a camera and lights in, RGB out."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training.face_model import FaceModel, Floats, add_shapes, identity_vertices
from models.training.paint import (
    WRINKLES,
    Canvas,
    Look,
    hair_growth,
    paint_head,
    paint_skin,
    wrinkle_heights,
)
from models.training.raster import rasterise, shade, vertex_normals

Image = NDArray[np.uint8]

_FACE_CM = 18.0
"""Chin to hairline, about; a camera's `face_px` refers to it."""


@dataclass(frozen=True, slots=True)
class Light:
    """A distant light: direction from the face to it (x right, y up, z to the camera), colour."""

    direction: tuple[float, float, float]
    colour: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the camera stands and how large the face appears."""

    width_px: int = 256
    height_px: int = 256
    face_px: float = 150.0
    """Height of an average face in the picture."""
    distance_cm: float = 70.0
    """Nearer cameras distort more; framing is kept by `face_px`."""
    shift_px: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Glasses:
    """A frame in front of the eyes."""

    colour: tuple[float, float, float] = (30.0, 30.0, 35.0)
    round: float = 0.5
    """0 rectangular … 1 round."""
    thickness_cm: float = 0.25
    width_cm: float = 2.6
    height_cm: float = 1.9
    tint: float = 0.05
    glare: float = 0.0


@dataclass(frozen=True, slots=True)
class Person:
    """One identity, painted once and posed many times."""

    vertices: Floats
    skin: Floats
    head: Floats
    look: Look
    glasses: Glasses | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What surrounds one picture of a person."""

    camera: Camera = field(default_factory=Camera)
    ambient: tuple[float, float, float] = (0.45, 0.45, 0.45)
    lights: tuple[Light, ...] = (Light((0.3, 0.4, 0.9), (0.6, 0.6, 0.6)),)
    background: Image | None = None
    """(H, W, 3); None paints plain grey."""
    supersample: int = 2


def make_person(
    model: FaceModel,
    canvas: Canvas,
    identity: Floats,
    look: Look,
    glasses: Glasses | None = None,
) -> Person:
    """Build and paint one identity; identity weights (100,) are about N(0, 1)."""
    vertices = identity_vertices(model, identity) + hair_growth(model, look)
    return Person(vertices, paint_skin(canvas, look), paint_head(model, look), look, glasses)


def render(
    model: FaceModel,
    canvas: Canvas,
    person: Person,
    expression: Floats,
    pose_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
    scene: Scene | None = None,
    wrinkles: Floats | None = None,
) -> Image:
    """Return the (H, W, 3) RGB picture of a person.

    ``expression`` (57,) weighs the shapes of the face model, ``pose_deg`` is (yaw, pitch, roll)
    with the signs of `HeadPose`, ``wrinkles`` (17,) deepens the furrows of `paint.WRINKLES`.
    """
    scene = scene or Scene()
    vertices = add_shapes(person.vertices, model.expression, expression.astype(np.float32))
    turned = (vertices - _PIVOT) @ rotation(*pose_deg).T.astype(np.float32) + _PIVOT
    normals = vertex_normals(turned, model.triangles)
    xy, depth = project(turned, scene.camera)
    k = scene.supersample
    width, height = scene.camera.width_px * k, scene.camera.height_px * k
    picture = _backdrop(scene, person.look, xy, width, height)
    owner, weights = rasterise(xy * k, depth, model.triangles, width, height)
    active = wrinkles if wrinkles is not None else np.zeros(len(WRINKLES), dtype=np.float32)
    heights = wrinkle_heights(canvas, person.look, active)
    shade(
        picture, owner, weights, model.triangles, model.kind, model.uv, normals, model.eye_angle,
        person.head, person.skin, heights, _palette(person.look), _light_rows(scene),
        person.look.gloss,
    )  # fmt: skip
    if person.glasses is not None:
        _draw_glasses(picture, model, turned, person.glasses, scene.camera, k)
    small = cv2.resize(picture, (width // k, height // k), interpolation=cv2.INTER_AREA)
    return np.clip(small + 0.5, 0, 255).astype(np.uint8)


_PIVOT = np.array([0.0, -2.0, 0.0], dtype=np.float32)
"""Heads turn about the neck, not about the nose."""


def rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> NDArray[np.float64]:
    """Return the (3, 3) rotation of the head in face axes (y up, z to the camera)."""
    yaw, pitch, roll = np.deg2rad([yaw_deg, -pitch_deg, -roll_deg])
    c, s = np.cos, np.sin
    turn = np.array([[c(yaw), 0, s(yaw)], [0, 1, 0], [-s(yaw), 0, c(yaw)]])
    nod = np.array([[1, 0, 0], [0, c(pitch), -s(pitch)], [0, s(pitch), c(pitch)]])
    tilt = np.array([[c(roll), -s(roll), 0], [s(roll), c(roll), 0], [0, 0, 1]])
    return tilt @ turn @ nod


def project(vertices: Floats, camera: Camera) -> tuple[Floats, Floats]:
    """Return (V, 2) pixels and (V,) distance to the camera."""
    depth = camera.distance_cm - vertices[:, 2]
    gain = camera.face_px / _FACE_CM * (camera.distance_cm - 8.0)
    centre = np.array([camera.width_px, camera.height_px]) / 2 + camera.shift_px
    xy = np.stack([vertices[:, 0], -(vertices[:, 1] - 1.5)], axis=1) * (gain / depth)[:, None]
    return (xy + centre).astype(np.float32), depth.astype(np.float32)


def _backdrop(scene: Scene, look: Look, xy: Floats, width: int, height: int) -> Floats:
    if scene.background is None:
        picture = np.full((height, width, 3), 120, dtype=np.float32)
    else:
        picture = cv2.resize(scene.background, (width, height)).astype(np.float32)
    k, unit = scene.supersample, scene.camera.face_px * scene.supersample / _FACE_CM
    neck = xy[np.argmax(xy[:, 1])] * k
    centre = (int(neck[0]), int(neck[1] + 7 * unit))
    cloth = np.array(look.clothes) * (np.array(scene.ambient) + 0.35)
    colour = tuple(float(v) for v in np.clip(cloth, 0, 255))
    cv2.ellipse(picture, centre, (int(19 * unit), int(11 * unit)), 0, 0, 360, colour, -1)
    return picture


def _palette(look: Look) -> Floats:
    teeth = look.teeth if look.teeth is not None else np.array([225, 218, 200])
    rows = [(228, 222, 218), look.iris, (12, 10, 10), teeth, (150, 70, 70), (25, 18, 15)]
    return np.array([*rows, (look.iris_deg, look.pupil_deg, 0)], dtype=np.float32)


def _light_rows(scene: Scene) -> Floats:
    rows = [(0.0, 0.0, 1.0, *scene.ambient)]
    for light in scene.lights:
        ray = np.array(light.direction) / np.linalg.norm(light.direction)
        rows.append((*ray, *light.colour))
    return np.array(rows, dtype=np.float32)


def _draw_glasses(
    picture: Floats, model: FaceModel, turned: Floats, glasses: Glasses, camera: Camera, k: int
) -> None:
    mark = turned[model.landmark68]
    across = mark[45] - mark[36]
    across /= np.linalg.norm(across)
    up = mark[27] - mark[30]
    up -= across * (up @ across)
    up /= np.linalg.norm(up)
    out = np.cross(across, up)
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    power = 0.35 + 0.65 * glasses.round
    ring_x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power * glasses.width_cm
    ring_y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power * glasses.height_cm
    thick = max(1, round(glasses.thickness_cm * camera.face_px / _FACE_CM * k))
    lens = picture.copy()
    lines = []
    for corners in ((36, 39), (42, 45)):
        middle = mark[list(corners)].mean(axis=0) + 2.2 * out - 0.3 * up
        ring = middle + ring_x[:, None] * across + ring_y[:, None] * up
        lines.append(np.round(project(ring, camera)[0] * k).astype(np.int32))
        cv2.fillPoly(lens, [lines[-1]], glasses.colour)
        if glasses.glare > 0:
            spot = lines[-1].mean(axis=0) + np.array([0.3 * thick, -1.5 * thick])
            size = (int(3 * thick), int(1.2 * thick))
            cv2.ellipse(lens, tuple(int(v) for v in spot), size, -30, 0, 360, (255, 255, 255), -1)
    share = np.clip(glasses.tint + glasses.glare, 0, 0.6)
    picture += (lens - picture) * share
    for ring in lines:
        cv2.polylines(picture, [ring], True, glasses.colour, thick, cv2.LINE_AA)
    left, right = lines[0][0], lines[1][20]
    cv2.line(picture, left.tolist(), right.tolist(), glasses.colour, thick, cv2.LINE_AA)
    for ring, ear in ((lines[0][20], 0), (lines[1][0], 16)):
        end = np.round(project(turned[model.landmark68[[ear]]], camera)[0][0] * k).astype(int)
        cv2.line(picture, ring.tolist(), end.tolist(), glasses.colour, thick, cv2.LINE_AA)
