"""What a report says about who was analysed: the `subject` and `persons` parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from echodepth_cli.face.odds import SURE
from echodepth_cli.face.subject import Cast, Choice, Person, Spans
from echodepth_cli.records import Box, FrameResult, FrameStatus

LISTED_FROM_S: Final = 1.5
"""Who is in view for less is counted, not listed."""

MAX_LISTED: Final = 20

NOTED_FROM_S: Final = 2.0
"""An absence that is noted among others who are in view."""


class Presence:
    """When the subject was in view, when only others were, and when that is in doubt.

    Push results in order, then `finish`.
    """

    def __init__(self) -> None:
        self._in_view, self._others, self._doubt = Spans(), Spans(), Spans()
        self._frames_in_doubt = 0
        self._last: FrameResult | None = None

    def push(self, result: FrameResult) -> None:
        """Take the next result."""
        self._close(result.offset_s)
        self._last = result

    def finish(self, end_s: float) -> dict[str, Any]:
        """Return entries of the `subject` part; ``end_s`` is where the session ends."""
        self._close(end_s)
        self._last = None
        return {
            "in_view_s": sum(end - start for start, end in self._in_view.items),
            "frames_in_doubt": self._frames_in_doubt,
            "in_view": _listed(self._in_view),
            "others_only": _listed(self._others),
            "in_doubt": _listed(self._doubt),
        }

    def _close(self, next_s: float) -> None:
        """Count the frame before, which lasts until the next."""
        result = self._last
        if result is None:
            return
        span = result.offset_s, max(next_s, result.offset_s)
        identity = result.extra.get("identity")
        if isinstance(identity, float) and identity < SURE:
            self._doubt.add(*span)
            self._frames_in_doubt += 1
        if result.box is not None:
            self._in_view.add(*span)
        elif result.status is FrameStatus.OTHER_PERSON:
            self._others.add(*span)


def subject_parts(cast: Cast, choice: Choice, presence: dict[str, Any]) -> dict[str, Any]:
    """Return the `subject` and `persons` parts of the report."""
    lasting = [p for p in cast.persons.values() if _is_listed(p, choice)]
    lasting.sort(key=lambda p: (p.number != choice.person, -p.seen_s, p.number))
    listed = lasting[:MAX_LISTED]
    return {
        "subject": {
            "person": choice.person,
            "rule": choice.rule,
            "certainty": choice.certainty,
            "is_clear": choice.is_clear,
            "reason": choice.reason,
            **presence,
        },
        "persons": [_person(p, choice) for p in listed],
        "persons_unlisted": len(cast.persons) - len(listed),
    }


def subject_warnings(parts: Mapping[str, Any], frame_count: int, *, small_faces: bool) -> list[str]:
    """Return plain sentences for what a reader must know about who was analysed."""
    subject, warnings = parts["subject"], []
    if subject["person"] is not None and not subject["is_clear"]:
        warnings.append(
            f"It is not clear whose session this is: {subject['reason']} Compare the stills of the "
            "persons, and name the right one with --subject if this is not."
        )
    if subject["frames_in_doubt"]:
        warnings.append(
            f"In {subject['frames_in_doubt']:,} of {frame_count:,} frames it is in doubt whether a "
            "face is the subject's; they take no part in the baseline, the means and the alerts."
        )
    others_s = sum(span["end_s"] - span["start_s"] for span in subject["others_only"])
    if others_s >= NOTED_FROM_S and not small_faces:
        warnings.append(
            f"For {others_s:.0f} s only other faces were found. If the subject was in view then, "
            "small beside a larger face, --small-faces may find them: it looks closely at every "
            "picture."
        )
    return warnings


def _person(person: Person, choice: Choice) -> dict[str, Any]:
    return {
        "person": person.number,
        "is_subject": person.number == choice.person,
        "in_view_s": person.seen_s,
        "in_doubt_s": person.uncertain_s,
        "frames_clear": person.frames_clear,
        "size": person.size,
        "centre_x": person.centre_x,
        "best_s": person.best_s,
        "face": asdict(person.best_box or Box(0.0, 0.0, 1.0, 1.0)),
        "in_view": _listed(person.in_view),
    }


def _is_listed(person: Person, choice: Choice) -> bool:
    return person.number == choice.person or person.seen_s >= LISTED_FROM_S


def _listed(spans: Spans) -> list[dict[str, float]]:
    return [{"start_s": start_s, "end_s": end_s} for start_s, end_s in spans.items]
