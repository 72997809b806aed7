"""The ``echodepth`` command: its name, its help, and one thin module per command."""

from __future__ import annotations

from typing import Annotated

import typer

from echodepth_cli.cli.analyse import analyse
from echodepth_cli.cli.aus import aus
from echodepth_cli.cli.batch import batch
from echodepth_cli.cli.doctor import doctor
from echodepth_cli.cli.frame import frame
from echodepth_cli.cli.models import models
from echodepth_cli.cli.purge import purge
from echodepth_cli.cli.report import report
from echodepth_cli.cli.schema import schema
from echodepth_cli.cli.sign import sign
from echodepth_cli.cli.verify import verify
from echodepth_cli.errors import ExitCode

app = typer.Typer(
    name="echodepth",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from echodepth_cli import __version__

        typer.echo(f"echodepth {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def echodepth(
    context: typer.Context,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an unexpected error.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", callback=_version),
    ] = False,
) -> None:
    """Describe visible facial movement in recorded interviews.

    Action units, valence, arousal and dominance are measured against the person's own baseline.
    They are not evidence of what someone thinks, feels or intends.
    """
    del debug, version  # taken from the raw arguments by `exits`, and done by the callback above
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)


app.command()(analyse)
app.command("analyze", hidden=True)(analyse)
app.command()(batch)
app.command()(frame)
app.command()(report)
app.command()(verify)
app.command()(sign)
app.command()(purge)
app.command()(aus)
app.command()(schema)
app.command()(models)
app.command()(doctor)
