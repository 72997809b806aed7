"""``echodepth analyse``: one recording in, one session directory out."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from echodepth_cli.cli import options as opt
from echodepth_cli.cli.console import Messages, set_up_messages
from echodepth_cli.cli.extra_outputs import ExtraOutputs
from echodepth_cli.cli.stdout import data_stdout
from echodepth_cli.cli.words import duration, percent
from echodepth_cli.errors import ExitCode


def analyse(
    context: typer.Context,
    video: Annotated[Path, typer.Argument(metavar="VIDEO", help="The recording to analyse.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Session directory to make. [default: echodepth-out/NAME]",
            show_default=False,
        ),
    ] = None,
    fps: opt.Fps = None,
    start: opt.Start = None,
    end: opt.End = None,
    baseline_start: opt.BaselineStart = None,
    baseline_window: opt.BaselineWindow = None,
    label: opt.Label = None,
    use_case: opt.UseCase = None,
    started_at: opt.StartedAt = None,
    arousal_high: opt.ArousalHigh = None,
    valence_low: opt.ValenceLow = None,
    dominance_low: opt.DominanceLow = None,
    arousal_rise: opt.ArousalRise = None,
    valence_drop: opt.ValenceDrop = None,
    dominance_drop: opt.DominanceDrop = None,
    fail_on_alert: opt.FailOnAlert = False,
    force: opt.Force = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Write the report to stdout as well."),
    ] = False,
    frames_jsonl: Annotated[
        str | None,
        typer.Option(
            "--frames-jsonl",
            metavar="FILE|-",
            help="Write frame results, one JSON object per line; - is stdout.",
        ),
    ] = None,
    detail: opt.DetailOption = opt.Detail.PLAIN,
    no_snapshots: opt.NoSnapshots = False,
    config: opt.ConfigFile = None,
    quiet: opt.Quiet = False,
    log_format: opt.LogFormatOption = None,
) -> int:
    """Analyse a recorded interview.

    Writes frames.parquet, report.json and report.html into the session directory, all three
    complete or none of them. Times are seconds, mm:ss or hh:mm:ss.
    """
    messages = set_up_messages(log_format, quiet=quiet)
    settings = opt.build_config(
        config,
        {
            "fps": fps,
            "start_s": start,
            "end_s": end,
            "baseline_start_s": baseline_start,
            "baseline_window_s": baseline_window,
            "label": label,
            "use_case": use_case,
            "started_at": started_at,
            "arousal_high": arousal_high,
            "valence_low": valence_low,
            "dominance_low": dominance_low,
            "arousal_rise": arousal_rise,
            "valence_drop": valence_drop,
            "dominance_drop": dominance_drop,
            "snapshots": False if no_snapshots else None,
        },
    )
    extra = ExtraOutputs(as_json, frames_jsonl, aus=detail is opt.Detail.AUS)
    extra.check(force=force)
    with data_stdout() if extra.want_stdout else nullcontext() as stdout:
        from echodepth_cli import pipeline

        with messages.listening() as sink:
            result = pipeline.analyse(
                video, settings, out, force=force, sink=sink, command_line=context.obj
            )
        extra.write(result.report, result.frames_path, stdout)
    close_with_table(messages, result.report, result.session_dir)
    return ExitCode.ALERTS if fail_on_alert and result.report["alerts"] else ExitCode.OK


def close_with_table(messages: Messages, report: Mapping[str, Any], session_dir: Path) -> None:
    """Say in a few lines what came out and where it is."""
    alerts, quality, baseline = report["alerts"], report["quality"], report["baseline"]
    held_back = len(report.get("suppressed_alerts", []))
    kinds = ", ".join(sorted({alert["type"] for alert in alerts}))
    rows = {
        "duration": duration(report["duration_s"]),
        "frames": str(report["frame_count"]),
        "face measured in": f"{percent(quality['coverage'])} of frames",
        "baseline": baseline["quality"],
        "alerts": f"{len(alerts)} ({kinds})" if alerts else "none",
        **({"held back": f"{held_back} (reasons in the report)"} if held_back else {}),
        "report": str(session_dir / "report.html"),
        "data": f"{session_dir / 'frames.parquet'}, {session_dir / 'report.json'}",
    }
    fields = {
        "event": "session.report_ready",
        "session_id": report["session_id"],
        "label": report["label"],
        "duration_s": report["duration_s"],
        "frame_count": report["frame_count"],
        "coverage": quality["coverage"],
        "alerts": len(alerts),
        "baseline_quality": baseline["quality"],
        "session_dir": str(session_dir),
    }
    messages.table("analysed", rows, fields)
