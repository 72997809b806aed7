"""Find the recordings of a batch: files, directories, globs, manifests and lists."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from echodepth_cli.batch.inputs import BatchInput, Naming, absolute
from echodepth_cli.batch.manifest import read_manifest
from echodepth_cli.errors import UsageError

VIDEO_SUFFIXES = frozenset({".3g2", ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v"}) | {
    *(".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv"),
    *(".ts", ".vob", ".webm", ".wmv"),
}
"""Suffixes taken from directories and globs; a file named on its own is taken whatever its name."""

MANIFEST_SUFFIXES = frozenset({".csv", ".jsonl", ".ndjson"})


def find_inputs(
    paths: Iterable[str],
    *,
    naming: Naming,
    recursive: bool = True,
    exclude: Path | None = None,
    stdin: bytes = b"",
) -> list[BatchInput]:
    """Return the recordings that ``paths`` stand for, each once, in a stable order.

    Args:
        paths: Files, directories, globs, manifests, or ``-`` for the list in ``stdin``.
        naming: How session directories are named.
        recursive: Whether directories are searched to any depth.
        exclude: A directory never searched: the output directory.
        stdin: The list for ``-``: one path a line, or NUL-separated (``find -print0``).

    Raises:
        UsageError: When a glob matches nothing or a manifest cannot be used.
    """
    found: dict[Path, BatchInput] = {}
    for text in paths:
        for item in _expand(text, naming, recursive, exclude, stdin):
            found.setdefault(item.path, item)
    return list(found.values())


def split_list(data: bytes) -> list[str]:
    """Split a list of paths at NULs if there are any, else at line ends."""
    parts = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(part) for part in parts if part]


def _expand(
    text: str, naming: Naming, recursive: bool, exclude: Path | None, stdin: bytes
) -> Iterator[BatchInput]:
    if text == "-":
        for line in split_list(stdin):
            yield from _expand_path(line, naming, recursive, exclude)
    else:
        yield from _expand_path(text, naming, recursive, exclude)


def _expand_path(
    text: str, naming: Naming, recursive: bool, exclude: Path | None
) -> Iterator[BatchInput]:
    if text == "":
        raise UsageError("an empty PATH was given; check the variable it came from")
    path = absolute(text)
    if path.is_dir():
        yield from _walk(path, path, naming, recursive, exclude)
    elif path.suffix.lower() in MANIFEST_SUFFIXES and path.exists():
        yield from read_manifest(path, naming)
    elif not os.path.lexists(path) and glob.has_magic(text):
        yield from _expand_glob(text, naming, recursive, exclude)
    else:
        yield BatchInput(path, naming.name(path, path.parent))


def _expand_glob(
    pattern: str, naming: Naming, recursive: bool, exclude: Path | None
) -> Iterator[BatchInput]:
    base = _fixed_part(absolute(pattern))
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207
    if not matches:
        raise UsageError(f"{pattern}: matches nothing; quote a name that holds * ? or [")
    for match in matches:
        path = absolute(match)
        if path.is_dir():
            yield from _walk(path, base, naming, recursive, exclude)
        elif _is_recording(path.name):
            yield BatchInput(path, naming.name(path, base))


def _fixed_part(pattern: Path) -> Path:
    fixed = Path(pattern.anchor)
    for part in pattern.parts[1:-1]:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed


def _walk(
    top: Path, base: Path, naming: Naming, recursive: bool, exclude: Path | None
) -> Iterator[BatchInput]:
    """Yield the recordings below ``top``, sorted; links to directories are not followed."""
    unreadable: list[OSError] = []
    for folder, folders, files in os.walk(top, onerror=unreadable.append):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if recursive and name[0] != "." and here / name != exclude
        )
        for name in sorted(files):
            if _is_recording(name):
                yield BatchInput(here / name, naming.name(here / name, base))
    # A directory that cannot be read may hide recordings: it is a failure, not an absence.
    for error in unreadable:
        path = Path(error.filename)
        yield BatchInput(
            path,
            naming.name(path, base.parent if path == base else base),
            problem=f"{path}: the directory cannot be read: {error.strerror}",
        )


def _is_recording(name: str) -> bool:
    # Copying tools write to hidden names or add a suffix (.part, .crdownload, .filepart), so
    # half-copied files are left out by the same test.
    return name[0] != "." and Path(name).suffix.lower() in VIDEO_SUFFIXES
