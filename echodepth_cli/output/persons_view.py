"""Who was in view and who was analysed, as the report's reader sees it."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from echodepth_cli.affect.coverage import MIN_USABLE_FRAMES
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.output.charts import Axis, Stretch
from echodepth_cli.output.formats import clock, count, duration, percent, visible
from echodepth_cli.output.snapshots import Still, StillKey, portrait_key
from echodepth_cli.settings import flag_of

_WITH_VALUE: Final = (
    "--subject",
    "--subject-at",
    "--baseline-from",
    "--label",
    "--webhook",
    "--out",
    "-o",
    "--frames-jsonl",
)
_ALONE: Final = ("--force", "--json", "--quiet", "-q")
"""Options of a run that its repetition for another person must not or need not have.

A label often names the subject.
"""

_NUMBERED_BY: Final = ("fps", "start_s", "end_s", "region", "max_faces")
"""Settings, beside `small_faces`, with which persons keep their numbers."""


@dataclass(frozen=True, slots=True)
class PersonCard:
    """One person of the recording."""

    number: int
    is_subject: bool
    title: str
    facts: tuple[str, ...]
    bars: tuple[Stretch, ...]
    """When the person was in view."""
    still: str | None
    still_at_s: float
    still_blurred: bool
    still_alt: str
    command: str | None
    """The command that analyses this person; None for the one who was, or cannot be."""
    obstacle: str | None
    """Why this person cannot be analysed."""


@dataclass(frozen=True, slots=True)
class Persons:
    """The section on persons."""

    lead: str
    note: str | None
    cards: tuple[PersonCard, ...]
    doubt: tuple[Stretch, ...]
    doubts: tuple[str, ...]
    """The stretches in doubt, in words."""


def build_persons(
    report: Mapping[str, Any], axis: Axis, stills: Mapping[StillKey, Still]
) -> Persons | None:
    """Return the section, or None for a report that does not know of persons."""
    subject = report.get("subject")
    if not subject or subject.get("person") is None:
        return None
    persons = report.get("persons") or []
    doubts = subject.get("in_doubt") or []
    unlisted = report.get("persons_unlisted") or 0
    return Persons(
        lead=_lead(subject, len(persons)),
        note=f"{count(unlisted, 'more face')} came into view too briefly to be listed."
        if unlisted
        else None,
        cards=tuple(_card(report, axis, person, stills) for person in persons),
        doubt=tuple(_bars(axis, doubts)),
        doubts=tuple(f"{clock(s['start_s'])} to {clock(s['end_s'])}" for s in doubts),
    )


def command_for(report: Mapping[str, Any], person: int) -> str:
    """Return the command that analyses another person of the same recording."""
    name = str((report.get("recording") or {}).get("file_name") or "VIDEO")
    words = [str(word) for word in (report.get("run") or {}).get("command_line") or []]
    kept = ["echodepth", "analyse", name, *_numbering(report)]
    if len(words) > 1 and words[1] in ("analyse", "analyze") and any(map(_is(name), words)):
        kept = ["echodepth", "analyse", *_without(words[2:])]
    out = f"echodepth-out/{PurePath(name).stem}-person-{person}"
    return visible(shlex.join([*kept, "--subject", str(person), "--out", out]))


def _is(name: str) -> Any:
    return lambda word: PurePath(word).name == name


def _without(words: list[str]) -> Iterator[str]:
    """Yield the words of a command line but for those about outputs and the subject."""
    skip = False
    for word in words:
        if skip or word in _ALONE:
            skip = False
        elif word in _WITH_VALUE:
            skip = True
        elif not word.startswith(tuple(f"{option}=" for option in _WITH_VALUE)):
            yield word


def _numbering(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options that a run must repeat for persons to have the same numbers."""
    usual = AnalysisConfig().to_dict()
    config = {**usual, **((report.get("provenance") or {}).get("config") or {})}
    for name in _NUMBERED_BY:
        value = config[name]
        if value != usual[name]:
            plain = f"{value:.15g}" if isinstance(value, float) else str(value)
            yield from (flag_of(name), "all" if value is None else plain)
    if config["small_faces"]:
        yield "--small-faces"


def _lead(subject: Mapping[str, Any], persons: int) -> str:
    number = subject["person"]
    if persons == 1:
        return "One person was followed through the recording, and is the one analysed."
    sure = "The choice is clear." if subject["is_clear"] else "Please confirm the choice by eye."
    return (
        f"Person {number} was analysed; nothing was taken from the face of anyone else. "
        f"{visible(str(subject['reason']))} {sure}"
    )


def _card(
    report: Mapping[str, Any],
    axis: Axis,
    person: Mapping[str, Any],
    stills: Mapping[StillKey, Still],
) -> PersonCard:
    number, still = person["person"], stills.get(portrait_key(person["person"]))
    total = float(report.get("duration_s") or 0.0)
    share = f" ({percent(min(1.0, person['in_view_s'] / total))})" if total else ""
    facts = [f"in view for {duration(person['in_view_s'])}{share}"]
    facts.append(f"face about {percent(person['size'])} of the picture’s side")
    if person["in_doubt_s"]:
        facts.append(f"in doubt for {duration(person['in_doubt_s'])}")
    can_be = person.get("frames_clear", MIN_USABLE_FRAMES) >= MIN_USABLE_FRAMES
    return PersonCard(
        number=number,
        is_subject=person["is_subject"],
        title=f"Person {number}" + (", analysed" if person["is_subject"] else ""),
        facts=tuple(facts),
        bars=tuple(_bars(axis, person["in_view"])),
        still=None if still is None else base64.b64encode(still.jpeg).decode("ascii"),
        still_at_s=0.0 if still is None else still.offset_s,
        still_blurred=still is not None and still.blurred,
        still_alt=f"Person {number} at {clock(person['best_s'], tenths=True)}",
        command=command_for(report, number) if can_be and not person["is_subject"] else None,
        obstacle=None if can_be else "Too little of the face is seen to analyse this person.",
    )


def _bars(axis: Axis, spans: list[Mapping[str, float]]) -> Iterator[Stretch]:
    for span in spans:
        title = f"{clock(span['start_s'])} to {clock(span['end_s'])}"
        yield axis.stretch(span["start_s"], span["end_s"], title)
