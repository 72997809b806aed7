"""Whether the right person is measured, on videos with several people whose places are known.

    python -m benchmarks.persons OUT_DIR [--people A.mp4 B.mp4] [--seconds 60] [--cost]

Composes each layout of `tests.composites` once with both people and once with A alone, analyses
both, and prints a table. Without ``--people`` the two rendered people of this repository play.

right      measured frames that show A, of all measured frames
of A       frames that were measured, of those that show A
unflagged  measured frames that show somebody else
doubt      frames reported as in doubt
valence, arousal: median distance of A's values in the composite from those of A alone
noise      the same distances of A alone from A alone, three pixels aside and compressed more
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from echodepth_cli.config import AnalysisConfig
from echodepth_cli.engine import Engine, open_engine
from echodepth_cli.face.observer import observe_frame
from echodepth_cli.face.persons import PersonTracker
from echodepth_cli.output.parquet import read_frames
from echodepth_cli.pipeline import analyse
from echodepth_cli.records import Frame
from echodepth_cli.video.reader import open_video
from echodepth_cli.video.sampler import sampled_frames
from tests.composites import (
    HEIGHT_PX,
    INTERVIEWEE,
    INTERVIEWER,
    LAYOUTS,
    WIDTH_PX,
    Layout,
    Tile,
    compose,
)

PICTURES_PER_S = Fraction(4)
"""Of the composites: two for each that is sampled, so that composing does not take most of it."""

ASIDE = (3 / WIDTH_PX, 3 / HEIGHT_PX)

SUBJECTS = {
    "picture_in_picture": {},
    "small_subject": {"region": "0.72,0.68,0.26,0.29"},
    "passer_by": {},
    "cuts": {"subject": "1"},
    "poster": {},
}
"""How A is named; elsewhere as person 1, the first and leftmost."""


@dataclass(frozen=True, slots=True)
class Session:
    """One analysis, frame by frame."""

    offsets_s: list[float]
    status: list[str]
    middles: list[tuple[float, float] | None]
    scores: np.ndarray
    """(n, 2) valence and arousal."""
    doubts: int


def main() -> None:
    """Compose, analyse and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=Path, nargs=2, default=[INTERVIEWEE, INTERVIEWER])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--layouts", nargs="*", default=list(LAYOUTS), choices=list(LAYOUTS))
    parser.add_argument("--cost", action="store_true", help="also what side_by_side costs")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    people = dict(zip("AB", options.people, strict=True))
    print(
        f"{'layout':<22}right   of A  unflagged  doubt  valence  arousal  noise: valence  arousal"
    )
    with open_engine() as engine:
        for name in options.layouts:
            print(_row(name, people, options.out, options.seconds, engine), flush=True)
        both = options.out / "side_by_side.mp4"
        if options.cost:
            print(_cost(both, options.out / "side_by_side.alone.mp4", engine))


def _row(name: str, people: dict[str, Path], out: Path, seconds: float, engine: Engine) -> str:
    layout = LAYOUTS[name]
    config = AnalysisConfig(**SUBJECTS.get(name, {"subject": "1"}))
    video = _composed(layout, people, out / f"{name}.mp4", seconds)
    found = _analysed(video, config, engine)
    alone = AnalysisConfig(region=config.region)
    first = _analysed(
        _composed(_of_a(layout), people, out / f"{name}.alone.mp4", seconds), alone, engine
    )
    ok = [k for k, status in enumerate(found.status) if status == "ok"]
    right = [k for k in ok if _shows_a(layout, found.offsets_s[k], found.middles[k])]
    visible = sum(
        any(tile.person == "A" and tile.seen for tile in _tiles_at(layout, offset_s))
        for offset_s in found.offsets_s
    )
    again = _analysed(
        _composed(_aside(_of_a(layout)), people, out / f"{name}.noise.mp4", seconds, 27),
        alone,
        engine,
    )
    apart, noise = _distance(found, first), _distance(again, first)
    return (
        f"{name:<22}{100 * len(right) / max(1, len(ok)):5.1f}  {100 * len(right) / visible:5.1f}"
        f"  {len(ok) - len(right):9d}  {found.doubts:5d}"
        f"  {apart[0]:7.4f}  {apart[1]:7.4f}        {noise[0]:7.4f}  {noise[1]:7.4f}"
    )


