"""Single pictures through the real models: a result or a reason, never silence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import jsonschema
import numpy as np
import pytest

from echodepth_cli import engine
from echodepth_cli.errors import ExitCode
from echodepth_cli.output.schema import load_schema
from echodepth_cli.stills import MAX_IMAGE_BYTES

FACE = Path(engine.__file__).parent / "face" / "warmup.png"


@pytest.fixture
def pictures(tmp_path) -> Path:
    shutil.copy(FACE, tmp_path / "a face.png")
    shutil.copy(FACE, tmp_path / "gesicht-ä\u202e.png")
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((240, 320, 3), 128, np.uint8))
    (tmp_path / "words.jpg").write_text("no picture")
    (tmp_path / "large.jpg").write_bytes(FACE.read_bytes() + bytes(MAX_IMAGE_BYTES))
    (tmp_path / "folder.png").mkdir()
    return tmp_path


def results_of(outcome) -> list[dict]:
    results = [json.loads(line) for line in outcome.out.splitlines()]
    for result in results:
        jsonschema.validate(result, load_schema("frame"))
    return results


def test_a_face_is_measured_against_the_population(run_cli, pictures):
    done = run_cli("frame", "a face.png", "--detail", "aus")
    (result,) = results_of(done)
    assert done.code == ExitCode.OK
    assert done.err == ""
    assert result["source"] == "a face.png"
    assert result["relative_to"] == "population_neutral"
    assert result["vad_weights"].startswith("vad_stills ")
    assert result["aus"]["AU12"]["name"] == "Lip corner puller"
    assert result["vad"]["delta_from_baseline"] is None
    assert 0 < result["vad"]["confidence"] <= 1
    assert result["aus"]["AU03"]["intensity"] is None
    assert result["aus"]["AU12"]["intensity"] is not None
    assert result["active_aus"] == [
        int(name[2:]) for name, unit in result["aus"].items() if unit["active"]
    ]


def test_each_picture_gets_one_line_and_bad_ones_a_code(run_cli, pictures):
    names = ["a face.png", "wall.png", "words.jpg", "large.jpg", "folder.png", "none.jpg"]
    done = run_cli("frame", *names, "gesicht-ä\u202e.png")
    results = results_of(done)
    assert done.code == ExitCode.BATCH_PARTIAL
    assert [r["source"] for r in results] == [*names, "gesicht-ä\u202e.png"]
    assert [r.get("code") for r in results] == [
        None,
        "no_face_detected",
        "unreadable_input",
        "frame_too_large",
        "unreadable_input",
        "not_found",
        None,
    ]
    assert results[0]["vad"] == results[-1]["vad"]
    assert results[0]["frame_id"] == results[-1]["frame_id"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("wall.png", ExitCode.NO_FACE), ("words.jpg", ExitCode.INPUT), ("none.jpg", ExitCode.INPUT)],
)
def test_a_single_picture_without_a_result_has_its_exit_code(run_cli, pictures, name, code):
    assert run_cli("frame", name).code == code


def test_an_alert_is_a_score_that_reaches_its_threshold(run_cli, pictures):
    always = run_cli("frame", "a face.png", "--arousal-high", "0", "--valence-low", "1")
    never = run_cli(
        *("frame", "a face.png"),
        *("--arousal-high", "off", "--valence-low", "off", "--dominance-low", "off"),
    )
    assert results_of(always)[0]["alert_reason"] == "arousal_high,valence_low"
    assert results_of(never)[0]["alert_triggered"] is False


def test_models_are_loaded_once_for_many_pictures(run_cli, pictures, monkeypatch):
    opened = []
    real = engine.open_engine

    def counting(*args):
        opened.append(args)
        return real(*args)

    monkeypatch.setattr(engine, "open_engine", counting)
    done = run_cli("frame", *["a face.png"] * 20)
    assert len(results_of(done)) == 20
    assert len(opened) == 1
