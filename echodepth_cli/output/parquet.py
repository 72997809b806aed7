"""Stream frame results into `frames.parquet`, and read it back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final

import numpy as np

from echodepth_cli.affect.action_units import SIDED_AUS
from echodepth_cli.affect.series import Series
from echodepth_cli.errors import InputError
from echodepth_cli.interruption import interruptions_held
from echodepth_cli.output.atomic import writing_to
from echodepth_cli.output.columns import AU_COUNT, Column, RowContext
from echodepth_cli.reading import parse_json, require_regular
from echodepth_cli.records import FrameStatus

ROWS_PER_GROUP: Final = 2048
"""About 17 minutes at 2 fps; bounds what is held before it is written."""

_ROWS_HELD: Final = 512
"""Results waiting to become columns, which take a tenth of the memory."""

_MOST_ROWS: Final = 20_000_000
"""Every frame of a day at 60 a second is a quarter of it."""
_LARGEST_BYTES: Final = 16 << 30

METADATA_KEY: Final = b"echodepth"
"""File metadata entry: JSON with session, config and model digests."""


class FrameTableWriter:
    """Write results row group by row group; the file is complete after `close`."""

    def __init__(
        self,
        path: Path,
        columns: Sequence[Column],
        context: RowContext,
        metadata: Mapping[str, Any],
    ) -> None:
        self._path, self._columns, self._context = path, columns, context
        self._schema = arrow_schema(columns, metadata)
        self._opened = ExitStack()
        with writing_to(path):
            self._writer = self._opened.enter_context(_new_table(path, self._schema))
        self._held: list[Any] = []
        self._ready: list[Any] = []

    def write(self, results: Sequence[Any]) -> None:
        """Take results in order; full row groups go to disk at once."""
        self._held.extend(results)
        if len(self._held) >= _ROWS_HELD:
            self._make_columns()
        while sum(batch.num_rows for batch in self._ready) >= ROWS_PER_GROUP:
            self._flush()

    def close(self) -> None:
        """Write what is left and the footer."""
        with writing_to(self._path), self._opened:
            self._make_columns()
            if self._ready:
                self._flush()

    def __enter__(self) -> FrameTableWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        # The first error is the one to report; what is half-written goes with its directory.
        with suppress(OSError):
            self._opened.close()

    def _make_columns(self) -> None:
        import pyarrow as pa

        if not self._held:
            return
        arrays = [
            pa.array([c.read(r, self._context) for r in self._held], type=field.type)
            for c, field in zip(self._columns, self._schema, strict=True)
        ]
        self._held = []
        self._ready.append(pa.record_batch(arrays, schema=self._schema))

    def _flush(self) -> None:
        import pyarrow as pa

        table = pa.Table.from_batches(self._ready)
        with writing_to(self._path):
            self._writer.write_table(table.slice(0, ROWS_PER_GROUP).combine_chunks())
        self._ready = table.slice(ROWS_PER_GROUP).to_batches()


@contextmanager
def _new_table(path: Path, schema: Any) -> Iterator[Any]:
    """Yield a writer for a new Parquet file; it is closed before its file, whatever happens.

    An interruption after the writer is made and before it is held would leave it to be closed at
    some time after the file, of which PyArrow complains.
    """
    import pyarrow.parquet as pq

    with ExitStack() as held:
        with interruptions_held():
            file = held.enter_context(path.open("wb"))
            writer = held.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
        yield writer


def arrow_schema(columns: Sequence[Column], metadata: Mapping[str, Any]) -> Any:
    """Return the pyarrow schema, with unit, range and meaning in each field's metadata."""
    import pyarrow as pa

    types = {
        "str": pa.string(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "float32": pa.float32(),
        "bool": pa.bool_(),
        "int8": pa.int8(),
        "list<int8>": pa.list_(pa.int8()),
    }
    fields = [
        pa.field(
            c.name,
            types[c.kind],
            metadata={"meaning": c.meaning, "unit": c.unit, "range": c.range},
        )
        for c in columns
    ]
    return pa.schema(fields, metadata=_file_metadata(metadata))


def _file_metadata(metadata: Mapping[str, Any]) -> dict[bytes, bytes]:
    return {METADATA_KEY: json.dumps(metadata, sort_keys=True, ensure_ascii=False).encode()}


class ColumnsOnDisk:
    """The columns of a frame table that was just written, each read when it is asked for."""

    def __init__(self, file: BinaryIO) -> None:
        import pyarrow.parquet as pq

        self._table = pq.ParquetFile(file)

    @property
    def column_names(self) -> list[str]:
        """Return the names of the columns."""
        names: list[str] = self._table.schema_arrow.names
        return names

    def column(self, i: str) -> Any:
        """Return one column by name."""
        return self._table.read(columns=[i], use_threads=False).column(0)


def read_frames(path: Path) -> tuple[Any, dict[str, Any]]:
    """Return the table of a `frames.parquet` and its session metadata.

    Raises InputError when the file is missing, damaged or was not written by echodepth.
    """
    import pyarrow.parquet as pq

    _require_bearable(path, _read(path, pq.read_metadata))
    table = _read(path, pq.read_table)
    return table, _session_metadata(table.schema, path)


def _require_bearable(path: Path, facts: Any) -> None:
    """Raise InputError for a table that is small on disk and vast in memory."""
    size = sum(facts.row_group(index).total_byte_size for index in range(facts.num_row_groups))
    if facts.num_rows > _MOST_ROWS or size > _LARGEST_BYTES:
        raise InputError(f"{path}: holds {facts.num_rows} rows, which no recording gives")


def read_metadata(path: Path) -> dict[str, Any]:
    """Return the session metadata of a `frames.parquet` alone; raises as `read_frames` does."""
    import pyarrow.parquet as pq

    return _session_metadata(_read(path, pq.read_schema), path)


def _read(path: Path, reader: Callable[[BinaryIO], Any]) -> Any:
    import pyarrow as pa

    try:
        require_regular(path)
        # Opened here, as in all this module: pyarrow cannot make out names that are no UTF-8.
        with path.open("rb") as file:
            return reader(file)
    except FileNotFoundError as error:
        raise InputError(f"{path}: not found; is this a session directory?") from error
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: not a readable Parquet file: {reason}") from error


def _session_metadata(schema: Any, path: Path) -> dict[str, Any]:
    try:
        metadata = parse_json((schema.metadata or {})[METADATA_KEY])
    except (KeyError, ValueError) as error:
        raise InputError(f"{path}: was not written by echodepth") from error
    if not isinstance(metadata, dict):
        raise InputError(f"{path}: was not written by echodepth")
    return metadata


def with_alerts(
    source: Path, target: Path, reasons: Sequence[tuple[str, ...]], metadata: Mapping[str, Any]
) -> None:
    """Copy a frame table with other alerts: one tuple of alert types per row, in order.

    Goes row group by row group. Alerts are known only when a session is complete, since a short
    excursion may still join or miss one; everything else in the table is final before.
    ``metadata`` takes the place of the source's.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with writing_to(target), source.open("rb") as opened:
        file = pq.ParquetFile(opened)
        schema = file.schema_arrow.with_metadata(_file_metadata(metadata))
        with _new_table(target, schema) as writer:
            first = 0
            for index in range(file.num_row_groups):
                group = file.read_row_group(index)
                own = reasons[first : first + group.num_rows]
                first += group.num_rows
                for name, values in (
                    ("alert_triggered", [bool(r) for r in own]),
                    ("alert_reason", [",".join(r) or None for r in own]),
                ):
                    place = schema.get_field_index(name)
                    array = pa.array(values, type=schema.field(place).type)
                    group = group.set_column(place, schema.field(place), array)
                group = group.replace_schema_metadata(schema.metadata)
                writer.write_table(group, row_group_size=max(group.num_rows, 1))


def series_of(table: Any) -> Series:
    """Return the columns of a frame table that findings are made of; see `Series`."""

    def numbers(name: str, kind: type = np.float64) -> Any:
        return table[name].to_numpy(zero_copy_only=False).astype(kind)

    vad = np.stack([numbers(n) for n in ("valence", "arousal", "dominance")], axis=1)
    aus = [numbers(f"AU{number:02d}", np.float32) for number in range(1, AU_COUNT + 1)]
    lead = np.full((table.num_rows, AU_COUNT), np.nan, dtype=np.float32)
    for number in SIDED_AUS:
        left, right = (numbers(f"AU{number:02d}_{side}", np.float32) for side in "LR")
        lead[:, number - 1] = left - right
    status = np.array(table["status"].to_pylist())
    talking = np.array([bool(flag) for flag in table["talking"].to_pylist()], dtype=bool)
    return Series(
        offset_s=numbers("session_offset_s"),
        vad=vad,
        confidence=numbers("confidence"),
        aus=np.stack(aus, axis=1),
        reliable=(status == FrameStatus.OK.value) & np.isfinite(vad).all(axis=1),
        talking=talking,
        pitch_deg=numbers("pitch_deg"),
        lead=lead,
    )
