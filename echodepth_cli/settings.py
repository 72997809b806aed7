"""Declare a setting, and read it as people write it in files, manifests and options.

The metadata of a dataclass field are the one source of a setting's bounds, its help and the words
it may be written with; `config.py` holds the settings themselves.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Final

from echodepth_cli.errors import UsageError
from echodepth_cli.iso_time import parse_iso_time


def setting(
    default: Any,
    help_text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    none_word: str | None = None,
    clock: bool = False,
    measures: bool = True,
    bounds: bool = False,
) -> Any:
    """Declare a setting.

    ``none_word`` is how None is written in files and options, ``clock`` allows mm:ss,
    ``measures`` says whether the setting changes what is measured (and the session's id), and
    ``bounds`` that it only refuses recordings: what it lets through comes out the same.
    """
    metadata = {
        "help": help_text,
        "low": low,
        "high": high,
        "none_word": none_word,
        "clock": clock,
        "measures": measures and not bounds,
        "bounds": bounds,
    }
    return field(default=default, metadata=metadata)


def setting_help(cls: type, name: str) -> str:
    """Return the help text of one setting."""
    fields = {f.name: f for f in dataclasses.fields(cls)}
    return str(fields[name].metadata["help"])


def flag_of(name: str) -> str:
    """Return the option of the command line that sets a setting."""
    return "--" + name.removesuffix("_s").replace("_", "-")


def parse_setting(cls: type, name: str, value: Any, shown_as: str) -> Any:
    """Turn one setting as written in a file, a manifest or an option into its own type.

    Numbers may be text; ``off`` and ``all`` stand for None where the setting allows them; times may
    be seconds, mm:ss or hh:mm:ss. Raises UsageError that calls the setting ``shown_as``.
    """
    item = {f.name: f for f in dataclasses.fields(cls)}[name]
    kind = str(item.type)
    word = item.metadata["none_word"]
    if value is None and "None" in kind:
        return None
    if isinstance(value, str):
        if not is_utf8(value):
            raise UsageError(f"{shown_as} holds characters that are none (no UTF-8)")
        if word is not None and value.strip().lower() == word:
            return None
        # Text stays as it was written; what is read as something else may have blanks around it.
        is_text = kind.removesuffix(" | None") == "str"
        read = value if is_text else value.strip()
        value = _from_text(kind, read, clock=item.metadata["clock"])
    if not _is_of_kind(value, kind):
        expected = _KINDS[kind.removesuffix(" | None")][1] + (f" or '{word}'" if word else "")
        expected += " (or mm:ss)" if item.metadata["clock"] else ""
        raise UsageError(f"{shown_as} must be {expected}, not '{value}'")
    return value


_KINDS: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "float": ((int, float), "a number"),
    "int": ((int,), "a whole number"),
    "bool": ((bool,), "true or false"),
    "str": ((str,), "text"),
    "datetime": ((datetime,), "a date and time with time zone"),
}


def is_utf8(value: str) -> bool:
    """Tell whether a text can be written as UTF-8; arguments need not."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _from_text(kind: str, text: str, *, clock: bool) -> Any:
    """Read text as ``kind``; text that is none is handed back unchanged."""
    kind = kind.removesuffix(" | None")
    if kind == "datetime":
        return parse_started_at(text)
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind not in ("float", "int"):
        return text
    try:
        if clock and ":" in text:
            return _clock_seconds(text)
        return int(text) if kind == "int" else float(text)
    except ValueError:
        return text


def _clock_seconds(text: str) -> float:
    """Return the seconds of mm:ss or hh:mm:ss; raises ValueError."""
    *larger, seconds = text.split(":")
    if len(larger) > 2 or not all(part.isdecimal() for part in larger):
        raise ValueError(text)
    value = float(seconds)
    if not 0 <= value < 60 or (len(larger) == 2 and int(larger[1]) >= 60):
        raise ValueError(text)
    for power, part in enumerate(reversed(larger), start=1):
        value += int(part) * 60**power
    return value


def _is_of_kind(value: Any, kind: str) -> bool:
    kind = kind.removesuffix(" | None")
    return isinstance(value, _KINDS[kind][0]) and isinstance(value, bool) == (kind == "bool")


def parse_started_at(text: str) -> datetime:
    """Parse an ISO 8601 date and time; raises UsageError when it is none."""
    try:
        return parse_iso_time(text)
    except ValueError as error:
        raise UsageError(
            f"'{text}' is not a date and time; write it as 2026-03-01T09:30:00+00:00"
        ) from error


def known_settings(cls: type, values: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return the settings of ``cls`` as their own types; see `parse_setting`.

    Raises UsageError that names ``source`` for a name that is none or a value that cannot be read.
    """
    names = [f.name for f in dataclasses.fields(cls)]
    for name in values:
        if name not in names:
            raise UsageError(f"{source}: unknown setting '{name}'; known: {', '.join(names)}")
    return {
        name: parse_setting(cls, name, value, f"{source}: {name}") for name, value in values.items()
    }


def check_bounds(config: Any) -> None:
    """Raise UsageError where a setting of a dataclass instance lies outside its bounds."""
    for item in dataclasses.fields(config):
        value, low, high = (
            getattr(config, item.name),
            item.metadata.get("low"),
            item.metadata.get("high"),
        )
        if value is None or (low is None and high is None):
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(f"{item.name} must be a number, not {value!r}")
        inside = math.isfinite(value) and (low is None or value >= low)
        if not inside or (high is not None and value > high):
            bounds = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}"
            raise UsageError(f"{item.name} must be {bounds}, not {value:g}")
        if str(item.type).startswith("float"):
            # 2 and 2.0 are one setting and must have one digest.
            object.__setattr__(config, item.name, float(value))
