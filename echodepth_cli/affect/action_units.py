"""Action Unit intensities from landmarks and skin, relative to a neutral face.

The models give channels: one per unit and side, lid closure, jaw opening, gaze and the gap of the
lips. This module runs them and reads the 46 rows off the channels. An intensity is relative, 0 to
1, not a FACS grade; it counts as active from 0.30. What cannot be seen is NaN with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from echodepth_cli.affect.facs import ACTION_UNITS, Status
from echodepth_cli.affect.neutral import Neutral
from echodepth_cli.face.appearance import unpacked
from echodepth_cli.models import onnx_session, verified_bytes
from echodepth_cli.overlap import spread
from echodepth_cli.records import FaceObservation, FloatArray, nan_array

AU_COUNT: Final = len(ACTION_UNITS)

SMALL_IOD_PX: Final = 20.0
"""Below this the finest movements are less than the landmarks' noise."""

FINE_AUS: Final = (5, 7, 11, 13, 14, 23, 24, 38, 39)
"""Units whose slight (B) movement is under about two percent of the eye distance."""

TURNED_YAW_DEG: Final = 50.0
TURNED_PITCH_DEG: Final = 40.0
"""Beyond these the far side, or the face, is hidden; models saw ±35 and ±25 degrees."""

SIDED_AUS: Final = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 20)
"""Units whose left and right intensity are given apart."""

_MODELS: Final = ("au_relative", "au_absolute", "au_search")
_SIDED: Final = (*SIDED_AUS, 11, 13, 30)
_CENTRAL: Final = (8, 17, 18, 22, 23, 24, 28, 29, 32, 34, 35, 38, 39)
_AT_SIDED, _AT_CENTRAL = np.array(_SIDED) - 1, np.array(_CENTRAL) - 1
_UNTOLD: Final = (19, 33, 37)
"""Proxies that this version does not estimate."""

UNTIMED: Final = "pictures_too_far_apart"
"""Why AU45 is missing where `BlinkDetector` cannot tell it, in a single picture above all."""

_CLOSED_GAP: Final = 0.02
_FULL_GAP: Final = 0.20
"""Gaps of the inner lips, in eye distances, from which AU25 counts and at which it is 1. Parted
lips are parted whatever the person's rest, so AU25 alone is not relative to the neutral face."""

_APART, _FAR_APART = 0.12, 0.25
"""Gaps of the inner lips from which AU17 fades, and at which it is 0: a chin that is pushed up
carries the lower lip with it, so in an open mouth what looks like it is the dropped jaw."""

_CLOSED_LID: Final = 0.80
"""Lid channel of a closed eye in real recordings; landmarks leave a slit."""

_DROOP, _SLIT, _CLOSED = 0.30, 0.50, 0.70
"""Lid closures from which AU41, 42 and 43 are active."""

_WINKED, _AHEAD = 0.52, 0.30
"""Lid closure from which an eye may wink, and the least AU46 that is one."""

_FULL_LEAD: Final = 0.90
"""Lead of one closed eye over the other at which AU46 is 1: the face mesh draws the other along."""

_NEVER_SEEN: Final = {
    **{u.number: "not_observable" for u in ACTION_UNITS if u.status is Status.NOT_OBSERVABLE},
    **dict.fromkeys(_UNTOLD, "not_estimated"),
}

_INNER_LIPS: Final = (13, 14)

_AT_ONCE: Final = 8
"""Faces that the relative network is given at once: two thirds of the time of one by one."""

_DROP: Final = 0.5
"""Jaw opening at which AU26 is full and AU27 begins."""


@dataclass(frozen=True, slots=True)
class AUEstimate:
    """What one face shows."""

    intensities: FloatArray
    """(46,) 0..1 for AU1..AU46; the stronger side of lateral units; NaN where not seen."""
    left: FloatArray
    """(46,) the subject's left side; NaN for units without sides."""
    right: FloatArray
    gaze_x: float
    """-1..1, towards the subject's left."""
    gaze_y: float
    """-1..1, up."""
    lid_closure_left: float
    """0 as open as at rest … 1 closed."""
    lid_closure_right: float
    lip_gap: float
    """Gap between the inner lips, in eye distances."""
    jaw_open: float
    """0..1."""
    reasons: Mapping[int, str]
    """Why a unit is NaN: `not_observable`, `not_estimated`, `face_too_small`, `turned_away`,
    `pictures_too_far_apart`."""

    def extra_columns(self) -> dict[str, float | bool | str | None]:
        """Return the columns beyond AU01..AU46, None where not seen; see `EXTRA_COLUMNS`."""
        left, right = self.left.tolist(), self.right.tolist()
        sides = (side[number - 1] for number in SIDED_AUS for side in (left, right))
        lids = (self.lid_closure_left, self.lid_closure_right)
        values = (*sides, *lids, self.gaze_x, self.gaze_y)
        return {
            name: None if value != value else value
            for (name, _, _), value in zip(EXTRA_COLUMNS, values, strict=True)
        }


