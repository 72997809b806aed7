"""``echodepth verify``: does a session directory still say what was measured?"""

from __future__ import annotations

import json
import logging
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echodepth_cli.cli import options as opt
from echodepth_cli.cli.console import Messages, set_up_messages
from echodepth_cli.cli.logs import log
from echodepth_cli.cli.stdout import data_stdout
from echodepth_cli.errors import ExitCode

if TYPE_CHECKING:
    from echodepth_cli.verify import Verification


def verify(
    session_dir: Annotated[
        Path, typer.Argument(metavar="SESSION_DIR", help="A directory that analyse has made.")
    ],
    recompute: Annotated[
        Path | None,
        typer.Option(
            "--recompute",
            metavar="VIDEO",
            help="Analyse this recording again with the same settings, and compare.",
            show_default=False,
        ),
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(
            "--public-key",
            metavar="FILE",
            help="Require the signature of this Ed25519 key (PEM); see sign.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write the result to stdout as JSON.")
    ] = False,
    quiet: opt.Quiet = False,
    log_format: opt.LogFormatOption = None,
) -> int:
    """Check that a session's files are unchanged and agree.

    Digests, settings, scores, findings and the page are worked out again and compared. Ends with
    exit code 10 and a list when anything differs.
    """
    messages = set_up_messages(log_format, quiet=quiet)
    with data_stdout() if as_json else nullcontext() as stdout:
        from echodepth_cli.verify import verify_session

        found = verify_session(session_dir, video=recompute, public_key=public_key)
        if stdout is not None:
            stdout.write(json.dumps(found.to_dict(), ensure_ascii=False, indent=2) + "\n")
    _tell(messages, session_dir, found)
    return ExitCode.OK if found.ok else ExitCode.VERIFY_DIFFERENCE


def _tell(messages: Messages, session_dir: Path, found: Verification) -> None:
    """List what differs, then close with one line for each check."""
    for difference in found.differences:
        log(str(difference), logging.WARNING, event="verify.difference")
    for note in found.notes:
        log(note, event="verify.note")
    rows = {check.name: f"{check.state:<9}{check.detail}" for check in found.checks}
    fields = {
        "event": "verify.done",
        "session_dir": str(session_dir),
        "session_id": found.session_id,
        "ok": found.ok,
        "differences": len(found.differences),
        "checks": {check.name: check.state for check in found.checks},
    }
    messages.table(_heading(found), rows, fields)


def _heading(found: Verification) -> str:
    if not found.ok:
        return "DIFFERENCES FOUND"
    left_out = ", ".join(found.not_checked)
    return f"verified, except what could not be checked: {left_out}" if left_out else "verified"
