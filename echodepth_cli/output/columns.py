"""The columns of `frames.parquet`: name, type, unit, range and meaning, in one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from echodepth_cli.affect.action_units import EXTRA_COLUMNS
from echodepth_cli.affect.trends import ACTIVE_FROM
from echodepth_cli.records import FrameResult

AU_COUNT: Final = 46


@dataclass(frozen=True, slots=True)
class RowContext:
    """What every row of one session shares."""

    session_id: str
    origin_ms: int
    """Wall-clock time of offset 0 in milliseconds; 0 when it is not known."""

    def timestamp_ms(self, offset_s: float) -> int:
        """Return the wall-clock time of an offset, in whole milliseconds."""
        return self.origin_ms + round(offset_s * 1000)

    def frame_id(self, index: int) -> str:
        """Return the id of the frame with this ordinal."""
        return f"frm_{self.session_id.removeprefix('ses_')[:12]}_{index:07d}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: how to read it from a result, and what a reader must know about it."""

    name: str
    kind: str
    """`str`, `int64`, `float64`, `float32`, `bool`, `int8` or `list<int8>`."""
    meaning: str
    read: Callable[[Any, RowContext], Any]
    """Takes the record that becomes a row: a FrameResult for `frames.parquet`."""
    unit: str = ""
    range: str = ""


def active_aus(result: FrameResult) -> list[int] | None:
    """Return the numbers of the active units, or None where nothing was measured."""
    if result.aus is None:
        return None
    return [
        number for number, value in enumerate(result.aus.tolist(), start=1) if value >= ACTIVE_FROM
    ]


def _of(part: str, attribute: str) -> Callable[[FrameResult, RowContext], Any]:
    def read(result: FrameResult, _: RowContext) -> Any:
        record = getattr(result, part)
        return None if record is None else getattr(record, attribute)

    return read


def _au(number: int) -> Callable[[FrameResult, RowContext], Any]:
    def read(result: FrameResult, _: RowContext) -> float | None:
        if result.aus is None:
            return None
        value = float(result.aus[number - 1])
        return None if value != value else value

    return read


def _extra(name: str) -> Callable[[FrameResult, RowContext], Any]:
    def read(result: FrameResult, _: RowContext) -> Any:
        value = result.extra.get(name)
        return None if value != value else value

    return read


def extra_column(
    name: str, kind: str, meaning: str, unit: str = "", value_range: str = ""
) -> Column:
    """Return a column that is read from `FrameResult.extra` under its own name."""
    return Column(name, kind, meaning, _extra(name), unit, value_range)


_SCORE = "0..1, 0.5 neutral"
_DELTA = "-1..1"

TIME_COLUMNS: Final[tuple[Column, ...]] = (
    Column("session_id", "str", "Id of the session.", lambda r, c: c.session_id),
    Column(
        "timestamp_ms",
        "int64",
        "Time of the frame; counts from the recording's start (see timestamp_origin).",
        lambda r, c: c.timestamp_ms(r.offset_s),
        "ms",
    ),
    Column(
        "session_offset_s",
        "float64",
        "The frame's own presentation time, from the first frame of the recording.",
        lambda r, _: r.offset_s,
        "s",
        ">= 0",
    ),
)
"""Session and time of a row, the same in every table."""

CORE_COLUMNS: Final[tuple[Column, ...]] = (
    Column("frame_id", "str", "Id of the frame, unique.", lambda r, c: c.frame_id(r.index)),
    *TIME_COLUMNS,
    Column(
        "status",
        "str",
        "ok, or why nothing is said: no_face_detected, low_confidence, other_person.",
        lambda r, _: str(r.status),
    ),
    Column(
        "confidence",
        "float64",
        "Falls with small, turned, dark, blurred, cut-off or covered faces; null without a face.",
        lambda r, _: r.confidence,
        "",
        "0..1",
    ),
    Column("valence", "float64", "0 negative to 1 positive.", _of("vad", "valence"), "", _SCORE),
    Column("arousal", "float64", "0 calm to 1 activated.", _of("vad", "arousal"), "", _SCORE),
    Column(
        "dominance",
        "float64",
        "0 submissive to 1 in control; low reliability.",
        _of("vad", "dominance"),
        "",
        _SCORE,
    ),
    *(
        Column(
            f"delta_{name}",
            "float64",
            f"{name} minus the baseline's.",
            _of("delta", name),
            "",
            _DELTA,
        )
        for name in ("valence", "arousal", "dominance")
    ),
    *(
        Column(
            f"AU{number:02d}",
            "float32",
            f"Relative intensity of AU{number}; null where it cannot be seen. See `echodepth aus`.",
            _au(number),
            "",
            "0..1, active from 0.30",
        )
        for number in range(1, AU_COUNT + 1)
    ),
    Column("active_aus", "list<int8>", "Numbers of the active units.", lambda r, _: active_aus(r)),
    Column("alert_triggered", "bool", "An alert is on.", lambda r, _: bool(r.alert_reasons)),
    Column(
        "alert_reason",
        "str",
        "Types of the alerts that are on, joined by a comma.",
        lambda r, _: ",".join(r.alert_reasons) or None,
    ),
    *(
        Column(
            f"face_{axis}",
            "float64",
            f"Face rectangle: {meaning}.",
            _of("box", axis),
            "fraction of the frame",
        )
        for axis, meaning in (("x", "left"), ("y", "top"), ("w", "width"), ("h", "height"))
    ),
    Column("yaw_deg", "float64", "Head turn, positive to its left.", _of("pose", "yaw_deg"), "deg"),
    Column("pitch_deg", "float64", "Head nod, positive up.", _of("pose", "pitch_deg"), "deg"),
    Column("roll_deg", "float64", "Head tilt, clockwise positive.", _of("pose", "roll_deg"), "deg"),
    Column("iod_px", "float64", "Distance between the eyes.", lambda r, _: r.iod_px, "px"),
)


SESSION_COLUMNS: Final[tuple[Column, ...]] = (
    extra_column("face_count", "int8", "Faces found in the frame."),
    extra_column(
        "identity",
        "float64",
        "How sure it is that this face, or that none in the frame, is the subject's; below 0.9 it "
        "is in doubt; null without a face.",
        value_range="0..1",
    ),
    extra_column("talking", "bool", "The lips move as in speech; null without a face."),
)


UNIT_COLUMNS: Final[tuple[Column, ...]] = tuple(
    extra_column(name, "float32", meaning, value_range=value_range)
    for name, meaning, value_range in EXTRA_COLUMNS
)


def frame_columns() -> tuple[Column, ...]:
    """Return all columns of `frames.parquet`, in order."""
    return (*CORE_COLUMNS, *SESSION_COLUMNS, *UNIT_COLUMNS)
