"""Whether the right person is measured, on pictures with several people whose places are known.

    python -m benchmarks.persons [--people A.mp4 B.mp4] [--seconds 60] [--cost]

Composes the sampled pictures of each layout of `tests.composites` with both people, with A alone,
and with A alone a few pixels aside, a little smaller, or compressed otherwise (`MOVES`); takes them
through the session; and prints a table. Without ``--people`` the two rendered people of this
repository play.

right      measured frames that show A, of all measured frames
of A       frames that were measured, of those that show A
unflagged  measured frames that show somebody else
doubt      frames reported as in doubt
valence, arousal: median distance of A's values in the composite from those of A alone
noise      least and most of the same distances between A alone and A alone moved
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import cycle, product
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from echodepth_cli.config import AnalysisConfig
from echodepth_cli.engine import Engine, open_engine
from echodepth_cli.face.lookout import LookOut
from echodepth_cli.face.observer import observe_frame
from echodepth_cli.face.odds import SURE
from echodepth_cli.face.persons import PersonTracker, SeenFrame
from echodepth_cli.output.spool import Spool
from echodepth_cli.pipeline import analyse
from echodepth_cli.records import Box, Frame, FrameStatus
from echodepth_cli.session import Session
from tests.composites import (
    HEIGHT_PX,
    INTERVIEWEE,
    INTERVIEWER,
    LAYOUTS,
    WIDTH_PX,
    Image,
    Layout,
    Tile,
    compose,
    pictures_of,
    played,
)

PICTURES_PER_S = Fraction(2)
"""The default sampling rate."""

ROUNDS = 15
"""Of one after the other when cost is measured: the machine drifts within minutes."""

QUALITY = 90
"""Of the JPEG compression that stands for a codec."""

MOVES = (
    (3, 3, 1.0, 60),
    (-2, 1, 1.0, 75),
    (0, 0, 0.98, 75),
    (1, -2, 1.0, 90),
    (-3, -3, 1.0, 60),
    (2, -1, 0.99, 75),
    (-1, 2, 0.98, 90),
)
"""Pixels right and down, scale, and quality: what makes no difference to an eye."""

People = dict[str, list[Image]]
"""The pictures of each clip, once."""

SUBJECTS = {
    "picture_in_picture": {},
    "small_subject": {"region": "0.72,0.68,0.26,0.29"},
    "passer_by": {},
    "cuts": {"subject": "1"},
    "poster": {},
}
"""How A is named; elsewhere as person 1, the first and leftmost."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One session, frame by frame."""

    offsets_s: list[float]
    is_ok: list[bool]
    boxes: list[Box | None]
    scores: np.ndarray
    """(n, 2) valence and arousal."""
    doubts: int


Alone = dict[tuple[str | None, tuple[tuple[Tile, ...], ...]], list[Measured]]
"""What A by itself gave in a region and places, unmoved and moved: several layouts show A alike."""


