"""What a face can do, in FACS terms, and how the morphable face does it.

Each channel is one Action Unit (or one side of it) with strength 0..1. `RECIPES` says which
shapes of the face model carry it; the two numbers are the range from which a frame draws the
share of that shape, since people do not all move alike. The table follows the FACS column of the
ICT-FaceKit README and the measured displacements in the model card; units for which the face has
no shape (4's knitting, 11, 13, 23, 38, 39) are built here from Gaussian displacements.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.training.face_model import FaceModel, Floats

LATERAL = (
    "AU01", "AU02", "AU04", "AU05", "AU06", "AU07", "AU09", "AU10", "AU11", "AU12", "AU13",
    "AU14", "AU15", "AU16", "AU20", "lid",
)  # fmt: skip
"""Channels with a left and a right side; `lid` is lid closure (41 to 46)."""

CENTRAL = (
    "AU08", "AU17", "AU18", "AU22", "AU23", "AU24", "AU28", "AU29", "AU30_L", "AU30_R", "AU32",
    "AU34", "AU35", "AU38", "AU39", "jaw", "mouth_L", "mouth_R",
)  # fmt: skip
"""Channels of the midline; `jaw` is jaw opening (26, 27), `mouth_*` a shift that is no AU."""

GAZE = ("gaze_x", "gaze_y")
"""-1..1, towards the subject's left and up."""

CHANNELS = (
    *(f"{name}_{side}" for name in LATERAL for side in "LR"),
    *CENTRAL,
    *GAZE,
)

Recipe = tuple[tuple[str, float, float], ...]

RECIPES: dict[str, Recipe] = {
    "AU01": (("browInnerUp", 0.9, 1.1), ("browOuterUp", 0.0, 0.1)),
    "AU02": (("browOuterUp", 0.9, 1.1), ("eyeWide", 0.0, 0.1)),
    "AU04": (("browDown", 0.7, 1.0), ("browKnit", 0.0, 0.8)),
    "AU05": (("eyeWide", 0.9, 1.1),),
    "AU06": (("cheekSquint", 0.3, 0.9), ("cheekRaiser", 0.2, 0.7)),
    "AU07": (("eyeSquint", 0.9, 1.1),),
    "AU09": (("noseSneer", 0.8, 1.05), ("browDown", 0.0, 0.2)),
    "AU10": (("mouthUpperUp", 0.4, 1.0), ("mouthShrugUpper", 0.0, 0.4)),
    "AU11": (("nasolabial", 0.8, 1.2),),
    "AU12": (
        ("mouthSmile", 0.85, 1.05),
        ("cheekSquint", 0.0, 0.2),
        ("mouthShrugLower", 0.0, 0.2),
        ("mouthPress", 0.0, 0.2),
        ("mouthStretch", 0.0, 0.1),
    ),
    "AU13": (("sharpPull", 0.8, 1.1),),
    "AU14": (("mouthDimple", 0.9, 1.2),),
    "AU15": (("mouthFrown", 0.9, 1.15),),
    "AU16": (("mouthLowerDown", 0.85, 1.1),),
    "AU17": (
        ("mouthShrugLower", 0.6, 1.05),
        ("mouthShrugUpper", 0.0, 0.3),
        ("mouthPress", 0.0, 0.4),
        ("mouthFrown", 0.0, 0.2),
    ),
    "AU18": (("mouthPucker", 0.85, 1.05), ("mouthFunnel", 0.0, 0.15)),
    "AU20": (("mouthStretch", 0.85, 1.1),),
    "AU22": (("mouthFunnel", 0.85, 1.05),),
    "AU23": (("lipTighten", 0.8, 1.1), ("mouthPress", 0.0, 0.2)),
    "AU24": (("mouthPress", 0.8, 1.1), ("mouthRollUpper", 0, 0.25), ("mouthRollLower", 0, 0.25)),
    "AU28": (("mouthRollUpper", 0.6, 1.0), ("mouthRollLower", 0.7, 1.0)),
    "AU29": (("jawForward", 0.9, 1.1),),
    "AU30_L": (("jawLeft", 0.9, 1.1),),
    "AU30_R": (("jawRight", 0.9, 1.1),),
    "AU32": (("mouthRollLower", 0.7, 1.1), ("mouthUpperUp", 0.0, 0.3)),
    "AU34": (("cheekPuff", 0.8, 1.1),),
    "AU35": (("cheekPuff", -0.5, -0.3),),
    "AU38": (("nostrilWide", 0.8, 1.2),),
    "AU39": (("nostrilWide", -1.0, -0.6),),
    "lid": (("eyeBlink", 1.0, 1.0),),
    "jaw": (("jawOpen", 1.0, 1.0),),
    "mouth_L": (("mouthLeft", 0.9, 1.1),),
    "mouth_R": (("mouthRight", 0.9, 1.1),),
}
"""Shapes without _L/_R in the face model move as one; the others take the channel's side."""

