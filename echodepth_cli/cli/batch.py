"""``echodepth batch``: many recordings in, a tree of session directories out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echodepth_cli.cli import options as opt
from echodepth_cli.cli.console import Messages, set_up_messages
from echodepth_cli.cli.stdout import data_stdout
from echodepth_cli.cli.words import duration
from echodepth_cli.errors import ExitCode, UsageError, printable

if TYPE_CHECKING:
    from echodepth_cli.batch.runner import BatchListener, BatchResult
    from echodepth_cli.batch.service import BatchRequest

Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH...",
        help="Recordings, directories, globs, manifests (.csv, .jsonl), or - for a list on stdin.",
        show_default=False,
    ),
]
Out = Annotated[
    Path, typer.Option("--out", "-o", metavar="DIR", help="Output directory, which mirrors PATHs.")
]
Root = Annotated[
    Path | None,
    typer.Option("--root", metavar="DIR", help="Mirror the tree below DIR, whatever PATHs are."),
]
KeepSuffix = Annotated[
    bool,
    typer.Option("--keep-suffix", help="Name sessions a.mp4 and a.mov, not both a."),
]
NoRecursive = Annotated[
    bool, typer.Option("--no-recursive", help="Do not search directories in directories.")
]
Settle = Annotated[
    float,
    typer.Option(
        "--settle", metavar="SECONDS", min=0, help="Leave files that changed less than this ago."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        "-j",
        metavar="N",
        min=0,
        help="Worker processes; 0 works in this one. [default: one per core]",
        show_default=False,
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS", help="Work on a Dask cluster (tcp://...)."),
]
FailFast = Annotated[
    bool, typer.Option("--fail-fast", help="Start no further recording after a failure.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="List what would be done on stdout, and do nothing.")
]
ReportOnly = Annotated[
    Path | None,
    typer.Option("--report-only", metavar="DIR", help="Build the index and tables of DIR again."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write batch.json to stdout as well.")]


def batch(
    context: typer.Context,
    paths: Paths = None,
    out: Out = Path("echodepth-out"),
    root: Root = None,
    keep_suffix: KeepSuffix = False,
    no_recursive: NoRecursive = False,
    settle: Settle = 0.0,
    workers: Workers = None,
    scheduler: Scheduler = None,
    timeout_per_file: opt.TimeoutPerFile = None,
    stall_timeout: opt.StallTimeout = None,
    max_pixels: opt.MaxPixels = None,
    max_duration: opt.MaxDuration = None,
    fps: opt.Fps = None,
    start: opt.Start = None,
    end: opt.End = None,
    baseline_start: opt.BaselineStart = None,
    baseline_window: opt.BaselineWindow = None,
    use_case: opt.UseCase = None,
    arousal_high: opt.ArousalHigh = None,
    valence_low: opt.ValenceLow = None,
    dominance_low: opt.DominanceLow = None,
    arousal_rise: opt.ArousalRise = None,
    valence_drop: opt.ValenceDrop = None,
    dominance_drop: opt.DominanceDrop = None,
    no_snapshots: opt.NoSnapshots = False,
    config: opt.ConfigFile = None,
    webhook: opt.Webhook = None,
    force: opt.Force = False,
    fail_fast: FailFast = False,
    dry_run: DryRun = False,
    report_only: ReportOnly = None,
    as_json: AsJson = False,
    quiet: opt.Quiet = False,
    log_format: opt.LogFormatOption = None,
) -> int:
    """Analyse many recordings; run it again to go on where it stopped.

    Finished sessions are skipped when recording, settings and models are the same. One bad file
    never stops the rest: exit code 8 says that some failed. index.html, sessions.parquet and
    batch.json in the output directory are kept up to date while it runs.
    """
    from echodepth_cli.batch.inputs import Naming, absolute
    from echodepth_cli.batch.service import BatchRequest

    messages = set_up_messages(log_format, quiet=quiet)
    if report_only is not None:
        return _report_only(absolute(report_only), paths, messages, as_json=as_json)
    if not paths:
        raise UsageError("no PATH given. See 'echodepth batch --help'.")
    settings = opt.build_config(
        config,
        {
            "fps": fps,
            "start_s": start,
            "end_s": end,
            "baseline_start_s": baseline_start,
            "baseline_window_s": baseline_window,
            "use_case": use_case,
            "arousal_high": arousal_high,
            "valence_low": valence_low,
            "dominance_low": dominance_low,
            "arousal_rise": arousal_rise,
            "valence_drop": valence_drop,
            "dominance_drop": dominance_drop,
            "snapshots": False if no_snapshots else None,
            "max_pixels": max_pixels,
            "max_duration_s": max_duration,
            "timeout_s": timeout_per_file,
            "stall_timeout_s": stall_timeout,
        },
    )
    request = BatchRequest(
        paths=tuple(paths),
        out_dir=absolute(out),
        config=settings,
        naming=Naming(root, keep_suffix),
        recursive=not no_recursive,
        stdin=sys.stdin.buffer.read() if "-" in paths else b"",
        workers=workers,
        scheduler=scheduler,
        settle_s=settle,
        force=force,
        fail_fast=fail_fast,
        command_line=opt.without_secrets(context.obj, webhook),
    )
    if dry_run:
        return _preview(request, as_json=as_json)
    return _run(request, messages, webhook, as_json=as_json)


def _run(request: BatchRequest, messages: Messages, webhook: str | None, *, as_json: bool) -> int:
    import time

    from echodepth_cli.batch.service import run_batch

    started = time.monotonic()
    with data_stdout() if as_json else nullcontext() as stdout:
        with _listening(messages, webhook) as listener:
            result = run_batch(request, listener)
        if stdout is not None:
            stdout.write((request.out_dir / "batch.json").read_text(encoding="utf-8"))
    close_with_table(messages, result, request.out_dir, time.monotonic() - started)
    if result.interrupted:
        from echodepth_cli.cli.logs import log

        log("what is finished is kept; run the same command again to go on", event="batch.resume")
    return result.exit_code


@contextmanager
def _listening(messages: Messages, webhook: str | None) -> Iterator[BatchListener]:
    from echodepth_cli.cli.batch_progress import batch_listener

    if webhook is None:
        with batch_listener(messages, None) as listener:
            yield listener
        return
    from echodepth_cli.output.webhook import SECRET_VARIABLE
    from echodepth_cli.output.webhook import webhook as open_webhook

    with (
        open_webhook(webhook, os.environ.get(SECRET_VARIABLE)) as sink,
        batch_listener(messages, sink) as listener,
    ):
        yield listener


def close_with_table(
    messages: Messages, result: BatchResult, out_dir: Path, elapsed_s: float
) -> None:
    """Say how the batch ended, in a few lines or one line of fields."""
    counts = result.counts
    rows = {
        "recordings": str(counts["total"]),
        "analysed": str(counts["done"]),
        "skipped": f"{counts['skipped']} (finished before)",
        "failed": str(counts["failed"]),
        "timed out": str(counts["timed_out"]),
        "not reached": str(counts["pending"]),
        "time": duration(elapsed_s),
        "index": str(out_dir / "index.html"),
        "data": f"{out_dir / 'sessions.parquet'}, {out_dir / 'batch.json'}",
    }
    shown = {name: value for name, value in rows.items() if not value.startswith("0")}
    fields = {
        "event": "batch.ended",
        **counts,
        "elapsed_s": round(elapsed_s, 3),
        "exit_code": int(result.exit_code),
        "out_dir": str(out_dir),
    }
    messages.table("interrupted" if result.interrupted else "batch", shown, fields)


def _report_only(
    out_dir: Path, paths: list[str] | None, messages: Messages, *, as_json: bool
) -> int:
    from echodepth_cli.batch.service import rebuild

    if paths:
        raise UsageError("--report-only takes no PATH: it reads the sessions of its own DIR")
    counts = rebuild(out_dir)
    if as_json:
        with data_stdout() as stdout:
            stdout.write((out_dir / "batch.json").read_text(encoding="utf-8"))
    rows = {"sessions": str(counts), "index": str(out_dir / "index.html")}
    messages.table("rebuilt", rows, {"event": "batch.rebuilt", "sessions": counts})
    return ExitCode.OK


def _preview(request: BatchRequest, *, as_json: bool) -> int:
    import json

    from echodepth_cli.batch.service import preview_batch

    with data_stdout() as stdout:
        for item in preview_batch(request):
            facts = {
                "action": item.action,
                "name": item.job.name,
                "source": str(item.job.source),
                "reason": item.reason,
            }
            if as_json:
                stdout.write(json.dumps(facts) + "\n")
            else:
                columns = [value for value in facts.values() if value is not None]
                stdout.write("\t".join(map(printable, columns)) + "\n")
    return ExitCode.OK
