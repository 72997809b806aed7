"""Feed the command thousands of broken and hostile inputs, and print what became of them.

    python -m tests.hostile.fuzz --minutes 30 --seed 0

First the whole corpus, then random damage: to recordings of every kind, to pictures, config files,
manifests, session directories and batch ledgers. The same seed gives the same inputs; the last line
says with which seed to go on. Ctrl-C ends the run with the table so far. What ended as it must not
is kept in build/fuzz, with the command that shows it, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import fuzz_video
from tests.conftest import REPO
from tests.hostile import corpus
from tests.hostile import recordings as rec
from tests.hostile.readers import READERS, Samples
from tests.hostile.running import BAD, COMPLETE, DAMAGE_SAID, Case, Outcome, run_case
from tests.hostile.watchdog import Lost, Watchdog
from tests.hostile.watching import listening
from tests.hostile.workshop import Workshop

KEPT = REPO / "build" / "fuzz"
_MEASURED = (COMPLETE, DAMAGE_SAID)


def make_samples(folder: Path, shop: Workshop) -> Samples:
    """Return intact files of every kind, with a session and a batch made by the command."""
    folder.mkdir()
    (folder / "in").mkdir()
    (folder / "in" / "good.mp4").write_bytes(shop.source("h264.mp4"))
    runs = {
        "out": ("analyse", "-q", "-o", "out", "--arousal-high", "0.1", "in/good.mp4"),
        "batch": ("batch", "-q", "-j", "0", "-o", "batch", "in"),
    }
    with Watchdog(run_case) as watchdog:
        for place, arguments in runs.items():
            outcome = watchdog.call(Case("samples", place, arguments, folder, made=(place,)))
            if outcome.kind != COMPLETE:
                raise RuntimeError(f"{place} could not be made: {outcome}")
    return Samples(folder, folder / "out", folder / "batch")


def random_cases(shop: Workshop, samples: Samples, seed: int) -> Iterator[Case]:
    """Yield cases without end, seed by seed: a recording, then one for another reader, in turn."""
    kinds, readers = list(rec.KINDS), list(READERS.values())
    for number in itertools.count(seed):
        half = number // 2
        if number % 2 == 0:
            name = kinds[half % len(kinds)]
            content = fuzz_video.damaged(shop.source(name), number)
            yield shop.case(f"damaged bytes: {name}", (f"{number}-{name}", content, None))
            continue
        yield readers[half % len(readers)](samples, shop.new_folder(), half // len(readers))


class Tally:
    """Counts outcomes by kind of input, and keeps what ended as it must not."""

    def __init__(self, kept: Path) -> None:
        self._kept = kept
        self._rows: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.slowest_s, self.peak_kb, self.bad = 0.0, 0, 0

    def take(self, case: Case, outcome: Outcome | Lost) -> None:
        """Count one case and remove its files, unless they show a fault."""
        self._rows[case.kind][outcome.kind] += 1
        if isinstance(outcome, Outcome):
            self.slowest_s = max(self.slowest_s, outcome.seconds)
            self.peak_kb = max(self.peak_kb, outcome.peak_kb)
        if outcome.kind in BAD:
            self.bad += 1
            kept = self._kept / case.folder.name
            shutil.rmtree(kept, ignore_errors=True)
            _keep(case, outcome, kept)
            sys.stderr.write(f"{outcome.kind}: {case.kind}: {case.name!r}: {outcome.detail}\n")
        shutil.rmtree(case.folder, ignore_errors=True)

    def lines(self) -> Iterator[str]:
        """Yield the table, in Markdown."""
        ends = sorted({end for row in self._rows.values() for end in row} - {*BAD, *_MEASURED})
        columns = [*_MEASURED, *ends]
        yield f"| input | cases | {' | '.join(columns)} | {' | '.join(b.lower() for b in BAD)} |"
        yield "|---" * (2 + len(columns) + len(BAD)) + "|"
        total: Counter[str] = Counter()
        for kind, row in self._rows.items():
            total += row
            yield self._line(kind, row, columns)
        yield self._line("**all**", total, columns)

    def _line(self, kind: str, row: Counter[str], columns: list[str]) -> str:
        counts = [str(row[column] or "") for column in columns] + [str(row[bad]) for bad in BAD]
        return f"| {kind} | {row.total()} | {' | '.join(counts)} |"


def _keep(case: Case, outcome: Outcome | Lost, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in case.folder.iterdir():
        if path.is_file() and path.stat().st_size < 1 << 24:
            shutil.copy(path, target)
        elif path.is_dir() and not path.is_symlink():
            # A pipe cannot be copied; all the rest is, before that is said.
            with contextlib.suppress(shutil.Error):
                shutil.copytree(path, target / path.name, symlinks=True, dirs_exist_ok=True)
    command = f"echodepth {' '.join(case.arguments)}\n{outcome.kind}: {outcome.detail}\n"
    (target / "command.txt").write_text(command, encoding="utf-8", errors="backslashreplace")


def run_all(
    cases: Iterator[Case], tally: Tally, jobs: int, ends_at: float, stopping: threading.Event
) -> int:
    """Run cases on ``jobs`` processes until none is left or time is up; return how many.

    An error in making a case ends the run and is raised.
    """
    lock, done = threading.Lock(), itertools.count()
    last = 0

    def serve() -> None:
        nonlocal last
        with stopping_on_error(), Watchdog(run_case) as watchdog:
            while time.monotonic() < ends_at and not stopping.is_set():
                with lock:
                    case = next(cases, None)
                if case is None:
                    return
                outcome = watchdog.call(case)
                with lock:
                    tally.take(case, outcome)
                    last = next(done) + 1

    @contextlib.contextmanager
    def stopping_on_error() -> Iterator[None]:
        try:
            yield
        except BaseException:
            stopping.set()
            raise

    with ThreadPoolExecutor(jobs) as pool:
        for served in [pool.submit(serve) for _ in range(jobs)]:
            served.result()
    return last


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20, help="for all that is random")
    parser.add_argument("--count", type=int, default=100_000, help="random cases at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--no-corpus", action="store_true", help="only what is random")
    options = parser.parse_args()
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    folder = Path(tempfile.mkdtemp(prefix="echodepth-fuzz-"))
    tally = Tally(KEPT)
    with listening() as (port, connected):
        shop = Workshop(folder / "cases", port)
        samples = make_samples(folder / "samples", shop)
        if not options.no_corpus:
            run_all(corpus.cases(shop), tally, options.jobs, float("inf"), stopping)
        cases = random_cases(shop, samples, options.seed)
        ends_at = time.monotonic() + 60 * options.minutes
        some = itertools.islice(cases, options.count)
        done = run_all(some, tally, options.jobs, ends_at, stopping)
        was_visited = connected()
    shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write("\n".join(tally.lines()) + "\n")
    sys.stdout.write(
        f"slowest {tally.slowest_s:.1f} s, largest {tally.peak_kb // 1024} MiB,"
        f" connections {int(was_visited)}; go on with --seed {options.seed + done}\n"
    )
    return 1 if tally.bad or was_visited else 0


if __name__ == "__main__":
    raise SystemExit(main())
