"""Records set aside on disk until they can be used, so that memory stays flat."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Generic, TypeVar, cast

from echodepth_cli.output.atomic import writing_to

Record = TypeVar("Record")


class Spool(Generic[Record]):
    """A list of records on disk, written once and read in order as often as needed.

    Its file has no name: nobody else can open it, and it is gone with the process.
    """

    def __init__(self, directory: Path | None = None) -> None:
        """Keep the records in ``directory``, or where temporary files go. Raises OutputError."""
        self._place = directory or Path(tempfile.gettempdir())
        with writing_to(self._place):
            # Closed by `close`, which a context manager calls.
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=self._place)  # noqa: SIM115

    def append(self, record: Record) -> None:
        """Write one more record; raises OutputError when the disk is full."""
        with writing_to(self._place):
            pickle.dump(record, self._file, protocol=pickle.HIGHEST_PROTOCOL)

    def __iter__(self) -> Iterator[Record]:
        """Yield the records in the order they came; none may be appended meanwhile."""
        with writing_to(self._place):
            self._file.flush()
            length = self._file.seek(0, 2)
            self._file.seek(0)
        while self._file.tell() < length:
            yield cast(Record, pickle.load(self._file))

    def close(self) -> None:
        """Delete the records."""
        # What the disk had no room for is to be deleted anyway.
        with suppress(OSError):
            self._file.close()

    def __enter__(self) -> Spool[Record]:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
