"""Look closer where faces are too small for the detector that face mesh brings along.

That one reduces a picture to 128 pixels and misses faces under about a tenth of its side. Here the
picture is cut into overlapping squares for the full-range detector, and each face it finds is
handed on as a square crop. Nothing depends on anything but the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from echodepth_cli.face.alignment import extent
from echodepth_cli.face.graph import PictureGraph
from echodepth_cli.records import Box, FloatArray, Image

_OVERLAP: Final = 0.2
"""Share of a square that its neighbour covers too: larger than the faces looked for."""

_SMALL: Final = 0.17
"""A face smaller than this share of the picture's longer side is placed poorly at first sight, or
missed. Where there is a larger one, small ones are looked for only if asked to."""

_OTHER_SIZE: Final = 2.0
"""A face so many times as large as another is not the same one found again."""

_AROUND: Final = 2.2
"""Side of a crop, in faces."""

_CROP_PX: Final = 192
"""Crops are enlarged to this side at least."""

_MIN_CONFIDENCE: Final = 0.5

_STRIP: Final = 12
"""No camera gives a picture of this shape, and one a pixel high has thousands of squares."""


Place = tuple[float, float, float]
"""Middle x, middle y and side of a face, in pixels."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A square part of a picture that shows one face."""

    left: int
    top: int
    side: int
    image: Image
    """Enlarged where it was small."""

    def in_picture(self, landmarks_px: FloatArray) -> FloatArray:
        """Return landmarks of the crop in pixels of the picture."""
        scale = self.side / self.image.shape[0]
        shift = np.array([self.left, self.top, 0.0], dtype=np.float32)
        return (landmarks_px * np.float32(scale) + shift).astype(np.float32)


class SmallFaces:
    """Finds small faces with the full-range detector of MediaPipe."""

    def __init__(self, *, always: bool) -> None:
        """Look at every picture with ``always``, else only at those that seem to need it."""
        self._always = always
        from mediapipe.framework.formats.detection_pb2 import Detection
        from mediapipe.modules.face_detection.face_detection_pb2 import FaceDetectionOptions

        self._detection = Detection
        self._detector = PictureGraph(
            "face_detection/face_detection_full_range_cpu",
            "detections",
            graph_options=FaceDetectionOptions(min_score_thresh=_MIN_CONFIDENCE),
        )

    def added(
        self,
        image: Image,
        found: Sequence[FloatArray],
        faces_in: Callable[[Image], list[FloatArray]],
        expected: Sequence[Box] = (),
        *,
        everywhere: bool = False,
    ) -> list[FloatArray]:
        """Return the faces of a picture, given those that were found at first sight.

        Small ones are found again in their crop, where ``faces_in`` places them better; where a
        face is ``expected`` and none was found, a crop is looked at too.
        """
        limit = _SMALL * max(image.shape[:2])
        faces = [face for face in found if face_side(face) >= limit]
        small = [face for face in found if face_side(face) < limit]
        if self._always or everywhere or not faces:
            closer = [_placed_in(crop, faces_in) for crop in self._crops(image, faces)]
            faces += [face for face in closer if face is not None]
        places = [_place(face) for face in faces]
        for face in small:
            if not _is_among(_place(face), places):
                again = _placed_in(_cut(image, *_place(face)), faces_in)
                faces.append(face if again is None else again)
        return _with_expected(image, faces, expected, faces_in) if expected else faces

    def places(self, image: Image) -> Iterator[Box]:
        """Yield a square around all that the detector takes for a face, in fractions."""
        height, width = image.shape[:2]
        for x, y, side in self._found(image):
            yield Box((x - side / 2) / width, (y - side / 2) / height, side / width, side / height)

    def _crops(self, image: Image, known: Sequence[FloatArray]) -> Iterator[Crop | None]:
        """Yield a crop around each face beyond the known ones, surest first."""
        places = [_place(landmarks) for landmarks in known]
        for x, y, side in self._found(image):
            if not _is_among((x, y, side), places):
                places.append((x, y, side))
                yield _cut(image, x, y, side)

    def _found(self, image: Image) -> Iterator[Place]:
        """Yield (middle x, middle y, side) in pixels of the faces in all squares, surest first."""
        found: list[tuple[float, float, float, float]] = []
        for left, top, side in squares(*image.shape[:2]):
            part = image[top : top + side, left : left + side]
            for packed in self._detector.process(part):
                detection = self._detection.FromString(packed)
                box = detection.location_data.relative_bounding_box
                height, width = part.shape[:2]
                middle = (
                    left + (box.xmin + box.width / 2) * width,
                    top + (box.ymin + box.height / 2) * height,
                )
                size = max(box.width * width, box.height * height)
                found.append((float(detection.score[0]), *middle, size))
        found.sort(key=lambda face: (-face[0], face[1], face[2]))
        for _, x, y, size in found:
            yield x, y, size

    def warm_up(self, image: Image) -> None:
        """Look at a picture, so that what start-up prints and takes lies behind."""
        self._detector.process(image)

    def close(self) -> None:
        """Free the detector."""
        self._detector.close()


