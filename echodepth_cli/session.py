"""One recording in progress: push frames; end it, get one row for each.

Whose session it is, is known only at the end: the subject is whoever was in view longest and
largest. Until then the faces of all frames are set aside on disk as numbers. Then the subject's are
scored. That needs the person's own neutral face, known once the baseline window has passed, and
whether the person talks, which takes a look at the next second and a half; rows leave in order.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from echodepth_cli.affect.action_units import ActionUnitModel, AUEstimate
from echodepth_cli.affect.baseline import Baseline, baseline_from
from echodepth_cli.affect.blinks import BlinkDetector
from echodepth_cli.affect.calibration import Calibrator, Stretch
from echodepth_cli.affect.carried import CarriedBaseline, Likeness
from echodepth_cli.affect.neutral import Neutral, find_neutral
from echodepth_cli.affect.series import Series
from echodepth_cli.affect.speech import SpeechDetector, lip_opening
from echodepth_cli.affect.vad import VadModel
from echodepth_cli.affect.vad_stills import StillVadModel
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.errors import BaselineError
from echodepth_cli.face.cover import cover_factor, usual_strangeness
from echodepth_cli.face.lookout import LookOut
from echodepth_cli.face.observer import observe_frame
from echodepth_cli.face.odds import SURE
from echodepth_cli.face.persons import Identities, PersonTracker, SeenFace, SeenFrame
from echodepth_cli.face.quality import LOW_CONFIDENCE, UNMEASURABLE
from echodepth_cli.face.subject import Cast, Choice, choose
from echodepth_cli.face.tracker import FaceTracker
from echodepth_cli.output.spool import Spool
from echodepth_cli.records import (
    FaceObservation,
    Frame,
    FrameResult,
    FrameStatus,
    SeenPicture,
    Vad,
    nan_array,
)

COVERED_LIMIT: Final = 0.5
"""A face whose mouth is covered down to this factor does not calibrate."""

MAX_WAITING: Final = 20_000
"""Sightings that may wait for a baseline, some 180 MB; then the population neutral must do."""


@dataclass(frozen=True, slots=True)
class Models:
    """The loaded models; they hold no state, so sessions may share them."""

    action_units: ActionUnitModel
    vad: VadModel
    still_vad: StillVadModel


_ROWS_AT_ONCE: Final = 512
_SCORED_AT_ONCE: Final = 64
"""The networks take several faces in less time than one by one."""


@dataclass(frozen=True, slots=True)
class _Sighting:
    """One sampled frame that waits to become a row."""

    index: int
    offset_s: float
    subject: FaceObservation | None
    """The subject's face; None in the absence of the subject."""
    certainty: float | None
    """How sure it is that this face, or that none in the frame, is the subject's."""
    face_count: int


