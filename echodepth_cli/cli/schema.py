"""``echodepth schema``: the JSON Schemas of what is written."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from echodepth_cli.cli.stdout import data_stdout


def schema(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Which schema; without it, list their names."),
    ] = None,
) -> None:
    """Print the JSON Schema of a file that echodepth writes."""
    from echodepth_cli.output.schema import load_schema, schema_names

    with data_stdout() as stdout:
        if name is None:
            stdout.writelines(f"{each}\n" for each in schema_names())
        else:
            stdout.write(json.dumps(load_schema(name), indent=2) + "\n")