def _with_expected(
    image: Image,
    faces: Sequence[FloatArray],
    expected: Sequence[Box],
    faces_in: Callable[[Image], list[FloatArray]],
) -> list[FloatArray]:
    """Return the faces, expected ones first, and those that a closer look at their place finds."""
    kept, known = list(faces), [_place(face) for face in faces]
    places = [_place_of(box, *image.shape[:2]) for box in expected]
    for place in places:
        if not _is_among(place, known):
            face = _placed_in(_cut(image, *place), faces_in)
            if face is not None and not _is_among(_place(face), known):
                kept.append(face)
                known.append(_place(face))
    # Where only so many faces are kept, those who were there before stay.
    return sorted(kept, key=lambda face: not _is_among(_place(face), places))


def squares(height: int, width: int) -> Iterator[tuple[int, int, int]]:
    """Yield (left, top, side) of overlapping squares that cover a picture; none for a strip."""
    side, length = min(height, width), max(height, width)
    if length > _STRIP * side:
        return
    count = max(1, math.ceil((length / side - _OVERLAP) / (1 - _OVERLAP)))
    for k in range(count):
        start = round(k * (length - side) / max(1, count - 1))
        yield (start, 0, side) if width >= height else (0, start, side)


def face_side(landmarks_px: FloatArray) -> float:
    """Return the longer side of the rectangle around landmarks, in pixels."""
    low, high = extent(landmarks_px)
    return float((high - low).max())


def _place(landmarks_px: FloatArray) -> Place:
    low, high = extent(landmarks_px)
    x, y = (low + high) / 2
    return float(x), float(y), float((high - low).max())


def _is_among(place: Place, places: Sequence[Place]) -> bool:
    return any(_is_same(*place, *other) for other in places)


def _place_of(box: Box, height: int, width: int) -> Place:
    x, y = (box.x + box.w / 2) * width, (box.y + box.h / 2) * height
    return x, y, max(box.w * width, box.h * height)


def _is_same(
    x: float, y: float, side: float, known_x: float, known_y: float, known_side: float
) -> bool:
    small, large = sorted((side, known_side))
    is_near = max(abs(x - known_x), abs(y - known_y)) < 0.5 * large
    # A tile with somebody else may lie before a large face.
    return is_near and large < _OTHER_SIZE * small


def _placed_in(
    crop: Crop | None, faces_in: Callable[[Image], list[FloatArray]]
) -> FloatArray | None:
    """Return the face in the middle of a crop; those beside it only happen to be there."""
    closer = [] if crop is None else faces_in(crop.image)
    if crop is None or not closer:
        return None
    middle = crop.image.shape[0] / 2
    return crop.in_picture(min(closer, key=lambda f: math.dist(_place(f)[:2], (middle, middle))))


def _cut(image: Image, x: float, y: float, side: float) -> Crop | None:
    """Return a square around a face, moved into the picture where it would reach beyond."""
    import cv2

    height, width = image.shape[:2]
    length = min(round(side * _AROUND), height, width)
    if length < 8:
        return None
    left = int(np.clip(round(x - length / 2), 0, width - length))
    top = int(np.clip(round(y - length / 2), 0, height - length))
    part = image[top : top + length, left : left + length]
    if length < _CROP_PX:
        part = cv2.resize(part, (_CROP_PX, _CROP_PX), interpolation=cv2.INTER_CUBIC)
    return Crop(left, top, length, np.ascontiguousarray(part))
