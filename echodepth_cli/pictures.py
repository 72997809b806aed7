"""The pictures a report shows: the moment of each alert, and each person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from echodepth_cli.face.observer import observe
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
    moments = {index: alert["apex_s"] for index, alert in enumerate(report["alerts"])}
    wanted = [*moments.values(), *(person["best_s"] for person in report["persons"])]
    pictures = pictures_at(recording, wanted, limits, threads)

    def faces_in(image: Image) -> tuple[Box, ...]:
        return tuple(face.box for face in observe(image, tracker)) if blur else ()

    stills: dict[StillKey, Still] = {}
    for index, offset_s in moments.items():
        if offset_s in pictures:
            image = pictures[offset_s]
            stills[index] = make_still(image, offset_s, faces_in(image), blur=blur)
    for person in report["persons"]:
        offset_s, number = person["best_s"], person["person"]
        if offset_s in pictures:
            image, face = pictures[offset_s], Box(**person["face"])
            portrait = make_portrait(image, offset_s, number, face, faces_in(image), blur=blur)
            stills[portrait_key(number)] = portrait
    return stills
