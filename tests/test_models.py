"""Models are listed, checked byte by byte, and refused with exit code 4 when altered."""

import shutil

import pytest

from echodepth_cli.errors import ExitCode, ModelError
from echodepth_cli.models import model_path, registered_models, verified_bytes
from echodepth_cli.resources import resource_dir


@pytest.fixture
def copied(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    for path in resource_dir("models").glob("*.*"):
        shutil.copy(path, folder)
    return folder


def test_every_registered_model_is_there_unaltered_with_its_licence():
    specs = registered_models()
    assert {"au_relative", "au_absolute", "au_search", "vad_weights", "vad_stills"} <= {
        spec.name for spec in specs
    }
    for spec in specs:
        assert len(verified_bytes(spec.name)) == spec.bytes
        assert spec.licence
        assert spec.description


def test_the_weights_stay_under_ten_megabytes():
    assert sum(spec.bytes for spec in registered_models()) < 10e6


def test_an_altered_model_is_refused_before_it_is_opened(copied):
    path = copied / "au_relative.onnx"
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"au_relative.*sha256") as caught:
        model_path("au_relative", copied)
    assert caught.value.exit_code == ExitCode.MODEL


def test_a_missing_model_names_the_file(copied):
    (copied / "au_absolute.onnx").unlink()
    with pytest.raises(ModelError, match=r"au_absolute\.onnx.*reinstall"):
        verified_bytes("au_absolute", copied)


def test_an_unknown_name_and_a_broken_registry_are_model_errors(copied):
    with pytest.raises(ModelError, match="no model named nothing"):
        verified_bytes("nothing", copied)
    broken = copied.parent / "broken"
    broken.mkdir()
    (broken / "registry.toml").write_text("[[model]\n")
    with pytest.raises(ModelError, match="registry"):
        registered_models(broken)
