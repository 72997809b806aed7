"""Every error echodepth raises on purpose, and the exit code each one ends a command with.

EchodepthError
├── UsageError            2  bad arguments, bad config file
├── InputError            3  missing, unreadable, no video, nothing decodable, over a limit
├── ModelError            4  model missing, wrong checksum, unusable runtime
├── OutputError           5  cannot write, exists without --force
├── NoFaceError           6  too few usable frames
└── BaselineError         7  baseline impossible as configured

Each carries one plain message that names the file, what is wrong and what to do. Errors keep
their message in ``args`` so that they survive pickling between processes.
"""

from __future__ import annotations

import unicodedata
from enum import IntEnum


class ExitCode(IntEnum):
    """The documented exit codes of the ``echodepth`` command."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    INPUT = 3
    MODEL = 4
    OUTPUT = 5
    NO_FACE = 6
    BASELINE = 7
    BATCH_PARTIAL = 8
    ALERTS = 9
    VERIFY_DIFFERENCE = 10
    INTERRUPTED = 130


class EchodepthError(Exception):
    """Base of all errors raised on purpose; ``code`` is the API's error code for machines."""

    exit_code: ExitCode = ExitCode.UNEXPECTED
    code: str = "internal_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)

    @property
    def message(self) -> str:
        """Return the one-line message for people."""
        return str(self.args[0])


class UsageError(EchodepthError):
    """Arguments or a config file that cannot be used."""

    exit_code = ExitCode.USAGE
    code = "usage_error"


class InputError(EchodepthError):
    """An input that is missing, unreadable, or holds no usable video."""

    exit_code = ExitCode.INPUT
    code = "unreadable_input"


class NotFoundError(InputError):
    """An input path that does not exist."""

    code = "not_found"


class FrameTooLargeError(InputError):
    """A still image over the documented size limit."""

    code = "frame_too_large"


class TimeLimitError(InputError):
    """A recording that took longer than it may."""

    code = "timed_out"


class ModelError(EchodepthError):
    """A model that is missing, altered, or cannot be run on this machine."""

    exit_code = ExitCode.MODEL
    code = "model_error"


class OutputError(EchodepthError):
    """An output that cannot be written."""

    exit_code = ExitCode.OUTPUT
    code = "output_error"


class NoFaceError(EchodepthError):
    """A recording with too few frames in which the face can be measured."""

    exit_code = ExitCode.NO_FACE
    code = "no_face_detected"


class BaselineError(EchodepthError):
    """A baseline that cannot be taken as configured."""

    exit_code = ExitCode.BASELINE
    code = "baseline_impossible"


def printable(text: object) -> str:
    """Return ``text`` on one line, control, bidirectional and undecodable characters escaped.

    Names of files come from strangers; a message that quotes one stays one honest line.
    """
    return "".join(
        char.encode("unicode_escape").decode("ascii")
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else char
        for char in str(text)
    )
