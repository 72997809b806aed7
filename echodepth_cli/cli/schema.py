"""``echodepth schema``: the JSON Schemas of what is written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from echodepth_cli.cli.stdout import data_stdout
from echodepth_cli.errors import UsageError, printable

_SUFFIX = ".schema.json"


def schema(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Which schema; without it, list their names."),
    ] = None,
) -> None:
    """Print the JSON Schema of a file that echodepth writes."""
    folder = Path(__file__).resolve().parents[1] / "output" / "schema"
    known = sorted(path.name.removesuffix(_SUFFIX) for path in folder.glob(f"*{_SUFFIX}"))
    if name is not None and name not in known:
        raise UsageError(f"no schema '{printable(name)}'; there are: {', '.join(known)}")
    with data_stdout() as stdout:
        if name is None:
            stdout.writelines(f"{each}\n" for each in known)
        else:
            stdout.write((folder / f"{name}{_SUFFIX}").read_text(encoding="utf-8"))
