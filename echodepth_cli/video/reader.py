"""Read a recording frame by frame with true presentation times; count what cannot be decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from echodepth_cli.errors import InputError, printable
from echodepth_cli.records import DecodeReport, Image, VideoInfo
from echodepth_cli.video.decoder import PacketDecoder
from echodepth_cli.video.orientation import orientation_of_tag
from echodepth_cli.video.picture import PictureMaker
from echodepth_cli.video.source import VideoLimits, open_container
from echodepth_cli.video.streams import (
    choose_stream,
    created_at,
    frame_rate,
    packets_of,
    recording_length,
)
from echodepth_cli.video.timeline import Timeline
from echodepth_cli.video.traits import PictureTraits

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

_DEFAULT_FPS = Fraction(25)
_CUT_SHORT_S = 1.0
"""Pictures ending this much before the announced end mean that the file was cut short."""
_JUST_BEFORE_S = 0.005
"""Frames further before a still than this need not be decoded for themselves."""


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """One decoded frame; its picture is made only when asked for."""

    offset_s: float
    """Presentation time relative to the recording's start; see `Timeline`."""
    pts: int | None
    """Timestamp as stored, in ``time_base`` units; None when the file holds none."""
    time_base: Fraction
    frame: VideoFrame
    maker: PictureMaker

    def to_rgb(self) -> Image:
        """Return the picture as a viewer sees it, (height, width, 3) RGB."""
        return self.maker.rgb(self.frame)


class VideoReader(Protocol):
    """A recording opened for one pass."""

    @property
    def info(self) -> VideoInfo:
        """Facts known before the pass."""

    def frames(self, wanted: Callable[[float], bool] | None = None) -> Iterator[DecodedFrame]:
        """Yield frames in presentation order, offsets strictly increasing; can be called once.

        ``wanted`` is asked, in decoding order, whether the frame at an offset may be used. Frames
        it declines are left out if no other frame depends on them, and never otherwise changed.
        """

    def report(self) -> DecodeReport:
        """Return what was met so far; complete once `frames` is exhausted."""


@contextmanager
def open_video(
    path: Path, *, limits: VideoLimits | None = None, threads: int | None = None
) -> Iterator[VideoReader]:
    """Open a recording; the file is closed on exit.

    With a number of ``threads``, whole recordings are decoded as fast as they can be; without,
    damaged ones are as well, and always the same way.

    Raises:
        NotFoundError: ``path`` does not exist.
        InputError: it is no regular file, no video, over ``limits``, or no frame can be decoded.
        UnsteadyError: with ``threads``, also while frames are read: only without will do.
    """
    with open_container(path) as container:
        yield PyAvReader(path, container, limits or VideoLimits(), threads)


