"""Read a manifest: a CSV or JSONL list of recordings, each with settings of its own.

Columns: ``path`` (relative to the manifest), ``name`` (place below the output directory),
``baseline_from`` (an earlier session directory of the person, relative to the manifest), and any
setting of a recording, such as ``label``, ``use_case``, ``started_at`` or ``valence_low``. An
empty cell leaves a setting as it is for the whole batch; ``off`` turns an alert off.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from echodepth_cli.batch.inputs import BatchInput, Naming, absolute
from echodepth_cli.config import AlertThresholds, AnalysisConfig
from echodepth_cli.errors import UsageError
from echodepth_cli.reading import parse_json, read_small
from echodepth_cli.settings import is_utf8

_LARGEST_BYTES = 256 << 20

Row: TypeAlias = "tuple[int, Mapping[str, Any]]"

_THRESHOLDS = frozenset(f.name for f in dataclasses.fields(AlertThresholds))
_SETTINGS = frozenset(f.name for f in dataclasses.fields(AnalysisConfig)) - {"alert_thresholds"}
COLUMNS = ("path", "name", "baseline_from", *sorted(_SETTINGS), *sorted(_THRESHOLDS))
"""All columns a manifest may have; only ``path`` is required."""


def read_manifest(path: Path, naming: Naming) -> list[BatchInput]:
    """Return the recordings listed in ``path``.

    Raises UsageError that lists every line that cannot be used, before any work is done.
    """
    try:
        text = read_small(path, _LARGEST_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot read the manifest: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: the manifest is not UTF-8 text ({error.reason})") from error
    rows = _csv_rows(text, path) if path.suffix.lower() == ".csv" else _jsonl_rows(text, path)
    inputs, problems = [], []
    for line, row in rows:
        try:
            inputs.append(_to_input(row, path.parent, naming))
        except UsageError as error:
            problems.append(f"{path} line {line}: {error.message}")
    if problems:
        more = f"; and {len(problems) - 10} more lines" if len(problems) > 10 else ""
        raise UsageError("; ".join(problems[:10]) + more)
    return inputs


def _csv_rows(text: str, path: Path) -> Iterator[Row]:
    header = text.split("\n", 1)[0]
    # Spreadsheets set to a decimal comma write semicolons.
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if None in row:
                raise UsageError(f"{path} line {reader.line_num}: more cells than columns")
            cells = {key.strip(): (value or "").strip() for key, value in row.items()}
            if any(cells.values()):
                yield reader.line_num, {key: value for key, value in cells.items() if value}
    except csv.Error as error:
        raise UsageError(f"{path} line {reader.line_num}: not valid CSV: {error}") from error


def _jsonl_rows(text: str, path: Path) -> Iterator[Row]:
    # Not splitlines(): it would also split at line separators inside JSON strings.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line.encode())
        except ValueError as error:
            raise UsageError(f"{path} line {number}: not valid JSON: {error}") from error
        if not isinstance(row, dict):
            raise UsageError(f"{path} line {number}: must be a JSON object")
        yield number, {key: value for key, value in row.items() if value is not None}


def _to_input(row: Mapping[str, Any], folder: Path, naming: Naming) -> BatchInput:
    unknown = [name for name in row if name not in COLUMNS]
    if unknown:
        raise UsageError(f"unknown column '{unknown[0]}'; known: {', '.join(COLUMNS)}")
    source = row.get("path")
    if not isinstance(source, str) or not source:
        raise UsageError("'path' is missing")
    path = absolute(folder / source)
    name = _checked_name(row["name"]) if "name" in row else naming.name(path, folder)
    settings = _settings(row)
    # Built here only to find mistakes before any work starts.
    AnalysisConfig.from_dict(settings, source="manifest")
    return BatchInput(path, name, settings, _earlier_session(row, folder))


def _earlier_session(row: Mapping[str, Any], folder: Path) -> Path | None:
    earlier = row.get("baseline_from")
    if earlier is None:
        return None
    if not isinstance(earlier, str) or not earlier:
        raise UsageError("'baseline_from' must be a session directory")
    if "baseline_window_s" in row or "baseline_start_s" in row:
        raise UsageError("'baseline_from' brings its own baseline; leave out the baseline window")
    return absolute(folder / earlier)


def _checked_name(name: Any) -> str:
    pure = PurePosixPath(name) if isinstance(name, str) else PurePosixPath()
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in str(name):
        raise UsageError(f"name {name!r} must be a path below the output directory")
    return pure.as_posix()


def _settings(row: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in row.items():
        if isinstance(value, str) and not is_utf8(value):
            raise UsageError(f"'{name}' holds half a character")
    values = {name: row[name] for name in row if name in _SETTINGS}
    thresholds = {name: row[name] for name in row if name in _THRESHOLDS}
    return values | ({"alert_thresholds": thresholds} if thresholds else {})
