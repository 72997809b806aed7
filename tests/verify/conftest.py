from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from echodepth_cli import AnalysisConfig, analyse
from tests.conftest import REPO

INTERVIEW = REPO / "sample_videos" / "interview.mp4"
PART = AnalysisConfig(start_s=61.0, end_s=86.0, baseline_window_s=7.0)


@pytest.fixture(scope="session")
def session(tmp_path_factory) -> Path:
    """A part of the sample interview in which there are alerts; read it, do not change it."""
    done = analyse(INTERVIEW, PART, tmp_path_factory.mktemp("verify") / "session")
    assert done.report["alerts"]
    return done.session_dir


@pytest.fixture
def copy(session, tmp_path) -> Path:
    return shutil.copytree(session, tmp_path / "copy")
