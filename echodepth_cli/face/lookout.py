"""Where a picture is worth a second look: where a face just was, and anywhere after a change.

At first sight small faces beside a large one are missed, and now and then a face in a grimace.
Looking closely at every whole picture takes twice the time, so that is done where a cut or somebody
missing makes it likely that there is something to find, else every ten seconds; a face once found
is then looked for where it was.

What is seen in a frame so depends on the frame and on what was seen `LAG_S` before or earlier, and
not on how many pictures are observed at the same time.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Final

from echodepth_cli.face.cuts import CutDetector, Look, look_of
from echodepth_cli.face.tracks import GROWTH, growth, separation
from echodepth_cli.records import Box, Frame, SeenPicture

LAG_S: Final = 0.4
"""What was seen later than this before a frame is not used for it: it may still be in work."""

_KEPT_S: Final = 2.0
"""How long a face that is gone is looked for where it was."""

_UNSETTLED_S: Final = 4.0
"""For so long after a change the whole picture is searched often."""

_OFTEN_S: Final = 1.0
_SELDOM_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How a picture is to be looked at."""

    look: Look
    """The look of the picture; it is made here, in order, so that cuts are noticed."""
    places: tuple[Box, ...] = ()
    """Where faces are to be looked for again, in fractions of the picture."""
    everywhere: bool = False
    """Whether small faces are to be looked for in the whole picture."""


class LookOut:
    """Plans the looks at one recording; call `plan` and `saw` for each frame, in order."""

    def __init__(self) -> None:
        self._cuts = CutDetector()
        self._seen: deque[SeenPicture] = deque()
        self._faces: list[tuple[float, Box]] = []
        """When and where each face was last seen."""
        self._count = 0
        self._cut_s: float | None = None
        self._changed_s = -math.inf
        self._searched_s = -math.inf

    def plan(self, frame: Frame) -> Plan:
        """Return how the next frame is to be looked at."""
        now_s, look = frame.offset_s, look_of(frame.image)
        self._cuts.push(look)
        if self._cut_s is None or self._cuts.is_cut:
            self._cut_s = self._changed_s = now_s
            self._faces = []
        while self._seen and may_be_used(self._seen[0].offset_s, now_s):
            self._learn(self._seen.popleft(), self._cut_s)
        everywhere = now_s - self._cut_s < LAG_S or now_s - self._searched_s >= self._pause_s(now_s)
        if everywhere:
            self._searched_s = now_s
        return Plan(look, tuple(box for _, box in self._faces), everywhere)

    def saw(self, seen: SeenPicture) -> None:
        """Take what was seen in a frame that was planned."""
        self._seen.append(seen)

    def _learn(self, seen: SeenPicture, cut_s: float) -> None:
        boxes = [face.box for face in seen.faces]
        if len(boxes) < self._count:
            self._changed_s = max(self._changed_s, seen.offset_s)
        self._count = len(boxes)
        if seen.offset_s < cut_s:
            return
        missed = [
            (at_s, box)
            for at_s, box in self._faces
            if seen.offset_s - at_s < _KEPT_S
            and not any(_may_be_the_same(box, other) for other in boxes)
        ]
        self._faces = [*((seen.offset_s, box) for box in boxes), *missed]

    def _pause_s(self, now_s: float) -> float:
        return _OFTEN_S if now_s - self._changed_s < _UNSETTLED_S else _SELDOM_S


def _may_be_the_same(one: Box, other: Box) -> bool:
    return separation(one, other) < 1.0 and growth(one, other) < GROWTH


def may_be_used(seen_s: float, now_s: float) -> bool:
    """Say whether a picture lies far enough back to be used for one at ``now_s``."""
    return seen_s <= now_s - LAG_S
