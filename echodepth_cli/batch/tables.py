"""`sessions.parquet`: one row for every session of an output directory."""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Iterable, Mapping
from typing import Any

from echodepth_cli.batch.entries import Entry
from echodepth_cli.batch.facts import MOMENTS, SessionFacts, moment
from echodepth_cli.batch.review import in_order, review

_ENTRY_COLUMNS = {
    "name": "str",
    "source": "str",
    "finished_at": "str",
    "elapsed_s": "float",
    "attempts": "int",
    "review_rank": "int",
    "review_reason": "str",
}


def sessions_table_bytes(entries: Iterable[Entry]) -> bytes:
    """Return the Parquet bytes of the table, in the order of review."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [_row(entry) for entry in in_order([e for e in entries if e.session is not None])]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=_schema()), buffer, compression="zstd")
    return buffer.getvalue()


def column_kinds() -> Mapping[str, str]:
    """Return each column's kind: ``str``, ``int``, ``float`` or ``moment``."""
    facts = {
        item.name: str(item.type).removesuffix(" | None")
        for item in dataclasses.fields(SessionFacts)
    }
    kinds = {"name": _ENTRY_COLUMNS["name"], **facts, **_ENTRY_COLUMNS}
    return {name: "moment" if name in MOMENTS else kind for name, kind in kinds.items()}


def _schema() -> Any:
    import pyarrow as pa

    types = {
        "str": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
        "moment": pa.timestamp("ms", tz="UTC"),
    }
    return pa.schema([pa.field(name, types[kind]) for name, kind in column_kinds().items()])


def _row(entry: Entry) -> dict[str, Any]:
    place = review(entry)
    facts = entry.session.to_dict() if entry.session is not None else {}
    if facts:
        facts["file_name"] = _decodable(facts["file_name"])
    row = facts | {
        "name": _decodable(entry.name),
        "source": None if entry.source is None else _decodable(entry.source),
        "finished_at": entry.finished_at,
        "elapsed_s": entry.elapsed_s,
        "attempts": entry.attempts,
        "review_rank": place.rank,
        "review_reason": place.reason,
    }
    return row | {name: moment(row[name]) for name in MOMENTS}


def _decodable(text: str) -> str:
    """Return ``text`` with bytes of a file name that are no UTF-8 written as escapes."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")
