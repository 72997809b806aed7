"""Face landmarks behind a protocol, with MediaPipe face mesh as the implementation."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

import numpy as np

from echodepth_cli.errors import ModelError
from echodepth_cli.face.graph import PictureGraph
from echodepth_cli.face.quality import face_box
from echodepth_cli.face.search import SmallFaces
from echodepth_cli.interruption import interruptions_held
from echodepth_cli.records import Box, FloatArray, Image

LANDMARKS = 478
"""Points per face of the face mesh with refined (iris) landmarks."""

_POINT = np.dtype(
    {
        "names": ["start", "in_x", "x", "in_y", "y", "in_z", "z"],
        "formats": ["<u2", "u1", "<f4", "u1", "<f4", "u1", "<f4"],
    }
)
_TAGS = {"start": 0x0F0A, "in_x": 0x0D, "in_y": 0x15, "in_z": 0x1D}
"""How a point with three coordinates lies in a packed message; reading them one by one takes ten
times as long."""

_LONGEST_SIDE_PX = 16_384
"""Of a longer side only every second (third, ...) pixel is looked at; no camera gives one."""


class FaceTracker(Protocol):
    """Anything that finds face landmarks in a picture."""

    def detect(
        self, image: Image, places: Sequence[Box] = (), *, everywhere: bool = False
    ) -> list[FloatArray]:
        """Return one (478, 3) float32 array in pixels per face found, in no promised order.

        x points right, y down, z away from the camera on the scale of x. A face not found at once
        is looked for more closely at ``places``, in fractions of the picture, and ``everywhere``.
        """
        ...

    def places(self, image: Image) -> list[Box]:
        """Return where anything looks like a face, however many, in fractions of the picture."""
        ...

    def close(self) -> None:
        """Free what the tracker holds, once; it cannot be used afterwards."""
        ...


class MediaPipeTracker:
    """Face mesh in static mode: a result depends on nothing but its picture.

    Static mode costs about 2 ms more per face than tracking and is a little noisier, but gives the
    same numbers whether a recording is analysed whole, in parts, or twice. Raises ModelError when
    MediaPipe cannot be loaded.
    """

    def __init__(
        self,
        max_faces: int = 4,
        min_detection_confidence: float = 0.4,
        *,
        small_faces: bool = False,
    ) -> None:
        """Find at most ``max_faces``; with ``small_faces`` look closer in every picture."""
        self._max_faces = max_faces
        with native_stderr_captured():
            self._mesh = _face_mesh(max_faces, min_detection_confidence)
            # The graph starts, and prints, on the first picture with a face.
            self._small = SmallFaces(always=small_faces)
            for graph in (self._mesh.process, self._small.warm_up):
                graph(_rendered_face())
        self._held = ExitStack()
        self._held.callback(self._small.close)
        self._held.callback(self._mesh.close)

    def detect(
        self, image: Image, places: Sequence[Box] = (), *, everywhere: bool = False
    ) -> list[FloatArray]:
        """Return the landmarks of each face found; see `FaceTracker.detect`."""
        # OpenCV inside MediaPipe ends the whole process at a side of 32,767.
        step = -(-max(image.shape[:2]) // _LONGEST_SIDE_PX)
        image = image[::step, ::step]
        found = self._faces_in(image)
        faces = self._small.added(image, found, self._faces_in, places, everywhere=everywhere)
        return [face * step for face in faces[: self._max_faces]]

    def places(self, image: Image) -> list[Box]:
        """Return where anything looks like a face; see `FaceTracker.places`."""
        step = -(-max(image.shape[:2]) // _LONGEST_SIDE_PX)
        image = image[::step, ::step]
        height, width = image.shape[:2]
        found = [face_box(face, width, height) for face in self._faces_in(image)]
        return found + list(self._small.places(image))

    def _faces_in(self, image: Image) -> list[FloatArray]:
        height, width = image.shape[:2]
        scale = np.array([width, height, width], dtype=np.float32)
        return [_points(face) * scale for face in self._mesh.process(image)]

    def close(self) -> None:
        """Free the graphs; to do so again changes nothing."""
        self._held.close()

    def __enter__(self) -> MediaPipeTracker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _points(packed: bytes) -> FloatArray:
    """Return the (478, 3) points of a face mesh message, as fractions of the picture."""
    if len(packed) == LANDMARKS * _POINT.itemsize:
        points = np.frombuffer(packed, dtype=_POINT)
        if all((points[name] == tag).all() for name, tag in _TAGS.items()):
            return np.stack([points["x"], points["y"], points["z"]], axis=1)
    # Another version may write more of a point, or in another order.
    from mediapipe.framework.formats.landmark_pb2 import NormalizedLandmarkList

    face = NormalizedLandmarkList.FromString(packed)
    return np.array([(p.x, p.y, p.z) for p in face.landmark], dtype=np.float32)


def _rendered_face() -> Image:
    """Return a small picture of a rendered face, not square, since that is worth a warning."""
    import cv2

    picture = cv2.imread(str(Path(__file__).parent / "warmup.png"))
    return np.ascontiguousarray(picture[:, :, ::-1])


def _face_mesh(max_faces: int, min_detection_confidence: float) -> PictureGraph:
    """Return the graph that MediaPipe's `FaceMesh` runs for static pictures."""
    finder = "facedetectionshortrangecpu__facedetectionshortrange__facedetection"
    try:
        # The tracker needs OpenCV whether or not MediaPipe asks for it.
        importlib.import_module("cv2")
        return PictureGraph(
            "face_landmark/face_landmark_front_cpu",
            "multi_face_landmarks",
            side_inputs={
                "num_faces": max_faces,
                "with_attention": True,
                "use_prev_landmarks": False,
            },
            calculator_params={
                f"{finder}__TensorsToDetectionsCalculator.min_score_thresh": (
                    min_detection_confidence
                ),
                "facelandmarkcpu__ThresholdingCalculator.threshold": 0.5,
            },
        )
    except ImportError as error:
        raise ModelError(missing_library_message(error)) from error


def missing_library_message(error: ImportError) -> str:
    """Say in one line which system package an import of OpenCV or MediaPipe lacks."""
    packages = {
        "libGL.so": "libgl1",
        "libGLX": "libgl1",
        "libEGL": "libegl1",
        "libGLES": "libgles2",
        "libglib-2.0": "libglib2.0-0",
        "libgthread-2.0": "libglib2.0-0",
    }
    text = str(error)
    for library, package in packages.items():
        if library in text:
            return (
                f"the system library {text.split(':')[0].strip()} is missing; "
                f"install it with: apt-get install {package}"
            )
    return f"MediaPipe cannot be loaded: {text.splitlines()[0] if text else 'unknown reason'}"


@contextmanager
def native_stderr_captured() -> Iterator[BinaryIO]:
    """Keep what native libraries say off stderr, and give where it goes; shown after a failure."""
    sys.stderr.flush()
    # In memory: a full or read-only disk must not keep a recording from being analysed.
    # Nor is it left halfway: native threads go on talking when the main one is interrupted.
    with interruptions_held(), os.fdopen(os.memfd_create("start-up"), "w+b") as log:
        saved = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield log
        except Exception:
            os.dup2(saved, 2)
            log.seek(0)
            os.write(2, log.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)
