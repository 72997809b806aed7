"""Compare reports and frame tables place by place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from echodepth_cli.verify.outcome import Difference, kind_of, shown

LAST_DIGIT: Final = 1.5e-6
"""Numbers worked out from rounded ones may differ in the sixth decimal."""


def compare_json(
    file: str, stated: Any, expected: Any, by: str, place: str = "", within: float = 0.0
) -> Iterator[Difference]:
    """Yield where ``stated`` is not ``expected``; ``by`` says who expects it."""
    if isinstance(stated, Mapping) and isinstance(expected, Mapping):
        for key in sorted({*stated, *expected}):
            inner = f"{place}.{key}" if place else str(key)
            if key not in stated:
                yield Difference(file, inner, f"is missing; {by} {kind_of(expected[key])}")
            elif key not in expected:
                yield Difference(file, inner, f"is {kind_of(stated[key])}; {by} nothing")
            else:
                yield from compare_json(file, stated[key], expected[key], by, inner, within)
    elif isinstance(stated, list) and isinstance(expected, list):
        if len(stated) != len(expected):
            yield Difference(file, place, f"is {kind_of(stated)}; {by} {kind_of(expected)}")
            return
        for index, (one, other) in enumerate(zip(stated, expected, strict=True)):
            yield from compare_json(file, one, other, by, f"{place}[{index}]", within)
    elif not _same(stated, expected, within):
        yield Difference(file, place, f"is {kind_of(stated)}; {by} {kind_of(expected)}")


def compare_columns(
    file: str,
    stated: Mapping[str, Sequence[Any]],
    expected: Mapping[str, Sequence[Any]],
    offsets_s: Sequence[Any],
    by: str,
    within: float = 0.0,
) -> Iterator[Difference]:
    """Yield one difference for each column that differs, with the first row where it does.

    Columns are lists of plain values, one for each row; ``offsets_s`` tells when a row was.
    """
    for name in sorted({*stated, *expected}):
        if name not in stated or name not in expected:
            gone = "is missing" if name not in stated else "is too many"
            yield Difference(file, name, f"the column {gone}")
            continue
        one, other = stated[name], expected[name]
        if len(one) != len(other):
            yield Difference(file, name, f"has {len(one)} rows; {by} {len(other)}")
            continue
        rows = [i for i in range(len(one)) if not _same(one[i], other[i], within)]
        if rows:
            yield Difference(file, name, _rows_in_words(rows, one, other, offsets_s, by))


def _rows_in_words(
    rows: Sequence[int], one: Sequence[Any], other: Sequence[Any], offsets_s: Sequence[Any], by: str
) -> str:
    first = rows[0]
    when = f" ({offsets_s[first]:.3f} s)" if isinstance(offsets_s[first], float) else ""
    text = f"row {first}{when} is {shown(one[first])}; {by} {shown(other[first])}"
    if len(rows) > 1:
        text += f"; {len(rows)} rows differ"
    sizes = [abs(one[i] - other[i]) for i in rows if _number(one[i]) and _number(other[i])]
    return f"{text}; by up to {max(sizes):.3g}" if len(sizes) > 1 else text


def _same(one: Any, other: Any, within: float) -> bool:
    if _number(one) and _number(other):
        both_nan = math.isnan(one) and math.isnan(other)
        return both_nan or one == other or abs(one - other) <= within
    return type(one) is type(other) and bool(one == other)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
