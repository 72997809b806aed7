"""The Action Units of a session as the report shows them, and the glossary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from echodepth_cli.output.charts import Axis
from echodepth_cli.output.face_map import FaceMap, face_map
from echodepth_cli.output.formats import clock, count, duration, number, percent, visible
from echodepth_cli.output.series import Series
from echodepth_cli.output.timeline import unit_path

STATUS: Final = {
    "measured": "measured",
    "proxy": "indirect cue only",
    "not_observable": "cannot be seen in a video of the face",
}
_MOST_ON_MAP: Final = 6


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One Action Unit over the session."""

    au: int
    name: str
    status: str
    status_words: str
    path: str
    share: str
    mean: str
    peak: str
    peak_at: str
    peak_at_s: float | None
    episodes: str
    sides: str
    """Shares of the active time in which one side was clearly stronger; – where none is seen."""
    active: bool


@dataclass(frozen=True, slots=True)
class Combination:
    """Units that were active together."""

    units: str
    label: str
    facts: str
    starts: tuple[tuple[float, str], ...]
    """(offset, clock) of each episode."""


@dataclass(frozen=True, slots=True)
class Units:
    """All units: those that were active, those that stayed quiet, those that cannot be seen."""

    rows: tuple[UnitRow, ...]
    active: tuple[UnitRow, ...]
    quiet: tuple[UnitRow, ...]
    unseen: tuple[UnitRow, ...]
    combinations: tuple[Combination, ...]
    face: FaceMap


def build_units(report: Mapping[str, Any], series: Series, axis: Axis) -> Units:
    """Return the units of a report in the order of their numbers."""
    found = sorted(report.get("action_units") or [], key=lambda unit: int(unit["au"]))
    rows = tuple(_row(unit, series, axis) for unit in found)
    seen = [row for row in rows if row.status != "not_observable"]
    shares = sorted(
        ((unit["au"], float(unit.get("share_active") or 0.0)) for unit in found),
        key=lambda pair: -pair[1],
    )
    return Units(
        rows=rows,
        active=tuple(row for row in seen if row.active),
        quiet=tuple(row for row in seen if not row.active),
        unseen=tuple(row for row in rows if row.status == "not_observable"),
        combinations=tuple(_combination(item) for item in report.get("combinations") or []),
        face=face_map(shares[:_MOST_ON_MAP]),
    )


def _row(unit: Mapping[str, Any], series: Series, axis: Axis) -> UnitRow:
    episodes = unit.get("episodes")
    if isinstance(episodes, (list, tuple)):
        episodes = len(episodes)
    status = str(unit.get("status") or "measured")
    peak_s = unit.get("peak_offset_s")
    return UnitRow(
        au=unit["au"],
        name=visible(str(unit.get("name") or "")),
        status=status,
        status_words=STATUS.get(status, status),
        path=unit_path(axis, series, unit["au"]),
        share=percent(unit.get("share_active")),
        mean=number(unit.get("mean")),
        peak=number(unit.get("peak")),
        peak_at=clock(peak_s, tenths=True),
        peak_at_s=peak_s,
        episodes="–" if episodes is None else f"{episodes:,}",
        sides=_sides(unit),
        active=bool(unit.get("share_active")),
    )


def _sides(unit: Mapping[str, Any]) -> str:
    left, right = unit.get("left_led"), unit.get("right_led")
    if left is None or right is None:
        return "–"
    led = [
        f"{side} {percent(share)}" for side, share in (("left", left), ("right", right)) if share
    ]
    return ", ".join(led) or "even"


def _combination(item: Mapping[str, Any]) -> Combination:
    units = "+".join(str(au) for au in item.get("aus") or [])
    episodes = item.get("episodes") or []
    facts = [count(len(episodes), "episode")]
    if item.get("total_s") is not None:
        facts.append(f"{duration(item['total_s'])} in all")
    if item.get("longest_s") is not None and len(episodes) > 1:
        facts.append(f"longest {duration(item['longest_s'])}")
    return Combination(
        units=f"AU{units}",
        label=visible(str(item.get("label") or "")),
        facts=", ".join(facts),
        starts=tuple((e["start_s"], clock(e["start_s"], tenths=True)) for e in episodes),
    )
