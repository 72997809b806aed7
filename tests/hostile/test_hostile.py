"""A sample of the corpus, of random damage and of kills; the whole runs by `make fuzz`."""

from __future__ import annotations

import itertools
import signal
from collections import defaultdict

import pytest

from tests.hostile import corpus, fuzz, kills
from tests.hostile.running import BAD, COMPLETE, DAMAGE_SAID, run_case
from tests.hostile.watchdog import Watchdog
from tests.hostile.watching import listening
from tests.hostile.workshop import Workshop

PER_CLASS = 5


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with listening() as (port, connected):
        yield Workshop(tmp_path_factory.mktemp("hostile") / "cases", port)
        assert not connected()


@pytest.fixture(scope="module")
def watchdog():
    with Watchdog(run_case) as opened:
        yield opened


@pytest.mark.parametrize("kind", corpus.CLASSES)
def test_hostile_recordings_end_in_a_report_or_one_clear_line(shop, watchdog, kind):
    made = list(corpus.CLASSES[kind](shop))
    chosen = made[:: max(1, len(made) // PER_CLASS)]
    ends = defaultdict(list)
    for item in chosen:
        case = shop.case(kind, item)
        outcome = watchdog.call(case)
        ends[outcome.kind].append(f"{case.name!r}: {outcome.detail}")
    assert {end: cases for end, cases in ends.items() if end in BAD} == {}
    assert sum(map(len, ends.values())) >= min(PER_CLASS, len(made))


def test_hostile_pictures_are_measured_or_refused_by_name(shop, watchdog):
    cases = list(corpus.exotic_pictures(shop))
    outcomes = {case.name: watchdog.call(case) for case in cases}
    assert {name: o for name, o in outcomes.items() if o.kind in BAD} == {}
    assert {o.kind for o in outcomes.values()} >= {COMPLETE, "exit 3", "exit 6"}


def test_arguments_that_name_what_cannot_be_used_end_in_one_line(shop, watchdog):
    cases = itertools.islice(corpus.malicious.arguments(shop), 0, None, 2)
    outcomes = {case.name: watchdog.call(case) for case in cases}
    assert {name: o for name, o in outcomes.items() if o.kind in BAD} == {}


def test_random_damage_to_anything_that_is_read(shop, watchdog, tmp_path):
    samples = fuzz.make_samples(tmp_path / "samples", shop)
    cases = itertools.islice(fuzz.random_cases(shop, samples, seed=0), 42)
    outcomes = {(case.kind, case.name): watchdog.call(case) for case in cases}
    assert {name: o for name, o in outcomes.items() if o.kind in BAD} == {}
    kinds = {outcome.kind for outcome in outcomes.values()}
    assert kinds >= {COMPLETE, DAMAGE_SAID, "exit 2", "exit 3"}


def test_kills_leave_the_result_whole_earlier_or_absent(tmp_path):
    range_ = kills.Range(tmp_path)
    plan = [
        kills.Kill(0, signal.SIGKILL, True, "report.json", 0.0),
        kills.Kill(2, signal.SIGTERM, True, "anywhere", range_.length_s * 0.7),
    ]
    results = [(kill, range_.shoot(kill)) for kill in plan]
    assert [(kill, after) for kill, after in results if kills.is_bad(kill, after)] == []
    assert range_.leftovers_after_a_run() == 0
