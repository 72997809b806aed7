"""Analyse one recording under conditions that must not matter, and compare every byte.

    python benchmarks/determinism.py [VIDEO]

Without VIDEO, the sample interview. Compared are the bytes of `frames.parquet`, those of
`report.json` without its `run` part, and those of `report.html` without the lines on the run.
"""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from echodepth_cli.output.report_json import to_json_bytes

SAMPLE = Path(__file__).resolve().parents[1] / "sample_videos" / "interview.mp4"
COMMAND = (sys.executable, "-m", "echodepth_cli")


@dataclass(frozen=True)
class Condition:
    """One way to run the same analysis."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    """Words before the command, such as ``taskset -c 0``."""
    workers: int | None = None
    """Worker processes of a batch; None is ``analyse``."""
    terminal: bool = False


CONDITIONS = (
    Condition("as usual"),
    Condition("once more"),
    Condition("LC_ALL=C", {"LC_ALL": "C", "LANG": "C"}),
    Condition("LC_ALL=tr_TR.UTF-8", {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}),
    Condition("TZ=Pacific/Kiritimati", {"TZ": "Pacific/Kiritimati"}),
    Condition("PYTHONHASHSEED=1", {"PYTHONHASHSEED": "1"}),
    Condition("on one core", prefix=("taskset", "-c", "0")),
    Condition("one thread by OMP_NUM_THREADS", {"OMP_NUM_THREADS": "1"}),
    Condition("at low priority", prefix=("nice", "-n", "19")),
    Condition("on a terminal", {"TERM": "xterm"}, terminal=True),
    Condition("one stage after the other", {"ECHODEPTH_SERIAL": "1"}),
    Condition("batch in one process, after another recording", workers=0),
    Condition("batch with two workers", workers=2),
)


def run(condition: Condition, video: Path, scratch: Path, options: tuple[str, ...] = ()) -> Path:
    """Return the session directory that a run under this condition made, with more ``options``.

    Every run has a working directory of its own, and so another path to the recording.
    """
    scratch.mkdir(parents=True)
    given = os.path.relpath(video, scratch)
    command = [*condition.prefix, *COMMAND, "analyse", given, "--out", "s", "--quiet", *options]
    session = scratch / "s"
    if condition.workers is not None:
        # A recording before it in the same process: nothing of it may remain.
        first = scratch / "in" / "a.mp4"
        first.parent.mkdir()
        first.symlink_to(video)
        (scratch / "in" / "other.mp4").write_bytes(video.read_bytes() + b"\0" * 8)
        command = [*condition.prefix, *COMMAND, "batch", str(scratch / "in" / "other.mp4")]
        command += [given, "--out", "b", "--workers", str(condition.workers), "--quiet", *options]
        session = scratch / "b" / video.stem
    environment = {**os.environ, **condition.environment}
    start = _on_terminal if condition.terminal else _without_terminal
    start(command, environment, scratch)
    return session


def _without_terminal(command: list[str], environment: Mapping[str, str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, env=environment, check=True, stdin=subprocess.DEVNULL)


def _on_terminal(command: list[str], environment: Mapping[str, str], folder: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [word for word in command if word != "--quiet"],
        cwd=folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        for _ in iter(_reader(ours), b""):
            pass
    os.close(ours)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _reader(terminal: int) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            return os.read(terminal, 65536)
        except OSError:
            # Linux says so when the last writer has closed its end.
            return b""

    return read


def digests(session: Path) -> tuple[str, str, str]:
    """Return the sha256 of table, report without `run`, and page without the lines on the run."""
    report = json.loads((session / "report.json").read_bytes())
    del report["run"]
    page = (session / "report.html").read_text(encoding="utf-8")
    page, count = re.subn(r"<h3>This run</h3>.*?</table>", "", page, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{session}: the page does not have one list on the run")
    contents = ((session / "frames.parquet").read_bytes(), to_json_bytes(report), page.encode())
    table, rest, shown = (hashlib.sha256(content).hexdigest() for content in contents)
    return table, rest, shown


def compare(video: Path, scratch: Path) -> Iterator[tuple[Condition, tuple[str, str, str]]]:
    """Yield every condition with the digests of what a run under it gave."""
    for number, condition in enumerate(CONDITIONS):
        session = run(condition, video, scratch / f"run-{number}")
        yield condition, digests(session)


def main() -> int:
    """Print one line for each condition; end with 1 when any byte differs."""
    video = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else SAMPLE
    seen = set()
    print("| condition | frames.parquet | report.json | report.html |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for condition, found in compare(video, Path(scratch)):
            seen.add(found)
            print(f"| {condition.name} | {' | '.join(each[:12] for each in found)} |", flush=True)
    print(f"\n{len(CONDITIONS)} runs, {len(seen)} different results")
    return 0 if len(seen) == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
