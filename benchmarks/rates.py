"""The alerts of one recording at several sampling rates, side by side.

    python -m benchmarks.rates [--arousal-high 0.8] [--valence-low 0.25] [VIDEO]...

Without videos the sample interview and the rendered calm person of the tests are analysed. An alert
agrees when the fastest rate has one of the same type whose onset and end lie within one interval of
the slower rate. Passages too brief for an alert are counted, not compared: what comes and goes
within an interval is seen at some rates only.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.false_alarms import REPO, seen_in, session_of
from echodepth_cli.config import AlertThresholds
from echodepth_cli.engine import Engine, open_engine
from echodepth_cli.output.findings import Findings
from echodepth_cli.records import Alert

RATES_FPS = (1.0, 2.0, 5.0, 25.0)
SHIPPED = (
    REPO / "sample_videos" / "interview.mp4",
    REPO / "tests" / "material" / "calm.mp4",
)


def found_at(
    video: Path, fps: float, thresholds: AlertThresholds, engine: Engine
) -> tuple[Findings, float]:
    """Return what an analysis at this rate finds, and the share of frames with talking."""
    pictures = seen_in(video, engine, fps, 0.0, float("inf"))
    findings, series = session_of(pictures, engine, thresholds)
    return findings, float(series.talking.mean())


def disagreements(found: Sequence[Alert], true: Sequence[Alert], within_s: float) -> list[str]:
    """Return the alerts that only one rate has, or whose times differ by more than an interval."""
    left, problems = list(found), []
    for one in true:
        same = [
            other
            for other in left
            if other.type == one.type
            and abs(other.onset_s - one.onset_s) <= within_s
            and abs(other.offset_s - one.offset_s) <= within_s
        ]
        if same:
            left.remove(same[0])
        else:
            problems.append(f"no {_words(one)}")
    return problems + [f"only here {_words(other)}" for other in left]


def _words(alert: Alert) -> str:
    return f"{alert.type} {alert.onset_s:.2f}–{alert.offset_s:.2f}"


def main() -> None:
    """Print a table for each recording."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("videos", nargs="*", type=Path, help="instead of ours")
    parser.add_argument("--arousal-high", type=float, default=AlertThresholds().arousal_high)
    parser.add_argument("--valence-low", type=float, default=AlertThresholds().valence_low)
    options = parser.parse_args()
    thresholds = replace(
        AlertThresholds(), arousal_high=options.arousal_high, valence_low=options.valence_low
    )
    print("| recording | frames a second | alerts | too brief | talking | against 25 |")
    print("|---|---|---|---|---|---|")
    with open_engine() as engine:
        for video in options.videos or SHIPPED:
            found = {fps: found_at(video, fps, thresholds, engine) for fps in RATES_FPS}
            true = found[RATES_FPS[-1]][0].alerts
            for fps, (findings, talking) in found.items():
                alerts = ", ".join(map(_words, findings.alerts)) or "none"
                problems = disagreements(findings.alerts, true, 1 / fps + 1e-6)
                print(
                    f"| {video.name} | {fps:g} | {alerts} | {len(findings.suppressed)} "
                    f"| {talking:.0%} | {'; '.join(problems) or 'the same'} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
