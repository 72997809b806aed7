"""The memory of an output directory: `batch.json`, and what is built from it.

It holds one entry for every recording that any run met, and is written again as outcomes come in,
each time whole or not at all. A run that dies therefore leaves a true picture, a little old.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from echodepth_cli.batch.entries import (
    SCHEMA_VERSION,
    Entry,
    is_obsolete,
    now_iso,
    read_document,
    scan_sessions,
)
from echodepth_cli.batch.jobs import AnalysisJob, JobOutcome, JobStatus
from echodepth_cli.batch.plan import BATCH_JSON, INDEX_HTML, SESSIONS_PARQUET
from echodepth_cli.output.atomic import write_file

_SAVE_EVERY_S = 2.0
_SAVE_SHARE = 20.0
"""At least this many times as long as a save took passes before the next."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What stays the same during one run."""

    run_id: str
    started_at: str
    software_version: str
    workers: int
    scheduler: str | None
    config: Mapping[str, Any]
    models: Mapping[str, str]
    host: str
    pid: int

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> RunFacts:
        """Read the facts of a run from its batch.json."""
        return cls(**{item.name: document["run"][item.name] for item in dataclasses.fields(cls)})


class Ledger:
    """All entries of an output directory, by name."""

    def __init__(self, out_dir: Path, entries: Iterable[Entry] = ()) -> None:
        self.out_dir = out_dir
        self.entries: dict[str, Entry] = {entry.name: entry for entry in entries}
        self._next_save = 0.0

    @classmethod
    def load(cls, out_dir: Path) -> Ledger:
        """Read what earlier runs left; sessions without an entry are taken from their reports."""
        document = read_document(out_dir)
        if document is None:
            return cls(out_dir, scan_sessions(out_dir))
        entries = map(Entry.from_dict, document["files"])
        return cls(out_dir, (entry for entry in entries if not is_obsolete(entry, out_dir)))

    def sources(self) -> dict[str, str]:
        """Return which recording each session directory was made from."""
        known = ((entry.name, entry.made_from) for entry in self.entries.values())
        return {name: made_from for name, made_from in known if made_from is not None}

    def expect(self, job: AnalysisJob, run_id: str, message: str | None = None) -> None:
        """Note a job that is yet to be done."""
        before = self.entries.get(job.name)
        self.entries[job.name] = Entry.pending(job, run_id, before, message)

    def record(self, outcome: JobOutcome, run_id: str) -> None:
        """Note how a job ended."""
        before = self.entries.get(outcome.name)
        self.entries[outcome.name] = Entry.of(outcome, run_id, before)

    def counts(self, run_id: str) -> dict[str, int]:
        """Return how many recordings of one run have each status, all statuses included."""
        tally = Counter(e.status for e in self.entries.values() if e.run_id == run_id)
        return {str(status): tally[status] for status in JobStatus} | {"total": tally.total()}

    def save(self, run: RunFacts, state: str) -> None:
        """Write batch.json, sessions.parquet and index.html; raises OutputError."""
        from echodepth_cli.batch.index import render_index
        from echodepth_cli.batch.tables import sessions_table_bytes

        document = self.document(run, state)
        write_file(self.out_dir / BATCH_JSON, _json_bytes(document))
        write_file(self.out_dir / SESSIONS_PARQUET, sessions_table_bytes(self.entries.values()))
        write_file(self.out_dir / INDEX_HTML, render_index(document).encode())

    def save_if_due(self, run: RunFacts) -> None:
        """Save a running batch now and then, so that saving takes a small share of the time."""
        started = time.monotonic()
        if started < self._next_save:
            return
        self.save(run, "running")
        now = time.monotonic()
        self._next_save = now + max(_SAVE_EVERY_S, _SAVE_SHARE * (now - started))

    def document(self, run: RunFacts, state: str) -> dict[str, Any]:
        """Return batch.json as data."""
        return {
            "schema_version": SCHEMA_VERSION,
            "state": state,
            "updated_at": now_iso(),
            "run": dataclasses.asdict(run) | {"counts": self.counts(run.run_id)},
            "files": [entry.to_dict() for _, entry in sorted(self.entries.items())],
        }


def _json_bytes(document: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:
        # A file name that is no UTF-8 can only be told exactly by escapes.
        return json.dumps(document, indent=1, allow_nan=False).encode() + b"\n"
