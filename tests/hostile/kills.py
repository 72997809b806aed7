"""Kill real analyses at random moments, hundreds of times, and look at what they leave.

    python -m tests.hostile.kills --kills 300 --seed 0

Half of the moments are spread over the whole run, half aim at the instants around the publishing of
the result. Afterwards the session directory must be absent, hold the earlier result untouched, or
the new one whole; and one ordinary run later nothing else may lie about.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hostile import recordings as rec

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
AIMS = ("anywhere", "frames.parquet", "report.html", "report.json")
"""A kill comes at any time, or up to 50 ms after a file of the result was begun."""
FINE = ("killed", "python", "done")
_OUTPUTS = ("frames.parquet", "report.html", "report.json")
_LONGEST_S = 120.0
_PYTHON_STARTS = re.compile(
    r"Fatal Python error: init_|Could not import runpy|Traceback .*\n  File \"<frozen (runpy|site)"
)
"""How Python itself ends by Ctrl-C before it has reached the first line of this program."""


@dataclass(frozen=True)
class Kill:
    """One run and how it is to be ended."""

    number: int
    signal: signal.Signals
    replaces: bool
    """Whether an earlier result stands in the way, which ``--force`` is to replace."""
    aim: str
    delay_s: float


@dataclass(frozen=True)
class Aftermath:
    """What a killed run left: a state of the session directory, and how the process ended."""

    state: str
    """``absent``, ``earlier``, ``new``, or ``PARTIAL``."""
    ended: str
    """``killed``, ``python`` (it was still starting), ``done`` (it was faster than the signal), or
    what must not be."""
    leftovers: int


def plan(count: int, seed: int, length_s: float) -> Iterator[Kill]:
    """Yield ``count`` kills; a whole run takes ``length_s``."""
    choose = random.Random(seed)
    for number in range(seed, seed + count):
        aim = "anywhere" if number % 2 else choose.choice(AIMS[1:])
        longest_s = length_s if aim == "anywhere" else 0.05
        yield Kill(
            number,
            SIGNALS[number // 2 % 3],
            number // 6 % 2 == 1,
            aim,
            choose.uniform(0, longest_s),
        )


class Range:
    """A recording, its result, and a folder to kill analyses in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.recording = rec.write(folder / "good.mp4", rec.KINDS["h264.mp4"])
        self._earlier = folder / "earlier"
        self.run(folder, "earlier", "--arousal-high", "0.1")
        started = time.monotonic()
        self.run(folder, "new")
        self.length_s = time.monotonic() - started
        self._wanted = facts(folder / "new")
        self._before = {name: (folder / "earlier" / name).read_bytes() for name in _OUTPUTS}

    def start(self, folder: Path, out: str, *options: str) -> subprocess.Popen[str]:
        """Start an analysis in ``folder``."""
        return subprocess.Popen(
            self._command(out, *options),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs this in the background has it ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, folder: Path, out: str, *options: str) -> None:
        """Run an analysis to its end; raises when it fails."""
        subprocess.run(self._command(out, *options), cwd=folder, check=True, capture_output=True)

    def _command(self, out: str, *options: str) -> list[str]:
        command = [sys.executable, "-m", "echodepth_cli", "analyse", "-q", "-o", out, "--force"]
        return [*command, *options, str(self.recording)]

    def shoot(self, kill: Kill) -> Aftermath:
        """Run an analysis, kill it as told, and look at what is left."""
        folder = self._folder / f"{kill.signal.name}-{kill.replaces}"
        folder.mkdir(exist_ok=True)
        out = folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        if kill.replaces:
            shutil.copytree(self._earlier, out)
        process = self.start(folder, "out")
        _wait(kill, process, folder)
        process.send_signal(kill.signal)
        _, err = process.communicate(timeout=_LONGEST_S)
        leftovers = [path for path in folder.iterdir() if path != out]
        return Aftermath(self._state(out), _ended(process.returncode, err, kill), len(leftovers))

    def leftovers_after_a_run(self) -> int:
        """Run once to the end in every folder; return how many things lie beside the results."""
        folders = [path for path in self._folder.glob("SIG*") if path.is_dir()]
        for folder in folders:
            self.run(folder, "out")
        return sum(path.name != "out" for folder in folders for path in folder.iterdir())

    def _state(self, out: Path) -> str:
        if not out.exists():
            return "absent"
        names = {path.name for path in out.iterdir()}
        if not set(_OUTPUTS) <= names:
            return "PARTIAL"
        if all((out / name).read_bytes() == content for name, content in self._before.items()):
            return "earlier"
        return "new" if facts(out) == self._wanted else "PARTIAL"


