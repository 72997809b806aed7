"""The pictures a report shows: the moment of each alert, and each person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from echodepth_cli.face.tracker import FaceTracker
from echodepth_cli.output.snapshots import Still, StillKey, make_portrait, make_still, portrait_key
from echodepth_cli.records import Box, Image
from echodepth_cli.video.source import VideoLimits
from echodepth_cli.video.stills import pictures_at


def report_pictures(
    report: dict[str, Any],
    recording: Path,
    tracker: FaceTracker,
    limits: VideoLimits,
    threads: int | None,
    *,
    blur: bool,
) -> dict[StillKey, Still]:
    """Return a still of each alert's apex, by its position in the report, and of each person.

    With ``blur`` all faces are made unrecognisable. A moment that cannot be decoded has no still.
    """
    moments = [(index, alert["apex_s"]) for index, alert in enumerate(report["alerts"])]
    persons = report["persons"]
    wanted = [*(apex_s for _, apex_s in moments), *(person["best_s"] for person in persons)]

    def faces_in(image: Image) -> tuple[Box, ...]:
        return tuple(tracker.places(image)) if blur else ()

    stills: dict[StillKey, Still] = {}
    # One picture at a time: a long recording may have hundreds of alerts.
    for offset_s, image in pictures_at(recording, wanted, limits, threads):
        for index in (index for index, apex_s in moments if apex_s == offset_s):
            stills[index] = make_still(image, offset_s, faces_in(image), blur=blur)
        for person in (person for person in persons if person["best_s"] == offset_s):
            face, number = Box(**person["face"]), person["person"]
            portrait = make_portrait(image, offset_s, number, face, faces_in(image), blur=blur)
            stills[portrait_key(number)] = portrait
    return stills
