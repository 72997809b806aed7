"""A small z-buffer rasteriser and per-pixel shader; one core, a few milliseconds a face."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def vertex_normals(vertices: Array, triangles: Array) -> Array:
    """Return unit normals (V, 3), area-weighted over the triangles of each vertex."""
    out = np.zeros_like(vertices)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        vx = vertices[c, 0] - vertices[a, 0]
        vy = vertices[c, 1] - vertices[a, 1]
        vz = vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for k in (a, b, c):
            out[k, 0] += nx
            out[k, 1] += ny
            out[k, 2] += nz
    for v in range(out.shape[0]):
        length = np.sqrt(out[v, 0] ** 2 + out[v, 1] ** 2 + out[v, 2] ** 2) + 1e-9
        out[v, 0] /= length
        out[v, 1] /= length
        out[v, 2] /= length
    return out


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def rasterise(xy: Array, depth: Array, triangles: Array, width: int, height: int) -> Any:
    """Return (triangle or -1, first and second barycentric weight) per pixel.

    Nearest ``depth`` wins; triangles facing away (clockwise in the picture) are not drawn.
    """
    owner = np.full((height, width), -1, np.int32)
    near = np.full((height, width), 1e9, np.float32)
    weights = np.zeros((height, width, 2), np.float32)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t]
        x0, y0, x1, y1 = xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1]
        x2, y2 = xy[c, 0], xy[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area > -1e-9:
            continue
        left, right = max(int(min(x0, x1, x2)), 0), min(int(max(x0, x1, x2)) + 1, width - 1)
        top, bottom = max(int(min(y0, y1, y2)), 0), min(int(max(y0, y1, y2)) + 1, height - 1)
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                px, py = x + 0.5, y + 0.5
                w0 = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) / area
                w1 = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) / area
                if w0 < 0 or w1 < 0 or w0 + w1 > 1:
                    continue
                z = w0 * depth[a] + w1 * depth[b] + (1 - w0 - w1) * depth[c]
                if z < near[y, x]:
                    near[y, x] = z
                    owner[y, x] = t
                    weights[y, x, 0] = w0
                    weights[y, x, 1] = w1
    return owner, weights


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def shade(
    picture: Array,
    owner: Array,
    weights: Array,
    triangles: Array,
    kind: Array,
    uv: Array,
    normals: Array,
    eye_angle: Array,
    head_tint: Array,
    texture: Array,
    height_map: Array,
    palette: Array,
    lights: Array,
    gloss: float,
) -> None:
    """Colour ``picture`` (H, W, 3) in place, 0..255, where a triangle owns the pixel.

    ``texture`` (N, N, 3) paints skin and ``height_map`` (N, N) tilts its normals and darkens its
    hollows (wrinkles); ``head_tint`` (V, 4) is colour and share of hair on the rest of the head;
    ``palette`` rows: sclera, iris, pupil, teeth, gums, lashes, (iris, pupil) radius in degrees.
    ``lights`` rows: direction xyz, colour rgb; the first row's direction is unused (ambient).
    """
    size = texture.shape[0]
    colour = np.zeros(3, np.float32)
    for y in range(owner.shape[0]):
        for x in range(owner.shape[1]):
            t = owner[y, x]
            if t < 0:
                continue
            w0, w1 = weights[y, x]
            w2 = 1 - w0 - w1
            a, b, c = triangles[t]
            nx = w0 * normals[a, 0] + w1 * normals[b, 0] + w2 * normals[c, 0]
            ny = w0 * normals[a, 1] + w1 * normals[b, 1] + w2 * normals[c, 1]
            nz = w0 * normals[a, 2] + w1 * normals[b, 2] + w2 * normals[c, 2]
            shine, hollow = gloss, 1.0
            if kind[t] == 0:
                u = (w0 * uv[t, 0, 0] + w1 * uv[t, 1, 0] + w2 * uv[t, 2, 0]) * (size - 1)
                v = (w0 * uv[t, 0, 1] + w1 * uv[t, 1, 1] + w2 * uv[t, 2, 1]) * (size - 1)
                i, j = min(max(int(v), 0), size - 2), min(max(int(u), 0), size - 2)
                fu, fv = u - j, v - i
                for k in range(3):
                    top = texture[i, j, k] * (1 - fu) + texture[i, j + 1, k] * fu
                    low = texture[i + 1, j, k] * (1 - fu) + texture[i + 1, j + 1, k] * fu
                    colour[k] = top * (1 - fv) + low * fv
                h = height_map[i, j]
                # u runs to the subject's left (+x), v down (-y): tilt against the slope.
                nx -= (height_map[i, j + 1] - h) * size / 512
                ny += (height_map[i + 1, j] - h) * size / 512
                hollow = 1.0 + min(h, 0.0) * 0.25
            elif kind[t] == 1:
                for k in range(3):
                    colour[k] = w0 * head_tint[a, k] + w1 * head_tint[b, k] + w2 * head_tint[c, k]
                shine = gloss * (1 - head_tint[a, 3])
            elif kind[t] == 2:
                angle = w0 * eye_angle[a] + w1 * eye_angle[b] + w2 * eye_angle[c]
                row = 2 if angle < palette[6, 1] else (1 if angle < palette[6, 0] else 0)
                edge = 1.0
                if row == 1:
                    edge = 1.25 - 0.55 * (angle / palette[6, 0]) ** 3
                for k in range(3):
                    colour[k] = palette[row, k] * edge
                shine = 0.6
            else:
                for k in range(3):
                    colour[k] = palette[kind[t], k]
                shine = 0.1
            length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
            nx, ny, nz = nx / length, ny / length, nz / length
            for k in range(3):
                light = lights[0, 3 + k] * (0.85 + 0.15 * ny)
                spot = 0.0
                for m in range(1, lights.shape[0]):
                    lx, ly, lz = lights[m, 0], lights[m, 1], lights[m, 2]
                    facing = nx * lx + ny * ly + nz * lz
                    # Wrapped diffuse: skin scatters light past the terminator.
                    light += lights[m, 3 + k] * max(facing + 0.15, 0.0) / 1.15
                    half = np.sqrt(lx * lx + ly * ly + (lz + 1) * (lz + 1)) + 1e-9
                    glance = max((nx * lx + ny * ly + nz * (lz + 1)) / half, 0.0)
                    spot += lights[m, 3 + k] * glance**24
                value = colour[k] * light * hollow + 110.0 * shine * spot
                picture[y, x, k] = min(max(value, 0.0), 255.0)
