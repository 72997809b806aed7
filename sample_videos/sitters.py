"""Who sits before the camera: identities, colours, clothes and rooms, all invented."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.training.face_model import Floats
from models.training.paint import Look

_BALD_CM = 30.0
"""A hairline above every head: the hair is drawn by `light.paint_hair`, not on the skin."""


@dataclass(frozen=True, slots=True)
class Sitter:
    """One invented person."""

    identity_seed: int
    look: Look
    pullover: tuple[float, float, float]
    room_seed: int
    room_mirrored: bool = False
    bald: bool = False


def _rgb(*values: float) -> Floats:
    return np.array(values, dtype=np.float32)


SITTERS: dict[str, Sitter] = {
    "interviewee": Sitter(
        identity_seed=5,
        look=Look(
            skin=_rgb(214, 166, 140),
            lip=_rgb(172, 106, 98),
            brow=_rgb(66, 47, 36),
            hair=_rgb(58, 42, 32),
            iris=_rgb(84, 62, 44),
            clothes=_rgb(214, 166, 140),
            brow_width=0.42,
            brow_density=0.95,
            blush=0.22,
            mottle=0.03,
            hairline_cm=_BALD_CM,
            gloss=0.10,
            seed=4,
        ),
        pullover=(52.0, 66.0, 88.0),
        room_seed=3,
    ),
    "interviewer": Sitter(
        identity_seed=2,
        look=Look(
            skin=_rgb(138, 92, 68),
            lip=_rgb(122, 70, 66),
            brow=_rgb(34, 25, 21),
            hair=_rgb(30, 25, 24),
            iris=_rgb(52, 36, 26),
            clothes=_rgb(138, 92, 68),
            brow_width=0.46,
            blush=0.08,
            mottle=0.03,
            beard=0.55,
            moustache=0.55,
            hairline_cm=_BALD_CM,
            gloss=0.16,
            seed=9,
        ),
        pullover=(128.0, 122.0, 108.0),
        room_seed=12,
        room_mirrored=True,
    ),
}
