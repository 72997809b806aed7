"""Render the page again from the report and the frames, and compare it byte by byte."""

from __future__ import annotations

from collections.abc import Iterator

from echodepth_cli.output.findings import glossary
from echodepth_cli.output.report_html import ReportOptions, render_report, templates_digest
from echodepth_cli.output.seal import unsealed
from echodepth_cli.output.snapshots import read_stills
from echodepth_cli.rerender import require_possible_times, stills_of
from echodepth_cli.verify.evidence import PAGE, Evidence
from echodepth_cli.verify.outcome import Difference, shown


def has_these_templates(evidence: Evidence) -> bool:
    """Say whether the page was made with the templates that are installed here."""
    return bool(evidence.report["run"]["page"]["templates_sha256"] == templates_digest())


def check_page(evidence: Evidence) -> Iterator[Difference]:
    """Yield where the page does not show what the report and the frames say."""
    try:
        page = evidence.page.decode("utf-8")
    except UnicodeDecodeError:
        yield Difference(PAGE, "", "is not text in UTF-8")
        return
    require_possible_times(evidence.table)
    report = unsealed(evidence.report)
    stills = stills_of(report, read_stills(page))
    options = ReportOptions(video_path=evidence.report["run"]["page"]["video"])
    expected = render_report(report, evidence.table, stills, options, glossary())
    if page == expected:
        return
    lines, others = page.split("\n"), expected.split("\n")
    pairs = enumerate(zip(lines, others, strict=False), start=1)
    number = next((n for n, (one, other) in pairs if one != other), min(len(lines), len(others)))
    one, other = _around(lines[number - 1], others[number - 1])
    yield Difference(PAGE, f"line {number}", f"is {one}; the report gives {other}")


def _around(one: str, other: str) -> tuple[str, str]:
    """Return both lines from a little before the first character that differs."""
    pairs = enumerate(zip(one, other, strict=False))
    first = next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
    start = max(0, first - 12)
    return shown(one[start : start + 40]), shown(other[start : start + 40])
