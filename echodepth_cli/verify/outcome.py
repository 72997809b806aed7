"""What a verification found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be."""

    file: str
    place: str
    """Where in the file; empty for the whole of it."""
    message: str

    def __str__(self) -> str:
        where = f"{self.file}: {self.place}" if self.place else self.file
        return f"{where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Check:
    """One question that was asked, and its answer."""

    name: str
    state: str
    """`ok`, `differs` or `skipped`."""
    detail: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The answers about one session directory."""

    session_id: str | None
    checks: tuple[Check, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    """What a reader should know that is no difference."""

    @property
    def ok(self) -> bool:
        """Say whether nothing differs."""
        return not self.differences

    @property
    def not_checked(self) -> tuple[str, ...]:
        """Return the names of the checks that could not be made."""
        return tuple(check.name for check in self.checks if check.state == "skipped")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-able data."""
        return {
            "session_id": self.session_id,
            "ok": self.ok,
            "checks": [asdict(check) for check in self.checks],
            "differences": [asdict(difference) for difference in self.differences],
            "notes": list(self.notes),
        }


def shown(value: Any) -> str:
    """Return a value for a message, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def kind_of(value: Any) -> str:
    """Return what a JSON value is, for messages."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"a list of {len(value)}"
    return shown(value)
