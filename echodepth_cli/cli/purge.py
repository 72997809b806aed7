"""``echodepth purge``: remove sessions that are older than they may be kept."""

from __future__ import annotations

import json
import logging
import re
from contextlib import nullcontext
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from echodepth_cli.cli import options as opt
from echodepth_cli.cli.console import set_up_messages
from echodepth_cli.cli.logs import log
from echodepth_cli.cli.stdout import data_stdout
from echodepth_cli.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from echodepth_cli.purge import Left, OldSession

_UNITS: Final = {"h": "hours", "d": "days", "w": "weeks"}


def purge(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to look, at any depth; no links followed.")
    ],
    older_than: Annotated[
        str,
        typer.Option(
            "--older-than",
            metavar="AGE",
            help="Age since the analysis, in days, weeks or hours: 90d, 12w, 48h.",
        ),
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Really remove; without it, only say what would go.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write one JSON object for each session to stdout.")
    ] = False,
    quiet: opt.Quiet = False,
    log_format: opt.LogFormatOption = None,
) -> int:
    """Remove sessions older than a given age.

    Does nothing but list them until --yes is given. Removals are recorded in purged.jsonl, without
    names. Ends with exit code 5 when something could not be removed.
    """
    messages = set_up_messages(log_format, quiet=quiet)
    age, now = parse_age(older_than), datetime.now(timezone.utc)
    from echodepth_cli import purge as work

    old: list[OldSession] = []
    left: list[Left] = []
    for found in work.find_old(folder, age, now):
        old.append(found) if isinstance(found, work.OldSession) else left.append(found)
    if yes and old:
        left += work.purge(folder, old, now)
    kept = {each.path for each in left}
    gone = [session for session in old if session.path not in kept]
    with data_stdout() if as_json else nullcontext() as stdout:
        for session in gone:
            word = "removed" if yes else "would be removed"
            which = "analysed" if session.session_id else "left by a run that was killed,"
            message = f"{session.path}: {word} ({which} {session.analysed_at})"
            log(message, event="purge.session")
            if stdout is not None:
                facts = {**asdict(session), "path": str(session.path), "removed": yes}
                stdout.write(json.dumps(facts) + "\n")
    for each in left:
        log(f"{each.path}: left: {each.reason}", logging.WARNING, event="purge.left")
    size = f"{sum(session.bytes for session in gone) / 1e6:.1f} MB"
    rows = {"sessions": str(len(gone)), "size": size, "left": str(len(left))}
    fields = {"event": "purge.done", "removed": yes, "sessions": len(gone), "left": len(left)}
    messages.table("purged" if yes else "would be purged; --yes does it", rows, fields)
    return ExitCode.OUTPUT if yes and left else ExitCode.OK


def parse_age(text: str) -> timedelta:
    """Return a span of time written as 90d, 12w or 48h; raises UsageError."""
    match = re.fullmatch(r"(\d{1,5})([hdw])", text.strip())
    if match is None:
        raise UsageError(f"--older-than must be like 90d, 12w or 48h, not '{text}'")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