EXTRA_COLUMNS: Final[tuple[tuple[str, str, str], ...]] = (
    *(
        (
            f"AU{number:02d}_{side}",
            f"Relative intensity of AU{number} on the subject's {word} side.",
            "0..1",
        )
        for number in SIDED_AUS
        for side, word in (("L", "left"), ("R", "right"))
    ),
    ("lid_closure_L", "How far the subject's left eye is closed, from its rest.", "0..1"),
    ("lid_closure_R", "How far the subject's right eye is closed, from its rest.", "0..1"),
    ("gaze_x", "Gaze to the subject's left (positive) or right: FACS 61 and 62.", "-1..1"),
    ("gaze_y", "Gaze up (positive) or down: FACS 63 and 64.", "-1..1"),
)
"""Name, meaning and range of what `AUEstimate.extra_columns` gives."""


class ActionUnitModel:
    """The Action Unit models: against a neutral face, against the average one, and for the search.

    Holds no state between calls.
    """

    def __init__(self, relative: Any, absolute: Any, search: Any) -> None:
        """Take three onnxruntime sessions; use `load`."""
        self._relative, self._absolute, self._search = relative, absolute, search
        metadata = relative.get_modelmeta().custom_metadata_map
        self._names: tuple[str, ...] = tuple(metadata["channels"].split())
        at = {name: k for k, name in enumerate(self._names)}
        self._left, self._right = (
            [at[f"AU{number:02d}_{side}"] for number in _SIDED] for side in "LR"
        )
        self._central = [at[f"AU{number:02d}"] for number in _CENTRAL]

    @classmethod
    def load(cls, folder: Path | None = None) -> ActionUnitModel:
        """Read and check the shipped models; raises ModelError."""
        return cls(*(onnx_session(verified_bytes(name, folder)) for name in _MODELS))

    def close(self) -> None:
        """Free the networks; nothing can be measured afterwards."""
        self._relative = self._absolute = self._search = None

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Return the names of the channels that the models give."""
        return self._names

    def relative(
        self, observations: Sequence[FaceObservation], neutral: Neutral
    ) -> list[AUEstimate]:
        """Return what each face shows against a neutral one; the population's uses `absolute`."""
        if neutral.frames_used == 0:
            return self.absolute(observations)
        channels = self.relative_channels(observations, neutral)
        return [
            self._estimate(_above(row, neutral.floor), observation)
            for row, observation in zip(channels, observations, strict=True)
        ]

    def absolute(self, observations: Sequence[FaceObservation]) -> list[AUEstimate]:
        """Return what each face shows against the average neutral face of many people."""
        channels = self.absolute_channels(observations)
        return [
            self._estimate(row, observation)
            for row, observation in zip(channels, observations, strict=True)
        ]

    def relative_channels(
        self, observations: Sequence[FaceObservation], neutral: Neutral
    ) -> FloatArray:
        """Return the (N, channels) raw channels against a neutral face."""
        own = {
            "neutral_points": neutral.points,
            "neutral_pose": neutral.pose_deg,
            "neutral_appearance": neutral.appearance,
        }
        own = {name: np.stack([values] * _AT_ONCE) for name, values in own.items()}

        def run(first: int) -> FloatArray:
            some = observations[first : first + _AT_ONCE]
            # Always as many, so that sums never depend on how many faces there were.
            faces = [*some, *[some[-1]] * (_AT_ONCE - len(some))]
            seen = np.stack([unpacked(face.appearance) for face in faces])
            shown = {**_shown(faces), "appearance": seen, **own}
            channels: FloatArray = self._relative.run(["channels"], shown)[0]
            return channels[: len(some)]

        parts = spread(run, range(0, len(observations), _AT_ONCE))
        return np.concatenate([np.empty((0, len(self._names)), dtype=np.float32), *parts])

    def absolute_channels(self, observations: Sequence[FaceObservation]) -> FloatArray:
        """Return the (N, channels) raw channels against the population's neutral face."""
        return self._one_by_one(self._absolute, observations)

    def search_channels(self, observations: Sequence[FaceObservation]) -> FloatArray:
        """Return the (N, channels) by which a recording's calmest faces are found.

        Against the average neutral face too, but keener on how one person's pictures differ than
        on how people do.
        """
        return self._one_by_one(self._search, observations)

    def _one_by_one(self, network: Any, observations: Sequence[FaceObservation]) -> FloatArray:
        def run(face: FaceObservation) -> FloatArray:
            channels: FloatArray = network.run(["channels"], _shown([face]))[0][0]
            return channels

        rows = spread(run, observations)
        return np.array(rows, dtype=np.float32).reshape(len(rows), len(self._names))

    def _estimate(self, channels: FloatArray, observation: FaceObservation) -> AUEstimate:
        value = dict(zip(self._names, channels.tolist(), strict=True))
        # As `_unit` does, but at once.
        units = np.where(channels < 0, 0, np.where(channels > 1, 1, channels))
        left, right = nan_array(AU_COUNT), nan_array(AU_COUNT)
        left[_AT_SIDED], right[_AT_SIDED] = units[self._left], units[self._right]
        lids = _unit(value["lid_L"] / _CLOSED_LID), _unit(value["lid_R"] / _CLOSED_LID)
        for side, lid in ((left, lids[0]), (right, lids[1])):
            side[40:44] = _lid_bands(lid, float(side[6]))
        intensities = np.fmax(left, right)
        left[45], right[45] = _wink(lids[0], lids[1]), _wink(lids[1], lids[0])
        intensities[45] = max(left[45], right[45])
        both = min(sum(lids) / 2, 2 * min(lids))  # a wink is not a droop of both lids
        intensities[40:44] = _lid_bands(both, float(intensities[6]))
        intensities[_AT_CENTRAL] = units[self._central]
        upper, lower = (observation.points[k] for k in _INNER_LIPS)
        gap = float(np.linalg.norm(upper - lower))
        intensities[24] = _unit((gap - _CLOSED_GAP) / (_FULL_GAP - _CLOSED_GAP))
        intensities[16] *= 1 - _unit((gap - _APART) / (_FAR_APART - _APART))
        intensities[25] = _unit(value["jaw"] / _DROP)
        intensities[26] = _unit((value["jaw"] - _DROP) / (1 - _DROP))
        reasons = _hidden(observation)
        hidden = np.array([*reasons]) - 1
        for row in (intensities, left, right):
            row[hidden] = np.nan
        return AUEstimate(
            intensities=intensities,
            left=left,
            right=right,
            gaze_x=float(np.clip(value["gaze_x"], -1, 1)),
            gaze_y=float(np.clip(value["gaze_y"], -1, 1)),
            lid_closure_left=lids[0],
            lid_closure_right=lids[1],
            lip_gap=gap,
            jaw_open=_unit(value["jaw"]),
            reasons=reasons,
        )


