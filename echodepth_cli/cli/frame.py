"""``echodepth frame``: single pictures in, one frame result per line out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from echodepth_cli.cli import options as opt
from echodepth_cli.cli.console import set_up_messages
from echodepth_cli.cli.stdout import data_stdout
from echodepth_cli.config import AlertThresholds
from echodepth_cli.errors import ExitCode, NoFaceError


def frame(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Pictures of at most 4 MB each.")
    ],
    detail: opt.DetailOption = opt.Detail.PLAIN,
    arousal_high: opt.ArousalHigh = None,
    valence_low: opt.ValenceLow = None,
    dominance_low: opt.DominanceLow = None,
    log_format: opt.LogFormatOption = None,
) -> int:
    """Measure single pictures, one JSON object per line.

    A picture has no baseline: its values are relative to the average face of many people, and say
    less than those of a recording. Where nothing could be measured, code and message say why; then
    the exit code is 3 or 6 for a single picture, and 8 for several.
    """
    set_up_messages(log_format, quiet=True)
    thresholds = opt.with_thresholds(
        AlertThresholds(),
        {
            "arousal_high": arousal_high,
            "valence_low": valence_low,
            "dominance_low": dominance_low,
        },
    )
    codes = []
    with data_stdout() as stdout:
        from echodepth_cli.engine import open_engine
        from echodepth_cli.output.frames_jsonl import json_line
        from echodepth_cli.stills import bound_pictures, measure_stills

        bound_pictures()
        aus = detail is opt.Detail.AUS
        with open_engine() as engine:
            for result in measure_stills(images, engine, thresholds=thresholds, aus=aus):
                stdout.write(json_line(result))
                stdout.flush()
                codes.append(result.get("code"))
    return _exit_code(codes)


def _exit_code(codes: list[str | None]) -> int:
    """Return 0 when every picture was measured, else what is documented for one or for several."""
    if not any(codes):
        return ExitCode.OK
    if len(codes) > 1:
        return ExitCode.BATCH_PARTIAL
    no_face = codes[0] in (NoFaceError.code, "low_confidence")
    return ExitCode.NO_FACE if no_face else ExitCode.INPUT
