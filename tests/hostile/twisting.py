"""Well-formed data that says something absurd."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa

KEY_COLUMNS = (
    *("session_offset_s", "status", "valence", "arousal", "AU01", "AU46", "talking", "confidence"),
    *("face_x", "alert_reason", "pitch_deg", "frame_id", "timestamp_ms"),
)


def absurd(choose: random.Random) -> Any:
    """Return a value that nobody expects."""
    makers: list[Callable[[], Any]] = [
        lambda: None,
        lambda: choose.choice([True, False]),
        lambda: choose.choice([0, -1, 1 << 63, -(1 << 64), 10**400, 1]),
        lambda: choose.choice([float("nan"), float("inf"), -0.0, 1e308, 5e-324, -1.5]),
        lambda: choose.choice(
            ["", "off", "all", "NaN", "1e999", "../../../etc/passwd", "/", "\x00"]
        ),
        lambda: choose.choice(
            ["\ud800", "\u202egpj", "a\nb", "<script>alert(1)</script>", "x" * 70_000]
        ),
        lambda: choose.choice(["9999-99-99T99:99:99Z", "0001-01-01T00:00:00+23:59", "1:2:3:4"]),
        lambda: [[[[]]]] * choose.randint(0, 3),
        lambda: {"a": {"b": [1, None, "c"]}},
        lambda: _deep(choose.choice([50, 400])),
    ]
    return choose.choice(makers)()


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def twisted(document: Any, choose: random.Random) -> Any:
    """Return a JSON document with some of its values replaced, removed or moved."""
    for _ in range(choose.randint(1, 4)):
        places = list(_places(document))
        holder, key = choose.choice(places)
        action = choose.randrange(4)
        if action == 0:
            del holder[key]
        elif action == 1:
            holder[key] = absurd(choose)
        elif action == 2:
            other, name = choose.choice(places)
            holder[key] = json.loads(json.dumps(other[name])) if name in _keys(other) else None
        elif isinstance(holder[key], list):
            holder[key] = holder[key] * choose.randint(2, 40)
        else:
            holder[key] = [holder[key]]
    return document


def _places(document: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        holder = waiting.pop()
        for key in _keys(holder):
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])
    return found


def _keys(holder: Any) -> list[Any]:
    return list(holder) if isinstance(holder, dict) else list(range(len(holder)))


def twisted_table(table: pa.Table, choose: random.Random) -> pa.Table:
    index = choose.randrange(max(1, table.num_columns))
    if table.num_columns == 0:
        return table
    name, rows = table.column_names[index], table.num_rows
    if choose.random() < 0.5:
        # The columns that everything hangs on.
        name = choose.choice([n for n in KEY_COLUMNS if n in table.column_names] or [name])
        index = table.column_names.index(name)
    action = choose.randrange(9)
    if action == 0:
        return table.drop_columns([name])
    if action == 1:
        return table.set_column(index, name, pa.nulls(rows))
    if action == 2:
        return table.set_column(index, name, pa.array(["\u202e<b>" * 50] * rows))
    if action == 3:
        values = [
            choose.choice([float("nan"), float("inf"), -1e300, 1e300, 0.5]) for _ in range(rows)
        ]
        return table.set_column(index, name, pa.array(values))
    if action == 4:
        return table.slice(0, choose.choice([0, 1, 2]))
    if action == 5:
        return pa.concat_tables([table] * choose.choice([2, 50]))
    if action == 6:
        return table.replace_schema_metadata(
            {
                b"echodepth": choose.choice(
                    [b"", b"{}", b"[]", b'{"origin_ms": "x"}', b"\xff", b"null"]
                )
            }
        )
    if action == 7:
        return table.append_column(name, table.column(index))
    return table.set_column(index, name, pa.array([[[1]]] * rows))
