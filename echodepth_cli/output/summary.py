"""The summary of a report in plain English.

`summarise(report)` is a pure function of the report, so a report rendered again with other
thresholds gets the summary that a fresh analysis would give. It says what moved, when, and what
is not known; never what a person feels or intends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Span = tuple[float, float]

SHORT_SESSION_S = 300.0
"""Up to this length moments are given by the clock alone, beyond it by minutes too."""

NOTABLE_CHANGE = 0.20
"""A distance from the baseline of at least this is worth a sentence."""

LOW_COVERAGE = 0.5
"""With the face measured for less of the session, review is recommended."""

SIDED_S = 2.0
"""A unit that was never active for this long has no side worth a sentence."""

MAX_LISTED = 6
"""More moments than this are counted, not listed."""

_EXCURSIONS = {
    "arousal_high": "Elevated arousal",
    "valence_low": "Low valence",
    "dominance_low": "Low dominance (low reliability)",
    "arousal_rise": "A rise of arousal above the baseline",
    "valence_drop": "A drop of valence below the baseline",
    "dominance_drop": "A drop of dominance below the baseline (low reliability)",
}

_STATUS_WORDS = {
    "no_face_detected": "no face was found",
    "low_confidence": "the face could not be measured well",
    "other_person": "another person was in view",
    "decode_error": "the video could not be decoded",
}


def summarise(report: Mapping[str, Any]) -> str:
    """Return the summary of a report that has everything but its summary."""
    sentences = [
        *alert_sentences(report),
        *combination_sentences(report),
        *side_sentences(report),
        *change_sentences(report),
        *anomaly_sentences(report),
        *suppressed_sentences(report),
        *baseline_sentences(report),
        *person_sentences(report),
        *gap_sentences(report),
        review_sentence(report),
    ]
    return " ".join(sentences)


def alert_sentences(report: Mapping[str, Any]) -> list[str]:
    """Say which scores passed their thresholds and when; one sentence for each type."""
    alerts = report["alerts"]
    if not alerts and report["suppressed_alerts"]:
        return ["No alert was raised."]
    if not alerts:
        return ["No score passed its alert threshold."]
    return [
        f"{words} detected {_when(_spans(alerts, kind), report['duration_s'])}."
        for kind, words in _EXCURSIONS.items()
        if any(alert["type"] == kind for alert in alerts)
    ]


def combination_sentences(report: Mapping[str, Any]) -> list[str]:
    """Name the sustained combinations of Action Units, longest first."""
    found = sorted(report.get("combinations", ()), key=lambda c: (-c["total_s"], c["aus"]))
    return [
        f"Sustained AU{'+'.join(map(str, c['aus']))} {c['label']} observed for "
        f"{_seconds(c['total_s'])} in total, the longest stretch being "
        f"{_seconds(c['longest_s'])}."
        if len(c["episodes"]) > 1
        else f"Sustained AU{'+'.join(map(str, c['aus']))} {c['label']} observed for "
        f"{_seconds(c['total_s'])} at {clock(c['episodes'][0]['start_s'])}."
        for c in found[:3]
    ]


def side_sentences(report: Mapping[str, Any]) -> list[str]:
    """Name the units that were mostly stronger on one side, longest active first."""
    found = []
    for unit in report.get("action_units", ()):
        if (unit.get("longest_s") or 0.0) < SIDED_S:
            continue
        for side in ("left", "right"):
            share = unit.get(f"{side}_led") or 0.0
            if share > 0.5:
                found.append((unit["share_active"], unit["au"], side, share))
    return [
        f"AU{au} was stronger on the person's {side} for {_percent(share)} of the time it was "
        "active."
        for _, au, side, share in sorted(found, key=lambda f: (-f[0], f[1]))[:2]
    ]


def change_sentences(report: Mapping[str, Any]) -> list[str]:
    """Give the largest fall of valence and rise of arousal from the baseline among the alerts."""
    sentences = []
    for prefix, name, sign in (("valence", "Valence drop", -1), ("arousal", "Arousal rise", 1)):
        changes = [a for a in report["alerts"] if a["type"].startswith(prefix)]
        if not changes:
            continue
        largest = max(changes, key=lambda a: (sign * a["deviation"], -a["session_offset_s"]))
        if sign * largest["deviation"] >= NOTABLE_CHANGE:
            sentences.append(
                f"{name} of {abs(largest['deviation']):.2f} from the baseline at session offset "
                f"{largest['session_offset_s']:.0f}s ({clock(largest['session_offset_s'])})."
            )
    return sentences


def anomaly_sentences(report: Mapping[str, Any]) -> list[str]:
    """Count the stretches unusual within the session, and tell lasting changes of level."""
    changes = [a for a in report["anomalies"] if a["direction"] == "change"]
    spans = _merge(
        (a["start_s"], a["end_s"]) for a in report["anomalies"] if a["direction"] != "change"
    )
    sentences = []
    if spans:
        noun = "stretch differs" if len(spans) == 1 else "stretches differ"
        sentences.append(
            f"{_number(len(spans))} {noun} from the rest of the session ({_clock_list(spans)})."
        )
    sentences += [
        f"{change['signal'].capitalize()} kept a {'higher' if change['magnitude'] > 0 else 'lower'}"
        f" level from {clock(change['start_s'])} on, by {abs(change['magnitude']):.2f}."
        for change in changes[:MAX_LISTED]
    ]
    return sentences


def suppressed_sentences(report: Mapping[str, Any]) -> list[str]:
    """Say which possible alerts were set aside."""
    told = (
        ("poorly_measured", "the face was not measured well"),
        ("too_brief", "the score never stayed past its threshold long enough"),
    )
    sentences = []
    for code, why in told:
        found = [a for a in report["suppressed_alerts"] if a["suppressed_because"] == code]
        if not found:
            continue
        subject = (
            "One possible alert was"
            if len(found) == 1
            else f"{_number(len(found))} possible alerts were"
        )
        spans = _merge((a["onset_s"], a["offset_s"]) for a in found)
        sentences.append(f"{subject} set aside because {why} ({_clock_list(spans)}).")
    return sentences


def baseline_sentences(report: Mapping[str, Any]) -> list[str]:
    """Say what the scores are compared with, unless it is a good baseline from the opening."""
    baseline = report["baseline"]
    source, quality = baseline["source"], baseline["quality"]
    if source == "population_neutral":
        return [
            "No usable baseline of this person was found: the scores are relative to an average "
            "face and are much less certain."
        ]
    sentences = []
    if source == "later_stretch":
        start_s, end_s = baseline["window_s"]
        sentences.append(
            "The opening could not serve as baseline; the stretch "
            f"{clock(start_s)}–{clock(end_s)} was taken instead."
        )
    if source == "carried":
        sentences.append("The baseline was carried over from another recording of the person.")
    if quality != "good":
        sentences.append(f"The baseline is {quality}: {_lower_first(baseline['reasons'][-1])}")
    return sentences


def gap_sentences(report: Mapping[str, Any]) -> list[str]:
    """Say for how much of the session the face was measured, and about which parts nothing is."""
    quality = report["quality"]
    gaps = [(g["start_s"], g["end_s"]) for g in quality["gaps"]]
    share = quality["coverage"]
    if not gaps and share >= 0.995:
        return []
    visible = f"The face was measured in {_percent(share)} of the session"
    if not gaps:
        return [f"{visible}."]
    by_reason: dict[str, list[Span]] = {}
    for gap in quality["gaps"]:
        by_reason.setdefault(gap["reason"], []).append((gap["start_s"], gap["end_s"]))
    about = [
        f"{_clock_list(_merge(spans))}, where {_STATUS_WORDS[reason]}"
        for reason, spans in by_reason.items()
    ]
    return [f"{visible}; nothing is said about {', nor about '.join(about)}."]


def person_sentences(report: Mapping[str, Any]) -> list[str]:
    """Say that more than one person was in view, and how sure it is whose session this is."""
    subject = report.get("subject") or {}
    count = len(report.get("persons", ())) + report.get("persons_unlisted", 0)
    if subject.get("person") is None or count < 2:
        return []
    sure = "" if subject["is_clear"] else ", and it is in doubt that this is the right one"
    return [
        f"{_number(count)} persons were in view; everything here is about person "
        f"{subject['person']}{sure}."
    ]


def review_sentence(report: Mapping[str, Any]) -> str:
    """Say whether review is recommended and by which rule."""
    reasons = []
    count = len(report["alerts"])
    if count:
        reasons.append(f"{count} alert{'s' if count != 1 else ''}")
    if report["quality"]["coverage"] < LOW_COVERAGE:
        reasons.append("the face was measured in less than half of the session")
    if report["baseline"]["quality"] == "unusable":
        reasons.append("there is no usable baseline")
    if not reasons:
        return "No review is called for by the alert rules."
    return f"Review recommended ({', '.join(reasons)})."


def clock(offset_s: float) -> str:
    """Return an offset as MM:SS, or H:MM:SS from one hour on; whole seconds, rounded down."""
    minutes, seconds = divmod(int(offset_s), 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours}:{rest:02d}:{seconds:02d}" if hours else f"{minutes:02d}:{seconds:02d}"


def _spans(alerts: Iterable[Mapping[str, Any]], kind: str) -> list[Span]:
    return _merge((a["onset_s"], a["offset_s"]) for a in alerts if a["type"] == kind)


def _merge(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start_s, end_s in sorted(spans):
        if merged and start_s <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end_s))
        else:
            merged.append((start_s, end_s))
    return merged


def _when(spans: Sequence[Span], duration_s: float) -> str:
    """Say ``at 00:12–00:20`` in a short session, ``during minutes 4–6 and 14`` in a long one.

    Minutes are those of the player's clock: minute 4 is 04:00 to 04:59.
    """
    if duration_s <= SHORT_SESSION_S:
        return f"at {_clock_list(spans)}"
    minutes: list[tuple[int, int]] = []
    for start_s, end_s in spans:
        first, last = int(start_s // 60), int(end_s // 60)
        if minutes and first <= minutes[-1][1] + 1:
            minutes[-1] = (minutes[-1][0], max(minutes[-1][1], last))
        else:
            minutes.append((first, last))
    if len(minutes) > MAX_LISTED:
        return f"in {len(minutes)} stretches between {_clock_list([(spans[0][0], spans[-1][1])])}"
    words = [str(a) if a == b else f"{a}–{b}" for a, b in minutes]
    single = len(minutes) == 1 and minutes[0][0] == minutes[0][1]
    return f"during minute{'' if single else 's'} {_join(words)} ({_clock_list(spans)})"


def _clock_list(spans: Sequence[Span]) -> str:
    shown = spans[:MAX_LISTED]
    words = [clock(a) if clock(a) == clock(b) else f"{clock(a)}–{clock(b)}" for a, b in shown]
    hidden = len(spans) - len(shown)
    return _join(words) if not hidden else f"{', '.join(words)} and {hidden} more"


def _join(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _number(count: int) -> str:
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
    return words[count] if count < len(words) else str(count)


def _seconds(value: float) -> str:
    whole = round(value)
    return f"{whole} second{'' if whole == 1 else 's'}"


def _percent(share: float) -> str:
    # Never rounded up to all or down to none.
    percent = round(100 * share)
    if share < 1:
        percent = min(percent, 99)
    if share > 0:
        percent = max(percent, 1)
    return f"{percent} %"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
