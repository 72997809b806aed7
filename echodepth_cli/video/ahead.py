"""Read a recording in a thread of its own, a few pictures ahead of whoever looks at them."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, TypeAlias

from echodepth_cli.config import AnalysisConfig
from echodepth_cli.overlap import Ahead, Patience, Step, is_serial
from echodepth_cli.records import DecodeReport, Frame, VideoInfo
from echodepth_cli.video.decoder import UnsteadyError
from echodepth_cli.video.reader import open_video
from echodepth_cli.video.sampler import sampled_frames
from echodepth_cli.video.source import VideoLimits

_THREADS_A_CORE: Final = 6
"""A thread waits for the picture that its own is predicted from: one a core leaves cores idle."""
_MOST_THREADS: Final = 12
"""Each holds pictures of its own."""
_BYTES_AHEAD: Final = 48 << 20
"""Of pictures that wait: eight of 1080p, as many as are decoded while the models are loaded."""
_MOST_AHEAD: Final = 16
"""However small they are."""

_Message: TypeAlias = VideoInfo | Frame | DecodeReport
"""What a pass over a recording says: the facts, then the pictures, then how it went."""


def decoding_threads() -> int:
    """Return on how many threads to decode here; whole recordings come out the same on any."""
    return 1 if is_serial() else min(_THREADS_A_CORE * len(os.sched_getaffinity(0)), _MOST_THREADS)


class ReadAhead:
    """The sampled frames of one recording.

    Opens the recording when entered, and begins to read. All of that, decoding and conversion
    happen in another thread, except with `overlap.SERIAL_VARIABLE`.
    """

    def __init__(self, path: Path, config: AnalysisConfig, limits: VideoLimits) -> None:
        self._path, self._config, self._limits = path, config, limits
        self.threads: int | None = decoding_threads()
        self._held = ExitStack()
        self._messages: Iterator[_Message] = iter(())
        self._info: VideoInfo | None = None
        self._report: DecodeReport | None = None

    def __enter__(self) -> ReadAhead:
        self._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()

    @property
    def info(self) -> VideoInfo:
        """Return the facts about the recording; raises what `open_video` raises."""
        if self._info is None:
            try:
                info = self._next()
            except UnsteadyError:
                self.begin_again()
                info = self._next()
            assert isinstance(info, VideoInfo)
            self._info = info
        return self._info

    def frames(self) -> Iterator[Frame]:
        """Yield the sampled frames in order.

        Raises UnsteadyError when the frames so far must be thrown away: call `begin_again`, then
        `frames` once more. Raises InputError as `sampled_frames` does, and when decoding hangs.
        """
        assert self.info
        while isinstance(message := self._next(), Frame):
            yield message
        assert isinstance(message, DecodeReport)
        self._report = message

    def report(self) -> DecodeReport:
        """Return what was met; only after the last frame."""
        if self._report is None:
            raise RuntimeError("the recording has not been read to its end")
        return self._report

    def begin_again(self) -> None:
        """Read from the start once more, carefully; see `decoder.UnsteadyError`."""
        self._held.close()
        self.threads = None
        self._begin()
        if self._info is not None:
            self._next()

    def _begin(self) -> None:
        if is_serial():
            messages = self._read(lambda: None)
            self._held.enter_context(closing(messages))
            self._messages = messages
            return
        patience = Patience(self._path, self._config.stall_timeout_s)
        ahead = Ahead(self._read, depth=_BYTES_AHEAD, patience=patience, weigh=_bytes)
        self._messages = iter(self._held.enter_context(ahead))

    def _read(self, step: Step) -> Generator[_Message, None, None]:
        config, limits = self._config, replace(self._limits, on_packet=step)
        with open_video(self._path, limits=limits, threads=self.threads) as reader:
            yield reader.info
            yield from sampled_frames(reader, config.fps, config.start_s, config.end_s)
            yield reader.report()

    def _next(self) -> _Message:
        return next(self._messages)


def _bytes(message: _Message) -> int:
    least = _BYTES_AHEAD // _MOST_AHEAD
    return max(message.image.nbytes, least) if isinstance(message, Frame) else 1
