"""Fetch single pictures of a recording again, by their offsets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from echodepth_cli.interruption import interruptions_held
from echodepth_cli.records import Image
from echodepth_cli.video.reader import PyAvReader
from echodepth_cli.video.source import VideoLimits, open_container

_FEWER: Final = 3
"""Of the threads of a whole pass every third: the more there are, the more pictures beyond the
wanted one have been decoded when it comes out."""

_SAME_FRAME_S: Final = 0.6e-3
"""Reports give moments in whole milliseconds; frames are further apart than that."""


def pictures_at(
    path: Path,
    offsets_s: Iterable[float],
    limits: VideoLimits | None = None,
    threads: int | None = None,
) -> Iterator[tuple[float, Image]]:
    """Yield the frames at ``offsets_s`` in their order in time, those that can be found again.

    Jumps to the keyframe before each instead of decoding everything. A frame whose timestamp had
    to be repaired, or that cannot be decoded on its own, is left out. Raises InputError when the
    recording cannot be opened.
    """
    wanted = sorted(set(offsets_s))
    if not wanted:
        return
    if threads is not None:
        threads = max(1, threads // _FEWER)
    with ExitStack() as held:
        # PyAV prints whatever an interruption raises while FFmpeg asks for bytes.
        with interruptions_held():
            container = held.enter_context(open_container(path))
            reader = PyAvReader(path, container, limits or VideoLimits(), threads)
        for offset_s in wanted:
            with interruptions_held():
                picture = reader.picture_at(offset_s, tolerance_s=_SAME_FRAME_S)
            if picture is not None:
                yield offset_s, picture
