"""Write what people and programs read, the page and the report, bound to the frame table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from echodepth_cli.output.atomic import writing_to
from echodepth_cli.output.findings import glossary
from echodepth_cli.output.parquet import ColumnsOnDisk
from echodepth_cli.output.report_html import ReportOptions, report_pieces, templates_digest
from echodepth_cli.output.report_json import to_json_bytes
from echodepth_cli.output.seal import PageFacts, with_content_digest, with_seal
from echodepth_cli.output.snapshots import Still, StillKey


def write_pages(
    report: dict[str, Any],
    stills: Mapping[StillKey, Still],
    staging: Path,
    options: ReportOptions | None = None,
) -> dict[str, Any]:
    """Write report.html and report.json beside the frame table in ``staging``.

    Returns the report as it was written, with the digests that bind the three files.
    """
    chosen = options or ReportOptions()
    shown = with_content_digest(report)
    digest = hashlib.sha256()
    # Column by column, piece by piece: the page of four hours has some ten megabytes.
    with (
        writing_to(staging),
        (staging / "frames.parquet").open("rb") as frames,
        (staging / "report.html").open("wb") as page,
    ):
        for piece in report_pieces(shown, ColumnsOnDisk(frames), stills, chosen, glossary()):
            content = piece.encode("utf-8")
            digest.update(content)
            page.write(content)
    templates = templates_digest(chosen.template_dir)
    whole = with_seal(shown, PageFacts(digest.hexdigest(), templates, chosen.video_path))
    with writing_to(staging):
        (staging / "report.json").write_bytes(to_json_bytes(whole))
    return whole
