"""How far the measurements of one session can be relied on, in words.

The verdict is about the data, never about the person: how much of the recording could be
measured, how sound the baseline is, and what went wrong on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from echodepth_cli.output.formats import clock, count, duration, number, percent, visible

GOOD: Final = "good"
LIMITED: Final = "limited"
POOR: Final = "poor"
_RANK: Final = {GOOD: 0, LIMITED: 1, POOR: 2}

_HEADLINES: Final = {
    GOOD: "Yes: the face was measured soundly.",
    LIMITED: "With care: read the marked points.",
    POOR: "No: too little was measured soundly.",
}
_ENOUGH_COVERAGE: Final = 0.9
_LEAST_COVERAGE: Final = 0.5
_ENOUGH_CONFIDENCE: Final = 0.6
_SOURCES: Final = {
    "opening_window": "the opening",
    "chosen_window": "the stretch named in the settings",
    "later_stretch": "a later stretch, as the opening would not do",
    "population_neutral": "an average face, not this person",
    "carried": "another recording of the person",
}


@dataclass(frozen=True, slots=True)
class Point:
    """One reason for or against relying on the numbers."""

    level: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to "can these measurements be relied on", with its reasons."""

    level: str
    headline: str
    points: tuple[Point, ...]


def judge(report: Mapping[str, Any]) -> Verdict:
    """Return the verdict on a report; a fact that is not stated counts against it."""
    quality = report.get("quality") or {}
    decode = (report.get("provenance") or {}).get("decode") or {}
    points = [
        _coverage(quality, report.get("frame_count")),
        _baseline(report.get("baseline") or {}),
        _confidence(quality),
        *_gaps(quality),
        *_decoding(decode),
        *(Point(LIMITED, "Note", visible(str(text))) for text in _warnings(quality, decode)),
    ]
    level = max((point.level for point in points), key=_RANK.__getitem__)
    return Verdict(level, _HEADLINES[level], tuple(points))


def source_in_words(source: str | None) -> str:
    """Return where a baseline came from."""
    return _SOURCES.get(source or "", (source or "an unknown source").replace("_", " "))


def _coverage(quality: Mapping[str, Any], frame_count: int | None) -> Point:
    share = quality.get("coverage")
    if share is None:
        return Point(LIMITED, "Coverage", "How much could be measured is not stated.")
    level = GOOD if share >= _ENOUGH_COVERAGE else LIMITED if share >= _LEAST_COVERAGE else POOR
    text = f"Face measured in {percent(share)} of frames"
    if quality.get("frames_ok") is not None and frame_count is not None:
        text += f" ({quality['frames_ok']:,} of {frame_count:,})"
    return Point(level, "Coverage", text + ".")


def _baseline(baseline: Mapping[str, Any]) -> Point:
    quality = baseline.get("quality")
    source = baseline.get("source")
    levels = {"good": GOOD, "weak": LIMITED, "unusable": POOR}
    level = levels.get(str(quality), LIMITED)
    if source not in ("opening_window", "chosen_window") and level == GOOD:
        level = LIMITED
    text = f"Taken from {source_in_words(source)}"
    window = baseline.get("window_s")
    if window and None not in window:
        text += f", {clock(window[0])} to {clock(window[1])}"
    if baseline.get("frames_used") is not None:
        text += f" ({count(baseline['frames_used'], 'frame')})"
    text += f"; quality {quality or 'not stated'}."
    reasons = [_sentence(str(reason)) for reason in baseline.get("reasons") or []]
    return Point(level, "Baseline", " ".join([text, *reasons]))


def _confidence(quality: Mapping[str, Any]) -> Point:
    mean = quality.get("mean_confidence")
    if mean is None:
        return Point(LIMITED, "Confidence", "Mean confidence is not stated.")
    level = GOOD if mean >= _ENOUGH_CONFIDENCE else LIMITED
    low = quality.get("frames_low_confidence") or 0
    text = f"Mean {number(mean)} on a scale of 0 to 1"
    if low:
        text += f"; {count(low, 'frame')} too unclear to use"
    return Point(level, "Confidence", text + ".")


def _gaps(quality: Mapping[str, Any]) -> list[Point]:
    gaps = quality.get("gaps")
    if gaps is None:
        return []
    if not gaps:
        return [Point(GOOD, "Gaps", "No stretch of a second or more was left unmeasured.")]
    longest = max(gaps, key=lambda gap: float(gap["end_s"] - gap["start_s"]))
    longest_s = longest["end_s"] - longest["start_s"]
    total_s = sum(gap["end_s"] - gap["start_s"] for gap in gaps)
    text = (
        f"{count(len(gaps), 'stretch', 'stretches')} not measured, "
        f"{duration(total_s)} in all; longest {duration(longest_s)} "
        f"from {clock(longest['start_s'])}."
    )
    share = quality.get("coverage")
    return [
        Point(GOOD if share is not None and share >= _ENOUGH_COVERAGE else LIMITED, "Gaps", text)
    ]


def _decoding(decode: Mapping[str, Any]) -> list[Point]:
    failures = decode.get("decode_failures") or 0
    points: list[Point] = []
    if failures:
        text = f"{count(failures, 'picture')} of the recording could not be decoded."
        points.append(Point(LIMITED, "Recording", text))
    if decode.get("truncated"):
        points.append(Point(LIMITED, "Recording", "The recording ends before its stated length."))
    return points


def _warnings(quality: Mapping[str, Any], decode: Mapping[str, Any]) -> list[str]:
    seen: dict[str, None] = {}
    for text in [*(quality.get("warnings") or []), *(decode.get("warnings") or [])]:
        seen.setdefault(str(text))
    return list(seen)


def _sentence(text: str) -> str:
    plain = visible(text).strip().rstrip(".")
    return f"{plain[:1].upper()}{plain[1:]}."
