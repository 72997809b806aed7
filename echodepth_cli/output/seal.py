"""Bind the files of a session to each other by digests, so that a changed digit in any one shows.

`frames.parquet` is named by its sha256 in the report's provenance. `provenance.content_sha256`
covers all of the report but its `run` part: two runs that found the same have the same. It is
printed on the page; `run.page` holds the sha256 of the page, and `run.report_sha256` covers
everything else in the report.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from echodepth_cli.output.report_json import rounded

CONTENT: Final = "content_sha256"
PAGE: Final = "page"
REPORT: Final = "report_sha256"


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What `report.html` is, and what it takes to render it again."""

    sha256: str
    templates_sha256: str
    video: str | None
    """Relative path of the recording that the page plays; None where it plays nothing."""


def with_content_digest(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report as its page shows it: with the digest of its content, without a seal."""
    bare = unsealed(report)
    bare["provenance"] = {**bare["provenance"], CONTENT: content_digest(report)}
    return bare


def with_seal(report: Mapping[str, Any], page: PageFacts) -> dict[str, Any]:
    """Return a report that names the page made from it and covers itself."""
    whole = unsealed(report)
    whole["run"] = {**whole["run"], PAGE: asdict(page)}
    whole["run"][REPORT] = report_digest(whole)
    return whole


def unsealed(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a report without what `with_seal` adds."""
    run = {key: value for key, value in report["run"].items() if key not in (PAGE, REPORT)}
    return {**report, "run": run}


def content_digest(report: Mapping[str, Any]) -> str:
    """Return the sha256 of a report's content: all but `run`, and but this digest itself."""
    content = {key: value for key, value in report.items() if key != "run"}
    content["provenance"] = {k: v for k, v in content["provenance"].items() if k != CONTENT}
    return _digest(content)


def report_digest(report: Mapping[str, Any]) -> str:
    """Return the sha256 of a whole report but this digest itself."""
    run = {key: value for key, value in report["run"].items() if key != REPORT}
    return _digest({**report, "run": run})


def _digest(value: Any) -> str:
    """Return the sha256 of JSON as in the file, but without blanks and in ASCII."""
    text = json.dumps(rounded(value), separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
