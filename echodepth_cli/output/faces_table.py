"""`faces.parquet`: every face of every sampled frame, and who it is; written with `--all-faces`.

Where faces are and how they turn, no values of anyone's expression: those of another person are
relative to that person's own baseline, and come from an analysis of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from echodepth_cli.face.persons import SeenFace, SeenFrame
from echodepth_cli.output.columns import TIME_COLUMNS, Column, RowContext
from echodepth_cli.output.parquet import ROWS_PER_GROUP, FrameTableWriter

FACES_FILE: Final = "faces.parquet"


@dataclass(frozen=True, slots=True)
class FaceRow:
    """One face in one frame."""

    index: int
    offset_s: float
    seen: SeenFace
    subject: int | None


def _of(part: str, name: str) -> Callable[[FaceRow, RowContext], Any]:
    return lambda row, _: getattr(getattr(row.seen.face, part), name)


def face_columns() -> tuple[Column, ...]:
    """Return the columns of `faces.parquet`, in order."""
    fraction = "fraction of the frame"
    return (
        Column("frame_id", "str", "Id of the frame, as in frames.parquet.", _frame_id),
        *TIME_COLUMNS,
        Column(
            "person",
            "int64",
            "Number of the person, in order of appearance; holds within the session.",
            lambda r, _: r.seen.person,
            "",
            ">= 1",
        ),
        Column(
            "is_subject",
            "bool",
            "Whether the session is this person's.",
            lambda r, _: r.seen.person == r.subject,
        ),
        Column(
            "identity",
            "float64",
            "How sure it is that the face is this person's; below 0.9 it is in doubt.",
            lambda r, _: r.seen.certainty,
            "",
            "0..1",
        ),
        Column(
            "confidence",
            "float64",
            "How well the face can be measured, whoever it is.",
            lambda r, _: r.seen.face.confidence,
            "",
            "0..1",
        ),
        *(
            Column(
                f"face_{axis}", "float64", f"Face rectangle: {word}.", _of("box", axis), fraction
            )
            for axis, word in (("x", "left"), ("y", "top"), ("w", "width"), ("h", "height"))
        ),
        *(
            Column(f"{turn}_deg", "float64", f"{words}.", _of("pose", f"{turn}_deg"), "deg")
            for turn, words in (
                ("yaw", "Head turn, positive to its left"),
                ("pitch", "Head nod, positive up"),
                ("roll", "Head tilt, clockwise positive"),
            )
        ),
        Column(
            "iod_px", "float64", "Distance between the eyes.", lambda r, _: r.seen.face.iod_px, "px"
        ),
    )


def write_faces(
    path: Path,
    frames: Iterable[SeenFrame],
    subject: int | None,
    context: RowContext,
    metadata: Mapping[str, Any],
) -> None:
    """Write all faces of all frames, frame by frame and from left to right."""
    rows = (
        FaceRow(frame.index, frame.offset_s, seen, subject)
        for frame in frames
        for seen in frame.faces
    )
    with FrameTableWriter(path, face_columns(), context, metadata) as writer:
        while some := list(islice(rows, ROWS_PER_GROUP)):
            writer.write(some)


def _frame_id(row: FaceRow, context: RowContext) -> str:
    return context.frame_id(row.index)
