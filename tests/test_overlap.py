"""Work that overlaps gives what work in turn gives, and never hangs."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from echodepth_cli.errors import InputError
from echodepth_cli.face.together import observe_frames
from echodepth_cli.overlap import SERIAL_VARIABLE, Ahead, Patience, background, spread
from echodepth_cli.records import Frame
from tests import clips

FOREVER = Patience(Path("x.mp4"), None)
BRIEF = Patience(Path("x.mp4"), 0.5)


def alive(name):
    return [thread for thread in threading.enumerate() if thread.name.startswith(name)]


def test_items_come_in_order_and_the_error_in_its_place():
    def make(step):
        yield from range(5)
        raise InputError("broken")

    taken = []
    with Ahead(make, depth=2, patience=FOREVER) as ahead, pytest.raises(InputError, match="broken"):
        taken.extend(ahead)
    assert taken == [0, 1, 2, 3, 4]


def test_no_more_is_made_than_there_is_room_for():
    made = []

    def make(step):
        for number in range(100):
            made.append(number)
            yield number

    with Ahead(make, depth=3, patience=FOREVER) as ahead:
        assert next(iter(ahead)) == 0
        time.sleep(0.3)
        assert len(made) <= 5


def test_what_weighs_much_takes_the_room_of_many():
    made = []

    def make(step):
        for weight in (1, 1, 30, 1, 200, 1, 1):
            made.append(weight)
            yield weight

    with Ahead(make, depth=100, patience=FOREVER, weigh=lambda item: item) as ahead:
        items = iter(ahead)
        assert next(items) == 1
        time.sleep(0.3)
        # The large one found room among the small; what comes after it waits in the maker's hands.
        assert made == [1, 1, 30, 1, 200, 1]
        assert list(items) == [1, 30, 1, 200, 1, 1]


def test_leaving_early_ends_the_thread_and_closes_what_it_held():
    closed = threading.Event()

    def make(step):
        try:
            while True:
                step()
                yield 1
        finally:
            closed.set()

    with Ahead(make, depth=1, patience=FOREVER) as ahead:
        next(iter(ahead))
    assert closed.is_set()
    assert not alive("echodepth-ahead")


def test_a_thread_that_hangs_is_an_error_and_one_that_is_slow_is_not():
    release = threading.Event()

    def slow(step):
        for _ in range(10):
            time.sleep(0.1)
            step()
        yield "done"
        release.wait()
        yield "never"

    with Ahead(slow, depth=1, patience=BRIEF) as ahead:
        items = iter(ahead)
        assert next(items) == "done"
        with pytest.raises(InputError, match=r"x\.mp4: .* no progress for 0\.5 s; .*--stall"):
            next(items)
    release.set()


def test_a_value_can_be_worked_out_in_the_background(monkeypatch):
    with background(lambda step: threading.current_thread().name, FOREVER) as value:
        assert value() == "echodepth-ahead"
    monkeypatch.setenv(SERIAL_VARIABLE, "1")
    with background(lambda step: threading.current_thread().name, FOREVER) as value:
        assert value() == threading.current_thread().name


class Slower:
    """A tracker that takes longest for the first frames and sees as many faces as grey levels."""

    def detect(self, image, places=(), *, everywhere=False):
        time.sleep(0.02 / (1 + image[0, 0, 0]))
        return []

    def places(self, image):
        return []

    def close(self):
        pass


@pytest.mark.parametrize("serial", ["0", "1"])
def test_work_that_is_spread_comes_back_in_order_and_its_error_too(monkeypatch, serial):
    monkeypatch.setenv(SERIAL_VARIABLE, serial)

    def work(number):
        time.sleep(0.02 if number == 0 else 0)
        return 10 // (number - 5)

    assert spread(work, range(5)) == [10 // (number - 5) for number in range(5)]
    assert spread(work, []) == []
    with pytest.raises(ZeroDivisionError):
        spread(work, range(7))


@pytest.mark.parametrize("trackers", [1, 3])
@pytest.mark.parametrize("serial", ["0", "1"])
def test_pictures_observed_together_come_out_in_order(monkeypatch, trackers, serial):
    monkeypatch.setenv(SERIAL_VARIABLE, serial)
    frames = [Frame(k, k / 2, np.full((72, 128, 3), k, np.uint8)) for k in range(20)]
    seen = list(observe_frames(frames, [Slower() for _ in range(trackers)]))
    assert [(s.index, s.offset_s, int(s.look[0, 0])) for s in seen] == [
        (k, k / 2, k) for k in range(20)
    ]
    assert not alive("echodepth-observe")


def test_an_error_of_a_tracker_ends_the_work_and_its_threads():
    class Broken(Slower):
        def detect(self, image, places=(), *, everywhere=False):
            if image[0, 0, 0] == 3:
                raise RuntimeError("lost")
            return []

    frames = [Frame(k, k / 2, np.full((72, 128, 3), k, np.uint8)) for k in range(20)]
    taken = []
    with pytest.raises(RuntimeError, match="lost"):
        taken.extend(s.index for s in observe_frames(frames, [Broken(), Broken()]))
    assert taken == [0, 1, 2]
    assert not alive("echodepth-observe")


STUCK = """
import sys, threading
from contextlib import contextmanager
from echodepth_cli.cli.exits import run
from echodepth_cli.video import ahead

real = ahead.open_video

@contextmanager
def stuck(path, **options):
    with real(path, **options) as reader:
        if {at!r} == "open":
            threading.Event().wait()
        frames = reader.frames
        def hang(wanted=None):
            for number, frame in enumerate(frames(wanted)):
                if number == 30:
                    threading.Event().wait()
                yield frame
        reader.frames = hang
        yield reader

ahead.open_video = stuck
sys.exit(run(["analyse", "a.mp4", "--stall-timeout", "0.5"]))
"""


@pytest.mark.parametrize("at", ["open", "decode"])
def test_a_codec_that_hangs_is_one_line_and_the_process_ends(tmp_path, at):
    clips.write_clip(tmp_path / "a.mp4", clips.regular(100))
    done = subprocess.run(
        [sys.executable, "-c", STUCK.format(at=at)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 3
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert "a.mp4: reading it made no progress for 0.5 s" in line
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name != "echodepth-out"] == ["a.mp4"]
    assert not list(tmp_path.glob("echodepth-out/*"))
