"""Run the real command on one hostile input, in this process, and judge what it left behind.

Meant to be called through `watchdog.Watchdog`. Models are loaded once for all cases; all else, from
arguments to exit code, is the command as users run it.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.hostile.watching import opened_files

COMPLETE, DAMAGE_SAID = "complete", "damage said"
BAD = ("TRACEBACK", "HANG", "CRASH", "MEMORY", "PARTIAL OUTPUT", "MESSAGE", "OPENED OTHER", "WRONG")
"""Ways to end that must never happen."""

PEAK_LIMIT_KB = 2_500_000
"""More than the largest picture that is accepted needs, with all that a decoder may hold."""

_LISTING = {"verify": (0, 10), "purge": (0, 5)}
"""Ends after which stderr lists what was found."""

_OUTPUTS = {"frames.parquet", "report.html", "report.json"}


@dataclass(frozen=True)
class Case:
    """One hostile input and the command that meets it."""

    kind: str
    """Row of the table."""
    name: str
    arguments: tuple[str, ...]
    folder: Path
    """Where the command runs; outputs go below it."""
    quotes: str = ""
    """What an error must name, as it is printed."""
    ends: frozenset[str] | None = None
    """The only outcomes that are right, where it matters; None takes any that is not bad."""
    forbidden: tuple[Path, ...] = ()
    """Files that must not be opened."""
    made: tuple[str, ...] = ("out",)
    """Where outputs may appear, relative to ``folder``."""


@dataclass(frozen=True)
class Outcome:
    """How a case ended: `COMPLETE`, `DAMAGE_SAID`, ``exit N`` or one of `BAD`."""

    kind: str
    detail: str = ""
    seconds: float = 0.0
    peak_kb: int = 0


@dataclass(frozen=True)
class _Run:
    code: int
    out: str
    err: str
    opened: list[str] = field(default_factory=list)


def run_case(case: Case) -> Outcome:
    """Run a case to its outcome; raises only for a mistake in the case itself."""
    _share_engines()
    before = _listing(case.folder)
    _reset_peak()
    started = time.monotonic()
    with opened_files(case.forbidden) as opened:
        run = _run(case, opened)
    seconds, peak_kb = time.monotonic() - started, _peak_kb()
    kind, detail = _judge(case, run, before)
    if peak_kb > PEAK_LIMIT_KB and kind not in BAD:
        kind, detail = "MEMORY", f"{peak_kb // 1024} MiB"
    return Outcome(kind, detail, seconds, peak_kb)


def _run(case: Case, opened: Callable[[], list[str]]) -> _Run:
    from echodepth_cli.cli.exits import run

    here = Path.cwd()
    os.chdir(case.folder)
    try:
        with _captured() as streams:
            try:
                code = run(list(case.arguments))
            except BaseException as error:  # nothing but an exit code may come back
                sys.stderr.write(f"Traceback: {type(error).__name__}: {error}\n")
                code = 1
    finally:
        os.chdir(here)
    out, err = streams()
    return _Run(int(code), out, err, opened())


def _judge(case: Case, run: _Run, before: set[str]) -> tuple[str, str]:
    said = f"{run.code}: {run.err.strip()[-600:]}"
    if run.code == 1 or "Traceback" in run.err:
        return "TRACEBACK", said
    if run.opened:
        return "OPENED OTHER", f"{run.opened} {said}"
    new = {name for name in _listing(case.folder) - before if not _is_expected(case, name)}
    if new:
        return "PARTIAL OUTPUT", f"{sorted(new)[:5]} {said}"
    kind, detail = _judge_end(case, run)
    if kind in BAD or case.ends is None or kind in case.ends:
        return kind, detail
    return "WRONG", f"{kind}, not {sorted(case.ends)}: {said}"


def _judge_end(case: Case, run: _Run) -> tuple[str, str]:
    command = next(word for word in case.arguments if not word.startswith("-"))
    if command == "frame":
        return _judge_pictures(run)
    lines = run.err.splitlines()
    if run.code in _LISTING.get(command, ()):
        fine = all(line.isprintable() for line in lines)
        end = f"exit {run.code}" if run.code else COMPLETE
        return (end, "") if fine else ("MESSAGE", run.err[:600])
    if command == "batch":
        # What a batch could not use of an earlier run is said, and does not stop it.
        lines = [line for line in lines if " warning " not in line or not line.isprintable()]
    if run.code in (0, 9):
        if lines:
            return "MESSAGE", f"success, but stderr says: {run.err[:300]}"
        return _judge_success(case, command)
    if len(lines) != 1 or not lines[0].startswith("error: ") or not lines[0].isprintable():
        return "MESSAGE", run.err[-600:]
    if case.quotes not in lines[0]:
        return "MESSAGE", f"does not name {case.quotes!r}: {lines[0][:300]}"
    return f"exit {run.code}", lines[0]


def _judge_success(case: Case, command: str) -> tuple[str, str]:
    if command not in ("analyse", "report"):
        return COMPLETE, ""
    try:
        report = _checked_session(next(case.folder / name for name in case.made))
    except Exception as error:  # any defect of an output is what is looked for
        return "PARTIAL OUTPUT", f"{type(error).__name__}: {error}"
    said = report["provenance"]["decode"]["warnings"]
    return (DAMAGE_SAID, "; ".join(said)) if said else (COMPLETE, "")


def _checked_session(folder: Path) -> dict[str, Any]:
    """Return the report of a session directory; raises where it is not whole and sound."""
    import jsonschema
    import pyarrow.parquet as pq

    from echodepth_cli.output.schema import load_schema

    names = {path.name for path in folder.iterdir()}
    assert names == _OUTPUTS, f"holds {sorted(names)}"
    text = (folder / "report.json").read_text(encoding="utf-8")
    report: dict[str, Any] = json.loads(text, parse_constant=_no_constant)
    jsonschema.validate(report, load_schema("report"))
    table = pq.read_table(folder / "frames.parquet")
    offsets = table["session_offset_s"].to_pylist()
    assert all(a < b for a, b in pairwise(offsets)), "times do not increase"
    assert len(offsets) == report["frame_count"], "rows and frame_count differ"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.rstrip().endswith("</html>"), "the page is cut"
    assert "<img src=x" not in page, "markup of a name is in the page"
    return report


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _judge_pictures(run: _Run) -> tuple[str, str]:
    if run.err and run.code in (0, 3, 6, 8):
        return "MESSAGE", f"stderr says: {run.err[:300]}"
    results = [json.loads(line, parse_constant=_no_constant) for line in run.out.splitlines()]
    if run.code == 0:
        return (
            (COMPLETE, "") if results and all("vad" in r for r in results) else ("WRONG", run.out)
        )
    messages = [str(result.get("message", "")) for result in results if "vad" not in result]
    if not messages or not all(m.isprintable() and m for m in messages):
        return "MESSAGE", run.out[:600]
    return f"exit {run.code}", "; ".join(messages)


def _is_expected(case: Case, name: str) -> bool:
    return any(name == place or name.startswith(f"{place}/") for place in case.made) and not (
        name.endswith(".partial") or re.search(r"/\.(?!echodepth-batch\.lock$)", name)
    )


def _listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@contextmanager
def _captured() -> Iterator[Callable[[], tuple[str, str]]]:
    """Collect what is written to stdout and stderr, also by native libraries."""
    texts: list[str] = []
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        kept = os.dup(1), os.dup(2)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        try:
            yield lambda: (texts[0], texts[1])
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, copy in enumerate(kept, start=1):
                os.dup2(copy, number)
                os.close(copy)
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode("utf-8", "surrogateescape"))


_ENGINES = ExitStack()


def _share_engines() -> None:
    """Let all cases of this process use the same models."""
    from echodepth_cli import engine, pipeline

    if getattr(pipeline.open_engine, "shared", False):
        return

    class Shared(engine.Engine):
        """Outlives the analysis that opened it."""

        def close_trackers(self) -> None:
            """Keep them for the next case."""

        def close_networks(self) -> None:
            """Keep them for the next case."""

    opened: dict[tuple[int, int], Shared] = {}
    really_open = pipeline.open_engine

    @contextmanager
    def open_shared(config: Any = None, trackers: int = 1) -> Iterator[Any]:
        key = (config.max_faces if config else 4, trackers)
        if key not in opened:
            own = _ENGINES.enter_context(really_open(config, trackers))
            opened[key] = Shared(own.trackers, own.models, own.model_digests)
        yield opened[key]

    open_shared.shared = True  # type: ignore[attr-defined]
    pipeline.open_engine = engine.open_engine = open_shared


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak_kb() -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) if found else 0
