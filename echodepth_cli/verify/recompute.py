"""Analyse the recording again and compare with what a session directory says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from echodepth_cli.output.parquet import read_frames
from echodepth_cli.output.provenance import file_sha256
from echodepth_cli.output.scratch import private_directory
from echodepth_cli.output.seal import CONTENT
from echodepth_cli.output.snapshots import read_stills
from echodepth_cli.pipeline import analyse
from echodepth_cli.verify.compare import compare_columns, compare_json
from echodepth_cli.verify.evidence import FRAMES, PAGE, REPORT, Evidence, plain_columns
from echodepth_cli.verify.outcome import Difference

_FOLLOWING: Final = ("software", "models", "frames_parquet_sha256", CONTENT)
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


def check_again(evidence: Evidence, video: Path) -> Iterator[Difference]:
    """Yield what a new analysis with the same settings finds otherwise."""
    # A baseline that was carried here was kept here, under the digest that the settings name.
    carried = evidence.folder if evidence.config.carried_baseline is not None else None
    with private_directory() as folder:
        again = analyse(video, evidence.config, folder / "session", baseline_from=carried)
        table, metadata = read_frames(again.frames_path)
        page = (again.session_dir / PAGE).read_text(encoding="utf-8")
    columns = plain_columns(table)
    offsets_s = evidence.columns["session_offset_s"]
    yield from compare_columns(FRAMES, evidence.columns, columns, offsets_s, BY)
    yield from compare_json(FRAMES, evidence.metadata, metadata, BY, "metadata")
    yield from compare_json(REPORT, _measured(evidence.report), _measured(again.report), BY)
    if read_stills(evidence.page.decode("utf-8", "replace")) != read_stills(page):
        yield Difference(PAGE, "stills", "are not those of the recording")


def _measured(report: Any) -> dict[str, Any]:
    """Return the parts of a report that the recording and the settings decide."""
    parts = {name: value for name, value in report.items() if name != "run"}
    parts["recording"] = {k: v for k, v in report["recording"].items() if k != "file_name"}
    provenance = report["provenance"].items()
    parts["provenance"] = {k: v for k, v in provenance if k not in _FOLLOWING}
    return parts
