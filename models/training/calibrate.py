"""Gains: how far each channel is stretched so that clear activity reads as it is.

A regression on noisy pictures shrinks what it estimates, the more the further a head is turned. So
the share that it recovers is measured over the turns of the head, and mostly undone, as long as
neutral faces stay quiet. People must not be those fitted on.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from models.training.dataset import TARGETS
from models.training.face_model import Floats

ACTIVE_FROM = 0.30
MAX_GAIN = 3.0

UNDONE = 0.8
"""Power of the gain: all of it makes turned heads read most alike, and noise largest."""

STRONG = 0.5
"""True activity from which a channel should read as it is."""

QUIET_SHARE = 0.995
"""Share of neutral pictures in which a channel must stay inactive."""

_CAPS = np.arange(1.0, MAX_GAIN + 0.01, 0.05)
_LEAST_SHARE = 0.2


class Gain(torch.nn.Module):
    """Stretches channels by what is missing of them at this turn of the head."""

    def __init__(self, share: Floats, cap: Floats) -> None:
        """``share`` (T, 5) is what is recovered, by `turns`; ``cap`` (T,) the largest gain."""
        super().__init__()
        self.register_buffer("share", torch.from_numpy(share.astype(np.float32)))
        self.register_buffer("cap", torch.from_numpy(cap.astype(np.float32)))

    def forward(self, channels: torch.Tensor, pose_deg: torch.Tensor) -> torch.Tensor:
        """Return the (N, T) channels as they should read."""
        wanted = 1 / (turns(pose_deg) @ self.share.T).clamp_min(_LEAST_SHARE)
        out: torch.Tensor = channels * torch.minimum(wanted.clamp_min(1.0), self.cap) ** UNDONE
        return out


def no_gain() -> Gain:
    """Return what leaves channels as they are."""
    return Gain(np.tile(np.eye(1, 5), (len(TARGETS), 1)), np.ones(len(TARGETS)))


def turns(pose_deg: torch.Tensor) -> torch.Tensor:
    """Return (N, 5): one, and how far the head is turned left, right, up and down."""
    yaw, pitch = pose_deg[:, 0] / 30, pose_deg[:, 1] / 20
    ways = [torch.ones_like(yaw), yaw.relu(), (-yaw).relu(), pitch.relu(), (-pitch).relu()]
    return torch.stack(ways, dim=1).clamp_max(1.2)


def is_signed(name: str) -> bool:
    """Say whether a channel goes both ways from rest."""
    return name.startswith("gaze") or name == "lips"


def strongly_active(name: str, truth: Floats) -> NDArray[np.bool_]:
    """Say in which of (N,) true values of a channel it should read as it is."""
    if not is_signed(name):
        return truth >= STRONG
    size = np.abs(truth)
    return size >= np.quantile(size, 0.9)


def calibrated(guess: Floats, truth: Floats, pose_deg: Floats, neutral: NDArray[np.bool_]) -> Gain:
    """Return the gains of (N, T) estimates, of their truths and (N, 3) poses.

    Strong activity comes near its true mean at every turn, but no channel is stretched so far that
    more than one neutral picture in two hundred reaches 0.30.
    """
    ways = turns(torch.from_numpy(pose_deg)).numpy()
    share = np.tile(np.eye(1, 5), (len(TARGETS), 1))
    cap = np.ones(len(TARGETS))
    for k, name in enumerate(TARGETS):
        signed = is_signed(name)
        strong = strongly_active(name, truth[:, k])
        if not strong.any():
            continue
        known = truth[strong, k, None] * ways[strong]
        share[k] = np.linalg.lstsq(known, guess[strong, k], rcond=None)[0]
        if signed:
            cap[k] = MAX_GAIN
            continue
        wanted = 1 / np.maximum(ways[neutral] @ share[k], _LEAST_SHARE)
        for most in _CAPS:
            read = guess[neutral, k] * np.clip(wanted, 1, most) ** UNDONE
            if np.quantile(read, QUIET_SHARE) >= ACTIVE_FROM:
                break
            cap[k] = most
    return Gain(share, cap)