class PyAvReader:
    """`VideoReader` over one open PyAV container; decodes up to the first frame when made."""

    def __init__(
        self, path: Path, container: InputContainer, limits: VideoLimits, threads: int | None = None
    ) -> None:
        stream, warnings = choose_stream(path, container)
        self._path, self._container = path, container
        self._stream, self._limits = stream, limits
        self._warnings = warnings
        self._length = recording_length(container, stream)
        self._check_claims()
        self._maker = PictureMaker(
            path, stream.sample_aspect_ratio, orientation_of_tag(stream.metadata)
        )
        self._time_base = stream.time_base or Fraction(1, 90_000)
        fps = frame_rate(stream)
        start = None if stream.start_time is None else stream.start_time * self._time_base
        self._timeline = Timeline(start, 1 / (fps or _DEFAULT_FPS))
        # AVI numbers its packets in decoding order and stores no presentation times; what FFmpeg
        # makes up for them is wrong with B-frames, the order of the decoded frames is right.
        self._in_decoding_order = container.format.name == "avi"
        if self._in_decoding_order:
            threads = None
        self._decoder = PacketDecoder(path, container, stream, limits, threads)
        self._wanted: Callable[[float], bool] | None = None
        self._traits = PictureTraits(stream)
        self._decoded = 0
        self._last_offset_s: float | None = None
        self._finished = False
        self._source = self._decoder.frames(self._is_wanted)
        self._next: VideoFrame | None = self._first_frame()
        self.info = self._describe(container, fps, self._next)

    def frames(self, wanted: Callable[[float], bool] | None = None) -> Iterator[DecodedFrame]:
        """Yield frames in presentation order; see `VideoReader.frames`."""
        self._wanted = wanted
        while self._next is not None:
            self._limits.check_time()
            frame, self._next = self._next, next(self._source, None)
            following = None if self._next is None else self._time(self._next)
            offset_s = self._timeline.place(self._time(frame), following)
            self._check_offset(offset_s)
            self._decoded += 1
            self._traits.note(frame, offset_s)
            self._last_offset_s = offset_s
            yield DecodedFrame(offset_s, frame.pts, self._time_base, frame, self._maker)
        self._finished = True

    def picture_at(self, offset_s: float, *, tolerance_s: float) -> Image | None:
        """Jump to the frame at ``offset_s`` and return its picture; None when it is not found.

        Ends the pass of `frames`; can be called any number of times, in any order.
        """
        import av

        if self._next is not None:
            self._timeline.place(self._time(self._next), None)
            self._next = None
        # It holds this reader, and what two hold of each other is freed late.
        self._source = iter(())
        ticks = self._timeline.ticks(offset_s, self._time_base)
        try:
            self._container.seek(ticks, stream=self._stream, backward=True)
            for frame in self._frames_up_to(offset_s + tolerance_s):
                time_s = self._time(frame)
                away_s = None if time_s is None else self._timeline.offset(time_s) - offset_s
                if away_s is None or away_s > tolerance_s:
                    return None
                if away_s >= -tolerance_s:
                    return self._maker.rgb(frame)
        except (av.error.FFmpegError, OSError):
            # A still is an extra: a place that cannot be decoded on its own has none.
            return None
        return None

    def _frames_up_to(self, offset_s: float) -> Iterator[VideoFrame]:
        """Decode from where the container stands; of what lies before, only what is needed."""
        context, last_early_s = self._stream.codec_context, offset_s - _JUST_BEFORE_S
        for packet in packets_of(self._container, self._stream):
            if packet.size and packet.pts is not None:
                early = self._timeline.offset(packet.pts * self._time_base) < last_early_s
                context.skip_frame = "NONREF" if early else "DEFAULT"
            yield from context.decode(packet)

    def report(self) -> DecodeReport:
        """Return what was met so far; complete once `frames` is exhausted."""
        said = [*self._warnings, *self._traits.warnings()]
        said += [*self._timeline.warnings(), *self._decoder.warnings()]
        if self._is_cut_short():
            said.append(
                f"The file states {self._length_s():.2f} s but its pictures end at"
                f" {self._last_offset_s:.2f} s; it may have been cut short."
            )
        return DecodeReport(
            frames_decoded=self._decoded,
            decode_failures=self._decoder.failures,
            last_offset_s=self._last_offset_s,
            truncated=self._decoder.gave_up or self._is_cut_short(),
            warnings=tuple(said),
        )

    def _first_frame(self) -> VideoFrame:
        frame = next(self._source, None)
        if frame is None:
            raise InputError(
                f"{printable(self._path)}: no picture can be decoded"
                f" ({self._decoder.failures} of {self._decoder.packets} packets failed); the file"
                " is damaged or incomplete. Copy the recording again."
            )
        return frame

    def _describe(
        self, container: InputContainer, fps: Fraction | None, first: VideoFrame
    ) -> VideoInfo:
        width_px, height_px = self._maker.size(first)
        orientation = self._maker.orientation(first)
        if orientation.mirrored:
            self._warnings.append(
                "The metadata ask for a mirror image; left and right are as a viewer sees them."
            )
        return VideoInfo(
            path=self._path,
            container=container.format.name,
            codec=self._stream.codec_context.codec.canonical_name,
            width_px=width_px,
            height_px=height_px,
            rotation_deg=orientation.rotation_deg,
            duration_s=self._length_s(),
            average_fps=None if fps is None else float(fps),
            created_at=created_at(container, self._stream),
        )

    def _is_wanted(self, pts: int) -> bool:
        if self._wanted is None or self._in_decoding_order:
            return True
        return self._wanted(self._timeline.offset(pts * self._time_base))

    def _time(self, frame: VideoFrame) -> Fraction | None:
        ticks = frame.dts if frame.pts is None or self._in_decoding_order else frame.pts
        return None if ticks is None else ticks * self._time_base

    def _check_claims(self) -> None:
        pixels = self._stream.width * self._stream.height
        if pixels > self._limits.max_pixels:
            raise InputError(
                f"{printable(self._path)}: pictures of {self._stream.width} x"
                f" {self._stream.height} are over the limit of {self._limits.max_pixels} pixels;"
                " make the recording smaller, or raise --max-pixels (max_pixels in a config file)"
            )
        if self._length is not None and self._length.stated:
            self._check_offset(self._length.seconds)

    def _check_offset(self, offset_s: float) -> None:
        longest_s = self._limits.max_duration_s
        if longest_s is not None and offset_s > longest_s:
            raise InputError(
                f"{printable(self._path)}: a length of {offset_s:.0f} s is over the limit of"
                f" {longest_s:g} s; cut the recording, or raise --max-duration (max_duration_s in"
                " a config file)"
            )

    def _length_s(self) -> float | None:
        longest_s = self._limits.max_duration_s
        if self._length is None or (longest_s is not None and self._length.seconds > longest_s):
            return None
        return self._length.seconds

    def _is_cut_short(self) -> bool:
        length, last_s = self._length, self._last_offset_s
        if not self._finished or length is None or not length.stated or last_s is None:
            return False
        return length.seconds - last_s > _CUT_SHORT_S
