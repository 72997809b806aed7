"""The landmark part of the models: what the 478 points alone say.

Two models share one design: a principal-component front, a ridge regression and a small network
with a linear bypass, averaged. `relative` sees how a face differs from the same person's neutral
face; `search` sees a single face and knows only the population.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from echodepth_cli.face.alignment import reference_face
from models.training.dataset import (
    Dataset,
    mirror_points,
    mirror_targets,
    neutral_rows,
)
from models.training.face_model import Floats

SHAPE_COMPONENTS = 160
NEUTRAL_COMPONENTS = 40
FRONT_PEOPLE = 1000
"""People that the principal components are taken from."""
POSE_SCALE_DEG = 30.0


@dataclass(frozen=True, slots=True)
class Examples:
    """What a model sees and should say, one row a picture."""

    shape: Floats
    """(N, 1434) displacement from neutral (relative) or from the reference face (search)."""
    neutral: Floats
    """(N, 1434) neutral face minus the reference face; zeros for the search model."""
    pose: Floats
    """(N, 6) degrees: of the picture, of the neutral face (zeros for the search model)."""
    targets: Floats


def relative_examples(data: Dataset, rng: np.random.Generator | None) -> Examples:
    """Return every picture against the mean of the person's neutral ones, or of a random few."""
    rows = neutral_rows(data, rng)
    faces = {one: data.points[which].mean(axis=0) for one, which in rows.items()}
    turns = {one: data.pose[which].mean(axis=0) for one, which in rows.items()}
    keep = np.isin(data.identity, list(rows))
    own = np.stack([faces[int(one)] for one in data.identity[keep]])
    own_pose = np.stack([turns[int(one)] for one in data.identity[keep]])
    reference = reference_face().astype(np.float32)
    return Examples(
        shape=(data.points[keep] - own).reshape(len(own), -1),
        neutral=(own - reference).reshape(len(own), -1),
        pose=np.column_stack([data.pose[keep], own_pose]),
        targets=data.targets[keep],
    )


def search_examples(data: Dataset) -> Examples:
    """Return every picture against the reference face."""
    shape = (data.points - reference_face().astype(np.float32)).reshape(len(data), -1)
    pose = np.column_stack([data.pose, np.zeros_like(data.pose)])
    return Examples(shape, np.zeros_like(shape), pose, data.targets)


def mirrored(data: Dataset) -> Dataset:
    """Return the same pictures as a mirror shows them."""
    order, sign = mirror_targets()
    points, pose = mirrored_faces(data.points, data.pose)
    return replace(data, points=points, pose=pose, targets=data.targets[:, order] * sign)


