"""Where cases are made: intact recordings to start from, and a folder for each case."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from echodepth_cli.errors import printable
from tests.hostile import recordings as rec
from tests.hostile.running import COMPLETE, DAMAGE_SAID, Case

REFUSED = frozenset({"exit 3"})
SAID = frozenset({DAMAGE_SAID})
READ = frozenset({COMPLETE, DAMAGE_SAID})

Content = bytes | Callable[[Path], object]
"""The bytes of a file, or what makes the file at a path."""
Made = tuple[str | bytes, Content, frozenset[str] | None]
"""File name, content, and the outcomes that are right; None where any documented one is."""


class Workshop:
    """Makes cases below a folder; ``port`` is a listening one that must stay unvisited."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self.port, self._count = folder, port, 0
        self.sources = folder / "sources"
        self.sources.mkdir(parents=True)
        self.secret = rec.write(self.sources / "secret.ts", rec.KINDS["h264.ts"])

    def source(self, name: str) -> bytes:
        """Return the bytes of an intact recording of one of the kinds."""
        path = self.sources / name
        if not path.exists():
            rec.write(path, (rec.KINDS | rec.ODD_KINDS)[name])
        return path.read_bytes()

    def bytes_of(self, make: Callable[[Path], object], suffix: str = ".ts") -> bytes:
        """Return the bytes of a file that ``make`` writes."""
        path = self.sources / f"made{suffix}"
        make(path)
        return path.read_bytes()

    def new_folder(self) -> Path:
        """Return an empty folder for the next case."""
        self._count += 1
        folder = self._folder / f"{self._count:06d}"
        folder.mkdir()
        return folder

    def case(self, kind: str, made: Made) -> Case:
        """Make an input in a folder of its own and return the case of analysing it."""
        name, content, ends = made
        folder, file_name = self.new_folder(), os.fsdecode(name)
        if isinstance(content, bytes):
            (folder / file_name).write_bytes(content)
        else:
            content(folder / file_name)
        arguments = ("analyse", "-q", "-o", "out", "--stall-timeout", "5", "--", file_name)
        quotes = printable(file_name)
        return Case(kind, file_name, arguments, folder, quotes, ends, (self.secret,))
