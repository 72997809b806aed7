"""The JSON Schemas that ship with the product."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from echodepth_cli.errors import UsageError

_SUFFIX = ".schema.json"
_FOLDER = Path(__file__).parent


def schema_names() -> list[str]:
    """Return the names that `load_schema` knows."""
    return sorted(path.name.removesuffix(_SUFFIX) for path in _FOLDER.glob(f"*{_SUFFIX}"))


def load_schema(name: str) -> dict[str, Any]:
    """Return one JSON Schema; raises UsageError for an unknown name."""
    if name not in schema_names():
        raise UsageError(f"no schema named '{name}'; known: {', '.join(schema_names())}")
    schema: dict[str, Any] = json.loads((_FOLDER / f"{name}{_SUFFIX}").read_text(encoding="utf-8"))
    return schema
