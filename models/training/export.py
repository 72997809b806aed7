"""Write a fitted network as the ONNX file that the product reads."""

from __future__ import annotations

from pathlib import Path

import torch

from echodepth_cli.face.appearance import APPEARANCE_VALUES
from models.training.dataset import TARGETS

FACE = {"points": (478, 3), "pose": (3,)}
"""Names and shapes of what a model of single faces takes."""

FACE_AND_WINDOWS = {**FACE, "appearance": (APPEARANCE_VALUES,)}


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