WRINKLED_BY: dict[str, tuple[tuple[str, float], ...]] = {
    "forehead": (("AU01", 1.0), ("AU02", 0.3)),
    "forehead_L": (("AU02_L", 1.0), ("AU01_L", 0.2)),
    "forehead_R": (("AU02_R", 1.0), ("AU01_R", 0.2)),
    "glabella": (("AU04", 1.0), ("AU09", 0.3)),
    "nose_root": (("AU09", 1.0), ("AU04", 0.2)),
    "crow_L": (("AU06_L", 1.0), ("AU12_L", 0.2)),
    "crow_R": (("AU06_R", 1.0), ("AU12_R", 0.2)),
    "under_eye_L": (("AU06_L", 0.8), ("AU07_L", 0.6)),
    "under_eye_R": (("AU06_R", 0.8), ("AU07_R", 0.6)),
    "nasolabial_L": (("AU12_L", 0.9), ("AU10_L", 0.7), ("AU09_L", 0.6), ("AU11_L", 1.0)),
    "nasolabial_R": (("AU12_R", 0.9), ("AU10_R", 0.7), ("AU09_R", 0.6), ("AU11_R", 1.0)),
    "dimple_L": (("AU14_L", 1.0), ("AU12_L", 0.3), ("AU13_L", 0.6)),
    "dimple_R": (("AU14_R", 1.0), ("AU12_R", 0.3), ("AU13_R", 0.6)),
    "corner_L": (("AU15_L", 1.0),),
    "corner_R": (("AU15_R", 1.0),),
    "chin": (("AU17", 1.2),),
    "lip_lines": (("AU23", 0.6), ("AU24", 0.4), ("AU18", 0.7)),
}
"""Which channels deepen a furrow and how much; a lateral name without side takes the stronger."""


def with_own_shapes(model: FaceModel) -> FaceModel:
    """Return the face with the shapes that ICT-FaceKit lacks."""
    names, shapes = list(model.expression_names), [model.expression]
    for side, sign in (("L", 1.0), ("R", -1.0)):
        own = {
            "browKnit": _push(model, (sign * 1.7, 6.1, 9.8), 1.1, (-sign * 0.40, -0.10, 0.05)),
            "nasolabial": _push(model, (sign * 2.3, -0.4, 10.8), 0.8, (0.0, 0.18, 0.12)),
            "sharpPull": model.expression[model.index(f"mouthSmile_{side}")] * (0.15, 1.0, 0.5),
        }
        names += [f"{name}_{side}" for name in own]
        shapes.append(np.stack(list(own.values())))
    wide = _push(model, (1.55, 0.2, 10.8), 0.6, (0.28, 0.05, 0)) + _push(
        model, (-1.55, 0.2, 10.8), 0.6, (-0.28, 0.05, 0)
    )
    names += ["nostrilWide", "lipTighten"]
    shapes.append(np.stack([wide, _lip_tighten(model)]))
    expression = np.concatenate(shapes).astype(np.float32)
    return replace(model, expression=expression, expression_names=tuple(names))


