"""The one place where an error becomes one line on stderr and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from echodepth_cli.errors import EchodepthError, ExitCode, InputError, ModelError, printable

DEBUG_VARIABLE: Final = "ECHODEPTH_DEBUG"
"""Set to anything but 0 to see the traceback of an unexpected error, like ``--debug``."""

_READER_GONE: Final = 128 + signal.SIGPIPE
"""What a shell shows for a program that was writing to a pipe when its reader left."""


class StdoutClosedError(Exception):
    """The reader of stdout has left, as ``head`` does."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; nothing but ``SystemExit`` escapes."""
    json_lines = option_value(arguments, "--log-format") == "json"
    try:
        return _run(arguments, json_lines=json_lines)
    except KeyboardInterrupt:
        return _report_interruption(json_lines=json_lines)


def _run(arguments: Sequence[str], *, json_lines: bool) -> int:
    import typer

    from echodepth_cli.cli.app import app

    try:
        result = app(
            list(arguments),
            prog_name="echodepth",
            standalone_mode=False,
            obj=["echodepth", *arguments],
        )
        if result == ExitCode.INTERRUPTED:  # typer ends Ctrl-C quietly
            raise KeyboardInterrupt
        return int(result or ExitCode.OK)
    except EchodepthError as error:
        if _is_interruption(error):
            return _report_interruption(json_lines=json_lines)
        write_error(error.message, error.code, error.exit_code, json_lines=json_lines)
        return error.exit_code
    except typer.TyperException as error:
        return _report_usage(error, json_lines=json_lines)
    except StdoutClosedError:
        # Nothing more can be delivered; the flush at exit must not fail on the same pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _READER_GONE
    except typer.Abort:
        return _report_interruption(json_lines=json_lines)
    except OSError as error:
        if error.filename is None:
            return _report_unexpected(error, arguments, json_lines=json_lines)
        # What is written is guarded where it is written; this is a path that was only looked at.
        message = f"{error.filename}: cannot be used: {error.strerror}; check the path"
        write_error(message, InputError.code, InputError.exit_code, json_lines=json_lines)
        return InputError.exit_code
    except Exception as error:
        if _is_interruption(error):
            return _report_interruption(json_lines=json_lines)
        return _report_unexpected(error, arguments, json_lines=json_lines)


def write_error(message: str, code: str, exit_code: int, *, json_lines: bool) -> None:
    """Write one error as one line on stderr."""
    if json_lines:
        from echodepth_cli.cli.logs import json_line

        line = json_line("error", message, {"code": code, "exit_code": int(exit_code)})
    else:
        line = f"error: {printable(message)}"
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def option_value(arguments: Sequence[str], name: str) -> str | None:
    """Return the value an option has among raw arguments, as ``NAME VALUE`` or ``NAME=VALUE``.

    Errors in the arguments themselves must be reported in the format that the arguments ask for.
    """
    value = None
    for index, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == name and index + 1 < len(arguments):
            value = arguments[index + 1]
        elif argument.startswith(f"{name}="):
            value = argument.removeprefix(f"{name}=")
    return value


def _is_interruption(error: BaseException | None) -> bool:
    """Return whether an error is what foreign code made of an interruption while it was loaded."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _report_interruption(*, json_lines: bool) -> int:
    write_error("interrupted", "interrupted", ExitCode.INTERRUPTED, json_lines=json_lines)
    return ExitCode.INTERRUPTED


def _report_usage(error: Exception, *, json_lines: bool) -> int:
    import typer

    assert isinstance(error, typer.TyperException)
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    if context is not None:
        message = f"{message.rstrip('.')}. See '{context.command_path} --help'."
    write_error(message, "usage_error", ExitCode.USAGE, json_lines=json_lines)
    return ExitCode.USAGE


def _report_unexpected(error: Exception, arguments: Sequence[str], *, json_lines: bool) -> int:
    """Report a bug, or an OpenCV or MediaPipe that lacks a system library, which is none."""
    if "--debug" in arguments or os.environ.get(DEBUG_VARIABLE, "0") != "0":
        traceback.print_exception(error)
    if isinstance(error, ImportError) and ".so" in str(error):
        from echodepth_cli.face.tracker import missing_library_message

        message = missing_library_message(error)
        write_error(message, ModelError.code, ExitCode.MODEL, json_lines=json_lines)
        return ExitCode.MODEL
    message = f"unexpected {type(error).__name__}: {error}; echodepth --debug shows where"
    write_error(message, EchodepthError.code, ExitCode.UNEXPECTED, json_lines=json_lines)
    return ExitCode.UNEXPECTED
