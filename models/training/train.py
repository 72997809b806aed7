"""Fit the Action Unit models on generated shards and export them.

Two models share one design: a principal-component front, a ridge regression and a small network
with a linear bypass, averaged. `relative` sees how a face differs from the same person's neutral
face; `absolute` sees a single face and knows only the population.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
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
    neutral_rows,
)
from models.training.face_model import Floats
from models.training.registry import register

SHAPE_COMPONENTS = 160
NEUTRAL_COMPONENTS = 40
FRONT_ROWS = 20_000
"""Pictures that the principal components are taken from."""
POSE_SCALE_DEG = 30.0
ACTIVE_FROM = 0.30
MAX_GAIN = 2.5

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Examples:
    """What a model sees and should say, one row a picture."""

    shape: Floats
    """(N, 1434) displacement from neutral (relative) or from the reference face (absolute)."""
    neutral: Floats
    """(N, 1434) neutral face minus the reference face; zeros for the absolute model."""
    pose: Floats
    """(N, 6) degrees: of the picture, of the neutral face (zeros for the absolute model)."""
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


def absolute_examples(data: Dataset) -> Examples:
    """Return every picture against the reference face."""
    shape = (data.points - reference_face().astype(np.float32)).reshape(len(data), -1)
    pose = np.column_stack([data.pose, np.zeros_like(data.pose)])
    return Examples(shape, np.zeros_like(shape), pose, data.targets)


def mirrored(data: Dataset) -> Dataset:
    """Return the same pictures as a mirror shows them."""
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

    basis: Floats
    """(1434, components), scale included."""

    def __call__(self, rows: Floats) -> Floats:
        """Return the (N, components) scores."""
        return (rows @ self.basis).astype(np.float32)


def fit_front(rows: Floats, components: int) -> Front:
    """Return the leading principal components of the rows about zero, the neutral face."""
    gram = rows.T @ rows / len(rows)
    values, vectors = np.linalg.eigh(gram)
    # The absolute model has no neutral face to look at: its rows are all zero.
    unit = max(float(np.sqrt(max(values[-1], 0.0))) / 3, 1e-3)
    basis = vectors[:, ::-1][:, :components] / unit
    return Front(np.ascontiguousarray(basis, np.float32))


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


class Whole(torch.nn.Module):
    """What is exported: landmarks and pose in, calibrated channels out."""

    def __init__(self, fronts: tuple[Front, Front], net: Net, line: tuple[Floats, Floats]) -> None:
        super().__init__()
        shape, neutral = (torch.from_numpy(front.basis) for front in fronts)
        self.register_buffer("shape_basis", shape)
        self.register_buffer("neutral_basis", neutral)
        self.register_buffer("reference", torch.from_numpy(reference_face().astype(np.float32)))
        self.register_buffer("weights", torch.from_numpy(line[0]))
        self.register_buffer("offset", torch.from_numpy(line[1]))
        self.register_buffer("gain", torch.ones(len(line[1])))
        self.net = net

    def forward(
        self, points: torch.Tensor, pose: torch.Tensor, own: torch.Tensor, own_pose: torch.Tensor
    ) -> torch.Tensor:
        """Return (N, channels) of (N, 478, 3) points against (N, 478, 3) neutral ones."""
        shape = (points - own).flatten(1) @ self.shape_basis
        neutral = (own - self.reference).flatten(1) @ self.neutral_basis
        extra = torch.cat([neutral, pose / POSE_SCALE_DEG, own_pose / POSE_SCALE_DEG], dim=1)
        flat = shape @ self.weights + self.offset
        out: torch.Tensor = (0.5 * self.net(shape, extra) + 0.5 * flat) * self.gain
        return out


def fit(make: Callable[[int], Examples], variants: int, epochs: int, seed: int = 0) -> Whole:
    """Fit front, ridge regression and network.

    ``make(k)`` gives variant k of the same pictures (another neutral face, the mirror image);
    each is reduced to its components before the next is made, which bounds the memory.
    """
    first = make(0)
    some = np.random.default_rng(seed).permutation(len(first.shape))[:FRONT_ROWS]
    fronts = (
        fit_front(first.shape[some], SHAPE_COMPONENTS),
        fit_front(first.neutral[some], NEUTRAL_COMPONENTS),
    )
    seen = []
    for k in range(variants):
        rows = first if k == 0 else make(k)
        turn = rows.pose / POSE_SCALE_DEG
        extra = np.column_stack([fronts[1](rows.neutral), turn]).astype(np.float32)
        seen.append((fronts[0](rows.shape), extra, rows.targets))
    line = ridge(np.concatenate([x[0] for x in seen]), np.concatenate([x[2] for x in seen]), 30.0)
    return Whole(fronts, _train_net(seen, epochs, seed), line).eval()


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


def calibrate(model: Whole, examples: Examples, neutral: Bools) -> None:
    """Set the gains so that clear activity reads as it is and neutral faces stay inactive.

    A regression on noisy landmarks shrinks what it estimates. Each channel is stretched until
    strong activity (above 0.5) has its true mean, but no further than lets one neutral picture in
    two hundred reach 0.30, nor beyond `MAX_GAIN`. People must not be those fitted on.
    """
    guess, truth = run(model, examples), examples.targets
    gains = np.ones(guess.shape[1], dtype=np.float32)
    for k, name in enumerate(TARGETS):
        if name.startswith("gaze") or name == "lips":
            strong = np.abs(truth[:, k]) > np.quantile(np.abs(truth[:, k]), 0.9)
            gains[k] = np.clip(
                np.abs(truth[strong, k]).mean() / np.abs(guess[strong, k]).mean(), 1, 2
            )
            continue
        strong = truth[:, k] > 0.5
        wanted = truth[strong, k].mean() / max(float(guess[strong, k].mean()), 1e-3)
        allowed = ACTIVE_FROM / max(float(np.quantile(guess[neutral, k], 0.995)), 1e-3)
        gains[k] = np.clip(min(wanted, allowed), 1.0, MAX_GAIN)
    model.gain.copy_(torch.from_numpy(gains))


def run(model: Whole, examples: Examples) -> Floats:
    """Return the (N, channels) estimates of a model."""
    reference = reference_face().astype(np.float32)
    own = examples.neutral.reshape(-1, *reference.shape) + reference
    points = examples.shape.reshape(own.shape) + own
    arrays = (points, examples.pose[:, :3], own, examples.pose[:, 3:])
    with torch.no_grad():
        out: Floats = model(*(torch.from_numpy(a.astype(np.float32)) for a in arrays)).numpy()
    return out


def export(model: Whole, path: Path) -> None:
    """Write the model as ONNX with the names of its channels."""
    import onnx

    face, turn = torch.zeros(2, 478, 3), torch.zeros(2, 3)
    names = ["points", "pose", "neutral_points", "neutral_pose"]
    torch.onnx.export(
        model,
        (face, turn, face, turn),
        str(path),
        input_names=names,
        output_names=["channels"],
        dynamic_axes={name: {0: "faces"} for name in (*names, "channels")},
        opset_version=17,
        dynamo=False,
    )
    graph = onnx.load(str(path))
    onnx.helper.set_model_props(graph, {"channels": " ".join(TARGETS)})
    onnx.save(graph, str(path))


def main() -> None:
    """Train both models on the shards found and write them to the models folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("build/training"))
    parser.add_argument("--out", type=Path, default=Path("models"))
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--only", choices=("relative", "absolute"))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = load(sorted(options.data.glob("shard_????.npz")))
    seen = data.rows(data.part == FIT)
    print(f"{len(data)} faces, {len(seen)} to fit on", flush=True)
    choose = data.rows(data.part == CHOOSE)
    pairs = (seen, mirrored(seen))
    if options.only != "absolute":
        rng = np.random.default_rng(0)
        relative = fit(lambda k: relative_examples(pairs[k % 2], rng), 4, options.epochs)
        kept = relative_examples(choose, None)
        calibrate(
            relative, kept, choose.neutral[np.isin(choose.identity, list(neutral_rows(choose)))]
        )
        export(relative, options.out / "au_relative.onnx")
    if options.only != "relative":
        absolute = fit(lambda k: absolute_examples(pairs[k]), 2, options.epochs)
        calibrate(absolute, absolute_examples(choose), choose.neutral)
        export(absolute, options.out / "au_absolute.onnx")
    register(options.out)


if __name__ == "__main__":
    main()