def facts(session: Path) -> dict[str, Any]:
    """Return what must be the same in every run of one recording; raises where it is not whole."""
    report = json.loads((session / "report.json").read_text(encoding="utf-8"))
    for part in ("run", "seal"):
        report.pop(part, None)
    page = (session / "report.html").read_text(encoding="utf-8")
    table = hashlib.sha256((session / "frames.parquet").read_bytes()).hexdigest()
    return {"report": report, "table": table, "page": page.rstrip().endswith("</html>")}


def _wait(kill: Kill, process: subprocess.Popen[str], folder: Path) -> None:
    """Return at the moment of the kill."""
    if kill.aim != "anywhere":
        began = time.monotonic()
        while process.poll() is None and time.monotonic() - began < _LONGEST_S:
            # The folder may be renamed or removed while it is looked through.
            with suppress(FileNotFoundError):
                if any(path.name == kill.aim for path in folder.glob(".*/*")):
                    break
            time.sleep(0.0005)
    ends = time.monotonic() + kill.delay_s
    while process.poll() is None and time.monotonic() < ends:
        time.sleep(0.001)


def _ended(code: int, err: str, kill: Kill) -> str:
    if _PYTHON_STARTS.match(err) and f"{os.sep}echodepth_cli{os.sep}" not in err:
        return "python"
    if "Traceback" in err:
        return f"TRACEBACK: {err!r}"
    if code == 0 and not err:
        return "done"
    if kill.signal is signal.SIGKILL:
        return "killed" if code == -signal.SIGKILL else f"EXIT {code}"
    # Before Python reads its first line the signal does what it does to any program.
    if code == -kill.signal and not err:
        return "killed"
    # A shell shows 130 for a program that dies of Ctrl-C as well.
    fine = code in (130, -signal.SIGINT) and err == "error: interrupted\n"
    return "killed" if fine else f"EXIT {code}: {err!r}"


def shoot_all(range_: Range, kills: Iterator[Kill], jobs: int) -> Iterator[tuple[Kill, Aftermath]]:
    """Yield each kill and its aftermath; two kills never share a folder at a time."""
    waiting, lock = list(kills), threading.Lock()
    results: list[tuple[Kill, Aftermath]] = []
    busy: set[tuple[int, bool]] = set()

    def take() -> Kill | None:
        with lock:
            for index, kill in enumerate(waiting):
                if (kill.signal, kill.replaces) not in busy:
                    busy.add((kill.signal, kill.replaces))
                    return waiting.pop(index)
        return None

    def serve() -> None:
        while waiting:
            kill = take()
            if kill is None:
                time.sleep(0.01)
                continue
            aftermath = range_.shoot(kill)
            with lock:
                busy.discard((kill.signal, kill.replaces))
                results.append((kill, aftermath))

    threads = [threading.Thread(target=serve) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield from results


def table(results: list[tuple[Kill, Aftermath]]) -> Iterator[str]:
    """Yield the kill table, in Markdown."""
    states = ("absent", "earlier", "new", "PARTIAL")
    yield f"| signal | there before | kills | {' | '.join(states)} | Python | other ends |"
    yield "|---" * (len(states) + 5) + "|"
    rows: dict[tuple[str, bool], list[Aftermath]] = {}
    for kill, aftermath in results:
        rows.setdefault((kill.signal.name, kill.replaces), []).append(aftermath)
    for (name, replaces), found in sorted(rows.items()):
        count: Callable[[str], int] = Counter(aftermath.state for aftermath in found).__getitem__
        early = sum(aftermath.ended == "python" for aftermath in found)
        wrong = sum(aftermath.ended not in FINE for aftermath in found)
        before = "an earlier result" if replaces else "nothing"
        cells = " | ".join(str(count(state)) for state in states)
        yield f"| {name} | {before} | {len(found)} | {cells} | {early} | {wrong} |"


def is_bad(kill: Kill, aftermath: Aftermath) -> bool:
    """Tell whether a kill left what it must not."""
    fine = {"earlier", "new"} if kill.replaces else {"absent", "new"}
    return aftermath.state not in fine or aftermath.ended not in FINE


def main() -> int:
    """Run from the command line; exit status 1 when anything was left that must not be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echodepth-kills-") as folder:
        range_ = Range(Path(folder))
        kills = plan(options.kills, options.seed, range_.length_s)
        results = list(shoot_all(range_, kills, options.jobs))
        remaining = range_.leftovers_after_a_run()
    bad = [(kill, aftermath) for kill, aftermath in results if is_bad(kill, aftermath)]
    for kill, aftermath in bad:
        sys.stderr.write(f"{kill}: {aftermath}\n")
    sys.stdout.write("\n".join(table(results)) + "\n")
    sys.stdout.write(f"left beside the results after one more run: {remaining}\n")
    return 1 if bad or remaining else 0


if __name__ == "__main__":
    raise SystemExit(main())