def _shown(faces: Sequence[FaceObservation]) -> dict[str, FloatArray]:
    poses = [(f.pose.yaw_deg, f.pose.pitch_deg, f.pose.roll_deg) for f in faces]
    return {
        "points": np.array([face.points for face in faces]),
        "pose": np.array(poses, dtype=np.float32),
    }


def _above(channels: FloatArray, floor: FloatArray) -> FloatArray:
    """Return the channels with those within the recording's noise at zero."""
    return np.where(np.abs(channels) < floor, np.float32(0), channels)


def _unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _wink(closed: float, other: float) -> float:
    """Return AU46 of one eye: closed well beyond the other."""
    ahead = min((closed - other) / _FULL_LEAD, 1.0)
    return ahead if closed >= _WINKED and ahead >= _AHEAD else 0.0


def _lid_bands(closure: float, squint: float) -> tuple[float, float, float, float]:
    """Return AU41, 42 and 43, of which at most one is active, and AU44.

    The three are grades of one closure; AU43 goes on below its band, under the active threshold.
    """
    droop = closure if _DROOP <= closure < _SLIT else 0.0
    slit = closure if _SLIT <= closure < _CLOSED else 0.0
    if closure < _CLOSED:
        closed = 0.29 * closure / _CLOSED
    else:
        closed = 0.30 + 0.70 * (closure - _CLOSED) / (1 - _CLOSED)
    return droop, slit, closed, min(squint, 2 * closure)


def _hidden(observation: FaceObservation) -> dict[int, str]:
    """Return the units that this face cannot show, with the reason."""
    reasons = dict(_NEVER_SEEN)
    pose = observation.pose
    if abs(pose.yaw_deg) > TURNED_YAW_DEG or abs(pose.pitch_deg) > TURNED_PITCH_DEG:
        return {u.number: "turned_away" for u in ACTION_UNITS} | reasons
    if observation.iod_px < SMALL_IOD_PX:
        reasons |= dict.fromkeys(FINE_AUS, "face_too_small")
    return reasons | {45: UNTIMED}
