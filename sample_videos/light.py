"""Hair strands, cast shadow and hollows: what the training renderer does without."""

from __future__ import annotations

from typing import Any

import cv2
import numba as nb
import numpy as np
from numpy.typing import NDArray

from models.training.face_model import GUMS, SCLERA, TEETH, Floats, Ints
from models.training.raster import rasterise


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def paint_hair(
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


_MAP_PX, _MAP_PER_CM = 420, 7.0


def shadow(
    owner: Ints, weights: Floats, triangles: Ints, vertices: Floats, towards_light: Floats
) -> Floats:
    """Return (H, W) how much of the key light reaches each pixel, 0..1."""
    ray = towards_light / np.linalg.norm(towards_light)
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
    soft: Floats = cv2.GaussianBlur(reach, (0, 0), 2.2)
    return soft


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
            for dv in (-3, 0, 3):
                for du in (-3, 0, 3):
                    i, j = int(v) + dv, int(u) + du
                    inside = 0 <= i < near.shape[0] and 0 <= j < near.shape[1]
                    # The margin keeps a surface from shading itself.
                    if inside and near[i, j] < z - 1.1:
                        hits += 1.0 / 9
            reach[y, x] = 1.0 - 0.85 * hits


def darken_hollows(picture: Floats, owner: Ints, kind: NDArray[np.int8]) -> None:
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