def shape_weights(model: FaceModel, channels: Floats, rng: np.random.Generator) -> Floats:
    """Return the weights of the face's shapes for one frame's channel strengths."""
    out = np.zeros(len(model.expression), dtype=np.float32)
    value = dict(zip(CHANNELS, channels.tolist(), strict=True))
    for name, recipe in RECIPES.items():
        sides = ("L", "R") if name in LATERAL else ("",)
        shares = [rng.uniform(low, high) for _, low, high in recipe]
        for side in sides:
            strength = value[f"{name}_{side}" if side else name]
            if strength == 0:
                continue
            for (shape, _, _), share in zip(recipe, shares, strict=True):
                for full in _shape_names(model, shape, side):
                    out[model.index(full)] += strength * share
    out[model.index("mouthClose")] = min(value["AU08"], value["jaw"])
    _add_gaze(model, out, value["gaze_x"], value["gaze_y"])
    return out


RESTING: Recipe = (
    ("eyeBlink", 0.0, 0.15),
    ("eyeSquint", 0.0, 0.20),
    ("browDown", 0.0, 0.20),
    ("browInnerUp", 0.0, 0.15),
    ("mouthFrown", 0.0, 0.20),
    ("mouthSmile", 0.0, 0.12),
    ("mouthPress", 0.0, 0.20),
    ("mouthFunnel", 0.0, 0.12),
    ("jawOpen", 0.0, 0.06),
    ("cheekPuff", -0.1, 0.15),
)
"""How faces at rest differ beyond their bones; each person carries a few of these."""


def resting_weights(model: FaceModel, rng: np.random.Generator) -> Floats:
    """Return the shape weights of one person's face at rest."""
    out = np.zeros(len(model.expression), dtype=np.float32)
    for shape, low, high in RESTING:
        if rng.random() < 0.35:
            for full in _shape_names(model, shape, ""):
                out[model.index(full)] = rng.uniform(low, high)
    return out


def wrinkle_depths(channels: Floats) -> Floats:
    """Return the (17,) furrow depths that the channels of one frame cause."""
    value = dict(zip(CHANNELS, channels.tolist(), strict=True))
    for name in LATERAL:
        value[name] = max(value[f"{name}_L"], value[f"{name}_R"])
    depths = [sum(value[c] * share for c, share in causes) for causes in WRINKLED_BY.values()]
    return np.array(depths, dtype=np.float32)


def _shape_names(model: FaceModel, shape: str, side: str) -> list[str]:
    if shape in model.expression_names:
        return [shape]
    return [f"{shape}_{side}"] if side else [f"{shape}_L", f"{shape}_R"]


def _add_gaze(model: FaceModel, weights: Floats, x: float, y: float) -> None:
    ahead, behind = ("L", "R") if x >= 0 else ("R", "L")
    weights[model.index(f"eyeLookOut_{ahead}")] = abs(x)
    weights[model.index(f"eyeLookIn_{behind}")] = abs(x)
    for side in "LR":
        weights[model.index(f"eyeLook{'Up' if y >= 0 else 'Down'}_{side}")] = abs(y)


def _push(
    model: FaceModel,
    centre: tuple[float, float, float],
    radius_cm: float,
    by: tuple[float, float, float],
) -> Floats:
    """Move the skin around a point of the average face; Gaussian fall-off."""
    away = np.linalg.norm(model.neutral - np.array(centre), axis=1)
    soft = np.exp(-0.5 * (away / radius_cm) ** 2) * (model.neutral[:, 2] > 3)
    return (soft[:, None] * np.array(by)).astype(np.float32)


def _lip_tighten(model: FaceModel) -> Floats:
    """Narrow the red lip towards the seam and draw the corners in (AU23)."""
    seam = model.neutral[model.landmark68[60:68]].mean(axis=0)
    offset = model.neutral - seam
    near = np.exp(-0.5 * ((offset[:, 0] / 2.4) ** 4 + (offset[:, 1] / 1.0) ** 4))
    near = near * (offset[:, 2] > -2.5)
    move = np.stack([-0.10 * offset[:, 0], -0.40 * offset[:, 1], -0.12 * np.ones(len(near))], 1)
    return (near[:, None] * move).astype(np.float32)