def main() -> None:
    """Compose, analyse and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=Path, nargs=2, default=[INTERVIEWEE, INTERVIEWER])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--layouts", nargs="*", default=list(LAYOUTS), choices=list(LAYOUTS))
    parser.add_argument("--cost", action="store_true", help="also what a second face costs")
    options = parser.parse_args()
    paths = dict(zip("AB", options.people, strict=True))
    people = {name: list(played(path, PICTURES_PER_S)) for name, path in paths.items()}
    alone: Alone = {}
    print(
        f"{'layout':<22}right   of A  unflagged  doubt  valence  arousal"
        "  noise: valence        arousal"
    )
    with open_engine() as engine:
        for name in options.layouts:
            print(_row(name, people, options.seconds, engine, alone), flush=True)
        if options.cost:
            print(_cost(paths, people, engine))


def _row(name: str, people: People, seconds: float, engine: Engine, known: Alone) -> str:
    layout = LAYOUTS[name]
    config = AnalysisConfig(**SUBJECTS.get(name, {"subject": "1"}))
    found = _measured(_frames(layout, people, seconds), config, engine)
    places = tuple(tuple(_of_a(layout)(offset_s)) for offset_s in found.offsets_s)
    shown = config.region, places
    if shown not in known:
        known[shown] = _by_itself(layout, people, seconds, config.region, engine)
    alone, *moved = known[shown]
    apart, noise = _distance(found, alone), np.array([_distance(m, alone) for m in moved])
    ok = [k for k, is_ok in enumerate(found.is_ok) if is_ok]
    right = [k for k in ok if _shows_a(layout, found.offsets_s[k], found.boxes[k])]
    visible = sum(
        any(tile.person == "A" and tile.seen for tile in layout(offset_s))
        for offset_s in found.offsets_s
    )
    return (
        f"{name:<22}{100 * len(right) / max(1, len(ok)):5.1f}  {100 * len(right) / visible:5.1f}"
        f"  {len(ok) - len(right):9d}  {found.doubts:5d}"
        f"  {apart[0]:7.4f}  {apart[1]:7.4f}  "
        + "".join(f"  {low:.4f} to {high:.4f}" for low, high in zip(*_ends(noise), strict=True))
    )


def _by_itself(
    layout: Layout, people: People, seconds: float, region: str | None, engine: Engine
) -> list[Measured]:
    """Return A alone: as in the layout, and moved in each way."""
    config, of_a = AnalysisConfig(region=region), _of_a(layout)
    return [
        _measured(_frames(_moved(of_a, *way), people, seconds, quality), config, engine)
        for *way, quality in ((0, 0, 1.0, QUALITY), *MOVES)
    ]


def _of_a(layout: Layout) -> Layout:
    return lambda t: [replace(tile, seen=True) for tile in layout(t) if tile.person == "A"]


def _moved(layout: Layout, right_px: float, down_px: float, scale: float) -> Layout:
    def move(tile: Tile) -> Tile:
        x = tile.x + tile.w * (1 - scale) / 2 + right_px / WIDTH_PX
        y = tile.y + tile.h * (1 - scale) / 2 + down_px / HEIGHT_PX
        return replace(tile, x=x, y=y, w=tile.w * scale, h=tile.h * scale)

    return lambda t: [move(tile) for tile in layout(t)]


def _ends(noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return noise.min(axis=0), noise.max(axis=0)


def _frames(
    layout: Layout, people: People, seconds: float, quality: int = QUALITY
) -> Iterator[Frame]:
    clips = {name: cycle(pictures) for name, pictures in people.items()}
    pictures = pictures_of(layout, clips, seconds, PICTURES_PER_S)
    for index, (offset_s, picture) in enumerate(pictures):
        _, packed = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        yield Frame(index, offset_s, cv2.imdecode(packed, cv2.IMREAD_COLOR_RGB))


def _measured(frames: Iterator[Frame], config: AnalysisConfig, engine: Engine) -> Measured:
    with Spool[SeenFrame]() as spool:
        session = Session(config, engine.tracker, engine.models, spool)
        for frame in frames:
            session.push(frame)
        rows = [row for part in session.end() for row in part]
    unsure = [(certainty := row.extra["identity"]) is not None and certainty < SURE for row in rows]
    scores = [(row.vad.valence, row.vad.arousal) if row.vad else (np.nan, np.nan) for row in rows]
    return Measured(
        [row.offset_s for row in rows],
        [row.status is FrameStatus.OK for row in rows],
        [row.box for row in rows],
        np.array(scores),
        sum(unsure),
    )


def _shows_a(layout: Layout, offset_s: float, box: Box | None) -> bool:
    """Return whether the uppermost tile at a face's middle is A's."""
    if box is None:
        return False
    middle = box.x + box.w / 2, box.y + box.h / 2
    under = [tile for tile in layout(offset_s) if _covers(tile, *middle)]
    return bool(under) and under[-1].person == "A"


def _covers(tile: Tile, x: float, y: float) -> bool:
    across, down = (x - tile.x) / tile.w, (y - tile.y) / tile.h
    if tile.oval:
        # As `tests.composites` cuts it out.
        return ((across - 0.5) / 0.36) ** 2 + ((down - 0.55) / 0.52) ** 2 <= 1
    return 0 <= across <= 1 and 0 <= down <= 1


def _distance(one: Measured, other: Measured) -> np.ndarray:
    """Return the median distances of the scores of frames that both measured."""
    both = [k for k, is_ok in enumerate(one.is_ok) if is_ok and other.is_ok[k]]
    apart = np.abs(one.scores[both] - other.scores[both])
    return np.median(apart, axis=0) if both else np.full(2, np.nan)


def _cost(paths: dict[str, Path], people: People, engine: Engine) -> str:
    """Return how much more processor time two faces cost than one."""
    layout = LAYOUTS["side_by_side"]
    ways = {"two": layout, "one": _of_a(layout)}
    frames = {name: list(_frames(way, people, 30.0)) for name, way in ways.items()}
    stages: dict[str, list[float]] = {"one": [], "two": []}
    whole: dict[str, list[float]] = {"one": [], "two": []}
    with TemporaryDirectory() as folder:
        for name, way in ways.items():
            compose(way, paths, Path(folder) / f"{name}.mp4", 30.0)
        for _, name in product(range(ROUNDS), ways):
            stages[name].append(_observed_s(frames[name], engine))
            whole[name].append(_analysed_s(Path(folder) / f"{name}.mp4", engine))
    return (
        f"two faces cost {_ratio(stages):.2f} times one to find, measure and follow, "
        f"{_ratio(whole):.2f} times one in a whole analysis (medians of {ROUNDS} rounds)"
    )


def _ratio(spent: dict[str, list[float]]) -> float:
    return float(np.median(np.divide(spent["two"], spent["one"])))


def _analysed_s(video: Path, engine: Engine) -> float:
    config, started = AnalysisConfig(subject="left"), time.process_time()
    analyse(video, config, video.with_suffix(""), engine=engine, force=True)
    return time.process_time() - started


def _observed_s(frames: list[Frame], engine: Engine) -> float:
    people, lookout, started = PersonTracker(), LookOut(), time.process_time()
    for frame in frames:
        seen = observe_frame(frame, engine.tracker, plan=lookout.plan(frame))
        lookout.saw(seen)
        people.push(seen.index, seen.offset_s, seen.faces, seen.look)
    return time.process_time() - started


if __name__ == "__main__":
    main()
