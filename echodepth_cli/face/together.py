"""Observe several pictures at the same time, and hand them on in order."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from echodepth_cli.face.lookout import LookOut, Plan, may_be_used
from echodepth_cli.face.observer import Region, observe_frame
from echodepth_cli.face.tracker import FaceTracker
from echodepth_cli.overlap import is_serial
from echodepth_cli.records import Frame, SeenPicture


def observe_frames(
    frames: Iterable[Frame], trackers: Sequence[FaceTracker], region: Region | None = None
) -> Iterator[SeenPicture]:
    """Yield what is seen in each frame, in order; each tracker works in a thread of its own.

    What is seen in a frame depends on the frame and on what was seen `LAG_S` before or earlier, so
    the number of trackers changes nothing. At most one frame more than there are trackers is held
    at a time.
    """
    lookout = LookOut()
    if is_serial():
        for frame in frames:
            seen = observe_frame(frame, trackers[0], region, lookout.plan(frame))
            lookout.saw(seen)
            yield seen
        return
    idle: queue.SimpleQueue[FaceTracker] = queue.SimpleQueue()
    for tracker in trackers:
        idle.put(tracker)

    def observe(frame: Frame, plan: Plan) -> SeenPicture:
        tracker = idle.get()
        try:
            return observe_frame(frame, tracker, region, plan)
        finally:
            idle.put(tracker)

    def first() -> SeenPicture:
        seen = pending.popleft()[1].result()
        lookout.saw(seen)
        return seen

    pending: deque[tuple[float, Future[SeenPicture]]] = deque()
    threads = ThreadPoolExecutor(len(trackers), thread_name_prefix="echodepth-observe")
    try:
        for frame in frames:
            while pending and may_be_used(pending[0][0], frame.offset_s):
                yield first()
            task = threads.submit(observe, frame, lookout.plan(frame))
            pending.append((frame.offset_s, task))
            if len(pending) > len(trackers):
                yield first()
        while pending:
            yield first()
    finally:
        threads.shutdown(cancel_futures=True)
