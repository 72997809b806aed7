"""`python -m models.training`: generate, train, evaluate, one after the other."""

from __future__ import annotations

import subprocess
import sys

_STEPS = ("generate", "train", "evaluate")


def main() -> None:
    """Run each step with the options given; a step that fails ends the run."""
    for step in _STEPS:
        subprocess.run([sys.executable, "-m", f"models.training.{step}"], check=True)


if __name__ == "__main__":
    main()
