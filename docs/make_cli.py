"""Print docs/cli.md from the help texts and exit codes that the command uses.

python docs/make_cli.py > docs/cli.md
"""

from __future__ import annotations

import sys

import typer.main
from typer.core import TyperGroup

from echodepth_cli.cli.app import app
from echodepth_cli.errors import ExitCode

EXIT_CODES = {
    ExitCode.OK: "complete",
    ExitCode.UNEXPECTED: "unexpected: a bug; `echodepth --debug` shows where",
    ExitCode.USAGE: "usage: an option, argument or config file that cannot be used",
    ExitCode.INPUT: "input: missing, unreadable, without video, or over a limit",
    ExitCode.MODEL: "model: missing, altered, or unable to run on this machine",
    ExitCode.OUTPUT: "output: cannot be written, or exists and there is no `--force`",
    ExitCode.NO_FACE: "no face: too few frames in which the face can be measured",
    ExitCode.BASELINE: "baseline: impossible as configured",
    ExitCode.BATCH_PARTIAL: "some files of a batch failed",
    ExitCode.ALERTS: "alerts were raised; only with `--fail-on-alert`",
    ExitCode.VERIFY_DIFFERENCE: "`verify` found a difference",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C, SIGTERM or SIGHUP; nothing half-written is left",
}

HEAD = """# Command line

This page is made by `docs/make_cli.py` from the command itself; a test keeps it true.

stdout carries data only. Messages, progress and the closing table go to stderr: with a progress bar
on a terminal, as lines with UTC times elsewhere, as one JSON object per line with
`--log-format json`. An error is one line that begins with `error:`.

Options come before the file named by `--config`, the file before defaults. The file is TOML, its
names are those of `provenance.config` in report.json:

```toml
fps = "all"
baseline_window_s = 90
use_case = "insurance_claims"

[alert_thresholds]
arousal_high = 0.85
valence_low = "off"
```

## Exit codes

| code | meaning |
|---|---|
"""

TAIL = """
A program whose reader leaves (`echodepth aus | head -3`) ends as by SIGPIPE, which a shell shows as
141.

## Environment

| variable | meaning |
|---|---|
| `ECHODEPTH_DEBUG` | set to anything but 0: like `--debug` |
| `ECHODEPTH_WEBHOOK` | address for `--webhook` that no list of processes shows |
| `ECHODEPTH_WEBHOOK_SECRET` | key of the signature that `--webhook` requests carry |
| `ECHODEPTH_KEY_PASSPHRASE` | opens the key that `sign` is given, where it is encrypted |
| `NO_COLOR` | set: no colours on a terminal |
"""


def page() -> str:
    """Return the whole page."""
    codes = "".join(f"| {code.value} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    return HEAD + codes + TAIL + "".join(_section(*command) for command in commands())


def commands() -> list[tuple[str, str]]:
    """Return the name and the help text, at 80 columns, of the program and of each command."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    found = [("echodepth", _help(group, []))]
    for name, command in group.commands.items():
        if not command.hidden:
            found.append((f"echodepth {name}", _help(group, [name])))
    return found


def _help(group: TyperGroup, names: list[str]) -> str:
    context = group.make_context("echodepth", ["--help"], resilient_parsing=True)
    context.terminal_width = context.max_content_width = 80
    if not names:
        return context.get_help()
    command = group.commands[names[0]]
    own = command.context_class(
        command, info_name=names[0], parent=context, terminal_width=80, max_content_width=80
    )
    return command.get_help(own)


def _section(title: str, text: str) -> str:
    return f"\n## {title}\n\n```text\n{text.strip()}\n```\n"


if __name__ == "__main__":
    sys.stdout.write(page())
