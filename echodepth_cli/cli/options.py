"""Options that several commands share, with help and defaults from the one configuration."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from echodepth_cli.cli.logs import log
from echodepth_cli.config import (
    AlertThresholds,
    AnalysisConfig,
    load_config_file,
    with_window_spread,
)
from echodepth_cli.settings import flag_of, parse_setting, setting_help


class LogFormat(str, Enum):
    """How messages are written to stderr."""

    TEXT = "text"
    JSON = "json"


class Detail(str, Enum):
    """How much a frame result tells."""

    PLAIN = "plain"
    AUS = "aus"


def _setting(cls: type, name: str, *flags: str, metavar: str) -> Any:
    default: Any = {f.name: f.default for f in dataclasses.fields(cls)}[name]
    stated = "" if default is None else f" [default: {_plain(default)}]"
    return typer.Option(
        *flags,
        help=setting_help(cls, name) + stated,
        metavar=metavar,
        show_default=False,
    )


def _plain(number: float | str) -> str:
    if isinstance(number, str):
        return number
    return str(int(number)) if number == int(number) else f"{number:g}"


def _threshold(name: str) -> Any:
    flag = f"--{name.replace('_', '-')}"
    return _setting(AlertThresholds, name, flag, metavar="0-1|off")


Fps = Annotated[str | None, _setting(AnalysisConfig, "fps", "--fps", metavar="N|all")]
Start = Annotated[str | None, _setting(AnalysisConfig, "start_s", "--start", metavar="TIME")]
End = Annotated[str | None, _setting(AnalysisConfig, "end_s", "--end", metavar="TIME")]
BaselineStart = Annotated[
    str | None,
    _setting(AnalysisConfig, "baseline_start_s", "--baseline-start", metavar="TIME"),
]
BaselineWindow = Annotated[
    str | None,
    _setting(AnalysisConfig, "baseline_window_s", "--baseline-window", metavar="TIME|A-B"),
]
BaselineFrom = Annotated[
    Path | None,
    typer.Option(
        "--baseline-from",
        metavar="SESSION_DIR",
        help="Take baseline and neutral face from this session of the same person.",
        show_default=False,
    ),
]
Subject = Annotated[
    str | None,
    _setting(AnalysisConfig, "subject", "--subject", metavar="WHO"),
]
SubjectAt = Annotated[
    str | None, _setting(AnalysisConfig, "subject_at_s", "--subject-at", metavar="TIME")
]
MaxFaces = Annotated[str | None, _setting(AnalysisConfig, "max_faces", "--max-faces", metavar="N")]
SmallFaces = Annotated[
    bool, typer.Option("--small-faces", help=setting_help(AnalysisConfig, "small_faces"))
]
AllFaces = Annotated[
    bool, typer.Option("--all-faces", help=setting_help(AnalysisConfig, "all_faces"))
]
Region = Annotated[str | None, _setting(AnalysisConfig, "region", "--region", metavar="X,Y,W,H")]
Label = Annotated[str | None, _setting(AnalysisConfig, "label", "--label", metavar="TEXT")]
UseCase = Annotated[str | None, _setting(AnalysisConfig, "use_case", "--use-case", metavar="TEXT")]
StartedAt = Annotated[
    str | None,
    _setting(AnalysisConfig, "started_at", "--started-at", metavar="ISO8601"),
]
ArousalHigh = Annotated[str | None, _threshold("arousal_high")]
ValenceLow = Annotated[str | None, _threshold("valence_low")]
DominanceLow = Annotated[str | None, _threshold("dominance_low")]
ArousalRise = Annotated[str | None, _threshold("arousal_rise")]
ValenceDrop = Annotated[str | None, _threshold("valence_drop")]
DominanceDrop = Annotated[str | None, _threshold("dominance_drop")]
MaxPixels = Annotated[
    str | None, _setting(AnalysisConfig, "max_pixels", "--max-pixels", metavar="N")
]
MaxDuration = Annotated[
    str | None, _setting(AnalysisConfig, "max_duration_s", "--max-duration", metavar="TIME|off")
]
Timeout = Annotated[
    str | None, _setting(AnalysisConfig, "timeout_s", "--timeout", metavar="TIME|off")
]
StallTimeout = Annotated[
    str | None,
    _setting(AnalysisConfig, "stall_timeout_s", "--stall-timeout", metavar="TIME|off"),
]
TimeoutPerFile = Annotated[
    str | None,
    _setting(AnalysisConfig, "timeout_s", "--timeout-per-file", metavar="TIME|off"),
]

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE.toml",
        help="Read settings from this file; options given here come first.",
    ),
]
ReportConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE.toml",
        help="Read thresholds, label and use case from this file; options come first.",
    ),
]
NoSnapshots = Annotated[
    bool,
    typer.Option(
        "--no-snapshots",
        help="Leave the stills of alerts and persons out of the report.",
    ),
]
BlurSnapshots = Annotated[
    bool, typer.Option("--blur-snapshots", help="Make faces in stills unrecognisable.")
]
Webhook = Annotated[
    str | None,
    typer.Option(
        "--webhook",
        envvar="ECHODEPTH_WEBHOOK",
        show_envvar=False,
        metavar="URL",
        help="POST session events to this address, signed with ECHODEPTH_WEBHOOK_SECRET.",
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Replace outputs that exist already."),
]
ReportOnStdout = Annotated[bool, typer.Option("--json", help="Write the report to stdout as well.")]
Template = Annotated[
    Path | None,
    typer.Option(
        "--template",
        metavar="DIR",
        help="Folder whose files stand in for templates of the same name.",
        show_default=False,
    ),
]
LinkVideo = Annotated[
    Path | None,
    typer.Option(
        "--link-video",
        metavar="FILE",
        help="Let the report play this recording, by its path relative to the report.",
        show_default=False,
    ),
]
DetailOption = Annotated[
    Detail,
    typer.Option(
        "--detail",
        help="With 'aus', frame results hold all 46 action units.",
    ),
]
FailOnAlert = Annotated[
    bool,
    typer.Option(
        "--fail-on-alert",
        help="End with exit code 9 when an alert was raised.",
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Say nothing but warnings and errors."),
]
LogFormatOption = Annotated[
    LogFormat | None,
    typer.Option(
        "--log-format",
        help="Write messages as log lines; without a terminal, text lines are the default.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]


def build_config(config_file: Path | None, given: Mapping[str, Any]) -> AnalysisConfig:
    """Return the configuration: options that were given, then the config file, then defaults.

    ``given`` maps settings, those of `AlertThresholds` among them, to text or None for not given.
    Raises UsageError for a file or a value that cannot be used.
    """
    given = with_window_spread(given, "--baseline-window")
    values = load_config_file(config_file) if config_file is not None else {}
    if given.get("subject") is not None or given.get("subject_at_s") is not None:
        values = {name: v for name, v in values.items() if name not in ("subject", "subject_at_s")}
    source = str(config_file) if config_file is not None else "options"
    config = AnalysisConfig.from_dict(values, source)
    return dataclasses.replace(
        config,
        **_parsed(AnalysisConfig, given),
        alert_thresholds=with_thresholds(config.alert_thresholds, given),
    )


def with_config_file(was: AnalysisConfig, config_file: Path) -> AnalysisConfig:
    """Return a session's settings with the thresholds, label and use case of a file.

    What measures stays as it was, and a warning names what the file would measure otherwise.
    Raises UsageError for a file that cannot be used.
    """
    values = load_config_file(config_file)
    config = AnalysisConfig.from_dict(values, str(config_file))
    named = with_window_spread(values, str(config_file))
    if unused := [name for name in was.measured_otherwise(config) if name in named]:
        log(
            f"{config_file}: {', '.join(unused)} not used: the session was measured with another "
            "value; for that, analyse the recording again",
            logging.WARNING,
        )
    limits = {n: getattr(config.alert_thresholds, n) for n in values.get("alert_thresholds", {})}
    return dataclasses.replace(
        was,
        **{name: getattr(config, name) for name in ("label", "use_case") if name in values},
        alert_thresholds=dataclasses.replace(was.alert_thresholds, **limits),
    )


def with_thresholds(thresholds: AlertThresholds, given: Mapping[str, Any]) -> AlertThresholds:
    """Return the thresholds with those that were given in their place."""
    return dataclasses.replace(thresholds, **_parsed(AlertThresholds, given))


def _parsed(cls: type, given: Mapping[str, Any]) -> dict[str, Any]:
    names = {f.name for f in dataclasses.fields(cls)}
    return {
        name: parse_setting(cls, name, value, flag_of(name))
        for name, value in given.items()
        if name in names and value is not None
    }


def without_secrets(command_line: Sequence[str], webhook: str | None) -> tuple[str, ...]:
    """Return the command line for reports; a webhook's address often holds a key."""
    if webhook is None:
        return tuple(command_line)
    return tuple(word.replace(webhook, "...") for word in command_line)
