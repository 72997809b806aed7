"""A person's baseline and neutral face in a form that their next recording can start from.

Every session keeps both in the metadata of `frames.parquet` (`CarriedBaseline.to_dict`): the mean
shape of the calm face as 478 points, the mean of the small windows on eyes and mouth that intensity
is read from, and the baseline scores. They describe one person's face, and are to be kept and
deleted as such. The digest names the content,
never where it was found, so that the same baseline always gives the same session.

    carried = CarriedBaseline.from_dict(metadata["carried_baseline"], "results/first")
    session = Session(config, tracker, models, spool, carried)
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from echodepth_cli.affect.baseline import Baseline
from echodepth_cli.affect.calibration import Stretch
from echodepth_cli.affect.neutral import Neutral
from echodepth_cli.errors import BaselineError, printable
from echodepth_cli.face.appearance import APPEARANCE_VALUES
from echodepth_cli.face.signature import distance, proportions, signature
from echodepth_cli.records import FaceObservation, FloatArray

USED_MODELS: Final = ("au_relative", "vad_weights")
"""The models whose digests must agree: points and scores of others mean something else."""

POINTS: Final = (478, 3)

UNLIKE: Final = 1.8
"""Middle unlikeness of the faces to the carried one from which they may be someone else's: in the
development clips 0.4 to 1.5 to the same person's neutral face, 2.1 and more to another real one's.
"""


@dataclass(frozen=True, slots=True)
class CarriedBaseline:
    """What one session hands on to the next of the same person."""

    session_id: str
    """The session that the baseline was measured in."""
    models: Mapping[str, str]
    """Digests of `USED_MODELS`."""
    baseline: Baseline
    neutral: Neutral

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-able data; arrays are little-endian float32 in base64."""
        face = self.neutral
        return {
            "session_id": self.session_id,
            "models": {name: self.models[name] for name in USED_MODELS},
            "baseline": self.baseline.to_dict(),
            "neutral": {
                "points": _packed(face.points),
                "pose_deg": _packed(face.pose_deg),
                "appearance": _packed(face.appearance),
                "floor": _packed(face.floor),
                "frames_used": face.frames_used,
                "quality": face.quality,
                "reasons": list(face.reasons),
                "strangeness": face.strangeness,
            },
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str) -> CarriedBaseline:
        """Take back what `to_dict` gave; raises BaselineError naming ``source``."""
        try:
            face = values["neutral"]
            neutral = Neutral(
                points=_unpacked(face["points"]).reshape(POINTS),
                pose_deg=_unpacked(face["pose_deg"]).reshape(3),
                appearance=_unpacked(face["appearance"]),
                floor=_unpacked(face["floor"]),
                frames_used=int(face["frames_used"]),
                quality=str(face["quality"]),
                reasons=tuple(map(str, face["reasons"])),
                strangeness=float(face["strangeness"]),
            )
            models = {name: str(values["models"][name]) for name in USED_MODELS}
            baseline = Baseline.from_dict(values["baseline"])
            return cls(str(values["session_id"]), models, baseline, neutral)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise BaselineError(f"{source}: its baseline cannot be read: {error!r}") from error

    def check_size(self, channels: int) -> None:
        """Raise BaselineError unless its face can be compared with others by a model."""
        sizes = len(self.neutral.appearance), len(self.neutral.floor)
        if sizes != (APPEARANCE_VALUES, channels):
            raise BaselineError(
                f"the baseline of session {printable(self.session_id)} cannot be used: its face"
                " holds another number of values than the models need"
            )

    def digest(self) -> str:
        """Return the sha256 of the content, in hexadecimal."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def check(self, models: Mapping[str, str], source: str) -> None:
        """Raise BaselineError naming ``source`` where this cannot serve with ``models``."""
        if self.neutral.frames_used == 0 or self.baseline.quality == "unusable":
            raise BaselineError(
                f"{source}: has no usable baseline of the person to carry over; name a session "
                "that has one, or leave out --baseline-from"
            )
        if any(models.get(name) != digest for name, digest in self.models.items()):
            raise BaselineError(
                f"{source}: its baseline was measured with other models than these; analyse that "
                "recording again with this version first"
            )

    def received(self) -> Baseline:
        """Return the baseline as the next session states it: where it came from comes first."""
        return replace(
            self.baseline,
            source="carried",
            window_s=None,
            reasons=(f"Carried over from session {self.session_id}.", *self._own_reasons()),
        )

    def stretch(self) -> Stretch:
        """Return what stands for the calibrating stretch: there is none in the new recording."""
        return Stretch("carried", None, pitch_deg=self.baseline.pitch_deg)

    def _own_reasons(self) -> tuple[str, ...]:
        # A baseline that is handed on twice names the session it was measured in, once.
        carried = self.baseline.source == "carried"
        return self.baseline.reasons[1:] if carried else self.baseline.reasons


class Likeness:
    """Whether the faces of a recording look like the one whose baseline was carried to it."""

    def __init__(self, neutral: Neutral) -> None:
        self._expected = proportions(neutral.points)
        self._unlikeness: list[float] = []

    def see(self, face: FaceObservation) -> None:
        """Take the face of one frame."""
        found = signature(face)
        if found is not None:
            self._unlikeness.append(distance(found, self._expected))

    def judged(self, baseline: Baseline) -> Baseline:
        """Return the carried baseline, weak where the faces are unlike the one it came from."""
        if not self._unlikeness or float(np.median(self._unlikeness)) < UNLIKE:
            return baseline
        doubt = (
            "The face has other proportions than the one it was carried over from; check that it "
            "is the same person."
        )
        return replace(baseline, quality="weak", reasons=(*baseline.reasons, doubt))


def _packed(values: FloatArray) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def _unpacked(text: str) -> FloatArray:
    values = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError("a number of its face is none")
    return values
