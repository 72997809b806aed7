"""Entry point of the ``echodepth`` command and of ``python -m echodepth_cli``."""

from __future__ import annotations

import gc
import os
import sys

# Before numpy is loaded: for matrices as small as a face's, OpenBLAS spends more time on waking its
# threads and waiting for them than on all the sums.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# The same for OpenCV and crops of a face.
os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")
# The thread that reads asks for the interpreter at every packet; while modules are imported it
# would wait each time for as long as the decoder takes for a picture.
sys.setswitchinterval(0.0005)
# PyArrow's own store of memory gives nothing back that others could use.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


class _NoPandas:
    """Keeps PyArrow from importing pandas, which takes longer than writing all tables.

    It looks for pandas only to tell lists from pandas' own types, and does without.
    """

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("the command line does without pandas", name=name)


sys.meta_path.insert(0, _NoPandas())


def main() -> None:
    """Run the command line and exit with its documented code."""
    try:
        from echodepth_cli import interruption

        interruption.listen()
        from echodepth_cli.cli.exits import run

        code = run(sys.argv[1:])
        interruption.stop_listening()
    except KeyboardInterrupt:
        # Ctrl-C while the first modules are still being loaded, or when all is done.
        sys.stderr.write("error: interrupted\n")
        code = 130
    # All of it goes with the process; to look through it once more takes a fifth of a second.
    gc.freeze()
    sys.exit(code)


if __name__ == "__main__":
    main()
