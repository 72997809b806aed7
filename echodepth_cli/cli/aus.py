"""``echodepth aus``: the table of the 46 Action Units."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from echodepth_cli.cli.stdout import data_stdout


def aus(
    as_json: Annotated[
        bool, typer.Option("--json", help="Write all that is known of each unit as JSON.")
    ] = False,
) -> None:
    """Print the table of the 46 Action Units.

    Measured: landmarks or skin texture show it. Proxy: only an indirect cue exists. Not observable:
    a camera that sees the face cannot tell; always null.
    """
    from echodepth_cli.affect.facs import ACTION_UNITS

    with data_stdout() as stdout:
        if as_json:
            units = [asdict(unit) | {"status": str(unit.status)} for unit in ACTION_UNITS]
            stdout.write(json.dumps(units, indent=2, ensure_ascii=False) + "\n")
            return
        width = max(len(unit.name) for unit in ACTION_UNITS)
        for unit in ACTION_UNITS:
            status = str(unit.status).replace("_", " ")
            stdout.write(f"AU{unit.number:<3} {unit.name:<{width}}  {status}\n")
