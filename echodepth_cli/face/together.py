"""Observe several pictures at the same time, and hand them on in order."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from echodepth_cli.face.observer import Region, observe_frame
from echodepth_cli.face.tracker import FaceTracker
from echodepth_cli.overlap import is_serial
from echodepth_cli.records import Frame, SeenPicture


def observe_frames(
    frames: Iterable[Frame], trackers: Sequence[FaceTracker], region: Region | None = None
) -> Iterator[SeenPicture]:
    """Yield what is seen in each frame, in order; each tracker works in a thread of its own.

    What is seen in a frame depends on nothing but the frame, so the number of trackers changes
    nothing. At most one frame more than there are trackers is held at a time.
    """
    if is_serial():
        for frame in frames:
            yield observe_frame(frame, trackers[0], region)
        return
    idle: queue.SimpleQueue[FaceTracker] = queue.SimpleQueue()
    for tracker in trackers:
        idle.put(tracker)

    def observe(frame: Frame) -> SeenPicture:
        tracker = idle.get()
        try:
            return observe_frame(frame, tracker, region)
        finally:
            idle.put(tracker)

    pending: deque[Future[SeenPicture]] = deque()
    threads = ThreadPoolExecutor(len(trackers), thread_name_prefix="echodepth-observe")
    try:
        for frame in frames:
            pending.append(threads.submit(observe, frame))
            if len(pending) > len(trackers):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        threads.shutdown(cancel_futures=True)
