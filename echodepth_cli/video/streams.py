"""Choose the stream that holds the recording and read what the container says about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from echodepth_cli.errors import InputError, printable

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer
    from av.video.stream import VideoStream

_TOO_FAST_FPS = 1000
"""What FFmpeg makes of Matroska's milliseconds when no frame rate is stated."""
_EARLIEST_YEAR = 1990
"""Cameras without a clock write 1904 or 1970; nobody filmed digitally then."""

_WITHOUT_LENGTH = ("mpeg", "flv", "ogg")
"""Containers that state no length; a clock that restarts midway makes the estimate absurd."""


@dataclass(frozen=True, slots=True)
class Length:
    """How long a recording is said to be."""

    seconds: float
    stated: bool
    """True when the file states it for its video; else it is FFmpeg's estimate."""


def packets_of(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """Yield the packets of a stream from where the container stands, then the empty last one."""
    try:
        yield from container.demux(stream)
    except IndexError:
        # After the last packet of a damaged MPEG-TS, PyAV asks for streams that were announced
        # midway and that it does not know. Ours, known from the start, has ended before them.
        return


def choose_stream(path: Path, container: InputContainer) -> tuple[VideoStream, list[str]]:
    """Return the recording's stream and sentences on what was passed over.

    Cover pictures are never chosen; among the rest the first marked default, else the largest.
    Raises InputError when there is none that can be decoded.
    """
    from av.stream import Disposition

    name = printable(path)
    covers = Disposition.attached_pic | Disposition.timed_thumbnails
    pictures = container.streams.video
    films = [s for s in pictures if not s.disposition & covers]
    if not films:
        holds = "only a cover picture" if pictures else "no video"
        sound = " (sound only)" if container.streams.audio else ""
        raise InputError(f"{name}: holds {holds}{sound}; name a file that holds the picture")
    known = [s for s in films if s.codec_context is not None]
    if not known:
        raise InputError(f"{name}: its video codec is not supported; convert it to H.264 MP4 first")
    chosen = next(
        (s for s in known if s.disposition & Disposition.default),
        max(known, key=lambda s: s.width * s.height),
    )
    if len(films) == 1:
        return chosen, []
    return chosen, [
        f"The file holds {len(films)} video streams; number {films.index(chosen) + 1} of them"
        f" ({chosen.width} x {chosen.height}) was analysed."
    ]


def frame_rate(stream: VideoStream) -> Fraction | None:
    """Return the average frames per second; None when nothing believable is stated."""
    rate = stream.average_rate
    return rate if rate and 0 < rate < _TOO_FAST_FPS else None


def recording_length(container: InputContainer, stream: VideoStream) -> Length | None:
    """Return the length of the video as the file states it, else an estimate, else None."""
    kind = container.format.name
    if stream.duration and stream.time_base:
        stated = not kind.startswith(_WITHOUT_LENGTH)
        return Length(float(stream.duration * stream.time_base), stated)
    # Matroska states where a stream ends, counted from zero and not from its first frame.
    start_s = 0.0
    if "matroska" in kind and stream.start_time and stream.time_base:
        start_s = float(stream.start_time * stream.time_base)
    tagged = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if tagged:
        hours, minutes, seconds = tagged.groups()
        end_s = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        return Length(max(end_s - start_s, 0), stated=True)
    if container.duration:
        return Length(max(container.duration / 1_000_000 - start_s, 0), stated=False)
    return None


def created_at(container: InputContainer, stream: VideoStream) -> datetime | None:
    """Return when the recording was made, with its time zone; None when not stated with one."""
    for value in (
        # Apple's own tag carries the local time zone; the standard one is UTC.
        container.metadata.get("com.apple.quicktime.creationdate"),
        container.metadata.get("creation_time"),
        stream.metadata.get("creation_time"),
    ):
        moment = _moment(value or "")
        if moment is not None:
            return moment
    return None


def _moment(text: str) -> datetime | None:
    # Python 3.10 reads neither "Z" nor "+0100" nor more than six decimals.
    match = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?(?:(Z)|([+-]\d\d):?(\d\d))", text.strip()
    )
    if match is None:
        return None
    day, clock, fraction, zulu, hours, minutes = match.groups()
    zone = "+00:00" if zulu else f"{hours}:{minutes}"
    micros = f".{(fraction or '.')[1:7]:0<6}"
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{micros}{zone}")
    except ValueError:
        return None
    return moment if moment.year >= _EARLIEST_YEAR else None
