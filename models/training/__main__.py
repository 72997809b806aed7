"""`python -m models.training`: generate, train and evaluate, one after the other."""

from __future__ import annotations

import argparse
import subprocess
import sys


def main() -> None:
    """Run each step; one that fails ends the run. Shards that are there are kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="build/training", help="where shards are kept")
    parser.add_argument("--shards", type=int, default=289, help="of 640 pictures each")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    data = ["--data", options.data]
    steps = {
        "generate": ["--shards", "0", str(options.shards), "--processes", str(options.processes)],
        "train": ["--threads", str(options.processes)],
        "evaluate": [],
    }
    for step, own in steps.items():
        command = [sys.executable, "-m", f"models.training.{step}", *data, *own]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
