"""What an analysis leaves behind, and what it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from echodepth_cli.cli.options import without_secrets
from tests.conftest import REPO

CALM = REPO / "tests" / "material" / "calm.mp4"


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """A session made without any network, with home and temporary files of its own."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "home").mkdir()
    (folder / "temporary").mkdir()
    command = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("needs the right to make a namespace without network")
    command += [sys.executable, "-m", "echodepth_cli", "analyse", str(CALM), "--out", "session"]
    command += ["--end", "12", "--arousal-high", "0.5", "--no-snapshots", "--quiet"]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
    places = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "temporary")}
    subprocess.run(command, cwd=folder, env=kept | places, check=True)
    return folder


def test_it_needs_no_network_and_leaves_three_files(alone):
    assert {path.name for path in (alone / "session").iterdir()} == {
        "frames.parquet",
        "report.html",
        "report.json",
    }
    assert {path.name for path in alone.iterdir()} == {"home", "session", "temporary"}
    # A library that keeps a device id or a queue of things to report would show here.
    assert [path for path in (alone / "home").rglob("*") if path.is_file()] == []
    assert list((alone / "temporary").iterdir()) == []


def test_no_picture_is_stored_that_was_not_asked_for(alone):
    for path in (alone / "session").iterdir():
        content = path.read_bytes()
        assert b"image/jpeg" not in content
        assert b"\xff\xd8\xff" not in content
    kinds = {str(field.type) for field in pq.read_schema(alone / "session" / "frames.parquet")}
    assert "binary" not in kinds


@pytest.mark.parametrize("form", [["--webhook", "{}"], ["--webhook={}"]])
def test_a_webhook_address_is_not_kept(form):
    address = "https://example.org/hook?key=s3cret"
    words = ["echodepth", "analyse", "a.mp4", *(word.format(address) for word in form)]
    assert "s3cret" not in " ".join(without_secrets(words, address))
