"""What an output directory remembers of each recording that a batch met."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from echodepth_cli.batch.facts import SessionFacts, require_types
from echodepth_cli.batch.finished import read_report
from echodepth_cli.batch.jobs import AnalysisJob, JobOutcome, JobStatus
from echodepth_cli.batch.plan import BATCH_JSON
from echodepth_cli.reading import parse_json, read_small

SCHEMA_VERSION = "1.0"
_LARGEST_BYTES = 4 << 30

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one recording."""

    name: str
    source: str | None
    """Absolute path of the recording; None when only its session directory is known."""
    status: JobStatus
    code: str | None = None
    exit_code: int = 0
    message: str | None = None
    attempts: int = 0
    elapsed_s: float = 0.0
    worker: str = ""
    finished_at: str | None = None
    run_id: str | None = None
    """The run that last dealt with it."""
    session: SessionFacts | None = None
    made_from: str | None = None
    """The recording that what stands in the session directory was made from, where known."""

    @classmethod
    def pending(
        cls, job: AnalysisJob, run_id: str, before: Entry | None, message: str | None = None
    ) -> Entry:
        """Return the entry of a job that has not been reached.

        What an earlier run made stays listed until the new outcome is in.
        """
        source = str(job.source)
        made_from = before.made_from if before else None
        if made_from is None and not job.out_dir.exists():
            # Said beforehand: the run may be killed between the result and the next save.
            made_from = source
        return cls(
            name=job.name,
            source=source,
            status=JobStatus.PENDING,
            message=message,
            run_id=run_id,
            session=before.session if before else None,
            made_from=made_from,
        )

    @classmethod
    def of(cls, outcome: JobOutcome, run_id: str, before: Entry | None) -> Entry:
        """Return the entry of a finished job."""
        source = str(outcome.source)
        stood = before.made_from if before else None
        return cls(
            name=outcome.name,
            source=source,
            made_from=stood if outcome.session is None else source,
            status=outcome.status,
            code=outcome.code,
            exit_code=outcome.exit_code,
            message=outcome.message,
            attempts=outcome.attempts,
            elapsed_s=round(outcome.elapsed_s, 3),
            worker=outcome.worker,
            finished_at=now_iso(),
            run_id=run_id,
            session=outcome.session,
        )

    def __post_init__(self) -> None:
        require_types(self)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-able data."""
        return dataclasses.asdict(self) | {"status": str(self.status)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Entry:
        """Build from the form of `to_dict`; raises KeyError or ValueError when it is not that."""
        fields = {item.name: values[item.name] for item in dataclasses.fields(cls)}
        session = values["session"]
        fields["session"] = SessionFacts.from_dict(session) if session else None
        return cls(**{**fields, "status": JobStatus(values["status"])})


def read_document(out_dir: Path) -> dict[str, Any] | None:
    """Return the batch.json of an earlier run, or None when there is none that can be read."""
    path = out_dir / BATCH_JSON
    try:
        document: dict[str, Any] = parse_json(read_small(path, _LARGEST_BYTES))
        if document["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema version {document['schema_version']}")
        for values in document["files"]:
            Entry.from_dict(values)
        return document
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        _log.warning("%s cannot be read (%s); it is built anew from the reports", path, error)
        return None


def scan_sessions(out_dir: Path) -> Iterator[Entry]:
    """Yield an entry for every session directory below ``out_dir``, read from its report."""
    for folder, folders, files in os.walk(out_dir):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if "report.json" not in files:
            continue
        here = Path(folder)
        report = read_report(here)
        try:
            facts = None if report is None else SessionFacts.of(report)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            _log.warning("%s: a fact is missing (%s)", here / "report.json", error)
            facts = None
        if facts is None:
            _log.warning("%s: not a readable report; left out", here / "report.json")
            continue
        name = here.relative_to(out_dir).as_posix()
        yield Entry(name, None, JobStatus.DONE, session=facts)


def is_obsolete(entry: Entry, out_dir: Path) -> bool:
    """Tell whether an entry of an earlier run describes nothing that still exists.

    That is a session that was removed, or a failure whose recording is gone.
    """
    if entry.session is not None:
        return not (out_dir / entry.name / "report.json").exists()
    return entry.source is None or not os.path.lexists(entry.source)


def now_iso() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
