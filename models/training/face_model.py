"""The morphable face (ICT-FaceKit light, MIT) reduced to what a picture needs.

The data are not part of this repository; see the README beside this file for where they go.
A face is ``neutral + sum w_i identity_i + sum e_j expression_j``, units about 1 cm, y up,
z towards the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numba as nb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

REPO = Path(__file__).resolve().parents[2]
DEFAULT_PATH = REPO.parent / "shared" / "data" / "ict_facekit.npz"

SKIN, HEAD, SCLERA, TEETH, GUMS, LASHES = range(6)
"""Surface kinds of a triangle; the iris is painted on the sclera, whose mesh has the cornea."""

_EYE_CM = 3.5
"""Height of the eyes on the average face."""

_KINDS = {
    "M_Face": SKIN,
    "M_BackHead": HEAD,
    "M_ScleraLeft": SCLERA,
    "M_ScleraRight": SCLERA,
    "M_Teeth": TEETH,
    "M_GumsTongue": GUMS,
    "M_EyeLashes": LASHES,
}


@dataclass(frozen=True, slots=True)
class FaceModel:
    """Vertices, shapes and triangles of the morphable face."""

    neutral: Floats
    """(V, 3)."""
    identity: Floats
    """(100, V, 3) offsets."""
    expression: Floats
    """(57, V, 3) offsets."""
    expression_names: tuple[str, ...]
    triangles: Ints
    """(T, 3)."""
    kind: NDArray[np.int8]
    """(T,) surface kind."""
    uv: Floats
    """(T, 3, 2) texture coordinates per corner, 0..1, v downwards; used on skin."""
    eye_angle: Floats
    """(V,) degrees from the optical axis on the eyeballs, 180 elsewhere."""
    landmark68: Ints

    def index(self, name: str) -> int:
        """Return the number of an expression shape."""
        return self.expression_names.index(name)


def load_face_model(path: Path = DEFAULT_PATH) -> FaceModel:
    """Read the face and drop surfaces that a picture does not need."""
    data = np.load(path)
    materials = [str(name) for name in data["material_names"]]
    kinds = np.array([_KINDS.get(name, -1) for name in materials], dtype=np.int8)
    kind = kinds[data["material"]]
    height = data["neutral"][data["triangles"], 1].mean(axis=1)
    # The lower lashes are cards that need a transparent texture; without one they look like kohl.
    used = (kind >= 0) & ~((kind == LASHES) & (height < _EYE_CM))
    corners = data["triangles"][used]
    vertices, flat = np.unique(corners, return_inverse=True)
    triangles = flat.reshape(-1, 3).astype(np.int32)
    place = np.full(len(data["neutral"]), -1, dtype=np.int32)
    place[vertices] = np.arange(len(vertices), dtype=np.int32)
    neutral = data["neutral"][vertices].astype(np.float32)
    uv = data["uv"][data["triangles_uv"][used]].astype(np.float32)
    uv[..., 1] = 1 - uv[..., 1]
    return FaceModel(
        neutral=neutral,
        identity=np.ascontiguousarray(data["identity"][:, vertices].astype(np.float32)),
        expression=np.ascontiguousarray(data["expression"][:, vertices].astype(np.float32)),
        expression_names=tuple(str(name) for name in data["expression_names"]),
        triangles=triangles,
        kind=kind[used],
        uv=uv,
        eye_angle=_eye_angles(neutral, triangles, kind[used]),
        landmark68=place[data["landmark68"]],
    )


def _eye_angles(neutral: Floats, triangles: Ints, kind: NDArray[np.int8]) -> Floats:
    angle = np.full(len(neutral), 180, dtype=np.float32)
    eyes = np.unique(triangles[kind == SCLERA])
    for side in (neutral[eyes, 0] > 0, neutral[eyes, 0] < 0):
        ball = eyes[side]
        ray = neutral[ball] - neutral[ball].mean(axis=0)
        angle[ball] = np.degrees(np.arccos(ray[:, 2] / np.linalg.norm(ray, axis=1)))
    return angle


def identity_vertices(model: FaceModel, weights: Floats) -> Floats:
    """Return the (V, 3) neutral face of one person; weights (100,) are about N(0, 1)."""
    offset = weights.astype(np.float32) @ model.identity.reshape(len(model.identity), -1)
    return model.neutral + offset.reshape(model.neutral.shape)


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def add_shapes(vertices: Floats, shapes: Floats, weights: Floats) -> Floats:
    """Return vertices + sum of weights[k] * shapes[k], skipping zero weights."""
    out = vertices.copy()
    for k in range(len(weights)):
        if weights[k] != 0.0:
            for v in range(out.shape[0]):
                for c in range(3):
                    out[v, c] += weights[k] * shapes[k, v, c]
    return out
