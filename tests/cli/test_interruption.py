"""What Ctrl-C and its kin do to a command, at every moment of its life."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest

from echodepth_cli.interruption import Interruption, interruptions_held
from echodepth_cli.output.columns import CORE_COLUMNS, RowContext
from echodepth_cli.output.parquet import FrameTableWriter, with_alerts
from echodepth_cli.records import FrameResult, FrameStatus
from echodepth_cli.video import source
from echodepth_cli.video.stills import pictures_at


@pytest.fixture
def interruption() -> Iterator[Interruption]:
    """Give a handler that listens to SIGTERM and SIGALRM while the test runs."""
    handler = Interruption()
    numbers = (signal.SIGTERM, signal.SIGALRM)
    before = [signal.signal(number, handler) for number in numbers]
    yield handler
    for number, earlier in zip(numbers, before, strict=True):
        signal.signal(number, earlier)


def test_an_impatient_hand_interrupts_once(interruption):
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)


def test_a_signal_is_kept_back_to_the_end_of_what_must_not_end_halfway(interruption):
    done = []

    def publish() -> None:
        with interruptions_held():
            with interruptions_held():
                signal.raise_signal(signal.SIGTERM)
            done.append("all of it")
        done.append("too much")

    with pytest.raises(KeyboardInterrupt):
        publish()
    assert done == ["all of it"]


def test_a_thread_that_holds_signals_back_interrupts_the_main_one_when_it_is_done(interruption):
    begun, may_end = threading.Event(), threading.Event()

    def work() -> None:
        with interruptions_held():
            begun.set()
            may_end.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(60)
    signal.raise_signal(signal.SIGTERM)
    may_end.set()
    with pytest.raises(KeyboardInterrupt):
        thread.join(60)
    thread.join()


def test_a_table_interrupted_as_it_is_begun_is_closed_without_a_word(
    interruption, tmp_path, monkeypatch
):
    class Begun(pq.ParquetWriter):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            signal.raise_signal(signal.SIGTERM)

    frames = tmp_path / "frames.parquet"
    with FrameTableWriter(frames, CORE_COLUMNS, RowContext("ses_1", 0), {}) as writer:
        writer.write([FrameResult(index=0, offset_s=0.0, status=FrameStatus.NO_FACE)])
    monkeypatch.setattr(pq, "ParquetWriter", Begun)
    # A complaint of the writer when it is let go of would fail this test as a warning.
    with pytest.raises(KeyboardInterrupt):
        with_alerts(frames, tmp_path / "other.parquet", [()], {})


def test_an_interruption_while_a_still_is_fetched_says_nothing(
    interruption, sample_video, monkeypatch, capfd
):
    seek = source._Nameless.seek
    sought = []

    def interrupted(file, offset, whence=os.SEEK_SET):
        sought.append(offset)
        if len(sought) == 1:
            signal.raise_signal(signal.SIGTERM)
        return seek(file, offset, whence)

    monkeypatch.setattr(source._Nameless, "seek", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(pictures_at(sample_video, [3.0]))
    assert sought
    assert capfd.readouterr().err == ""


def test_an_interruption_that_foreign_code_drops_comes_again(tmp_path):
    program = (
        "import os, signal, sys, time\n"
        "from echodepth_cli import pipeline\n"
        "from echodepth_cli.__main__ import main\n"
        "class Foreign:\n"
        "    def __del__(self):\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "def analyse(*_, **__):\n"
        "    Foreign()\n"
        "    time.sleep(60)\n"
        "pipeline.analyse = analyse\n"
        "sys.argv[1:] = ['analyse', 'x.mp4']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (130, "error: interrupted\n")


def test_a_signal_after_the_end_changes_nothing(tmp_path):
    program = (
        "import atexit, os, signal, sys\n"
        "from echodepth_cli.__main__ import main\n"
        "for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):\n"
        "    atexit.register(os.kill, os.getpid(), number)\n"
        "sys.argv[1:] = ['--version']\n"
        "main()\n"
    )
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("echodepth ")
