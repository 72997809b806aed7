"""A graph of MediaPipe that works in the thread that asks, and on the picture itself.

As MediaPipe's own classes run it, a graph hands each of its forty steps to a thread of its own, the
picture is copied first, and a class is made for each result; that takes a third of the time. The
numbers are the same to the bit.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np

from echodepth_cli.lean_import import import_lean
from echodepth_cli.records import Image

_STEP_US: Final = 33_333
"""Times must increase; static graphs make nothing of them."""


class PictureGraph:
    """A graph that takes a picture and gives a list of messages, packed."""

    def __init__(self, module: str, output: str, **settings: Any) -> None:
        """Start the graph of a ``module`` of MediaPipe, of which one ``output`` is wanted.

        ``settings`` are what MediaPipe's `SolutionBase` takes.
        """
        os.environ.setdefault("GLOG_minloglevel", "2")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        # Makes the options known that graphs of faces have.
        import_lean("mediapipe.python.solutions.face_mesh")
        base: Any = import_lean("mediapipe.python.solution_base")
        self._pictures, self._messages = base.packet_creator, base.packet_getter._packet_getter
        self._format = base.image_frame.ImageFormat.SRGB
        stored = Path(base.__file__).parents[1] / "modules" / f"{module}.binarypb"
        config = base.calculator_pb2.CalculatorGraphConfig.FromString(stored.read_bytes())
        config.executor.add(type="ApplicationThreadExecutor")
        self._solution: Any = base.SolutionBase(graph_config=config, outputs=[output], **settings)
        self._graph, self._results = self._solution._graph, self._solution._graph_outputs
        self._output = output
        self._now_us = 0

    def process(self, image: Image) -> list[bytes]:
        """Return what the graph finds in an RGB picture, which must not be changed afterwards."""
        self._results.clear()
        picture = np.ascontiguousarray(image).view()
        picture.flags.writeable = False  # or it would be copied
        packet = self._pictures.create_image_frame(picture, image_format=self._format)
        self._now_us += _STEP_US
        self._graph.add_packet_to_input_stream(stream="image", packet=packet.at(self._now_us))
        self._graph.wait_until_idle()
        found = self._results.get(self._output)
        if found is None or found.is_empty():
            return []
        messages: list[bytes] = self._messages._get_serialized_proto_list(found)
        return messages

    def close(self) -> None:
        """Free the graph."""
        self._solution.close()
