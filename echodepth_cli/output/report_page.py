"""Everything the report's templates are given, worked out and in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from echodepth_cli.output import moments, reliability
from echodepth_cli.output.formats import (
    clock,
    count,
    date_time,
    duration,
    number,
    percent,
    size,
    visible,
)
from echodepth_cli.output.moments import AlertCard, Anomaly, Moment
from echodepth_cli.output.persons_view import Persons, build_persons
from echodepth_cli.output.reliability import Verdict
from echodepth_cli.output.series import FrameTable, read_series
from echodepth_cli.output.snapshots import Still, StillKey
from echodepth_cli.output.timeline import Timeline, build_timeline, reason_in_words
from echodepth_cli.output.units_view import Units, build_units

Rows = tuple[tuple[str, str], ...]

_ORIGINS: Final = {
    "option": "as given",
    "container": "as the file says, unchecked",
}


@dataclass(frozen=True, slots=True)
class Minute:
    """One row of the minute-by-minute table."""

    span: str
    coverage: str
    frames: str
    scores: tuple[tuple[str, str], ...]
    """(mean, range) of valence, arousal and dominance."""


@dataclass(frozen=True, slots=True)
class GapRow:
    """One stretch without measurement."""

    start: str
    end: str
    length: str
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report."""

    title: str
    session_id: str
    facts: Rows
    verdict: Verdict
    summary: str
    moments: tuple[Moment, ...]
    more_moments: int
    persons: Persons | None
    timeline: Timeline
    minutes: tuple[Minute, ...]
    alerts: tuple[AlertCard, ...]
    suppressed: tuple[AlertCard, ...]
    anomalies: tuple[Anomaly, ...]
    units: Units
    quality: Rows
    gaps: tuple[GapRow, ...]
    made: tuple[tuple[str, Rows], ...]
    limits: tuple[str, ...]
    video: str | None


def build_page(
    report: Mapping[str, Any],
    frames: FrameTable,
    stills: Mapping[StillKey, Still],
    video: str | None,
) -> Page:
    """Return the content of the page; ``video`` is the link to the recording, if there is one."""
    series = read_series(frames)
    timeline = build_timeline(report, series)
    cards = moments.alert_cards(report, series, stills)
    found = moments.anomalies(report)
    listed = moments.short_list(cards, found, report)
    return Page(
        title=_title(report),
        session_id=visible(str(report.get("session_id") or "")),
        facts=tuple(_facts(report)),
        verdict=reliability.judge(report),
        summary=visible(str(report.get("summary") or "No summary was written.")),
        moments=listed,
        more_moments=len(cards) + len(found) - len(listed),
        persons=build_persons(report, timeline.axis, stills),
        timeline=timeline,
        minutes=tuple(_minute(row) for row in report.get("vad_trend") or []),
        alerts=cards,
        suppressed=moments.suppressed_cards(report, series),
        anomalies=found,
        units=build_units(report, series, timeline.axis),
        quality=tuple(_quality(report)),
        gaps=tuple(_gap(gap) for gap in (report.get("quality") or {}).get("gaps") or []),
        made=tuple(_made(report)),
        limits=tuple(visible(str(text)) for text in report.get("limits") or []),
        video=video,
    )


def _title(report: Mapping[str, Any]) -> str:
    recording = report.get("recording") or {}
    return visible(str(report.get("label") or recording.get("file_name") or "Unnamed session"))


def _facts(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    recording = report.get("recording") or {}
    yield "Recording", visible(str(recording.get("file_name") or "not stated"))
    started = date_time(report.get("started_at"))
    origin = _ORIGINS.get(str(report.get("timestamp_origin")))
    yield "Recorded", f"{started} ({origin})" if started and origin else "date and time not known"
    yield "Analysed stretch", duration(report.get("duration_s"))
    if report.get("use_case"):
        yield "Use case", visible(str(report["use_case"]).replace("_", " "))
    yield "Session", visible(str(report.get("session_id") or ""))


def _minute(row: Mapping[str, Any]) -> Minute:
    scores = []
    for key in ("v", "a", "d"):
        score = row.get(key) or {}
        between = f"{number(score.get('low'))} to {number(score.get('high'))}"
        scores.append((number(score.get("mean")), between if score.get("low") is not None else "–"))
    return Minute(
        span=f"{clock(row['start_s'])} to {clock(row['end_s'])}",
        coverage=percent(row.get("coverage")),
        frames=f"{row.get('frames', 0):,}",
        scores=tuple(scores),
    )


def _gap(gap: Mapping[str, Any]) -> GapRow:
    return GapRow(
        start=clock(gap["start_s"], tenths=True),
        end=clock(gap["end_s"], tenths=True),
        length=duration(gap["end_s"] - gap["start_s"]),
        reason=reason_in_words(gap.get("reason")),
    )


def _quality(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    quality = report.get("quality") or {}
    decode = (report.get("provenance") or {}).get("decode") or {}
    yield "Frames analysed", f"{report.get('frame_count', 0):,}"
    yield "Frames measured", f"{quality.get('frames_ok', 0):,} ({percent(quality.get('coverage'))})"
    for key, words in (
        ("frames_no_face", "Frames without a face"),
        ("frames_low_confidence", "Frames not clear enough"),
        ("frames_other_person", "Frames showing another person"),
        ("frames_decode_error", "Frames that could not be decoded"),
    ):
        if quality.get(key) is not None:
            yield words, f"{quality[key]:,}"
    yield "Mean confidence", number(quality.get("mean_confidence"))
    if quality.get("short_gaps"):
        yield "Interruptions under a second", f"{quality['short_gaps']:,}"
    if decode.get("decode_failures") is not None:
        yield "Pictures lost in decoding", count(decode["decode_failures"], "picture")


def _made(report: Mapping[str, Any]) -> Iterator[tuple[str, Rows]]:
    provenance = report.get("provenance") or {}
    yield "Recording", tuple(_recording(report.get("recording") or {}))
    yield "Settings", tuple(flatten(provenance.get("config") or {}))
    models = [
        (str(model.get("name")), f"sha256 {model.get('sha256')}")
        for model in provenance.get("models") or []
    ]
    yield "Models", tuple((visible(name), visible(digest)) for name, digest in models)
    yield "Software", tuple(flatten(provenance.get("software") or {}))
    named = ("config", "models", "software")
    rest = {key: value for key, value in provenance.items() if key not in named}
    yield "Digests and decoding", tuple(flatten(rest))
    run = dict(report.get("run") or {})
    if "analysed_at" in run:
        run["analysed_at"] = date_time(run["analysed_at"])
    if isinstance(run.get("command_line"), (list, tuple)):
        run["command_line"] = " ".join(map(str, run["command_line"]))
    yield "This run", tuple(flatten(run))


def _recording(recording: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "file name", visible(str(recording.get("file_name") or "not stated"))
    if recording.get("bytes") is not None:
        yield "size", size(recording["bytes"])
    shown = {k: v for k, v in recording.items() if k not in ("file_name", "bytes")}
    yield from flatten(shown)


def flatten(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield (name, text) for every leaf of nested data, so that nothing known is left out."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            spoken = visible(str(key)).replace("_", " ")
            yield from flatten(item, f"{name}, {spoken}" if name else spoken)
    elif isinstance(value, (list, tuple)):
        yield name, "; ".join(visible(str(item)) for item in value) or "none"
    elif value is None:
        yield name, "not set"
    elif isinstance(value, bool):
        yield name, "yes" if value else "no"
    elif isinstance(value, float):
        yield name, f"{value:.6g}"
    else:
        yield name, visible(str(value))
