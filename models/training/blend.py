"""Average relative models that were fitted apart into one file.

`python -m models.training.blend FIRST.onnx SECOND.onnx --out models/au_relative.onnx`: errors of
fits on other pictures and by other designs partly cancel. A model that was made for fewer windows
is shown the first ones. Principal components are stored in half precision, which is finer than
landmarks are.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from models.training.registry import register
from models.training.train import INPUTS

_CHANNELS = "channels"


def blend(paths: list[Path]) -> Any:
    """Return the model whose channels are the means of those of the given ones."""
    import onnx
    from onnx import TensorProto, helper

    parts = [_apart(onnx.load(str(path)), f"fit{k}/") for k, path in enumerate(paths)]
    nodes, stored = [], []
    for part in parts:
        nodes += [*part.graph.node]
        stored += [*part.graph.initializer]
    outputs = [part.graph.output[0].name for part in parts]
    nodes.append(helper.make_node("Mean", outputs, [_CHANNELS]))
    floats = TensorProto.FLOAT
    inputs = [
        helper.make_tensor_value_info(name, floats, ["faces", *shape])
        for name, shape in INPUTS["relative"].items()
    ]
    count = parts[0].graph.output[0].type.tensor_type.shape.dim[1].dim_value
    output = helper.make_tensor_value_info(_CHANNELS, floats, ["faces", count])
    graph = helper.make_graph(nodes, "relative", inputs, [output], stored)
    whole = helper.make_model(
        graph, opset_imports=parts[0].opset_import, ir_version=parts[0].ir_version
    )
    helper.set_model_props(whole, {p.key: p.value for p in parts[0].metadata_props})
    onnx.checker.check_model(whole)
    return whole


def _apart(model: Any, prefix: str) -> Any:
    """Return the model under names of its own, reading its part of the common inputs."""
    from onnx import compose, helper, numpy_helper

    model = compose.add_prefix(model, prefix)
    before = []
    for given in model.graph.input:
        name = given.name.removeprefix(prefix)
        size = given.type.tensor_type.shape.dim[1].dim_value
        if size == INPUTS["relative"][name][0]:
            before.append(helper.make_node("Identity", [name], [given.name]))
            continue
        limits = [f"{given.name}_{word}" for word in ("from", "to", "axis")]
        for limit, value in zip(limits, (0, size, 1), strict=True):
            array = np.array([value], dtype=np.int64)
            model.graph.initializer.append(numpy_helper.from_array(array, limit))
        before.append(helper.make_node("Slice", [name, *limits], [given.name]))
    for array in model.graph.initializer:
        if array.name.endswith("_basis"):
            name, values = array.name, numpy_helper.to_array(array)
            array.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
            before.append(helper.make_node("Cast", [f"{name}_half"], [name], to=1))
    nodes = [*before, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def main() -> None:
    """Write the mean of the models named."""
    import onnx

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("models/au_relative.onnx"))
    options = parser.parse_args()
    onnx.save(blend(options.models), str(options.out))
    register(options.out.parent)


if __name__ == "__main__":
    main()