class Session:
    """Turns the frames of one recording into rows."""

    def __init__(
        self,
        config: AnalysisConfig,
        tracker: FaceTracker,
        models: Models,
        spool: Spool[SeenFrame],
        carried: CarriedBaseline | None = None,
    ) -> None:
        """Take a baseline that was ``carried`` over from another recording, or find one.

        ``spool`` holds the faces until the session ends. Raises BaselineError when what is carried
        does not fit the models.
        """
        self._config, self._tracker, self._models = config, tracker, models
        self._lookout, self._people = LookOut(), PersonTracker()
        self._known: Identities | None = None
        self._certainties = array("d")
        """How sure it is of each face who it is, in the order in which they were set aside."""
        self._cast = Cast(config.subject_at_s)
        self._spool = spool
        self._choice: Choice | None = None
        self._calibrator = Calibrator(
            config.baseline_from_s,
            config.baseline_window_s,
            chosen=config.baseline_start_s is not None,
        )
        self._speech = SpeechDetector()
        self._waiting: deque[_Sighting] = deque()
        self._talking: deque[bool] = deque()
        self._blinks = BlinkDetector()
        self._blinking: deque[tuple[_Sighting, bool]] = deque()
        """Sightings and their talking flags, while it is open whether the eyes blink."""
        self._scored: list[FrameResult] = []
        self._stretch: Stretch | None = None
        self._neutral: Neutral | None = None
        self._usual: float | None = None
        """Usual strangeness of the subject's mouth; None where none is known."""
        self._baseline: Baseline | None = None
        self._last_offset_s = -1.0
        self._likeness = None if carried is None else Likeness(carried.neutral)
        if carried is not None:
            carried.check_size(len(models.action_units.channel_names))
            self._stretch, self._neutral = carried.stretch(), carried.neutral
            self._baseline = carried.received()
            self._usual = carried.neutral.strangeness

    @property
    def baseline(self) -> Baseline:
        """Return the baseline; only known once rows have come out."""
        if self._baseline is None:
            raise RuntimeError("the session has no baseline before its first row")
        return self._baseline

    @property
    def neutral(self) -> Neutral:
        """Return the neutral face; only known once rows have come out."""
        if self._neutral is None:
            raise RuntimeError("the session has no neutral face before its first row")
        return self._neutral

    @property
    def choice(self) -> Choice:
        """Return who the subject is; only known once the session ends."""
        if self._choice is None:
            raise RuntimeError("the session has no subject before its end")
        return self._choice

    def seen_frames(self) -> Iterator[SeenFrame]:
        """Yield who was in each frame; only known once the session ends."""
        if self._known is None:
            raise RuntimeError("the session does not know who is who before its end")
        certainties = iter(self._certainties)
        for frame in self._spool:
            yield self._known.recalled(frame, certainties)

    @property
    def cast(self) -> Cast:
        """Return the persons seen so far."""
        return self._cast

    def push(self, frame: Frame) -> None:
        """Take the next frame."""
        plan = self._lookout.plan(frame)
        seen = observe_frame(frame, self._tracker, self._config.region_fractions, plan)
        self._lookout.saw(seen)
        self.push_seen(seen)

    def push_seen(self, seen: SeenPicture) -> None:
        """Take what was seen in the next frame; see `push`. Raises OutputError on a full disk."""
        for frame in self._people.push(seen.index, seen.offset_s, seen.faces, seen.look):
            self._set_aside(frame)

    def end(self) -> Iterator[list[FrameResult]]:
        """Choose the subject and yield the rows of all frames, in order, some at a time.

        Nothing may be pushed afterwards. Raises UsageError when the subject asked for is nobody,
        and BaselineError when the configured baseline window lies beyond the last frame.
        """
        for frame in self._people.end():
            self._set_aside(frame)
        self._settle(self._people.identities())
        self._cast.finish()
        self._choice = choose(self._cast, self._config.subject, self._config.subject_at_s)
        rows: list[FrameResult] = []
        for frame in self.seen_frames():
            rows += self._take(frame, self._choice.person)
            if len(rows) >= _ROWS_AT_ONCE:
                yield rows
                rows = []
        yield rows + self._finish()

    def _settle(self, known: Identities) -> None:
        """Count who is in each frame; keep how sure that is, which takes long to work out."""
        self._known = known
        for frame in map(known.settled, self._spool):
            self._cast.push(frame)
            self._certainties.extend(seen.certainty for seen in frame.faces)

    def _set_aside(self, frame: SeenFrame) -> None:
        self._spool.append(
            replace(frame, faces=tuple(replace(s, face=_compact(s.face)) for s in frame.faces))
        )

    def _take(self, frame: SeenFrame, subject: int | None) -> list[FrameResult]:
        """Take the next frame of the subject's session; return the rows that are now complete."""
        offset_s = frame.offset_s
        sighting = _sighting(frame, subject)
        usable = _measurable(sighting.subject)
        self._last_offset_s = offset_s
        if self._likeness is not None and usable is not None:
            self._likeness.see(usable)
        self._waiting.append(sighting)
        opening = lip_opening(usable.points) if usable is not None else None
        self._talking.extend(self._speech.push(offset_s, opening))
        if self._stretch is None:
            stretch = self._calibrator.push(offset_s, usable)
            if stretch is None and len(self._waiting) > MAX_WAITING:
                stretch = self._calibrator.finish()
            if stretch is not None:
                self._calibrate(stretch)
        return self._release(over=False)

    def _finish(self) -> list[FrameResult]:
        """Return the rows still outstanding."""
        if self._likeness is None and 0 <= self._last_offset_s < self._config.baseline_from_s:
            raise BaselineError(
                f"the baseline window starts at {self._config.baseline_from_s:g} s, but the last "
                f"frame is at {self._last_offset_s:g} s; choose an earlier --baseline-start, or"
                " --baseline-window from A to B"
            )
        if self._stretch is None:
            self._calibrate(self._calibrator.finish())
        if self._likeness is not None:
            self._baseline = self._likeness.judged(self.baseline)
        self._talking.extend(self._speech.finish())
        return self._release(over=True)

    def _calibrate(self, stretch: Stretch) -> None:
        self._stretch = stretch
        seen = stretch.observations
        if seen:
            usual = self._usual = usual_strangeness(seen)
            seen = tuple(face for face in seen if cover_factor(face, usual) > COVERED_LIMIT)
        self._neutral = find_neutral(seen, self._models.action_units)

    def _release(self, *, over: bool) -> list[FrameResult]:
        if self._neutral is None or self._stretch is None:
            return []
        if len(self._talking) < _SCORED_AT_ONCE and not over:
            return []
        self._scored.extend(self._score(self._neutral, self._stretch, over=over))
        if self._baseline is None:
            window_s = self._stretch.window_s
            complete = window_s is None or (
                bool(self._scored) and self._scored[-1].offset_s >= window_s[1]
            )
            if not (complete or over):
                return []
            self._baseline = baseline_from(
                self._stretch,
                Series.from_results(self._scored),
                self._neutral.quality,
                self._neutral.reasons,
            )
        rows = [_with_delta(row, self._baseline) for row in self._scored]
        self._scored = []
        return rows

    def _score(self, neutral: Neutral, stretch: Stretch, *, over: bool) -> list[FrameResult]:
        """Return the rows of all sightings of which talking and blinking are known."""
        count = len(self._talking)
        sightings = [_uncovered(self._waiting.popleft(), self._usual) for _ in range(count)]
        flags = [self._talking.popleft() for _ in range(count)]
        seen = [s.subject for s in sightings if _measurable(s.subject) is not None]
        estimates = iter(self._models.action_units.relative([o for o in seen if o], neutral))
        told: list[AUEstimate | None] = []
        for sighting, talking in zip(sightings, flags, strict=True):
            self._blinking.append((sighting, talking))
            estimate = next(estimates) if _measurable(sighting.subject) is not None else None
            told += self._blinks.push(sighting.offset_s, estimate)
        if over:
            told += self._blinks.finish()
        decided = [(*self._blinking.popleft(), estimate) for estimate in told]
        shown = [
            (estimate.intensities, talking, sighting.subject.pose.pitch_deg - stretch.pitch_deg)
            for sighting, talking, estimate in decided
            if sighting.subject is not None and estimate is not None
        ]
        scores = iter(self._models.vad.score_each(shown))
        return [
            _unscored(sighting)
            if sighting.subject is None or estimate is None
            else _scored_row(_unscored(sighting), estimate, talking, next(scores))
            for sighting, talking, estimate in decided
        ]


