"""Measure single pictures: no recording, so no baseline of the person's own.

Action Units of a picture are relative to the average face of many people, scores to the average
photograph labelled neutral (`affect.vad_stills`). A person whose resting face differs from it is
misread by that much; a recording is always the better input.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from echodepth_cli.config import AlertThresholds
from echodepth_cli.engine import Engine
from echodepth_cli.errors import (
    EchodepthError,
    FrameTooLargeError,
    InputError,
    NotFoundError,
    printable,
)
from echodepth_cli.face.observer import observe
from echodepth_cli.face.quality import LOW_CONFIDENCE, UNMEASURABLE
from echodepth_cli.face.tracker import native_stderr_captured
from echodepth_cli.output.columns import CORE_COLUMNS, RowContext
from echodepth_cli.output.frames_jsonl import measured_part, unmeasured_part
from echodepth_cli.records import FaceObservation, FrameResult, FrameStatus, Image, Vad

MAX_IMAGE_BYTES: Final = 4 * 1024 * 1024
"""The documented limit of a still image, 4 MB."""

_MAX_PIXELS: Final = 100_000_000
"""A small file may unpack to any size; beyond this it is refused."""


_DAMAGE: Final = re.compile("premature|unexpected end|incomplete|corrupt|error", re.IGNORECASE)
_HARMLESS: Final = re.compile("extraneous bytes|libpng warning", re.IGNORECASE)
"""What cameras and painting programs are known for; no pixel is lost."""


def bound_pictures() -> None:
    """Let OpenCV refuse vast pictures before it unpacks them; it looks once, when it is loaded."""
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(_MAX_PIXELS))


def measure_stills(
    paths: Iterable[Path],
    engine: Engine,
    *,
    thresholds: AlertThresholds | None = None,
    aus: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield one frame result per picture, in order; errors of one picture are its result.

    ``thresholds`` says what counts as an alert; rises and drops need a baseline and are ignored.
    """
    for path in paths:
        try:
            yield measure_still(path, engine, thresholds or AlertThresholds(), aus=aus)
        except EchodepthError as error:
            yield {"source": str(path), **unmeasured_part(error.code, error.message)}


def measure_still(
    path: Path, engine: Engine, thresholds: AlertThresholds, *, aus: bool = False
) -> dict[str, Any]:
    """Return the frame result of one picture, of its largest face.

    Raises InputError or one of its kinds when there is no picture to measure.
    """
    content = read_image_bytes(path)
    faces = observe(decode_image(content, path), engine.tracker)
    result = _result(faces[0], engine, thresholds) if faces else _NO_FACE
    row = {column.name: column.read(result, _NO_SESSION) for column in CORE_COLUMNS}
    head = {
        "source": str(path),
        "frame_id": f"frm_{hashlib.sha256(content).hexdigest()[:24]}",
        "session_id": None,
        "timestamp_ms": None,
        "relative_to": "population_neutral",
        "vad_weights": f"vad_stills {engine.models.still_vad.version}",
        "face_count": len(faces),
    }
    return head | measured_part(row, aus=aus)


def read_image_bytes(path: Path) -> bytes:
    """Return the bytes of an image file; raises FrameTooLargeError over `MAX_IMAGE_BYTES`."""
    name = printable(path)
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{name}: is not a file")
        with path.open("rb") as file:
            content = file.read(MAX_IMAGE_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"{name}: no such file") from error
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_IMAGE_BYTES:
        raise FrameTooLargeError(f"{name}: is over 4 MB; send a smaller picture")
    return content


def decode_image(content: bytes, path: Path) -> Image:
    """Return the picture as a viewer would see it; raises InputError when it is none."""
    import cv2
    import numpy as np

    with native_stderr_captured() as said:
        try:
            image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
        except cv2.error:
            image = None
        complaint = _complaint(said)
    if complaint is not None and image is not None:
        raise InputError(
            f"{printable(path)}: is damaged ({printable(complaint)}); copy it again, or save it"
            " anew with another program"
        )
    if image is None or image.shape[0] * image.shape[1] > _MAX_PIXELS:
        raise InputError(f"{printable(path)}: is not a picture that can be read")
    return np.ascontiguousarray(image)


def _complaint(said: BinaryIO) -> str | None:
    """Return what a decoder said of damage, if it did: it fills up what is missing with grey."""
    said.seek(0)
    lines = said.read(10_000).decode("utf-8", "replace").splitlines()
    told = (line for line in lines if _DAMAGE.search(line) and not _HARMLESS.search(line))
    return next(told, None)


def _result(face: FaceObservation, engine: Engine, thresholds: AlertThresholds) -> FrameResult:
    low = face.confidence < LOW_CONFIDENCE
    result = FrameResult(
        index=0,
        offset_s=0.0,
        status=FrameStatus.LOW_CONFIDENCE if low else FrameStatus.OK,
        confidence=face.confidence,
        box=face.box,
        pose=face.pose,
        iod_px=face.iod_px,
    )
    if face.confidence < UNMEASURABLE:
        return result
    estimate = engine.models.action_units.absolute([face])[0]
    vad = engine.models.still_vad.score(estimate)
    reasons = () if low else _alert_reasons(vad, thresholds)
    return replace(result, vad=vad, aus=estimate.intensities, alert_reasons=reasons)


def _alert_reasons(vad: Vad, thresholds: AlertThresholds) -> tuple[str, ...]:
    high, low = thresholds.arousal_high, thresholds.valence_low
    reached = {
        "arousal_high": high is not None and vad.arousal >= high,
        "valence_low": low is not None and vad.valence <= low,
        "dominance_low": thresholds.dominance_low is not None
        and vad.dominance <= thresholds.dominance_low,
    }
    return tuple(name for name, is_reached in reached.items() if is_reached)


_NO_FACE: Final = FrameResult(0, 0.0, FrameStatus.NO_FACE)
_NO_SESSION: Final = RowContext("", 0)
