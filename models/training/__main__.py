"""`python -m models.training`: generate, train and evaluate, one after the other."""

from __future__ import annotations

import argparse
import subprocess
import sys


def main() -> None:
    """Run each step; one that fails ends the run. Shards that are there are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="build/training", help="where shards are kept")
    parser.add_argument("--shards", type=int, default=191, help="of 640 pictures each")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    shards = ["--shards", "0", str(options.shards), "--processes", str(options.processes)]
    _run_together(options.data, ["generate", *shards])
    _run_together(options.data, ["train", "relative"], ["train", "search"])
    _run_together(options.data, ["absolute"])
    _run_together(options.data, ["fit_vad"])
    _run_together(options.data, ["evaluate"])


def _run_together(data: str, *steps: list[str]) -> None:
    """Run steps side by side, each on a core or so; ends this program if one fails."""
    commands = [
        [sys.executable, "-m", f"models.training.{name}", *own, "--data", data]
        for name, *own in steps
    ]
    running = [subprocess.Popen(command) for command in commands]
    if any([one.wait() for one in running]):
        sys.exit(1)


if __name__ == "__main__":
    main()
