"""Turn recordings into jobs, and refuse a batch whose outputs would collide before any work."""

from __future__ import annotations

import dataclasses
import re
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from echodepth_cli.batch.inputs import BatchInput
from echodepth_cli.batch.jobs import AnalysisJob
from echodepth_cli.batch.lock import LOCK_NAME
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.errors import EchodepthError, UsageError, printable
from echodepth_cli.output.purged import PURGED_JSONL

BATCH_JSON, SESSIONS_PARQUET, INDEX_HTML = "batch.json", "sessions.parquet", "index.html"
RESERVED_NAMES = frozenset({BATCH_JSON, SESSIONS_PARQUET, INDEX_HTML, PURGED_JSONL, LOCK_NAME})
"""The batch's own files at the top of the output directory."""

_STAGING = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}\.partial", re.DOTALL)
"""What `output.atomic` calls a directory that is to become a session directory."""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What a batch is going to do."""

    out_dir: Path
    jobs: tuple[AnalysisJob, ...]
    impossible: tuple[tuple[AnalysisJob, str], ...] = ()
    """Jobs that fail without being tried, each with the reason."""
    unsettled: tuple[AnalysisJob, ...] = ()
    """Recordings left for the next run because they are still being written."""


def make_plan(
    inputs: Sequence[BatchInput],
    out_dir: Path,
    config: AnalysisConfig,
    *,
    models: Mapping[str, str],
    sources_before: Mapping[str, str],
    force: bool = False,
    settle_s: float = 0.0,
    command_line: Sequence[str] = (),
) -> BatchPlan:
    """Return the jobs for ``inputs``.

    Args:
        inputs: The recordings.
        out_dir: The output directory, absolute.
        config: Settings of the whole batch; those of a recording override them.
        models: File name to sha256 of the models to use.
        sources_before: Which recording each name in ``out_dir`` was made from by earlier runs.
        force: Analyse again what is finished.
        settle_s: Leave recordings that changed less than this long ago; 0 leaves none.
        command_line: What the reports say made them.

    Raises:
        UsageError: When two recordings would have the same session directory, or one inside the
            other, or when settings of a recording cannot be used.
    """
    check_collisions(inputs)
    now = time.time()
    jobs, impossible, unsettled = [], [], []
    for item in inputs:
        own, problem = _with_baseline(_with_settings(config, item), item)
        job = AnalysisJob(
            name=item.name,
            source=item.path,
            out_dir=out_dir / item.name,
            config=own,
            baseline_from=item.baseline_from,
            models=dict(models),
            force=force,
            made_here_before=sources_before.get(item.name) == str(item.path),
            command_line=tuple(command_line),
        )
        if problem is not None:
            impossible.append((job, problem))
        elif settle_s > 0 and _is_unsettled(item.path, settle_s, now):
            unsettled.append(job)
        else:
            jobs.append(job)
    return BatchPlan(out_dir, tuple(jobs), tuple(impossible), tuple(unsettled))


def check_collisions(inputs: Iterable[BatchInput]) -> None:
    """Raise UsageError when recordings would share a session directory or nest in one another."""
    by_name: dict[str, Path] = {}
    for item in inputs:
        if item.name.split("/")[0] in RESERVED_NAMES:
            raise UsageError(
                f"{item.path}: its session directory would be called '{item.name}', which the "
                "batch needs for itself; use --keep-suffix"
            )
        other = by_name.setdefault(item.name, item.path)
        if other != item.path:
            raise _collision(item.path, other, item.name)
    for name, path in by_name.items():
        for parent in PurePosixPath(name).parents:
            if str(parent) in by_name:
                raise _collision(path, by_name[str(parent)], str(parent))


def sweep_staging(session_dirs: Iterable[Path]) -> None:
    """Remove what killed workers had begun to write for these sessions."""
    by_parent: dict[Path, set[str]] = {}
    for path in session_dirs:
        by_parent.setdefault(path.parent, set()).add(path.name)
    for folder, names in by_parent.items():
        if not folder.is_dir():
            continue
        for path in folder.glob(".*.partial"):
            match = _STAGING.fullmatch(path.name)
            if match and match["name"] in names and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)


def _collision(first: Path, second: Path, name: str) -> UsageError:
    return UsageError(
        f"{second} and {first} would both write into '{name}' of the output directory; "
        "use --keep-suffix, --root, or a 'name' column in a manifest"
    )


def _is_unsettled(path: Path, settle_s: float, now: float) -> bool:
    try:
        facts = path.stat()
    except OSError:
        return False
    # A copy that keeps time stamps has an old mtime and a fresh ctime; a clock that runs ahead
    # gives times in the future.
    return any(abs(now - moment) < settle_s for moment in (facts.st_mtime, facts.st_ctime))


def _with_settings(config: AnalysisConfig, item: BatchInput) -> AnalysisConfig:
    if not item.settings:
        return config
    values: dict[str, Any] = config.to_dict()
    thresholds = values["alert_thresholds"] | item.settings.get("alert_thresholds", {})
    values |= {**item.settings, "alert_thresholds": thresholds}
    try:
        return AnalysisConfig.from_dict(values, source="manifest")
    except UsageError as error:
        raise UsageError(f"{item.path}: {error.message}") from error


def _with_baseline(config: AnalysisConfig, item: BatchInput) -> tuple[AnalysisConfig, str | None]:
    """Return settings that name the baseline to carry over, and why the job is impossible."""
    if item.problem is not None or item.baseline_from is None:
        return config, item.problem
    from echodepth_cli.output.earlier import read_carried

    try:
        carried = read_carried(item.baseline_from)
    except EchodepthError as error:
        return config, f"{printable(item.path)}: baseline_from: {error.message}"
    return dataclasses.replace(config, carried_baseline=carried.digest()), None
