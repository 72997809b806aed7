"""``echodepth models``: which models ship, and whether they are what they should be."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from echodepth_cli.cli.stdout import data_stdout


def models(
    as_json: Annotated[
        bool, typer.Option("--json", help="Write all that is known of each model as JSON.")
    ] = False,
) -> None:
    """List and check the models that come with echodepth.

    Ends with exit code 4 when a file is missing or has not the sha256 of the registry.
    """
    from echodepth_cli.models import registered_models, verified_bytes

    specs = registered_models()
    for spec in specs:
        verified_bytes(spec.name)
    with data_stdout() as stdout:
        if as_json:
            stdout.write(json.dumps([asdict(spec) for spec in specs], indent=2) + "\n")
            return
        for spec in specs:
            stdout.write(f"{spec.name}\n  {spec.description}\n")
            stdout.write(f"  {spec.file}, {spec.bytes} bytes, {spec.licence}\n")
            stdout.write(f"  sha256 {spec.sha256}\n")
