"""The files of a session directory as they stand, read without believing them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from echodepth_cli.config import AnalysisConfig
from echodepth_cli.errors import InputError, NotFoundError, printable
from echodepth_cli.output.atomic import OUTPUT_FILES
from echodepth_cli.output.parquet import read_frames
from echodepth_cli.reading import read_small

_LARGEST_BYTES: Final = 8 << 30
"""Of a file of a session; the table of a day, every frame of it, is a tenth of it."""

FRAMES, PAGE, REPORT = "frames.parquet", "report.html", "report.json"


@dataclass(frozen=True)
class Evidence:
    """A session directory whose report has the right form."""

    folder: Path
    report: Mapping[str, Any]

    @cached_property
    def config(self) -> AnalysisConfig:
        """Return the settings that the report names; raises UsageError when there are none."""
        return AnalysisConfig.from_dict(self.report["provenance"]["config"], REPORT)

    @cached_property
    def page(self) -> bytes:
        """Return the bytes of the page."""
        return read_bytes(self.folder / PAGE)

    @cached_property
    def table(self) -> Any:
        """Return the frame table; raises InputError when it is not one."""
        return self._frames[0]

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """Return what the frame table says of its session."""
        return self._frames[1]

    @cached_property
    def columns(self) -> dict[str, list[Any]]:
        """Return the frame table as plain values."""
        return plain_columns(self.table)

    @cached_property
    def _frames(self) -> tuple[Any, dict[str, Any]]:
        return read_frames(self.folder / FRAMES)


def plain_columns(table: Any) -> dict[str, list[Any]]:
    """Return a frame table as lists of plain values by column."""
    return {name: table[name].to_pylist() for name in table.column_names}


def require_session(folder: Path) -> None:
    """Raise NotFoundError or InputError unless ``folder`` looks like a session directory."""
    name = printable(folder)
    if not folder.exists():
        raise NotFoundError(f"{name}: no such directory")
    if not folder.is_dir():
        raise InputError(f"{name}: is not a directory; name a session directory")
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from error
    if not names & set(OUTPUT_FILES):
        raise InputError(f"{name}: is not a session directory; it holds no report")


def read_bytes(path: Path) -> bytes:
    """Return the content of a file; raises InputError when it cannot be read."""
    try:
        return read_small(path, _LARGEST_BYTES)
    except OSError as error:
        raise InputError(f"{printable(path)}: cannot be read: {error.strerror}") from error


def parse_report(content: bytes) -> Any:
    """Return JSON as data; raises ValueError when it is none, or has a name twice."""
    try:
        return json.loads(content, object_pairs_hook=_once, parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return values


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
