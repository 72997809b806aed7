"""False alarms in half an hour of calm: alerts, set-aside alerts and anomalies.

    python -m benchmarks.false_alarms [--minutes 30] [VIDEO FROM TO]...

Plays a calm stretch forwards and backwards, again and again, through the session and the findings
of the shipped models; each pass samples other pictures of it. Without videos the rendered calm
person of the tests and the calm opening of the sample interview play.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from echodepth_cli.affect.series import Series
from echodepth_cli.config import AlertThresholds, AnalysisConfig
from echodepth_cli.engine import Engine, open_engine
from echodepth_cli.face.observer import observe_frame
from echodepth_cli.face.persons import SeenFrame
from echodepth_cli.output.findings import Findings, find
from echodepth_cli.output.spool import Spool
from echodepth_cli.records import SeenPicture
from echodepth_cli.session import Session
from echodepth_cli.video.reader import open_video
from echodepth_cli.video.sampler import sampled_frames

REPO = Path(__file__).resolve().parents[1]
STEP_S = 0.5
PHASES = 2
"""Pictures taken between two samples, so that one pass differs from the next."""

DEFAULT = AlertThresholds()

CALM = (
    (REPO / "tests" / "material" / "calm.mp4", 0.0, 60.0),
    (REPO / "sample_videos" / "interview.mp4", 0.0, 24.0),
)


def seen_in(
    video: Path, engine: Engine, fps: float, from_s: float, to_s: float
) -> list[SeenPicture]:
    """Return what is seen in a stretch of a video."""
    with open_video(video) as reader:
        frames = sampled_frames(reader, fps, from_s, to_s)
        return [observe_frame(frame, engine.tracker) for frame in frames]


def in_time(pictures: Iterable[SeenPicture], step_s: float = STEP_S) -> Iterator[SeenPicture]:
    """Yield pictures as the frames of one recording, one each ``step_s``."""
    for index, picture in enumerate(pictures):
        yield replace(picture, index=index, offset_s=index * step_s)


def back_and_forth(pictures: Sequence[SeenPicture], count: int) -> Iterator[SeenPicture]:
    """Yield ``count`` of the pictures, every `PHASES`-th, in passes that turn round at the ends."""
    given = 0
    while given < count:
        for phase in range(PHASES):
            there = pictures[phase::PHASES]
            for picture in (*there, *there[-2:0:-1]):
                if given == count:
                    return
                yield picture
                given += 1


def session_of(
    pictures: Iterable[SeenPicture],
    engine: Engine,
    thresholds: AlertThresholds = DEFAULT,
) -> tuple[Findings, Series]:
    """Return what an analysis finds in these pictures, and its rows."""
    config = AnalysisConfig()
    with Spool[SeenFrame]() as spool:
        session = Session(config, engine.tracker, engine.models, spool)
        for picture in pictures:
            session.push_seen(picture)
        series = Series.concatenate([Series.from_results(rows) for rows in session.end()])
    return find(series, session.baseline, thresholds, engine.models.vad, 0), series


def main() -> None:
    """Print one row for each stretch."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("stretches", nargs="*", metavar="VIDEO FROM TO", help="instead of ours")
    parser.add_argument("--minutes", type=float, default=30.0)
    options = parser.parse_args()
    given = options.stretches
    stretches = [
        (Path(video), float(start), float(end))
        for video, start, end in zip(given[::3], given[1::3], given[2::3], strict=True)
    ]
    print("| stretch | minutes | alerts | set aside | anomalies | talking |")
    print("|---|---|---|---|---|---|")
    with open_engine() as engine:
        for video, start, end in stretches or CALM:
            pictures = seen_in(video, engine, PHASES / STEP_S, start, end)
            count = round(options.minutes * 60 / STEP_S)
            findings, series = session_of(in_time(back_and_forth(pictures, count)), engine)
            print(
                f"| {video.name} {start:g}–{end:g} s | {options.minutes:g} "
                f"| {len(findings.alerts)} | {len(findings.suppressed)} "
                f"| {len(findings.parts['anomalies'])} | {series.talking.mean():.0%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
