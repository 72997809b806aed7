"""Form and digests: is every file the one that was written?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from echodepth_cli.errors import EchodepthError
from echodepth_cli.output.atomic import OPTIONAL_FILES
from echodepth_cli.output.report_json import to_json_bytes
from echodepth_cli.output.schema import load_schema
from echodepth_cli.output.seal import CONTENT, content_digest, report_digest
from echodepth_cli.verify.evidence import PAGE, REPORT, Evidence, read_bytes
from echodepth_cli.verify.outcome import Difference, shown

_TABLE_DIGEST: Final = "_parquet_sha256"
"""What the provenance entries end with that hold the sha256 of a table beside the report."""


def check_form(report: Any) -> Iterator[Difference]:
    """Yield where a report does not follow its JSON Schema."""
    import jsonschema

    validator = jsonschema.Draft202012Validator(load_schema("report"))
    for error in validator.iter_errors(report):
        place = error.json_path.removeprefix("$").removeprefix(".")
        yield Difference(REPORT, place, f"is against the schema: {shorten(error.message)}")


def check_digests(evidence: Evidence, content: bytes) -> Iterator[Difference]:
    """Yield which files are not those that were written; ``content`` is report.json as it is."""
    report = evidence.report
    if content != to_json_bytes(report):
        yield Difference(REPORT, "", "was written anew: its bytes are not as echodepth writes them")
    if report_digest(report) != report["run"]["report_sha256"]:
        yield Difference(REPORT, "", "was changed: its own digest (run.report_sha256) differs")
    if content_digest(report) != report["provenance"][CONTENT]:
        place = f"provenance.{CONTENT}"
        yield Difference(REPORT, place, "the content outside `run` has another digest")
    files = {**_tables(report["provenance"]), PAGE: report["run"]["page"]["sha256"]}
    for name, stated in files.items():
        yield from _check_file(evidence.folder / name, stated)
    for name in OPTIONAL_FILES:
        if name.endswith(".parquet") and name not in files and (evidence.folder / name).exists():
            yield Difference(name, "", "is not named by the report")


def _tables(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return file name to digest of every table that the provenance names."""
    return {
        f"{key.removesuffix(_TABLE_DIGEST)}.parquet": digest
        for key, digest in provenance.items()
        if key.endswith(_TABLE_DIGEST) and digest is not None
    }


def _check_file(path: Path, stated: Any) -> Iterator[Difference]:
    try:
        found = hashlib.sha256(read_bytes(path)).hexdigest()
    except EchodepthError:
        reason = "cannot be read" if path.exists() else "is missing"
        yield Difference(path.name, "", reason)
        return
    if found != stated:
        message = (
            f"was changed: its sha256 is {found[:16]}…, the report says {shown(stated)[1:17]}…"
        )
        yield Difference(path.name, "", message)


def shorten(text: str, length: int = 160) -> str:
    """Return a message on one line, cut to a readable length."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
