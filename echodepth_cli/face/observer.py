"""From a picture to `FaceObservation`s: landmarks, pose, quality and appearance in one place."""

from __future__ import annotations

from echodepth_cli.face.alignment import align, iod_px
from echodepth_cli.face.appearance import appearance
from echodepth_cli.face.colours import colours_of
from echodepth_cli.face.cuts import look_of
from echodepth_cli.face.quality import confidence, face_box, quality_factors
from echodepth_cli.face.tracker import FaceTracker
from echodepth_cli.records import (
    FaceObservation,
    FloatArray,
    Frame,
    Image,
    SeenPicture,
)


def observe_frame(frame: Frame, tracker: FaceTracker) -> SeenPicture:
    """Reduce a sampled frame to its faces and its look; the picture is not needed afterwards."""
    faces = tuple(observe(frame.image, tracker))
    return SeenPicture(frame.index, frame.offset_s, faces, look_of(frame.image))


def observe(image: Image, tracker: FaceTracker) -> list[FaceObservation]:
    """Return the faces of a picture, largest first."""
    faces = [observe_face(image, landmarks) for landmarks in tracker.detect(image)]
    return sorted(faces, key=lambda face: face.box.w * face.box.h, reverse=True)


def observe_face(image: Image, landmarks_px: FloatArray) -> FaceObservation:
    """Reduce one face, given by its (478, 3) landmarks in pixels, to numbers."""
    height, width = image.shape[:2]
    points, pose = align(landmarks_px)
    eye_distance = iod_px(landmarks_px)
    factors = quality_factors(image, landmarks_px, pose, eye_distance)
    return FaceObservation(
        points=points,
        landmarks_px=landmarks_px,
        appearance=appearance(image, landmarks_px, points),
        box=face_box(landmarks_px, width, height),
        pose=pose,
        iod_px=eye_distance,
        confidence=confidence(factors),
        quality=factors,
        colours=colours_of(image, landmarks_px),
    )
