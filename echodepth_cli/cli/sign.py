"""``echodepth sign``: put an organisation's signature under finished sessions."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated

import typer

from echodepth_cli.cli import options as opt
from echodepth_cli.cli.console import set_up_messages
from echodepth_cli.cli.logs import log
from echodepth_cli.errors import ExitCode


def sign(
    session_dirs: Annotated[
        list[Path],
        typer.Argument(metavar="SESSION_DIR...", help="Directories that analyse has made."),
    ],
    key: Annotated[
        Path,
        typer.Option(
            "--key",
            metavar="FILE",
            help="Ed25519 private key in PEM form; its passphrase, if it has one, is taken from "
            "ECHODEPTH_KEY_PASSPHRASE.",
        ),
    ],
    quiet: opt.Quiet = False,
    log_format: opt.LogFormatOption = None,
) -> int:
    """Sign sessions with a key that your organisation holds.

    Writes report.sig into each directory. A session that does not verify is not signed, and the
    command ends with exit code 10.
    """
    set_up_messages(log_format, quiet=quiet)
    from echodepth_cli.output import signature
    from echodepth_cli.verify import verify_session

    private_key = signature.load_private_key(key, os.environ.get(signature.PASSPHRASE_VARIABLE))
    if signature.is_open_to_others(key):
        log(f"{key}: others may read this key; chmod 600 it", logging.WARNING, event="sign.key")
    unsigned = 0
    for session_dir in session_dirs:
        found = verify_session(session_dir)
        if not found.ok:
            unsigned += 1
            why = str(found.differences[0])
            log(f"{session_dir}: not signed: {why}", logging.WARNING, event="sign.refused")
            continue
        signature.sign_files(session_dir, private_key)
        log(f"{session_dir}: signed", event="sign.done", session_id=found.session_id)
    return ExitCode.VERIFY_DIFFERENCE if unsigned else ExitCode.OK
