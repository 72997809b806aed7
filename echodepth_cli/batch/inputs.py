"""One recording of a batch and its name, which is its place below the output directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from echodepth_cli.errors import UsageError


@dataclass(frozen=True, slots=True)
class Naming:
    """How recordings are named below the output directory.

    A name mirrors the input tree: it is the path relative to the directory, the fixed part of the
    glob or the manifest that led to the recording, without the suffix.
    """

    root: Path | None = None
    """Names are relative to this directory instead of the path that led to the recording."""
    keep_suffix: bool = False
    """Name sessions ``a.mp4`` and ``a.mov`` rather than both ``a``."""

    def name(self, path: Path, base: Path) -> str:
        """Return the name of ``path``, found below ``base``.

        Raises UsageError when it lies outside the root.
        """
        if self.root is not None:
            base = absolute(self.root)
            if not path.is_relative_to(base):
                raise UsageError(f"{path}: lies outside --root {base}")
        relative = path.relative_to(base) if path.is_relative_to(base) else Path(path.name)
        keep = self.keep_suffix or relative.stem in ("", ".", "..")
        return PurePosixPath(relative if keep else relative.with_name(relative.stem)).as_posix()


@dataclass(frozen=True, slots=True)
class BatchInput:
    """One recording of a batch."""

    path: Path
    """Absolute, links not resolved."""
    name: str
    """Place of its session directory below the output directory, with forward slashes."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings for this recording alone, in the form of `AnalysisConfig.from_dict`."""
    baseline_from: Path | None = None
    """Session directory of an earlier recording of the person, whose baseline is carried over."""
    problem: str | None = None
    """Why it cannot even be tried, such as a directory that may not be read."""


def absolute(path: str | Path) -> Path:
    """Return ``path`` made absolute and tidied, with links left alone.

    A link is a name that someone chose; resolving it would name the outputs after its target.
    """
    return Path(os.path.abspath(path))  # noqa: PTH100
