"""``echodepth report``: render a finished session again, without the recording."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from echodepth_cli.cli import options as opt
from echodepth_cli.cli.closing import close_with_table
from echodepth_cli.cli.console import set_up_messages
from echodepth_cli.cli.stdout import data_stdout
from echodepth_cli.errors import ExitCode

if TYPE_CHECKING:
    from echodepth_cli.output.report_html import ReportOptions


def report(
    session_dir: Annotated[
        Path, typer.Argument(metavar="SESSION_DIR", help="A directory that analyse has made.")
    ],
    arousal_high: opt.ArousalHigh = None,
    valence_low: opt.ValenceLow = None,
    dominance_low: opt.DominanceLow = None,
    arousal_rise: opt.ArousalRise = None,
    valence_drop: opt.ValenceDrop = None,
    dominance_drop: opt.DominanceDrop = None,
    fail_on_alert: opt.FailOnAlert = False,
    label: opt.Label = None,
    use_case: opt.UseCase = None,
    config: opt.ReportConfigFile = None,
    template: opt.Template = None,
    link_video: opt.LinkVideo = None,
    as_json: opt.ReportOnStdout = False,
    quiet: opt.Quiet = False,
    log_format: opt.LogFormatOption = None,
) -> int:
    """Render a session's report again.

    Takes other thresholds, names or templates without decoding the recording again. Thresholds that
    are not given stay as they were.
    """
    messages = set_up_messages(log_format, quiet=quiet)
    with data_stdout() if as_json else nullcontext() as stdout:
        from echodepth_cli.config import AnalysisConfig
        from echodepth_cli.rerender import read_report, render_again

        was = AnalysisConfig.from_dict(
            read_report(session_dir)["provenance"]["config"], str(session_dir)
        )
        settings = was if config is None else opt.with_config_file(was, config)
        thresholds = opt.with_thresholds(
            settings.alert_thresholds,
            {
                "arousal_high": arousal_high,
                "valence_low": valence_low,
                "dominance_low": dominance_low,
                "arousal_rise": arousal_rise,
                "valence_drop": valence_drop,
                "dominance_drop": dominance_drop,
            },
        )
        result = render_again(
            session_dir,
            thresholds=thresholds,
            label=label if label is not None else settings.label,
            use_case=use_case if use_case is not None else settings.use_case,
            options=report_options(template, link_video, session_dir),
        )
        if stdout is not None:
            stdout.write(json.dumps(result.report, ensure_ascii=False, indent=2) + "\n")
    close_with_table(messages, result.report, result.session_dir)
    return ExitCode.ALERTS if fail_on_alert and result.report["alerts"] else ExitCode.OK


def report_options(
    template: Path | None, link_video: Path | None, session_dir: Path
) -> ReportOptions:
    """Return what the page is made with; the recording is linked relative to the page."""
    from echodepth_cli.output.report_html import ReportOptions

    linked = None
    if link_video is not None:
        linked = Path(os.path.relpath(link_video.resolve(), session_dir.resolve())).as_posix()
    return ReportOptions(video_path=linked, template_dir=template)
