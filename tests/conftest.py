"""What all tests share: data to work on, and the command to run."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from echodepth_cli import AnalysisResult

REPO = Path(__file__).resolve().parents[1]

# No test may fail because the machine is busy.
settings.register_profile("echodepth", deadline=None)
settings.load_profile("echodepth")


@dataclass(frozen=True)
class Outcome:
    """What a run of the command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _no_error_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that logged at ERROR: what a person would be alarmed by must be asserted on."""
    yield
    errors = [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR]
    assert not errors


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data beside the checkout, which no test may depend on to pass."""
    folder = REPO.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the development data in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def sample_video() -> Path:
    """The sample interview that comes with the repository."""
    return REPO / "sample_videos" / "interview.mp4"


@pytest.fixture(scope="session")
def analysed_sample(sample_video: Path, tmp_path_factory: pytest.TempPathFactory) -> AnalysisResult:
    """The sample interview analysed once with default settings; read it, do not change it."""
    from echodepth_cli import analyse

    return analyse(sample_video, out_dir=tmp_path_factory.mktemp("sample") / "interview")


@pytest.fixture
def run_cli(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Outcome]]:
    """Run the command in this process, in a directory of its own."""
    from echodepth_cli.cli.exits import run

    monkeypatch.chdir(tmp_path)
    root, own = logging.getLogger(), logging.getLogger("echodepth_cli")
    before = (root.handlers[:], root.level, own.level)

    def run_here(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(int(code), captured.out, captured.err)

    yield run_here
    root.handlers[:], root.level, own.level = before
    logging.captureWarnings(False)


@pytest.fixture
def run_process(tmp_path: Path) -> Callable[..., Outcome]:
    """Run the command as a process of its own, without a terminal."""

    def run_there(
        *arguments: str | Path, env: dict[str, str] | None = None, cwd: Path = tmp_path
    ) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "echodepth_cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            timeout=300,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run_there
