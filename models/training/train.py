"""Fit the Action Unit models on generated shards and export them.

The landmark part is fitted on some people and the window part on others, so that the second sees
how far the first can be trusted. With `--landmarks-from FOLDER` the landmark part is taken from
models that are there, with the gains of the absolute model, and the window part is fitted on
everybody.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from echodepth_cli.face.appearance import EVEN_PX
from models.training.calibrate import gains
from models.training.dataset import (
    CHOOSE,
    FIT,
    TARGETS,
    Dataset,
    even_windows,
    load,
    others_at_rest,
)
from models.training.face_model import Floats
from models.training.fit_windows import fit_windows
from models.training.landmarks import (
    POSE_SCALE_DEG,
    LandmarkPart,
    absolute_examples,
    fit,
    mirrored,
    relative_examples,
    unfitted,
)
from models.training.registry import register
from models.training.windows import WindowPart

WINDOW_SHARE = 0.75
"""Weight of the window part's estimate beside that of the landmarks alone."""


class Relative(torch.nn.Module):
    """What is exported: a face and the person's neutral one in, calibrated channels out."""

    def __init__(self, points: LandmarkPart, windows: WindowPart) -> None:
        super().__init__()
        self.points, self.windows = points, windows
        self.register_buffer("gain", torch.ones(len(TARGETS)))

    def forward(
        self,
        points: torch.Tensor,
        pose: torch.Tensor,
        appearance: torch.Tensor,
        own: torch.Tensor,
        own_pose: torch.Tensor,
        own_appearance: torch.Tensor,
    ) -> torch.Tensor:
        """Return (N, channels)."""
        said = self.points(points, pose, own, own_pose)
        square = (3, EVEN_PX, EVEN_PX)
        seen = self.windows(
            appearance.unflatten(1, square),
            own_appearance.unflatten(1, square),
            said,
            torch.cat([pose, own_pose], dim=1) / POSE_SCALE_DEG,
        )
        out: torch.Tensor = (WINDOW_SHARE * seen + (1 - WINDOW_SHARE) * said) * self.gain
        return out


class Absolute(torch.nn.Module):
    """What is exported for single faces: landmarks and pose in, calibrated channels out."""

    def __init__(self, points: LandmarkPart) -> None:
        super().__init__()
        self.points = points
        self.register_buffer("gain", torch.ones(len(TARGETS)))

    def forward(self, points: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
        """Return (N, channels)."""
        own = self.points.reference.expand_as(points)
        out: torch.Tensor = self.points(points, pose, own, torch.zeros_like(pose)) * self.gain
        return out


def said_by(points: LandmarkPart, data: Dataset) -> tuple[Floats, Floats]:
    """Return what the landmark part says of each picture, and (N, 6) the scaled poses.

    A picture is held against the person's other neutral ones.
    """
    own, own_pose = others_at_rest(data, data.points), others_at_rest(data, data.pose)
    arrays = (data.points, data.pose, own, own_pose)
    with torch.no_grad():
        said: Floats = points(*(torch.from_numpy(a) for a in arrays)).numpy()
    return said, np.column_stack([data.pose, own_pose]) / POSE_SCALE_DEG


def estimated(model: Relative, data: Dataset) -> Floats:
    """Return the (N, channels) of pictures against the person's other neutral ones."""
    seen = even_windows(data.windows).reshape(len(data), -1)
    arrays = [
        *(data.points, data.pose, seen),
        *(others_at_rest(data, a) for a in (data.points, data.pose, seen)),
    ]
    with torch.no_grad():
        out: Floats = model(*(torch.from_numpy(a) for a in arrays)).numpy()
    return out


def with_rest(data: Dataset) -> Dataset:
    """Return the pictures of people of whom two neutral ones were found."""
    return data.rows(~np.isnan(others_at_rest(data, data.pose)).any(axis=1))


def fit_landmarks(data: Dataset, epochs: int) -> tuple[LandmarkPart, LandmarkPart]:
    """Return the landmark parts of the relative and the absolute model."""
    pairs, rng = (data, mirrored(data)), np.random.default_rng(0)
    relative = fit(lambda k: relative_examples(pairs[k % 2], rng), 4, epochs)
    return relative, fit(lambda k: absolute_examples(pairs[k]), 2, epochs)


Weights = dict[str, torch.Tensor]


def stored_weights(path: Path) -> Weights:
    """Return the weights of an exported model by name."""
    import onnx
    from onnx import numpy_helper

    stored = onnx.load(str(path)).graph.initializer
    return {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in stored}


def landmark_part(stored: Weights) -> LandmarkPart:
    """Return the landmark part of an exported model."""
    part = unfitted(len(TARGETS))
    part.load_state_dict({name: stored[f"points.{name}"] for name in part.state_dict()})
    return part.eval()


def export(model: torch.nn.Module, path: Path, inputs: dict[str, tuple[int, ...]]) -> None:
    """Write the model as ONNX with the names of its channels."""
    import onnx

    torch.onnx.export(
        model.eval(),
        tuple(torch.zeros(2, *shape) for shape in inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=["channels"],
        dynamic_axes={name: {0: "faces"} for name in (*inputs, "channels")},
        opset_version=17,
        dynamo=False,
    )
    graph = onnx.load(str(path))
    onnx.helper.set_model_props(graph, {"channels": " ".join(TARGETS)})
    onnx.save(graph, str(path))


_FACE = {"points": (478, 3), "pose": (3,)}
_SEEN = {**_FACE, "appearance": (3 * EVEN_PX * EVEN_PX,)}
_INPUTS = {**_SEEN, **{f"neutral_{name}": shape for name, shape in _SEEN.items()}}


def main() -> None:
    """Train both models on the shards found and write them to the models folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("build/training"))
    parser.add_argument("--out", type=Path, default=Path("models"))
    parser.add_argument("--epochs", type=int, default=24, help="of the landmark part")
    parser.add_argument("--window-epochs", type=int, default=9)
    parser.add_argument("--landmarks-from", type=Path, metavar="FOLDER")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = with_rest(load(sorted(options.data.glob("shard_????.npz"))))
    seen, choose = data.rows(data.part == FIT), data.rows(data.part == CHOOSE)
    print(f"{len(data)} faces, {len(seen)} to fit on", flush=True)
    kept = None
    if options.landmarks_from is None:
        first = seen.identity % 2 == 0
        relative, absolute = fit_landmarks(seen.rows(first), options.epochs)
        seen = seen.rows(~first)
    else:
        relative = landmark_part(stored_weights(options.landmarks_from / "au_relative.onnx"))
        kept = stored_weights(options.landmarks_from / "au_absolute.onnx")
        absolute = landmark_part(kept)
    said, others = said_by(relative, seen)
    whole = Relative(relative, fit_windows(seen, said, others, options.window_epochs)).eval()
    raw = estimated(whole, choose)
    whole.gain.copy_(torch.from_numpy(gains(raw, choose.targets, choose.neutral)))
    export(whole, options.out / "au_relative.onnx", _INPUTS)
    alone = Absolute(absolute).eval()
    with torch.no_grad():
        raw = alone(torch.from_numpy(choose.points), torch.from_numpy(choose.pose)).numpy()
    fresh = torch.from_numpy(gains(raw, choose.targets, choose.neutral))
    alone.gain.copy_(fresh if kept is None else kept["gain"])
    export(alone, options.out / "au_absolute.onnx", _FACE)
    register(options.out)


if __name__ == "__main__":
    main()
