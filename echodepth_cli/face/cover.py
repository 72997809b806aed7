"""Whether something lies over the mouth: a hand, a cup, a microphone.

The face mesh draws a mouth wherever it thinks one is, so landmarks do not tell. The picture does:
what mouths look like, open or shut, smiling or pressed, shaved or not, is spanned by a hundred
patterns (principal components of the mouth windows of photographs, `models.training.cover`), and
what fingers look like is not. How much of a window they leave unexplained is its strangeness. A
moustache is strange too, but in every frame: so a mouth counts as covered only when it is stranger
than mouths are and stranger than this person's usually is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.appearance import without_light
from echodepth_cli.records import FaceObservation

MOUTH: Final = 2
"""Index of the mouth among the windows of `appearance`."""

_COARSE_PX: Final = (24, 24)
"""The mouth is compared at half size: fingers are told by coarse patterns."""

_LOCAL_PX: Final = 9

STRANGE: Final = (0.345, 0.395)
"""Strangeness up to which a mouth is like others, and from which it is like none. Bare mouths of
development clips stay below the first; so do 98 % of the photographs of people who took no part in
the fit, of which some show hands."""

UNUSUAL: Final = (0.06, 0.11)
"""The same for how much stranger it is than this person's usually is."""

USUAL_SHARE: Final = 0.2
"""This share of a person's frames is less strange than what is called usual: they may hold a hand
before the mouth for most of the time."""

COVERED: Final = 0.25
"""Factor on the confidence where the mouth is surely covered: measured, and not relied on."""


def coarse_mouth(windows_px: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the (576,) mouth of the (3, 48, 48) `appearance.windows` at half size, evened."""
    import cv2

    half = cv2.resize(windows_px[MOUTH].astype(np.float32), _COARSE_PX, None, 0, 0, cv2.INTER_AREA)
    return without_light(half, _LOCAL_PX).astype(np.float64).ravel()


def strangeness(windows_px: NDArray[np.uint8]) -> float:
    """Return how little of the mouth is like a mouth: 0.13 to 0.36, some 0.5 for fingers."""
    mean, patterns = mouths()
    window = coarse_mouth(windows_px) - mean
    rest = window - patterns.T @ (patterns @ window)
    # The last digits of a sum depend on the machine; the confidence must not.
    return round(float(np.sqrt(np.mean(rest * rest))), 4)


def usual_strangeness(faces: Sequence[FaceObservation]) -> float:
    """Return what counts as usual for one person; takes at least one face."""
    return float(np.quantile([face.strangeness for face in faces], USUAL_SHARE))


def cover_factor(face: FaceObservation, usual: float) -> float:
    """Return the factor on the confidence of a face, `COVERED` … 1."""
    found = face.strangeness
    likeness = max(_fall(found, *STRANGE), _fall(found - usual, *UNUSUAL))
    return COVERED + (1 - COVERED) * likeness


def _fall(value: float, one: float, zero: float) -> float:
    return min(max((zero - value) / (zero - one), 0.0), 1.0)


@lru_cache(maxsize=1)
def mouths() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the (576,) mean mouth window and the (100, 576) patterns about it."""
    with np.load(Path(__file__).parent / "cover.npz") as fitted:
        return fitted["mean"].astype(np.float64), fitted["patterns"].astype(np.float64)
