"""What the scores, the baseline and the alerts promise, on pictures that were really measured."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.false_alarms import PHASES, back_and_forth, in_time, seen_in, session_of
from echodepth_cli import AnalysisConfig, AnalysisResult, analyse
from echodepth_cli.engine import open_engine
from tests.affect.builders import MODEL
from tests.conftest import REPO

SAMPLE = REPO / "sample_videos" / "interview.mp4"
CALM = REPO / "tests" / "material" / "calm.mp4"

SMILE_S = (24.6, 27.2)
"""The strongest smile of the sample interview, held."""


@pytest.fixture(scope="module")
def engine():
    with open_engine() as opened:
        yield opened


def test_contributions_sum_to_the_scores_on_every_frame(analysed_sample: AnalysisResult) -> None:
    table = pd.read_parquet(analysed_sample.frames_path).query("status == 'ok'")
    aus = table[[f"AU{number:02d}" for number in range(1, 47)]].to_numpy(dtype=np.float32)
    parts = MODEL.contributions(
        aus,
        talking=table.talking.to_numpy(dtype=bool),
        pitch_change_deg=table.pitch_deg - analysed_sample.report["baseline"]["pitch_deg"],
    )
    stored = table[["valence", "arousal", "dominance"]].to_numpy()
    assert len(stored) == analysed_sample.report["frame_count"]
    assert np.abs(0.5 + parts.sum(axis=2) - stored).max() < 1e-6


def test_a_finer_sampling_finds_the_same_alerts(analysed_sample, tmp_path) -> None:
    finer = analyse(SAMPLE, AnalysisConfig(fps=5, snapshots=False), tmp_path / "finer")
    coarse, fine = analysed_sample.report["alerts"], finer.report["alerts"]
    assert [a["type"] for a in fine] == [a["type"] for a in coarse]
    for one, other in zip(coarse, fine, strict=True):
        for moment in ("onset_s", "offset_s"):
            assert one[moment] == pytest.approx(other[moment], abs=0.5), (one, other)


def test_a_long_smile_at_the_start_is_not_taken_for_the_neutral_face(engine) -> None:
    """40 s of a smile and 20 s of calm give nearly the intensities that a calm opening gives."""
    calm = seen_in(SAMPLE, engine, 2, 0, 24)
    smile = seen_in(SAMPLE, engine, 10, *SMILE_S)
    passes = [*smile, *smile[-2:0:-1]]
    opening = (passes * (80 // len(passes) + 1))[:80]
    rest = calm[:40]
    _, usual = session_of(in_time([*calm, *calm[::-1], *rest, *rest]), engine)
    _, smiling = session_of(in_time([*opening, *rest, *rest]), engine)
    # The same pictures end both; there their intensities are compared.
    same = slice(-len(rest), None)
    apart = np.abs(usual.aus[same] - smiling.aus[same])
    apart = apart[:, np.isfinite(apart).all(axis=0)]
    assert apart.shape[1] > 30
    assert apart.mean() < 0.1
    assert smiling.aus[:80, 11].mean() > 0.5


def test_three_calm_minutes_raise_nothing(engine) -> None:
    """`python -m benchmarks.false_alarms` does the same for thirty."""
    pictures = seen_in(CALM, engine, PHASES / 0.5, 0, 60)
    findings, series = session_of(in_time(back_and_forth(pictures, 360)), engine)
    assert series.reliable.all()
    assert findings.alerts == findings.suppressed == ()
    assert findings.parts["anomalies"] == []
