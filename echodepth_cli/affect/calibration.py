"""Which stretch of a recording calibrates the person: the opening, a later one, or none.

`Calibrator` takes each sampled frame as it comes and says when enough of the person has been seen,
first in the configured window, else in the first later stretch that qualifies; the session holds
its rows until then.

    calibrator = Calibrator(start_s, window_s)
    for each sampled frame:
        stretch = calibrator.push(offset_s, observation)     # observation None without the person
        if stretch is not None: ...                          # decided: find the neutral, score
    stretch = calibrator.finish()                            # at the end, when still undecided
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from echodepth_cli.affect.series import frame_durations_s
from echodepth_cli.records import FaceObservation

FRONTAL_DEG = 20.0
"""A face within this yaw and pitch counts as frontal."""

MIN_CONFIDENCE = 0.5
"""Frames below this do not calibrate."""

WEAK_S = 3.0
"""Seconds of frontal, well-measured face without which a stretch is unusable."""

GOOD_S = 10.0
"""Seconds of frontal, well-measured face that a good baseline needs, and a later stretch unless the
window asked for is short."""

FACES_PER_S = 4
"""The neutral face is sought among no more faces of a second than this: more of them would be the
same moment again, and what is chosen should not depend on the sampling rate."""

MAX_HELD = 20_000
"""Faces held while looking for a later stretch, some 260 MB: it bounds the memory."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The stretch that calibrates a session, or the reasons why none does."""

    source: str
    """`opening_window`, `chosen_window`, `later_stretch`, `population_neutral` or `carried`."""
    window_s: tuple[float, float] | None
    """Start (included) and end (excluded); None for the population neutral."""
    observations: tuple[FaceObservation, ...] = ()
    """Usable faces in it, up to `FACES_PER_S`, in time order; none for the population neutral."""
    usable_s: float = 0.0
    """Seconds in which the face was frontal and well measured."""
    coverage: float = 0.0
    """Share of the stretch with a usable face, 0..1."""
    frontal_share: float = 0.0
    """Share of the faces seen that were frontal, 0..1."""
    pitch_deg: float = 0.0
    """Middle head pitch of the usable faces: the pose that pitch corrections refer to."""
    reasons: tuple[str, ...] = ()
    """Why the configured window could not serve; empty when it did."""


@dataclass(frozen=True, slots=True)
class _Sighting:
    offset_s: float
    observation: FaceObservation | None


class Calibrator:
    """Chooses the calibrating stretch as frames come in; holds observations until it has."""

    def __init__(
        self, start_s: float = 0.0, window_s: float = 60.0, *, chosen: bool = False
    ) -> None:
        """Take the window, and whether it was ``chosen`` or is where the analysis starts."""
        self._start_s = start_s
        self._window_s = window_s
        self._chosen = chosen
        self._held: list[_Sighting] = []
        self._opening: Stretch | None = None
        self._decided = False

    def push(self, offset_s: float, observation: FaceObservation | None) -> Stretch | None:
        """Take one sampled frame; return the stretch at the frame that decides it, once."""
        if self._decided or offset_s < self._start_s:
            return None
        end_s = self._start_s + self._window_s
        if self._opening is None and offset_s >= end_s:
            self._opening = self._close_opening(end_s)
            if self._opening.usable_s >= WEAK_S:
                return self._decide(self._opening)
        self._held.append(_Sighting(offset_s, observation))
        return None if self._opening is None else self._look_later(self._opening)

    def finish(self) -> Stretch:
        """Return the stretch when the recording ended before one was decided."""
        if self._opening is None:
            end_s = _end_s(self._held) if self._held else self._start_s
            self._opening = self._close_opening(end_s)
            if self._opening.usable_s >= WEAK_S:
                return self._decide(self._opening)
        later = self._later(self._opening)
        return self._decide(later if later.usable_s >= WEAK_S else _population(self._opening))

    def _close_opening(self, end_s: float) -> Stretch:
        source = "chosen_window" if self._chosen else "opening_window"
        stretch = _measure(source, self._held, (self._start_s, end_s))
        self._held.clear()
        return stretch

    def _look_later(self, opening: Stretch) -> Stretch | None:
        newest = self._held[-1]
        reach_s = max(self._window_s, GOOD_S)
        self._held = [s for s in self._held if s.offset_s > newest.offset_s - reach_s]
        if newest.observation is None:
            return None
        later = self._later(opening)
        if later.usable_s >= max(WEAK_S, min(GOOD_S, self._window_s / 2)):
            return self._decide(later)
        return self._decide(_population(opening)) if len(self._held) > MAX_HELD else None

    def _later(self, opening: Stretch) -> Stretch:
        seen = [i for i, s in enumerate(self._held) if s.observation is not None]
        if not seen:
            return Stretch("later_stretch", None)
        held = self._held[seen[0] :]
        later = _measure("later_stretch", held, (held[0].offset_s, _end_s(held)))
        return replace(later, reasons=_opening_reasons(opening))

    def _decide(self, stretch: Stretch) -> Stretch:
        self._decided = True
        self._held.clear()
        return stretch


def is_frontal(observation: FaceObservation) -> bool:
    """Say whether the face looks towards the camera."""
    pose = observation.pose
    return abs(pose.yaw_deg) <= FRONTAL_DEG and abs(pose.pitch_deg) <= FRONTAL_DEG


def _end_s(held: list[_Sighting]) -> float:
    """Return the end of the time that the last frame stands for; windows exclude their end."""
    durations = frame_durations_s(np.array([s.offset_s for s in held], dtype=np.float64))
    return held[-1].offset_s + float(durations[-1])


def _measure(source: str, held: list[_Sighting], window_s: tuple[float, float]) -> Stretch:
    durations = frame_durations_s(np.array([s.offset_s for s in held], dtype=np.float64))
    faces = [s.observation for s in held if s.observation is not None]
    usable = [
        (s.offset_s, s.observation, float(d))
        for s, d in zip(held, durations, strict=True)
        if s.observation is not None
        and s.observation.confidence >= MIN_CONFIDENCE
        and is_frontal(s.observation)
    ]
    usable_s = sum(d for _, _, d in usable)
    total_s = max(window_s[1] - window_s[0], float(durations.sum()))
    return Stretch(
        source=source,
        window_s=window_s,
        observations=tuple(_thinned((offset_s, o) for offset_s, o, _ in usable)),
        usable_s=usable_s,
        coverage=min(1.0, usable_s / total_s) if total_s > 0 else 0.0,
        frontal_share=sum(map(is_frontal, faces)) / len(faces) if faces else 0.0,
        pitch_deg=float(np.median([o.pose.pitch_deg for _, o, _ in usable])) if usable else 0.0,
    )


def _thinned(faces: Iterable[tuple[float, FaceObservation]]) -> Iterator[FaceObservation]:
    """Yield the first face of each `FACES_PER_S`-th part of a second."""
    last = None
    for offset_s, face in faces:
        part = math.floor(offset_s * FACES_PER_S + 1e-6)
        if part != last:
            yield face
        last = part


def _population(opening: Stretch) -> Stretch:
    return Stretch(
        "population_neutral",
        None,
        coverage=opening.coverage,
        frontal_share=opening.frontal_share,
        reasons=(
            *_opening_reasons(opening),
            "No later stretch qualified, so the average neutral face of many people was used.",
        ),
    )


def _opening_reasons(opening: Stretch) -> tuple[str, ...]:
    return (
        f"The baseline window shows {opening.usable_s:.1f} s of a frontal, well-measured face; "
        f"{WEAK_S:g} s are needed.",
    )
