"""The network that looks at the windows of eyes and mouth, and the training pictures it sees.

A window is shown beside its change from the same window of the person's neutral face. One small
convolutional tower reads both eyes (the left one comes mirrored), another the mouth; a head adds
what they saw, and the pose, to what the landmarks say. Rendered skin is not real
skin, so each training picture is changed in light, contrast, sharpness, noise and place more than
real pictures are.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import nn
from torch.nn import functional as f

from echodepth_cli.face.appearance import (
    EVEN_SHAPE,
    LOCAL_PX,
    MOST_CONTRAST,
    SOFT_GREY,
    WINDOW_PX,
)

MEASURES = 96
"""Numbers that a tower gives of one window."""

_MARGIN_PX = 4


class Tower(nn.Module):
    """A window and its change from rest in, measures out."""

    def __init__(self) -> None:
        super().__init__()

        def stage(before: int, after: int, side: int, stride: int) -> list[nn.Module]:
            step = nn.Conv2d(before, after, side, stride, 1, bias=False)
            return [step, nn.BatchNorm2d(after), nn.ReLU()]

        self.steps = nn.Sequential(
            *stage(2, 16, 4, 2),
            *stage(16, 24, 3, 1),
            *stage(24, 48, 3, 2),
            *stage(48, 64, 3, 2),
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(64 * (WINDOW_PX // 8) ** 2, MEASURES),
        )

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Return (N, 96) of (N, 2, 48, 48)."""
        out: torch.Tensor = self.steps(windows)
        return out


class WindowPart(nn.Module):
    """Windows, pose and what the landmarks say in; channels out.

    It starts as the landmarks' opinion and learns what the pixels, and the pose, change in it.
    """

    def __init__(self, channels: int, others: int, width: int = 256) -> None:
        super().__init__()
        self.eye, self.mouth = Tower(), Tower()
        seen = EVEN_SHAPE[0] * MEASURES
        main = seen + channels
        self.line = nn.Linear(main, channels)
        self.bend = nn.Sequential(
            nn.Linear(main + others, width),
            nn.GELU(),
            nn.Dropout(0.1),
            nn.Linear(width, channels),
        )
        with torch.no_grad():
            self.line.weight[:, seen:] = torch.eye(channels)
            self.line.weight[:, :seen] *= 0.3
            self.bend[-1].weight *= 0.3
            self.line.bias.zero_()
            self.bend[-1].bias.zero_()

    def forward(
        self,
        windows: torch.Tensor,
        own: torch.Tensor,
        opinion: torch.Tensor,
        others: torch.Tensor,
    ) -> torch.Tensor:
        """Return (N, channels) of (N, 3, 48, 48) even windows and those of the neutral face."""
        pair = torch.stack([windows, windows - own], dim=2)
        towers = (self.eye, self.eye, self.mouth)
        seen = [tower(pair[:, k]) for k, tower in enumerate(towers)]
        main = torch.cat([*seen, opinion], dim=1)
        out: torch.Tensor = self.line(main) + self.bend(torch.cat([main, others], dim=1))
        return out


def evened(windows: torch.Tensor) -> torch.Tensor:
    """Return what `appearance.even` makes of (N, 3, 48, 48) windows."""
    level = windows - _around(windows)
    contrast = level / (_around(level.square()).clamp_min(0).sqrt() + SOFT_GREY)
    return contrast.clamp(-MOST_CONTRAST, MOST_CONTRAST)


def _around(x: torch.Tensor) -> torch.Tensor:
    """Return the mean of each neighbourhood: as two products, ten times as fast as pooling."""
    mean = _neighbourhood()
    return mean @ x @ mean.T


@cache
def _neighbourhood() -> torch.Tensor:
    """Return the (48, 48) matrix that averages along one side, mirrored at its ends."""
    pad = LOCAL_PX // 2
    row = torch.arange(WINDOW_PX, dtype=torch.float32)[None]
    source = f.pad(row, (pad, pad), mode="reflect")[0].long().unfold(0, LOCAL_PX, 1)
    return torch.zeros(WINDOW_PX, WINDOW_PX).scatter_add_(
        1, source, torch.full(source.shape, 1 / LOCAL_PX)
    )


def disturbed(windows: torch.Tensor, recording: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Return the (N, 3, 48, 48) middle of (N, 3, 56, 56) windows, changed at random.

    ``recording`` (N,) numbers the recordings from 0: what a camera does is the same within one.
    """
    count, people = len(windows), int(recording.max()) + 1

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=rng)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=rng)

    x = windows.float() / 255
    x = _moved(x.flatten(0, 1)[:, None], normal(3 * count, 4)).unflatten(0, (count, 3))[:, :, 0]
    gamma = torch.exp(0.3 * normal(people, 1, 1, 1))[recording]
    x = x.clamp(1e-3, 1) ** gamma
    slope = 0.25 * normal(people, 3, 2)[recording] + 0.12 * normal(count, 3, 2)
    ramp = torch.linspace(-1, 1, WINDOW_PX)
    light = 1 + slope[..., :1, None] * ramp[None, :] + slope[..., 1:, None] * ramp[:, None]
    x = x * light.clamp(0.2, 2)
    blurred = f.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    share = (1.6 * uniform(people, 1, 1, 1) - 0.6)[recording]
    x = x + (blurred - x) * share.clamp(-0.4, 1)
    coarse = (uniform(people) < 0.15)[recording]
    if bool(coarse.any()):
        small = f.avg_pool2d(x[coarse], 2)
        x[coarse] = f.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False)
    noise = 0.05 * (uniform(people, 1, 1, 1) ** 2)[recording]
    x = x + noise * normal(*x.shape)
    hidden = uniform(count, 3) < 0.04
    x = torch.where(hidden[..., None, None], uniform(count, 3, 1, 1).expand_as(x), x)
    return x * 255


def _moved(x: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    """Cut (M, 1, 56, 56) to (M, 1, 48, 48), a little turned, scaled and shifted."""
    turn, scale = 0.025 * by[:, 0], 1 + 0.02 * by[:, 1]
    shift = (by[:, 2:].clamp(-2.5, 2.5) * 0.7) / (x.shape[-1] / 2)
    ratio = WINDOW_PX / x.shape[-1]
    cos, sin = torch.cos(turn) * scale * ratio, torch.sin(turn) * scale * ratio
    grid = torch.stack(
        [torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)], 1
    )
    size = [len(x), 1, WINDOW_PX, WINDOW_PX]
    places = f.affine_grid(grid, size, align_corners=False)
    return f.grid_sample(x, places, padding_mode="border", align_corners=False)


def mirrored_windows(windows: torch.Tensor) -> torch.Tensor:
    """Return the windows of the mirrored picture."""
    return torch.stack([windows[:, 1], windows[:, 0], windows[:, 2].flip(-1)], dim=1)
