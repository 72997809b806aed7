"""Entry point of the ``echodepth`` command and of ``python -m echodepth_cli``."""

from __future__ import annotations

import os
import sys

# Before numpy is loaded: for matrices as small as a face's, OpenBLAS spends more time on waking its
# threads and waiting for them than on all the sums.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main() -> None:
    """Run the command line and exit with its documented code."""
    try:
        from echodepth_cli.cli.exits import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        # Ctrl-C while modules are still being loaded, or when all is done.
        sys.stderr.write("error: interrupted\n")
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
