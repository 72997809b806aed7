"""The wheel, installed in an empty environment, does the work from outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
import tomli

from tests.conftest import REPO

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", folder, REPO)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """A Python with the wheel and what it declares, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True)
    interpreter = folder / "bin" / "python"
    pip(interpreter, "install", "--no-compile", "--constraint", REPO / "constraints.txt", wheel)
    return interpreter


def pip(python: str | Path, *arguments: str | Path) -> None:
    run(python, "-m", "pip", "--disable-pip-version-check", "--no-input", "-q", *arguments)


def run(*command: str | Path, cwd: Path | None = None) -> str:
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_the_wheel_carries_what_the_program_needs_and_no_more(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    data = "echodepth_cli/_data"
    registry = tomli.loads((REPO / "models" / "registry.toml").read_text())
    templates = [p.relative_to(REPO) for p in (REPO / "templates").rglob("*") if p.is_file()]
    schemas = [p.name for p in (REPO / "echodepth_cli/output/schema").glob("*.schema.json")]
    expected = {
        f"{data}/models/registry.toml",
        *(f"{data}/models/{model['file']}" for model in registry["model"]),
        *(f"{data}/{template.as_posix()}" for template in templates),
        *(f"echodepth_cli/output/schema/{name}" for name in schemas),
        "echodepth_cli/face/reference_face.npy",
        "echodepth_cli/face/cover.npz",
        "echodepth_cli/py.typed",
    }
    assert len(registry["model"]) > 0
    assert len(templates) > 0
    assert expected <= names
    strangers = [n for n in names if n.split("/")[0].split("-")[0] != "echodepth_cli"]
    assert not strangers
    assert not [n for n in names if "training" in n or "/tests/" in n]


def test_help_and_one_analysis_from_outside_the_checkout(python, sample_video, tmp_path):
    echodepth = python.with_name("echodepth")
    assert "analyse" in run(echodepth, "--help", cwd=tmp_path)
    out = run(echodepth, "analyse", sample_video, "--end", "20", "--json", cwd=tmp_path)
    folder = tmp_path / "echodepth-out" / "interview"
    assert {p.name for p in folder.iterdir()} == {"frames.parquet", "report.html", "report.json"}
    assert json.loads(out) == json.loads((folder / "report.json").read_text())


def test_the_installed_package_is_typed_and_finds_its_own_data(python, tmp_path):
    program = "from echodepth_cli.resources import resource_dir; print(resource_dir('models'))"
    place = Path(run(python, "-c", program, cwd=tmp_path).strip())
    assert place.is_relative_to(python.parents[1])
    run(python.with_name("echodepth"), "models", cwd=tmp_path)
