"""Decode one stream packet by packet, so that a damaged packet costs itself and nothing more.

What a decoder makes of damaged data depends on how many threads share the work and on which packets
it was spared, and the same recording must give the same numbers on every machine. Whole data decode
to the same pictures all the same. So several threads decode, and no more than is needed, until the
first sign of damage or of timestamps that need a repair. Then nothing of that pass counts:
`UnsteadyError`, begin again carefully, on one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from echodepth_cli.errors import InputError, printable
from echodepth_cli.video.source import VideoLimits
from echodepth_cli.video.streams import packets_of
from echodepth_cli.video.tails import Tails

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_ONE_PICTURE_PER_PACKET = ("h264", "hevc", "mjpeg", "mpeg1video", "mpeg2video")
"""Codecs without hidden pictures, in which a packet that gives no picture has lost one."""
_THREADED = {"h264": 1, "vp9": 2}
"""Codecs that gave the same damaged pictures on any number of threads, or said that they did not,
and by what to divide that number: VP9 is slower on many. HEVC and VP8 hide differences; the rest
decode fast enough on one."""
_READ_ATTEMPTS = 16
"""Read errors in a row after which the rest of the file is given up."""
_ALWAYS_NEEDED = 32
"""Packets at the start that are decoded in any case: more than a decoder holds back, so that how
many it holds back does not decide which frames can be left out."""
_MOST_HELD_S = 8
"""Pictures left out in a row; a wait of 10 s would be called a gap in the recording."""
_STEP_BACK_S = 1
_LEAP_S = 6 * 3600
"""Packets whose times lie further back or ahead need the repairs of `Timeline`."""


class UnsteadyError(Exception):
    """Fast decoding met what only careful decoding gives the same pictures of every time."""


class PacketDecoder:
    """Yields the frames of one stream in presentation order and counts what failed.

    The counts are a lower bound: only H.264 and MPEG-4 notice nearly all damage to their data.
    HEVC, VP9 and MJPEG decode most damaged data to wrong pixels without a sign (docs/video.md).
    """

    def __init__(
        self,
        path: Path,
        container: InputContainer,
        stream: VideoStream,
        limits: VideoLimits,
        threads: int | None = None,
    ) -> None:
        self._path = path
        self._container, self._stream = container, stream
        self._limits = limits
        self._failures_in_a_row = 0
        self._read_errors = self._errors = self._lost = self._concealed = 0
        self._awaited: set[int] = set()
        self.packets = 0
        self.gave_up = False
        name = stream.codec_context.codec.canonical_name
        if threads is not None:
            threads = max(1, threads // _THREADED[name]) if name in _THREADED else None
        # Several threads do not report errors in the last packets of a file: count there as well,
        # at worst a stream with hidden pictures is read on one thread.
        self._counts_losses = name in _ONE_PICTURE_PER_PACKET or threads is not None
        self._steady = _Steadiness(stream) if threads else None
        self._tails = Tails(stream) if threads else None
        options = {"max_pixels": str(limits.max_pixels)}
        if self._steady is not None:
            # Decoders hide some damage unless told to say so.
            options["err_detect"] = "+explode"
        stream.thread_type = "FRAME" if threads else "SLICE"
        stream.thread_count = threads or 1
        stream.codec_context.options = options

    @property
    def failures(self) -> int:
        """Pictures that could not be decoded and were left out."""
        return self._errors + self._lost

    def frames(self, wanted: Callable[[int], bool]) -> Iterator[VideoFrame]:
        """Yield frames; those at a timestamp not ``wanted`` only if others depend on them.

        Raises UnsteadyError, when decoding fast, at the first sign of damage.
        """
        context = self._stream.codec_context
        for packet, is_needed in self._chosen(wanted):
            if packet.size:
                context.skip_frame = "DEFAULT" if is_needed else "NONREF"
            yield from self._counted(self._decode(packet))
            if self.gave_up:
                break
        if self.gave_up:
            yield from self._counted(self._decode(None))
        self._give_up_on(self._awaited)
        self._check_steady()

    def _check_steady(self, packet: Packet[VideoStream] | None = None) -> None:
        if self._steady is None:
            return
        damaged = self._read_errors or self._errors or self._lost or self._concealed
        if damaged or (packet is not None and not self._steady.is_next(packet)):
            raise UnsteadyError

    def _chosen(self, wanted: Callable[[int], bool]) -> Iterator[tuple[Packet[VideoStream], bool]]:
        """Yield the packets to decode, and whether their own pictures are needed."""
        held: list[Packet[VideoStream]] = []
        for packet in self._packets():
            self._limits.note_packet()
            is_needed = packet.size > 0 and self._is_needed(packet, wanted)
            if self._tails is None:
                yield packet, is_needed
            elif self._tails.cuts(packet):
                held.clear()
                yield packet, is_needed
            elif is_needed or not packet.size or not self._tails.may_go(packet):
                yield from ((before, False) for before in held)
                held.clear()
                yield packet, is_needed
            elif self._span_s(held, packet) > _MOST_HELD_S:
                yield from ((before, False) for before in held)
                held = [packet]
            else:
                held.append(packet)

    def _span_s(self, held: list[Packet[VideoStream]], packet: Packet[VideoStream]) -> float:
        if not held or held[0].pts is None or packet.pts is None:
            return 0.0
        return abs(float((packet.pts - held[0].pts) * (self._stream.time_base or 0)))

    def _is_needed(self, packet: Packet[VideoStream], wanted: Callable[[int], bool]) -> bool:
        # Without a timestamp a packet cannot be recognised, and an odd one may give no picture, so
        # it must not stand in for the one after it.
        if packet.pts is None or packet.is_discard or packet.is_corrupt:
            return True
        if self.packets > _ALWAYS_NEEDED and not wanted(packet.pts):
            return False
        self._awaited.add(packet.pts)
        return True

    def _counted(self, frames: list[VideoFrame]) -> Iterator[VideoFrame]:
        for frame in frames:
            self._concealed += frame.is_corrupt
            if frame.interlaced_frame:
                # Two fields may come in two packets and leave as one picture.
                self._counts_losses = False
                self._lost = 0
            if frame.pts is not None:
                # Frames leave in the order of their times: what is earlier will not come any more.
                self._awaited.discard(frame.pts)
                self._give_up_on({pts for pts in self._awaited if pts < frame.pts})
            self._check_steady()
            yield frame

    def _give_up_on(self, awaited: set[int]) -> None:
        self._lost += len(awaited) if self._counts_losses else 0
        self._awaited = self._awaited - awaited

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        import av

        errors_in_a_row = 0
        while errors_in_a_row < _READ_ATTEMPTS:
            try:
                for packet in packets_of(self._container, self._stream):
                    errors_in_a_row = 0
                    self.packets += packet.size > 0
                    self._check_steady(packet)
                    yield packet
            except av.error.FFmpegError:
                errors_in_a_row += 1
                self._read_errors += 1
                self._check_steady()
            except OSError as exc:
                # The disk or the network failed, not the recording: no result is better than half.
                raise InputError(
                    f"{printable(self._path)}: reading it failed: {exc.strerror or exc}"
                ) from exc
            else:
                return
        self.gave_up = True

    def _decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        import av

        try:
            frames = self._stream.codec_context.decode(packet)
        except av.error.EOFError:
            return []
        except (av.error.FFmpegError, MemoryError):
            self._errors += 1
            self._check_steady()
            self._failures_in_a_row += 1
            self.gave_up = self._failures_in_a_row >= self._limits.max_failures
            if packet is not None and packet.pts is not None:
                self._awaited.discard(packet.pts)
            return []
        if frames:
            self._failures_in_a_row = 0
        return frames

    def warnings(self) -> list[str]:
        """Return one plain sentence for each kind of loss."""
        said = []
        if self._errors:
            said.append(f"{self._errors} of {self.packets} packets could not be decoded.")
        if self._lost:
            said.append(
                f"{self._lost} further picture(s) could not be rebuilt from damaged data and are"
                " missing."
            )
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


class _Steadiness:
    """Watches the timestamps of packets for those that decoders and clocks disagree about."""

    def __init__(self, stream: VideoStream) -> None:
        time_base = stream.time_base or 0
        self._step_back = int(_STEP_BACK_S / time_base) if time_base else 0
        self._leap = int(_LEAP_S / time_base) if time_base else 0
        self._latest: int | None = None

    def is_next(self, packet: Packet[VideoStream]) -> bool:
        """Return whether ``packet`` has a time that can follow those before it."""
        if not packet.size:
            return True
        if packet.pts is None or packet.is_corrupt:
            return False
        latest = packet.pts if self._latest is None else self._latest
        self._latest = max(latest, packet.pts)
        return latest - self._step_back <= packet.pts <= latest + self._leap