def mirrored_faces(points: Floats, pose: Floats) -> tuple[Floats, Floats]:
    """Return (N, 478, 3) points and (N, 3) degrees as a mirror shows them."""
    there = points[:, mirror_points()] * np.array([-1, 1, 1], dtype=np.float32)
    return there, pose * np.array([-1, 1, -1], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Front:
    """Principal components, scaled so that the first has a standard deviation of three."""

    basis: Floats
    """(1434, components), scale included."""

    def __call__(self, rows: Floats) -> Floats:
        """Return the (N, components) scores."""
        return (rows @ self.basis).astype(np.float32)


def fit_front(rows: Floats, components: int) -> Front:
    """Return the leading principal components of the rows about zero, the neutral face."""
    gram = rows.T @ rows / len(rows)
    values, vectors = np.linalg.eigh(gram)
    # The search model has no neutral face to look at: its rows are all zero.
    unit = max(float(np.sqrt(max(values[-1], 0.0))) / 3, 1e-3)
    basis = vectors[:, ::-1][:, :components] / unit
    return Front(np.ascontiguousarray(basis, np.float32))


class Net(torch.nn.Module):
    """A linear map of the shape plus a bent one of shape, neutral face and pose."""

    def __init__(self, shape: int, extra: int, outputs: int, width: int = 384) -> None:
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


class LandmarkPart(torch.nn.Module):
    """Landmarks and pose in, channels out; smaller than the truth, as regressions on noise are."""

    def __init__(self, fronts: tuple[Front, Front], net: Net, line: tuple[Floats, Floats]) -> None:
        super().__init__()
        shape, neutral = (torch.from_numpy(front.basis) for front in fronts)
        self.register_buffer("shape_basis", shape)
        self.register_buffer("neutral_basis", neutral)
        self.register_buffer("reference", torch.from_numpy(reference_face().astype(np.float32)))
        self.register_buffer("weights", torch.from_numpy(line[0]))
        self.register_buffer("offset", torch.from_numpy(line[1]))
        self.net = net

    def forward(
        self, points: torch.Tensor, pose: torch.Tensor, own: torch.Tensor, own_pose: torch.Tensor
    ) -> torch.Tensor:
        """Return (N, channels) of (N, 478, 3) points against (N, 478, 3) neutral ones."""
        shape = (points - own).flatten(1) @ self.shape_basis
        neutral = (own - self.reference).flatten(1) @ self.neutral_basis
        extra = torch.cat([neutral, pose / POSE_SCALE_DEG, own_pose / POSE_SCALE_DEG], dim=1)
        flat = shape @ self.weights + self.offset
        out: torch.Tensor = 0.5 * self.net(shape, extra) + 0.5 * flat
        return out


def fit_fronts(examples: Examples) -> tuple[Front, Front]:
    """Return the components of shapes and of neutral faces."""
    return (
        fit_front(examples.shape, SHAPE_COMPONENTS),
        fit_front(examples.neutral, NEUTRAL_COMPONENTS),
    )


def fit(
    make: Callable[[int], Examples],
    fronts: tuple[Front, Front],
    variants: int,
    epochs: int,
    seed: int = 0,
) -> LandmarkPart:
    """Fit ridge regression and network.

    ``make(k)`` gives variant k of the same pictures (another neutral face, the mirror image);
    each is reduced to its components before the next is made, which bounds the memory.
    """
    seen = []
    for k in range(variants):
        rows = make(k)
        turn = rows.pose / POSE_SCALE_DEG
        extra = np.column_stack([fronts[1](rows.neutral), turn]).astype(np.float32)
        seen.append((fronts[0](rows.shape), extra, rows.targets))
    line = ridge(np.concatenate([x[0] for x in seen]), np.concatenate([x[2] for x in seen]), 30.0)
    return LandmarkPart(fronts, _train_net(seen, epochs, seed), line).eval()


def ridge(rows: Floats, targets: Floats, strength: float) -> tuple[Floats, Floats]:
    """Return weights (components, T) and offset (T,) of a ridge regression."""
    mean, centre = rows.mean(axis=0), targets.mean(axis=0)
    x = (rows - mean).astype(np.float64)
    gram = x.T @ x + strength * np.eye(rows.shape[1])
    weights = np.linalg.solve(gram, x.T @ (targets - centre))
    return weights.astype(np.float32), (centre - mean @ weights).astype(np.float32)


def _train_net(
    variants: list[tuple[Floats, Floats, Floats]], epochs: int, seed: int, noise: float = 0.05
) -> Net:
    """Fit the network; each epoch takes the next variant (shape, extra, targets)."""
    torch.manual_seed(seed)
    shape, extra, targets = variants[0]
    net = Net(shape.shape[1], extra.shape[1], targets.shape[1])
    batch = 512
    steps = epochs * -(-len(shape) // batch)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=2e-2)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for epoch in range(epochs):
        x, e, y = (torch.from_numpy(a) for a in variants[epoch % len(variants)])
        for rows in torch.randperm(len(x)).split(batch):
            guess = net(x[rows] + noise * torch.randn(len(rows), x.shape[1]), e[rows])
            loss = ((guess - y[rows]) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            plan.step()
    return net.eval()
