"""Decode one stream packet by packet, so that a damaged packet costs itself and nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from echodepth_cli.errors import InputError, printable
from echodepth_cli.video.source import VideoLimits

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_READ_ATTEMPTS = 16
"""Read errors in a row after which the rest of the file is given up."""


class PacketDecoder:
    """Yields the frames of one stream in presentation order and counts what failed."""

    def __init__(
        self, path: Path, container: InputContainer, stream: VideoStream, limits: VideoLimits
    ) -> None:
        self._path = path
        self._container, self._stream = container, stream
        self._max_failures = limits.max_failures
        self._failures_in_a_row = 0
        self._read_errors = 0
        self._concealed = 0
        self.packets = 0
        self.failures = 0
        self.gave_up = False
        # One thread: what a decoder makes of damaged data depends on how many share the work, and
        # the same recording must give the same numbers on every machine.
        stream.thread_type, stream.thread_count = "SLICE", 1
        stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}

    def frames(self, wanted: Callable[[int], bool]) -> Iterator[VideoFrame]:
        """Yield frames; those at a timestamp not ``wanted`` only if others depend on them."""
        context = self._stream.codec_context
        for packet in self._packets():
            if packet.size:
                # Only a packet with a timestamp can be recognised; the rest is decoded.
                unwanted = packet.pts is not None and not _is_odd(packet) and not wanted(packet.pts)
                context.skip_frame = "NONREF" if unwanted else "DEFAULT"
            for frame in self._decode(packet):
                self._concealed += frame.is_corrupt
                yield frame
            if self.gave_up:
                break

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        import av

        errors_in_a_row = 0
        while errors_in_a_row < _READ_ATTEMPTS:
            try:
                for packet in self._container.demux(self._stream):
                    errors_in_a_row = 0
                    self.packets += packet.size > 0
                    yield packet
            except av.error.FFmpegError:
                errors_in_a_row += 1
                self._read_errors += 1
            except OSError as exc:
                # The disk or the network failed, not the recording: no result is better than half.
                raise InputError(
                    f"{printable(self._path)}: reading it failed: {exc.strerror or exc}"
                ) from exc
            else:
                return
        self.gave_up = True

    def _decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        import av

        try:
            frames = packet.decode()
        except av.error.EOFError:
            return []
        except (av.error.FFmpegError, MemoryError):
            self.failures += 1
            self._failures_in_a_row += 1
            self.gave_up = self._failures_in_a_row >= self._max_failures
            return []
        if frames:
            self._failures_in_a_row = 0
        return frames

    def warnings(self) -> list[str]:
        """Return one plain sentence for each kind of loss."""
        said = []
        if self.failures:
            said.append(f"{self.failures} of {self.packets} packets could not be decoded.")
        if self._concealed:
            said.append(
                f"{self._concealed} frame(s) were decoded from damaged data; parts of those"
                " pictures are guesses of the decoder."
            )
        if self._read_errors:
            said.append(f"The container is damaged in {self._read_errors} place(s).")
        if self.gave_up:
            said.append(
                "Decoding was given up before the end of the file; what follows the last frame"
                " was not analysed."
            )
        return said


def _is_odd(packet: Packet[VideoStream]) -> bool:
    # Such a packet may yield no frame, so it must not stand in for the one after it.
    return packet.is_discard or packet.is_corrupt
