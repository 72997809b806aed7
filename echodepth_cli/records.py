"""The frozen records that flow from stage to stage.

Pixels exist up to the face stage (`Frame`); from `FaceObservation` on there are numbers only.
A missing value is NaN in arrays and None in scalars, always with a status or reason beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Image = NDArray[np.uint8]
"""RGB picture, shape (height, width, 3)."""


class FrameStatus(str, Enum):
    """What could be said of one sampled frame."""

    OK = "ok"
    NO_FACE = "no_face_detected"
    LOW_CONFIDENCE = "low_confidence"
    OTHER_PERSON = "other_person"
    DECODE_ERROR = "decode_error"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """Facts about a recording, read before any frame is decoded."""

    path: Path
    container: str
    codec: str
    width_px: int
    """Width as a viewer sees it, after rotation."""
    height_px: int
    rotation_deg: int
    """Clockwise rotation from the metadata that has been applied: 0, 90, 180 or 270."""
    duration_s: float | None
    """What the container claims; None when it claims nothing."""
    average_fps: float | None
    created_at: datetime | None
    """Creation time from the container, with its time zone; None when absent."""


@dataclass(frozen=True, slots=True)
class DecodeReport:
    """What decoding met along the way; complete once the frames are exhausted."""

    frames_decoded: int = 0
    decode_failures: int = 0
    """Packets or frames that could not be decoded and were left out."""
    last_offset_s: float | None = None
    """Offset of the last frame that was decoded."""
    truncated: bool = False
    """True when decoding gave up before the end of the file."""
    warnings: tuple[str, ...] = ()
    """Plain sentences for the report, such as repaired timestamps."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One sampled picture at its own presentation time."""

    index: int
    """Ordinal among the sampled frames, from 0; never used to derive time."""
    offset_s: float
    """Presentation time relative to the first frame of the recording."""
    image: Image


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in fractions of the frame, origin top left; may reach outside 0..1."""

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Head rotation in degrees; all zero when facing the camera.

    Positive yaw turns towards the subject's left (the picture's right), positive pitch is
    chin up, positive roll tilts the head clockwise as seen in the picture.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


@dataclass(frozen=True, slots=True)
class FaceObservation:
    """One face in one frame, reduced to numbers."""

    points: FloatArray
    """(478, 3) landmarks without pose and scale: inter-ocular distance 1, rigid points centred."""
    landmarks_px: FloatArray
    """(478, 3) landmarks in pixels of the frame; z on the same scale, negative to the camera."""
    appearance: NDArray[np.int8]
    """(6912,) the windows of eyes and mouth without the light; see `face.appearance.packed`."""
    box: Box
    pose: HeadPose
    iod_px: float
    """Distance between the eye centres in pixels of the frame."""
    confidence: float
    """0..1; falls with small, turned, dark, blurred or cut-off faces."""
    strangeness: float = 0.0
    """How little the mouth looks like a mouth; see `face.cover`."""
    quality: dict[str, float] = field(default_factory=dict)
    """The 0..1 factors whose product is the confidence: size, pose, light, sharpness, framing."""
    colours: FloatArray | None = None
    """(9,) colours of hair, face and clothes, to tell people apart; see `face.colours`."""


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """What the face stage keeps of one sampled frame: numbers, and a look too small to show anyone.

    It depends on the frame and on what was seen some time before, so pictures may be observed
    several at a time; see `face.lookout`.
    """

    index: int
    """Ordinal among the sampled frames, from 0."""
    offset_s: float
    """Presentation time relative to the first frame of the recording."""
    faces: tuple[FaceObservation, ...]
    """Largest first."""
    look: Image | None = None
    """(36, 64) grey levels of the whole picture, to notice cuts; see `face.cuts`."""


@dataclass(frozen=True, slots=True)
class Vad:
    """Valence, arousal and dominance, each 0..1 with 0.5 neutral."""

    valence: float
    arousal: float
    dominance: float


@dataclass(frozen=True, slots=True)
class FrameResult:
    """One row of `frames.parquet`: everything said about one sampled frame."""

    index: int
    offset_s: float
    status: FrameStatus
    confidence: float | None = None
    vad: Vad | None = None
    delta: Vad | None = None
    """Difference from the baseline, each within -1..1."""
    aus: FloatArray | None = None
    """(46,) intensities 0..1 of AU1..AU46, NaN where one cannot be seen; None without a face."""
    box: Box | None = None
    pose: HeadPose | None = None
    iod_px: float | None = None
    alert_reasons: tuple[str, ...] = ()
    extra: dict[str, float | bool | str | None] = field(default_factory=dict)
    """Further columns by name (left/right intensities, gaze, talking); all rows share the keys."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One excursion of a score past its threshold."""

    type: str
    """`arousal_high`, `valence_low` or `dominance_low`."""
    onset_s: float
    apex_s: float
    offset_s: float
    """End of the excursion, where the score had come back; it lies between two frames."""
    value: float
    """The score at the apex."""
    threshold: float
    baseline: float
    confidence: float
    """Mean confidence over the alert."""
    contributions: tuple[tuple[int, float], ...] = ()
    """(AU number, share of the deviation from 0.5 at the apex), largest first."""
    suppressed_because: str | None = None
    """Why the alert was not raised, `too_brief` or `poorly_measured`; None for one that was."""
    suppressed_reason: str | None = None
    """The same in words."""


def nan_array(count: int) -> FloatArray:
    """Return an array of ``count`` missing values."""
    return np.full(count, np.nan, dtype=np.float32)
