"""What Python programs may rely on."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys

import cv2
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import echodepth_cli
from echodepth_cli import errors
from echodepth_cli.engine import open_engine
from echodepth_cli.errors import EchodepthError, ExitCode

PUBLIC = {
    "AlertThresholds",
    "AnalysisConfig",
    "AnalysisResult",
    "__version__",
    "analyse",
    "errors",
}

ERRORS = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, EchodepthError)
]


def test_the_public_names_are_these_and_all_exist():
    assert set(echodepth_cli.__all__) == PUBLIC == set(dir(echodepth_cli))
    for name in PUBLIC:
        assert getattr(echodepth_cli, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="analyze_video"):
        _ = echodepth_cli.analyze_video


def test_importing_prints_nothing_and_configures_no_logging():
    program = (
        "import logging, echodepth_cli\n"
        "from echodepth_cli import analyse\n"
        "assert not logging.getLogger().handlers\n"
        "assert not logging.getLogger('echodepth_cli').handlers\n"
        "assert logging.getLogger('echodepth_cli').level == logging.NOTSET\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_missing_recording_raises_our_own_error(tmp_path):
    with pytest.raises(errors.NotFoundError, match=r"missing\.mp4"):
        echodepth_cli.analyse(tmp_path / "missing.mp4", out_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_survives_the_trip_between_processes(kind):
    error = pickle.loads(pickle.dumps(kind("x.mp4: cannot be read")))
    assert type(error) is kind
    assert error.message == "x.mp4: cannot be read"
    assert error.exit_code == kind.exit_code


def test_every_exit_code_from_3_to_7_has_an_error_of_its_own():
    assert {kind.exit_code for kind in ERRORS} >= {ExitCode(code) for code in range(2, 8)}


def test_an_engine_keeps_libraries_to_one_thread_and_gives_their_threads_back():
    def threads():
        pools = [lib for lib in threadpool_info() if lib.get("threading_layer") == "pthreads"]
        return {pool["num_threads"] for pool in pools}, cv2.getNumThreads()

    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(2)
        with threadpool_limits(2, user_api="blas"):
            with open_engine():
                assert threads() == ({1}, 1)
            assert threads() == ({2}, 2)
    finally:
        cv2.setNumThreads(before)