def _of_a(layout: Layout) -> Layout:
    return lambda t: [tile for tile in layout(t) if tile.person == "A"]


def _aside(layout: Layout) -> Layout:
    return lambda t: [replace(n, x=n.x + ASIDE[0], y=n.y + ASIDE[1]) for n in layout(t)]


def _composed(
    layout: Layout, people: dict[str, Path], video: Path, seconds: float, crf: int = 22
) -> Path:
    if not video.with_suffix(".truth.csv").exists():
        compose(layout, people, video, seconds, crf, PICTURES_PER_S)
    return video


def _analysed(video: Path, config: AnalysisConfig, engine: Engine) -> Session:
    folder = video.with_suffix("")
    report = analyse(video, config, folder, force=True, engine=engine).report
    table, _ = read_frames(folder / "frames.parquet")
    columns: dict[str, Any] = {name: table[name].to_pylist() for name in table.column_names}
    places = zip(*(columns[f"face_{axis}"] for axis in "xywh"), strict=True)
    scores = np.array([columns["valence"], columns["arousal"]], dtype=float).T
    return Session(
        columns["session_offset_s"],
        columns["status"],
        [None if x is None else (x + w / 2, y + h / 2) for x, y, w, h in places],
        scores,
        report["subject"]["frames_in_doubt"],
    )


def _shows_a(layout: Layout, offset_s: float, middle: tuple[float, float] | None) -> bool:
    """Return whether the uppermost tile at a face's middle is A's."""
    if middle is None:
        return False
    under = [tile for tile in _tiles_at(layout, offset_s) if _covers(tile, *middle)]
    return bool(under) and under[-1].person == "A"


def _covers(tile: Tile, x: float, y: float) -> bool:
    across, down = (x - tile.x) / tile.w, (y - tile.y) / tile.h
    if tile.oval:
        # As `tests.composites` cuts it out.
        return ((across - 0.5) / 0.36) ** 2 + ((down - 0.55) / 0.52) ** 2 <= 1
    return 0 <= across <= 1 and 0 <= down <= 1


def _tiles_at(layout: Layout, offset_s: float) -> list[Tile]:
    return layout(round(offset_s * PICTURES_PER_S) / float(PICTURES_PER_S))


def _distance(one: Session, other: Session) -> np.ndarray:
    """Return the median distances of the scores of frames that both measured."""
    ours = {round(t, 3): k for k, t in enumerate(one.offsets_s) if one.status[k] == "ok"}
    theirs = {round(t, 3): k for k, t in enumerate(other.offsets_s) if other.status[k] == "ok"}
    both = sorted(ours.keys() & theirs.keys())
    apart = [one.scores[ours[t]] - other.scores[theirs[t]] for t in both]
    return np.median(np.abs(apart), axis=0) if both else np.full(2, np.nan)


def _cost(both: Path, alone: Path, engine: Engine) -> str:
    """Return how much more two faces cost than one: finding, measuring and following them."""
    ways = {name: _pictures(path) for name, path in (("two", both), ("one", alone))}
    spent: dict[str, list[float]] = {"one": [], "two": []}
    for _ in range(5):
        for name, frames in ways.items():
            spent[name].append(_observed_s(frames, engine))
    one, two = (float(np.median(spent[name])) for name in ("one", "two"))
    whole = {
        name: float(np.median([_analysis_s(path, engine) for _ in range(3)]))
        for name, path in (("two", both), ("one", alone))
    }
    return (
        f"two faces cost {two / one:.2f} times one to find, measure and follow (median of 5); "
        f"a whole analysis takes {whole['two'] / whole['one']:.2f} times the time (median of 3)"
    )


def _analysis_s(video: Path, engine: Engine) -> float:
    started = time.process_time()
    analyse(video, AnalysisConfig(), video.with_suffix(""), force=True, engine=engine)
    return time.process_time() - started


def _pictures(path: Path) -> list[Frame]:
    with open_video(path) as reader:
        return list(sampled_frames(reader, 2.0, 0.0, 30.0))


def _observed_s(frames: list[Frame], engine: Engine) -> float:
    people, started = PersonTracker(), time.process_time()
    for frame in frames:
        seen = observe_frame(frame, engine.tracker)
        people.push(seen.index, seen.offset_s, seen.faces, seen.look)
    return time.process_time() - started


if __name__ == "__main__":
    main()
