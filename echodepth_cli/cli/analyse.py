"""``echodepth analyse``: one recording in, one session directory out."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from echodepth_cli.cli import options as opt
from echodepth_cli.cli.closing import close_with_table
from echodepth_cli.cli.console import set_up_messages
from echodepth_cli.cli.extra_outputs import ExtraOutputs
from echodepth_cli.cli.stdout import data_stdout
from echodepth_cli.errors import ExitCode, UsageError


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
    baseline_from: opt.BaselineFrom = None,
    subject: opt.Subject = None,
    subject_at: opt.SubjectAt = None,
    region: opt.Region = None,
    max_faces: opt.MaxFaces = None,
    small_faces: opt.SmallFaces = False,
    all_faces: opt.AllFaces = False,
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
    as_json: opt.ReportOnStdout = False,
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
    blur_snapshots: opt.BlurSnapshots = False,
    link_video: Annotated[
        bool,
        typer.Option("--link-video", help="Let the report play the recording, by relative path."),
    ] = False,
    webhook: opt.Webhook = None,
    max_pixels: opt.MaxPixels = None,
    max_duration: opt.MaxDuration = None,
    timeout: opt.Timeout = None,
    stall_timeout: opt.StallTimeout = None,
    config: opt.ConfigFile = None,
    quiet: opt.Quiet = False,
    log_format: opt.LogFormatOption = None,
) -> int:
    """Analyse a recorded interview.

    Writes frames.parquet, report.json and report.html into the session directory, all three
    complete or none of them. Times are seconds, mm:ss or hh:mm:ss.
    """
    messages = set_up_messages(log_format, quiet=quiet)
    if baseline_from is not None and (baseline_start or baseline_window):
        raise UsageError("--baseline-from brings its own baseline; leave out the baseline window")
    settings = opt.build_config(
        config,
        {
            "fps": fps,
            "start_s": start,
            "end_s": end,
            "baseline_start_s": baseline_start,
            "baseline_window_s": baseline_window,
            "subject": subject,
            "subject_at_s": subject_at,
            "region": region,
            "max_faces": max_faces,
            "small_faces": True if small_faces else None,
            "all_faces": True if all_faces else None,
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
            "blur_snapshots": True if blur_snapshots else None,
            "link_video": True if link_video else None,
            "max_pixels": max_pixels,
            "max_duration_s": max_duration,
            "timeout_s": timeout,
            "stall_timeout_s": stall_timeout,
        },
    )
    extra = ExtraOutputs(as_json, frames_jsonl, aus=detail is opt.Detail.AUS)
    extra.check(force=force)
    with data_stdout() if extra.want_stdout else nullcontext() as stdout:
        from echodepth_cli import pipeline
        from echodepth_cli.cli.listening import session_listener

        with session_listener(messages, webhook) as sink:
            result = pipeline.analyse(
                video,
                settings,
                out,
                force=force,
                sink=sink,
                baseline_from=baseline_from,
                command_line=opt.without_secrets(context.obj, webhook),
            )
        extra.write(result.report, result.frames_path, stdout)
    close_with_table(messages, result.report, result.session_dir)
    return ExitCode.ALERTS if fail_on_alert and result.report["alerts"] else ExitCode.OK
