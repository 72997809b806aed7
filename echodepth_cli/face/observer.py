"""From a picture to `FaceObservation`s: landmarks, pose, quality and appearance in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from echodepth_cli.face.alignment import align, iod_px
from echodepth_cli.face.appearance import even, packed, windows
from echodepth_cli.face.colours import colours_of
from echodepth_cli.face.cover import strangeness
from echodepth_cli.face.cuts import look_of
from echodepth_cli.face.grey import grey_face
from echodepth_cli.face.lookout import Plan
from echodepth_cli.face.quality import confidence, face_box, quality_factors
from echodepth_cli.face.tracker import FaceTracker
from echodepth_cli.records import (
    Box,
    FaceObservation,
    FloatArray,
    Frame,
    Image,
    SeenPicture,
)

Region = tuple[float, float, float, float]
"""Left, top, width and height of a part of the picture, as fractions of it."""


def observe_frame(
    frame: Frame, tracker: FaceTracker, region: Region | None = None, plan: Plan | None = None
) -> SeenPicture:
    """Reduce a sampled frame to its faces and its look; the picture is not needed afterwards.

    With a ``region`` only faces inside it are found; places are of the whole picture all the same.
    Without a ``plan`` the picture is looked at once.
    """
    plan = plan or Plan(look_of(frame.image))
    if region is None:
        faces = observe(frame.image, tracker, plan.places, everywhere=plan.everywhere)
    else:
        faces = _within(frame, tracker, region, plan)
    return SeenPicture(frame.index, frame.offset_s, tuple(faces), plan.look)


def observe(
    image: Image, tracker: FaceTracker, places: Sequence[Box] = (), *, everywhere: bool = False
) -> list[FaceObservation]:
    """Return the faces of a picture, largest first; see `FaceTracker.detect`."""
    found = tracker.detect(image, places, everywhere=everywhere)
    faces = [observe_face(image, landmarks) for landmarks in found]
    return sorted(faces, key=lambda face: face.box.w * face.box.h, reverse=True)


def _within(
    frame: Frame, tracker: FaceTracker, region: Region, plan: Plan
) -> list[FaceObservation]:
    height, width = frame.image.shape[:2]
    left, top = round(region[0] * width), round(region[1] * height)
    right = max(left + 1, round((region[0] + region[2]) * width))
    bottom = max(top + 1, round((region[1] + region[3]) * height))
    part = np.ascontiguousarray(frame.image[top:bottom, left:right])
    across, down = part.shape[1] / width, part.shape[0] / height
    shift = np.array([left, top, 0], dtype=np.float32)
    places = [
        Box((b.x - left / width) / across, (b.y - top / height) / down, b.w / across, b.h / down)
        for b in plan.places
    ]
    return [
        replace(
            face,
            landmarks_px=face.landmarks_px + shift,
            box=Box(
                left / width + face.box.x * across,
                top / height + face.box.y * down,
                face.box.w * across,
                face.box.h * down,
            ),
        )
        for face in observe(part, tracker, places, everywhere=plan.everywhere)
    ]


def observe_face(image: Image, landmarks_px: FloatArray) -> FaceObservation:
    """Reduce one face, given by its (478, 3) landmarks in pixels, to numbers."""
    height, width = image.shape[:2]
    points, pose = align(landmarks_px)
    eye_distance = iod_px(landmarks_px)
    grey = grey_face(image, landmarks_px)
    shown = windows(image, landmarks_px, points, face=grey)
    factors = quality_factors(image, landmarks_px, pose, eye_distance, grey)
    return FaceObservation(
        points=points,
        landmarks_px=landmarks_px,
        appearance=packed(even(shown)),
        strangeness=strangeness(shown),
        box=face_box(landmarks_px, width, height),
        pose=pose,
        iod_px=eye_distance,
        confidence=confidence(factors),
        quality=factors,
        colours=colours_of(image, landmarks_px),
    )
