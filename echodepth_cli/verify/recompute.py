"""Analyse the recording again and compare with what a session directory says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from echodepth_cli.output.earlier import read_carried
from echodepth_cli.output.faces_table import FACES_FILE
from echodepth_cli.output.parquet import read_frames
from echodepth_cli.output.provenance import file_sha256
from echodepth_cli.output.scratch import private_directory
from echodepth_cli.output.seal import CONTENT
from echodepth_cli.output.snapshots import read_stills
from echodepth_cli.pipeline import analyse
from echodepth_cli.verify.compare import compare_columns, compare_json
from echodepth_cli.verify.evidence import FRAMES, PAGE, REPORT, Evidence, plain_columns
from echodepth_cli.verify.outcome import Difference

_FOLLOWING: Final = (
    "software",
    "models",
    "frames_parquet_sha256",
    "faces_parquet_sha256",
    CONTENT,
)
"""Provenance that is compared by itself, or follows from the rest."""

BY: Final = "analysed again it is"


def check_recording(evidence: Evidence, video: Path) -> Iterator[Difference]:
    """Yield a difference when ``video`` is not the recording that was analysed.

    Raises InputError when it cannot be read.
    """
    stated, found = evidence.report["recording"]["sha256"], file_sha256(video)
    if found != stated:
        message = f"is not the recording: its sha256 is {found[:16]}…, not {stated[:16]}…"
        yield Difference(video.name, "", message)


def require_comparable(evidence: Evidence) -> None:
    """Raise an EchodepthError where the session's own files leave nothing to compare with."""
    _ = evidence.columns
    if (evidence.folder / FACES_FILE).exists():
        read_frames(evidence.folder / FACES_FILE)
    if evidence.config.carried_baseline is not None:
        read_carried(evidence.folder)


def check_again(evidence: Evidence, video: Path) -> Iterator[Difference]:
    """Yield what a new analysis with the same settings finds otherwise."""
    # A baseline that was carried here was kept here, under the digest that the settings name.
    carried = evidence.folder if evidence.config.carried_baseline is not None else None
    with private_directory() as folder:
        again = analyse(video, evidence.config, folder / "session", baseline_from=carried)
        table, metadata = read_frames(again.frames_path)
        page = (again.session_dir / PAGE).read_text(encoding="utf-8")
        yield from _check_faces(evidence.folder / FACES_FILE, again.session_dir / FACES_FILE)
    columns = plain_columns(table)
    offsets_s = evidence.columns["session_offset_s"]
    yield from compare_columns(FRAMES, evidence.columns, columns, offsets_s, BY)
    yield from compare_json(FRAMES, evidence.metadata, metadata, BY, "metadata")
    yield from compare_json(REPORT, _measured(evidence.report), _measured(again.report), BY)
    if read_stills(evidence.page.decode("utf-8", "replace")) != read_stills(page):
        yield Difference(PAGE, "stills", "are not those of the recording")


def _check_faces(stated: Path, found: Path) -> Iterator[Difference]:
    """Yield where the tables of everybody's face differ.

    Their metadata hold the settings of the analysis, which a report rendered again does not change.
    """
    if not (stated.exists() and found.exists()):
        # Whether one is there that should be, its digest tells.
        return
    columns = plain_columns(read_frames(stated)[0])
    again = plain_columns(read_frames(found)[0])
    yield from compare_columns(FACES_FILE, columns, again, again["session_offset_s"], BY)


def _measured(report: Any) -> dict[str, Any]:
    """Return the parts of a report that the recording and the settings decide."""
    parts = {name: value for name, value in report.items() if name != "run"}
    parts["recording"] = {k: v for k, v in report["recording"].items() if k != "file_name"}
    provenance = report["provenance"].items()
    parts["provenance"] = {k: v for k, v in provenance if k not in _FOLLOWING}
    return parts
