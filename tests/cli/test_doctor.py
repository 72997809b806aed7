"""What is wrong with an installation is said, and ends with the exit code of what is wrong."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import tempfile

import pytest

from echodepth_cli import models
from echodepth_cli.errors import ExitCode
from echodepth_cli.resources import resource_dir


@pytest.fixture
def altered_model(tmp_path, monkeypatch):
    """One bit of one model is not what it was."""
    folder = tmp_path / "models"
    shutil.copytree(resource_dir("models"), folder, ignore=shutil.ignore_patterns("training"))
    path = folder / "au_relative.onnx"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(models, "resource_dir", lambda kind: folder)
    return path


def findings(done) -> dict[str, dict]:
    return {finding["check"]: finding for finding in json.loads(done.out)}


def test_a_sound_installation_is_0(run_cli):
    done = run_cli("doctor", "--json")
    assert done.code == ExitCode.OK
    assert [f for f in findings(done).values() if not f["ok"]] == []
    assert "h264" in findings(done)["codecs"]["detail"]
    assert "numpy" in findings(done)["software"]["detail"]


def test_an_altered_model_is_4(run_cli, altered_model):
    done = run_cli("doctor", "--json")
    assert done.code == ExitCode.MODEL
    assert not findings(done)["models"]["ok"]
    assert "au_relative" in findings(done)["models"]["detail"]
    assert run_cli("models").code == ExitCode.MODEL


def test_an_altered_model_is_not_used(run_cli, altered_model, sample_video):
    done = run_cli("analyse", sample_video, "--out", "out")
    assert done.code == ExitCode.MODEL
    assert "sha256" in done.err
    assert not os.path.lexists("out")


def test_a_missing_codec_is_4(run_cli, monkeypatch):
    import av

    monkeypatch.setattr(av, "codecs_available", set(av.codecs_available) - {"hevc", "av1"})
    done = run_cli("doctor")
    assert done.code == ExitCode.MODEL
    assert "cannot decode hevc, av1" in done.out


def test_a_package_of_another_version_is_4(run_cli, monkeypatch):
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "2.1.0" if name == "numpy" else real(name)
    )
    done = run_cli("doctor", "--json")
    assert done.code == ExitCode.MODEL
    assert "numpy is 2.1.0, needed <2,>=1.26" in findings(done)["software"]["detail"]


def test_a_place_that_cannot_be_written_is_5(run_cli, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    done = run_cli("doctor", "--json")
    assert done.code == ExitCode.OUTPUT
    wrong = {name for name, finding in findings(done).items() if not finding["ok"]}
    assert wrong == {"output", "temporary files"}


def test_a_directory_that_is_gone_is_5(run_cli, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    done = run_cli("doctor", "--json")
    assert done.code == ExitCode.OUTPUT
    assert not findings(done)["output"]["ok"]
