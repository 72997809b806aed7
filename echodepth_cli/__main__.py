"""Entry point of the ``echodepth`` command and of ``python -m echodepth_cli``."""

from __future__ import annotations

import sys

from echodepth_cli.cli.exits import run


def main() -> None:
    """Run the command line and exit with its documented code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
