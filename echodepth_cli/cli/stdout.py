"""stdout carries data only, whatever a C library thinks of printing there."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from echodepth_cli.cli.exits import StdoutClosedError
from echodepth_cli.errors import OutputError


@contextmanager
def data_stdout() -> Iterator[TextIO]:
    """Give the stream for data, while everything else written to descriptor 1 goes to stderr.

    Raises StdoutClosedError when the reader has left and OutputError when nothing can be written.
    """
    with _stdout_errors(), _private_stdout() as stream:
        try:
            yield stream
        finally:
            stream.flush()


@contextmanager
def _private_stdout() -> Iterator[TextIO]:
    try:
        descriptor = sys.stdout.fileno()
    except (io.UnsupportedOperation, AttributeError):
        # Not a file: a caller in this process reads what Python writes, and nothing else can.
        yield sys.stdout
        return
    sys.stdout.flush()
    saved = os.dup(descriptor)
    os.dup2(sys.stderr.fileno(), descriptor)
    try:
        with os.fdopen(os.dup(saved), "w", encoding="utf-8", newline="\n") as stream:
            yield stream
    finally:
        os.dup2(saved, descriptor)
        os.close(saved)


@contextmanager
def _stdout_errors() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise StdoutClosedError from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        raise OutputError(f"stdout: cannot be written: {error.strerror}") from error
