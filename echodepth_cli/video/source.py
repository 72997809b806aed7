"""Open a file from a stranger as one local video container, and nothing else.

FFmpeg follows names: a playlist or a concat script handed to it as a "video" opens whatever it
lists, and a path such as ``http:x`` or ``img%03d.png`` is a URL or a pattern. So the file is opened
here, must be a regular file, and FFmpeg gets its bytes without a name, for the containers listed
in `CONTAINERS`, with every further open refused.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from echodepth_cli.config import AnalysisConfig
from echodepth_cli.deadline import Deadline
from echodepth_cli.errors import InputError, NotFoundError, printable

if TYPE_CHECKING:
    from av.container import InputContainer

CONTAINERS = "mov,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg,mxf,nut,dv"
"""FFmpeg demuxers that carry timed video in one file and refer to no other."""

_BUFFER_BYTES = 1 << 18
_SETTINGS = AnalysisConfig()


@dataclass(frozen=True, slots=True)
class VideoLimits:
    """Bounds on what a recording may ask of this machine."""

    max_pixels: int = _SETTINGS.max_pixels
    """Largest picture, width times height; 8K film. A decoder may hold 17 of them."""
    max_duration_s: float | None = _SETTINGS.max_duration_s
    """Longest recording; None accepts any."""
    max_failures: int = 3000
    """Packets in a row that may fail before reading is given up (2 minutes at 25 per second)."""
    deadline: Deadline | None = None
    """By when all of it must be read."""
    on_packet: Callable[[], None] | None = None
    """Told of every packet read; may raise to end the reading."""

    @classmethod
    def of(cls, config: AnalysisConfig, deadline: Deadline | None = None) -> VideoLimits:
        """Return the limits that ``config`` sets."""
        return cls(config.max_pixels, config.max_duration_s, deadline=deadline)

    def check_time(self) -> None:
        """Raise TimeLimitError once the time is over."""
        if self.deadline is not None:
            self.deadline.check()

    def note_packet(self) -> None:
        """Tell whoever watches that reading goes on."""
        if self.on_packet is not None:
            self.on_packet()


class _Nameless:
    """The reading half of a file without its name, so that only its bytes decide what it is."""

    def __init__(self, file: BinaryIO) -> None:
        self._seek = file.seek
        self.read = file.read
        self.tell = file.tell

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the file; a place that cannot be is an error number for FFmpeg.

        Damaged files ask for such places, and PyAV prints every exception but the first.
        """
        try:
            return self._seek(offset, whence)
        except (OSError, OverflowError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:
                raise
            return -errno.EINVAL


@contextmanager
def reading_errors(path: Path, doing: str = "read") -> Iterator[None]:
    """Turn errors of PyAV and of the file system into InputError naming ``path``."""
    import av

    try:
        yield
    except (av.error.FFmpegError, OSError, ValueError, MemoryError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
        raise InputError(
            f"{printable(path)}: cannot {doing} this video: {printable(reason)}"
        ) from exc


@contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """Open ``path`` as a video container; raises NotFoundError or InputError with what to do."""
    import av

    with _open_regular(path) as file:
        try:
            container = av.open(
                _Nameless(file),
                mode="r",
                container_options={"format_whitelist": CONTAINERS, "protocol_whitelist": "file"},
                metadata_errors="replace",
                buffer_size=_BUFFER_BYTES,
                io_open=_refuse_open,
            )
        except (av.error.FFmpegError, OSError, ValueError, RuntimeError) as exc:
            raise InputError(f"{printable(path)}: {_why_unreadable(file, exc)}") from exc
        with container:
            yield container


def _open_regular(path: Path) -> BinaryIO:
    name = printable(path)
    try:
        # Without O_NONBLOCK a pipe named like a video would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except FileNotFoundError as exc:
        raise NotFoundError(f"{name}: no such file; check the path") from exc
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise InputError(f"{name}: cannot be opened: {reason}") from exc
    try:
        state = os.fstat(descriptor)
        if stat.S_ISDIR(state.st_mode):
            raise InputError(f"{name}: is a directory; name a video file in it")
        if not stat.S_ISREG(state.st_mode):
            raise InputError(f"{name}: is not a regular file; copy the recording to a file first")
        if state.st_size == 0:
            raise InputError(f"{name}: is empty (0 bytes); copy the recording again")
        return os.fdopen(descriptor, "rb", buffering=0)
    except BaseException:
        os.close(descriptor)
        raise


def _why_unreadable(file: BinaryIO, error: Exception) -> str:
    file.seek(0)
    if file.read(8)[4:] == b"ftyp":
        return (
            "its index is missing or damaged, so it was not recorded or copied to the end;"
            " copy it again, or repair it with the software that recorded it"
        )
    # What a refused container gives; its own words would puzzle.
    refused = getattr(error, "errno", None) == errno.EINVAL
    reason = "an unknown kind" if refused else getattr(error, "strerror", None) or str(error)
    return (
        f"not a readable video file ({printable(reason)}); it must be a whole MP4, MOV, MKV, WebM,"
        " AVI, MPEG, FLV, WMV, OGG, MXF or DV file. Check that it plays, or convert it to MP4."
    )


def _refuse_open(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise PermissionError("the file refers to another file or address, which is not followed")
