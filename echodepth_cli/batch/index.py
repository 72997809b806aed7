"""`index.html`: all recordings of an output directory, those that need a person first on top.

One file without scripts and without requests; it links to the reports by relative path.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from echodepth_cli.batch.entries import Entry
from echodepth_cli.batch.review import in_order, review
from echodepth_cli.output.formats import NOT_MEASURED, clock, date_time, duration, percent, visible
from echodepth_cli.resources import resource_dir

_STATES = {
    "running": "This batch is still running, or was killed: figures are as of the last update.",
    "interrupted": "This batch was interrupted; run the same command again to finish it.",
    "complete": "",
}
_STATUS_WORDS = {
    "done": "Analysed",
    "skipped": "Analysed before",
    "failed": "Failed",
    "timed_out": "Timed out",
    "pending": "Not reached",
}


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One line of the page, as text."""

    rank: int
    status: str
    title: str
    name: str
    href: str | None
    """Relative link to the report; None where there is none."""
    reason: str
    recorded: str
    length: str
    coverage: str
    baseline: str
    alerts: str
    first_alert: str
    summary: str


def render_index(document: Mapping[str, Any]) -> str:
    """Return the page for a `batch.json`; the same data gives the same bytes."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(resource_dir("templates"))
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = loader.get_source(environment, "batch_index.css")[0].strip()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    entries = in_order([Entry.from_dict(values) for values in document["files"]])
    return environment.get_template("batch_index.html").render(
        style=style,
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'",
        state=_STATES[document["state"]],
        updated=date_time(document["updated_at"]),
        totals=_totals(entries),
        rows=[_row(entry) for entry in entries],
    )


def _totals(entries: list[Entry]) -> list[tuple[str, str]]:
    facts = [entry.session for entry in entries if entry.session is not None]
    statuses = [entry.status for entry in entries]
    recorded_s = sum(fact.duration_s for fact in facts)
    with_alerts = sum(fact.alerts > 0 for fact in facts)
    return [
        ("Recordings", f"{len(entries):,}"),
        ("With a report", f"{len(facts):,}"),
        ("Failed or timed out", f"{sum(status.is_failure for status in statuses):,}"),
        ("Not reached", f"{sum(str(status) == 'pending' for status in statuses):,}"),
        ("Sessions with alerts", f"{with_alerts:,}"),
        ("Alerts", f"{sum(fact.alerts for fact in facts):,}"),
        ("Analysed length", duration(recorded_s)),
    ]


def _row(entry: Entry) -> IndexRow:
    facts = entry.session
    place = review(entry)
    status = _STATUS_WORDS[str(entry.status)]
    reason = visible(place.reason)
    if facts is None:
        blank = dict.fromkeys(("recorded", "length", "coverage", "baseline"), NOT_MEASURED)
        return IndexRow(
            rank=place.rank,
            status=status,
            title=visible(entry.name),
            name="",
            href=None,
            reason=reason,
            alerts=NOT_MEASURED,
            first_alert="",
            summary="",
            **blank,
        )
    return IndexRow(
        rank=place.rank,
        status=status,
        title=visible(facts.label or entry.name),
        name=visible(entry.name) if facts.label else "",
        href=quote(os.fsencode(f"{entry.name}/report.html")),
        reason=reason,
        recorded=date_time(facts.started_at) or NOT_MEASURED,
        length=duration(facts.duration_s),
        coverage=NOT_MEASURED if facts.coverage is None else percent(facts.coverage),
        baseline=visible(facts.baseline_quality or NOT_MEASURED),
        alerts=f"{facts.alerts:,}",
        first_alert="" if facts.first_alert_s is None else f"first at {clock(facts.first_alert_s)}",
        summary=visible(facts.summary),
    )
