"""The shape of the code: imports point one way, and asking for help costs next to nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from echodepth_cli.cli.app import app

REPO = Path(__file__).resolve().parents[1]

HEAVY = {
    "av",
    "cv2",
    "jinja2",
    "matplotlib",
    "mediapipe",
    "numpy",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "rich",
}
"""Packages that cost more to import than a person should wait for a help text."""


def imported_by(program: str) -> set[str]:
    listing = f"{program}\nimport sys; print(*sorted(n for n in sys.modules if '.' not in n))"
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


def test_imports_point_one_way():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


COMMANDS = [
    [],
    *([command.name or command.callback.__name__] for command in app.registered_commands),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_heavy(command):
    help_run = f"run({[*command, '--help']!r})"
    program = f"from echodepth_cli.cli.exits import run; assert {help_run} == 0"
    assert not imported_by(program) & HEAVY


def test_importing_the_package_imports_nothing_heavy():
    assert not imported_by("import echodepth_cli; echodepth_cli.AnalysisConfig()") & HEAVY


def test_the_command_writes_tables_without_importing_pandas():
    program = (
        "import echodepth_cli.__main__, pyarrow\n"
        "assert pyarrow.array([0.5, None]).to_pylist() == [0.5, None]"
    )
    assert "pandas" not in imported_by(program)


def test_changes_of_level_are_found_without_importing_scipy():
    program = (
        "import numpy\n"
        "from echodepth_cli.affect.anomalies import _edges\n"
        "assert _edges(numpy.repeat([0.0, 50.0], 20), 6) == [0, 20, 40]"
    )
    assert "scipy" not in imported_by(program)
