"""Gains: how far each channel is stretched so that clear activity reads as it is.

A regression on noisy pictures shrinks what it estimates, the more the further a head is turned.
People must not be those fitted on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.training.dataset import TARGETS
from models.training.face_model import Floats

ACTIVE_FROM = 0.30
MAX_GAIN = 2.5

STRONG = 0.5
"""True activity from which a channel should read as it is."""

QUIET_SHARE = 0.995
"""Share of neutral pictures in which a channel must stay inactive."""


def gains(guess: Floats, truth: Floats, neutral: NDArray[np.bool_]) -> Floats:
    """Return one gain per channel, of (N, T) estimates and truths.

    Each channel is stretched until strong activity has its true mean, but no further than lets
    one neutral picture in two hundred reach 0.30, nor beyond `MAX_GAIN`.
    """
    out = np.ones(guess.shape[1], dtype=np.float32)
    for k, name in enumerate(TARGETS):
        if name.startswith("gaze") or name == "lips":
            size = np.abs(truth[:, k])
            strong = size >= np.quantile(size, 0.9)
            wanted = size[strong].mean() / max(float(np.abs(guess[strong, k]).mean()), 1e-3)
            out[k] = np.clip(wanted, 1, MAX_GAIN)
            continue
        strong = truth[:, k] > STRONG
        if not strong.any():
            continue
        wanted = truth[strong, k].mean() / max(float(guess[strong, k].mean()), 1e-3)
        quiet = max(float(np.quantile(guess[neutral, k], QUIET_SHARE)), 1e-3)
        out[k] = np.clip(min(wanted, ACTIVE_FROM / quiet), 1.0, MAX_GAIN)
    return out
