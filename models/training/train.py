"""Fit the Action Unit models on generated shards and export them.

Two models share one design: a principal-component front, a ridge regression and a small network
with a linear bypass, averaged. `relative` sees how a face differs from the same person's neutral
face; `absolute` sees a single face and knows only the population.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from echodepth_cli.face.alignment import reference_face
from models.training.dataset import (
    CHOOSE,
    FIT,
    TARGETS,
    Dataset,
    load,
    mirror_points,
    mirror_targets,
    neutral_of,
)
from models.training.face_model import Floats

SHAPE_COMPONENTS = 160
NEUTRAL_COMPONENTS = 40
POSE_SCALE_DEG = 30.0


@dataclass(frozen=True, slots=True)
class Examples:
    """What a model sees and should say, one row a picture."""

    shape: Floats
    """(N, 1434) displacement from neutral (relative) or from the reference face (absolute)."""
    neutral: Floats
    """(N, 1434) neutral face minus the reference face; zeros for the absolute model."""
    pose: Floats
    """(N, 3) degrees."""
    targets: Floats


def relative_examples(data: Dataset, rng: np.random.Generator) -> Examples:
    """Return every picture against the mean of a random few of the person's neutral ones."""
    neutral = neutral_of(data, rng)
    keep = np.isin(data.identity, list(neutral))
    own = np.stack([neutral[int(one)] for one in data.identity[keep]])
    reference = reference_face().astype(np.float32)
    return Examples(
        shape=(data.points[keep] - own).reshape(keep.sum(), -1),
        neutral=(own - reference).reshape(keep.sum(), -1),
        pose=data.pose[keep],
        targets=data.targets[keep],
    )


def absolute_examples(data: Dataset) -> Examples:
    """Return every picture against the reference face."""
    shape = (data.points - reference_face().astype(np.float32)).reshape(len(data), -1)
    return Examples(shape, np.zeros_like(shape), data.pose, data.targets)


def mirrored(data: Dataset) -> Dataset:
    """Return the same pictures as a mirror shows them."""
    from dataclasses import replace

    order, sign = mirror_targets()
    points = data.points[:, mirror_points()] * np.array([-1, 1, 1], dtype=np.float32)
    return replace(
        data,
        points=points,
        pose=data.pose * np.array([-1, 1, -1], dtype=np.float32),
        targets=data.targets[:, order] * sign,
    )


@dataclass(frozen=True, slots=True)
class Front:
    """Principal components, scaled so that the first has a standard deviation of three."""

    mean: Floats
    basis: Floats
    """(components, 1434)."""
    unit: float

    def __call__(self, rows: Floats) -> Floats:
        """Return the (N, components) scores."""
        return ((rows - self.mean) @ self.basis.T / self.unit).astype(np.float32)


def fit_front(rows: Floats, components: int) -> Front:
    """Return the leading principal components of the rows."""
    mean = rows.mean(axis=0)
    covariance = (rows - mean).T @ (rows - mean) / len(rows)
    values, vectors = np.linalg.eigh(covariance)
    basis = vectors[:, ::-1][:, :components].T
    return Front(mean, np.ascontiguousarray(basis, np.float32), float(np.sqrt(values[-1]) / 3))


class Net(torch.nn.Module):
    """A linear map of the shape plus a bent one of shape, neutral face and pose."""

    def __init__(self, shape: int, extra: int, outputs: int, width: int = 512) -> None:
        super().__init__()
        self.line = torch.nn.Linear(shape, outputs)
        self.bend = torch.nn.Sequential(
            torch.nn.Linear(shape + extra, width),
            torch.nn.GELU(),
            torch.nn.Dropout(0.2),
            torch.nn.Linear(width, width // 2),
            torch.nn.GELU(),
            torch.nn.Dropout(0.2),
            torch.nn.Linear(width // 2, outputs),
        )

    def forward(self, shape: torch.Tensor, extra: torch.Tensor) -> torch.Tensor:
        """Return the channel estimates (N, outputs)."""
        out: torch.Tensor = self.line(shape) + self.bend(torch.cat([shape, extra], dim=1))
        return out


def ridge(rows: Floats, targets: Floats, strength: float) -> tuple[Floats, Floats]:
    """Return weights (components, T) and offset (T,) of a ridge regression."""
    mean, centre = rows.mean(axis=0), targets.mean(axis=0)
    x = (rows - mean).astype(np.float64)
    gram = x.T @ x + strength * np.eye(rows.shape[1])
    weights = np.linalg.solve(gram, x.T @ (targets - centre))
    return weights.astype(np.float32), (centre - mean @ weights).astype(np.float32)


def train_net(
    epochs_of: list[tuple[Floats, Floats, Floats]], epochs: int, seed: int, noise: float = 0.05
) -> Net:
    """Fit the network; ``epochs_of`` holds (shape, extra, targets) variants, used in turn."""
    torch.manual_seed(seed)
    shape, extra, targets = epochs_of[0]
    net = Net(shape.shape[1], extra.shape[1], targets.shape[1])
    batch = 512
    steps = epochs * -(-len(shape) // batch)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=2e-2)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for epoch in range(epochs):
        x, e, y = (torch.from_numpy(a) for a in epochs_of[epoch % len(epochs_of)])
        for rows in torch.randperm(len(x)).split(batch):
            guess = net(x[rows] + noise * torch.randn(len(rows), x.shape[1]), e[rows])
            loss = ((guess - y[rows]) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            plan.step()
    return net.eval()
