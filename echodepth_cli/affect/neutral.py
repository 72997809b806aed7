"""The person's own neutral face, found among the frames of the baseline window.

Every intensity is measured against this face, so it must stay right when the person smiles or
talks for most of the window. Frames are ranked by how calm they look to a person-independent
model, each unit counted from the person's own lowest level, since a resting face may look a
little like a frown or a smile by build. The calmest frames are then checked against the face they
give, and their mean is taken. Another model, which knows how people at rest differ, judges
whether that mean is rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.appearance import unpacked
from echodepth_cli.records import FaceObservation, FloatArray, nan_array

CALM_SHARE: Final = 0.10
"""Share of the frames that form the neutral face."""

MIN_FRAMES: Final = 4
MAX_FRAMES: Final = 80

RESTLESS: Final = 0.5
"""Summed movement of the chosen frames about their mean face above which they are not still."""

_STILL: Final = 0.15
"""Movement of one unit up to this is the noise of a still face, and not summed."""

ALWAYS_ON: Final = 0.45
"""Absolute intensity of one unit in the chosen frames above which it may not be rest."""

_FLOOR_SPREADS: Final = 2.0
_MAD_TO_SD: Final = 1.4826
_MAX_FLOOR: Final = 0.15
"""Half of what counts as active: a restless recording may not hide slight movements for good."""
_MAX_JAW_FLOOR: Final = _MAX_FLOOR / 2
"""AU26 is full when the jaw channel is at half."""

_TURN_WEIGHT: Final = 1 / 30
"""One unit of activity per this many degrees away from the middle pose."""


class Estimator(Protocol):
    """The part of `ActionUnitModel` that the search needs."""

    def search_channels(self, observations: Sequence[FaceObservation]) -> FloatArray:
        """Return how pictures of one person differ in activity, (N, units)."""
        ...

    def absolute_channels(self, observations: Sequence[FaceObservation]) -> FloatArray:
        """Return activity against the population's neutral face, (N, units)."""
        ...

    def relative_channels(
        self, observations: Sequence[FaceObservation], neutral: Neutral
    ) -> FloatArray:
        """Return activity against a neutral face, (N, units)."""
        ...

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Return the names of the units."""
        ...


@dataclass(frozen=True, slots=True)
class Neutral:
    """The face that intensities are measured against."""

    points: FloatArray
    """(478, 3) aligned landmarks."""
    pose_deg: FloatArray
    """(3,) mean yaw, pitch and roll of the frames it was taken from."""
    appearance: FloatArray
    """(6912,) mean of what the frames showed; (0,) of the population's face."""
    floor: FloatArray
    """(channels,) activity that this recording's noise alone can reach."""
    frames_used: int
    quality: str
    """`good`, `weak` or `unusable` (then it is the population's neutral face)."""
    reasons: tuple[str, ...] = ()
    strangeness: float = 0.0
    """Mean of what the frames' mouths had; see `face.cover`."""


def population_neutral(channels: int, reasons: tuple[str, ...] = ()) -> Neutral:
    """Return the average neutral face of many people; for single pictures and as a last resort."""
    from echodepth_cli.face.alignment import reference_face

    return Neutral(
        points=reference_face().astype(np.float32),
        pose_deg=np.zeros(3, dtype=np.float32),
        appearance=nan_array(0),
        floor=np.zeros(channels, dtype=np.float32),
        frames_used=0,
        quality="unusable",
        reasons=reasons,
    )


def find_neutral(observations: Sequence[FaceObservation], model: Estimator) -> Neutral:
    """Return the neutral face of the person seen in ``observations``, and how good it is."""
    if len(observations) < MIN_FRAMES:
        return population_neutral(
            len(model.channel_names),
            (
                "Too few frames show the person's face; the average neutral face of many people "
                "was used, so every intensity contains the person's own build.",
            ),
        )
    counted = np.array([_counts(name) for name in model.channel_names])
    shown = model.search_channels(observations)[:, counted]
    resting = np.percentile(shown, 5, axis=0)
    first = np.clip(shown - resting, 0, None).sum(axis=1) + _turn(observations)
    count = int(np.clip(len(observations) * CALM_SHARE, MIN_FRAMES, MAX_FRAMES))
    chosen = np.argsort(first, kind="stable")[:count]
    neutral = _mean_face(observations, chosen, model)
    relative = np.abs(model.relative_channels(observations, neutral)[:, counted]).sum(axis=1)
    chosen = np.argsort(first + relative, kind="stable")[:count]
    neutral = _mean_face(observations, chosen, model)
    calm = [observations[i] for i in chosen]
    moved = model.relative_channels(calm, neutral)[:, counted]
    movement = np.clip(np.abs(moved) - _STILL, 0, None).sum(axis=1)
    absolute = model.absolute_channels(calm)[:, counted]
    return _judged(neutral, movement, absolute, np.array(model.channel_names)[counted])


def _counts(name: str) -> bool:
    """Say whether a channel tells calm from expressive; gaze wanders at rest."""
    return not name.startswith("gaze")


def _turn(observations: Sequence[FaceObservation]) -> NDArray[np.float64]:
    pose = np.array([(o.pose.yaw_deg, o.pose.pitch_deg) for o in observations])
    turn: NDArray[np.float64] = np.abs(pose - np.median(pose, axis=0)).sum(axis=1) * _TURN_WEIGHT
    return turn


def _mean_face(
    observations: Sequence[FaceObservation], chosen: NDArray[np.intp], model: Estimator
) -> Neutral:
    calm = [observations[i] for i in chosen]
    poses = [(o.pose.yaw_deg, o.pose.pitch_deg, o.pose.roll_deg) for o in calm]
    face = Neutral(
        points=np.mean([o.points for o in calm], axis=0, dtype=np.float64).astype(np.float32),
        pose_deg=np.mean(poses, axis=0, dtype=np.float64).astype(np.float32),
        appearance=np.mean([unpacked(o.appearance) for o in calm], axis=0),
        floor=np.zeros(len(model.channel_names), dtype=np.float32),
        frames_used=len(calm),
        quality="good",
        strangeness=float(np.mean([o.strangeness for o in calm])),
    )
    noise = model.relative_channels(calm, face)
    middle = np.median(noise, axis=0)
    spread = _MAD_TO_SD * np.median(np.abs(noise - middle), axis=0)
    most = np.where(np.array(model.channel_names) == "jaw", _MAX_JAW_FLOOR, _MAX_FLOOR)
    floor = np.clip(_FLOOR_SPREADS * spread, 0, most).astype(np.float32)
    return replace(face, floor=floor)


def _judged(
    neutral: Neutral, movement: FloatArray, absolute: FloatArray, names: NDArray[np.str_]
) -> Neutral:
    """Return the face with its quality and the reasons for anything but good."""
    reasons = []
    if float(np.median(movement)) > RESTLESS:
        reasons.append("Even the calmest frames of the window are not still.")
    level = np.median(absolute, axis=0)
    constant = sorted({str(n).split("_")[0] for n in names[level > ALWAYS_ON]})
    if constant:
        reasons.append(
            f"The calmest frames still look like {', '.join(constant)}; this may be the person's "
            "build, or an expression held throughout the window."
        )
    return replace(neutral, quality="weak" if reasons else "good", reasons=tuple(reasons))