def _scored_row(row: FrameResult, estimate: AUEstimate, talking: bool, vad: Vad) -> FrameResult:
    extra = {**row.extra, "talking": talking, **estimate.extra_columns()}
    return replace(row, vad=vad, aus=estimate.intensities, extra=extra)


def _measurable(subject: FaceObservation | None) -> FaceObservation | None:
    if subject is None or subject.confidence < UNMEASURABLE:
        return None
    return subject


def _sighting(frame: SeenFrame, subject: int | None) -> _Sighting:
    """Return the subject's part of a frame; a doubtful identity lowers the confidence."""
    found = next((seen for seen in frame.faces if seen.person == subject), None)
    count = len(frame.faces)
    if found is None:
        certainty = min((seen.certainty for seen in frame.faces), default=None)
        return _Sighting(frame.index, frame.offset_s, None, certainty, count)
    return _Sighting(frame.index, frame.offset_s, _doubted(found), found.certainty, count)


def _doubted(seen: SeenFace) -> FaceObservation:
    if seen.certainty >= SURE:
        return seen.face
    # Whoever it is, its numbers may not enter a baseline, a mean or an alert.
    confidence = min(seen.face.confidence * seen.certainty, 0.99 * LOW_CONFIDENCE)
    return replace(seen.face, confidence=confidence)


def _uncovered(sighting: _Sighting, usual: float | None) -> _Sighting:
    """Return a sighting that is trusted less where something lies over the mouth."""
    face = sighting.subject
    if face is None or usual is None:
        return sighting
    trusted = face.confidence * cover_factor(face, usual)
    return replace(sighting, subject=replace(face, confidence=trusted))


def _compact(face: FaceObservation) -> FaceObservation:
    """Leave out what is not needed once a face is identified: half of its bytes."""
    return replace(face, landmarks_px=nan_array(0))


def _unscored(sighting: _Sighting) -> FrameResult:
    subject = sighting.subject
    extra: dict[str, float | bool | str | None] = {
        "face_count": sighting.face_count,
        "identity": sighting.certainty,
    }
    if subject is None:
        status = FrameStatus.OTHER_PERSON if sighting.face_count else FrameStatus.NO_FACE
        return FrameResult(sighting.index, sighting.offset_s, status, extra=extra)
    low = subject.confidence < LOW_CONFIDENCE
    return FrameResult(
        index=sighting.index,
        offset_s=sighting.offset_s,
        status=FrameStatus.LOW_CONFIDENCE if low else FrameStatus.OK,
        confidence=subject.confidence,
        box=subject.box,
        pose=subject.pose,
        iod_px=subject.iod_px,
        extra=extra,
    )


def _with_delta(row: FrameResult, baseline: Baseline) -> FrameResult:
    return row if row.vad is None else replace(row, delta=baseline.delta(row.vad))
