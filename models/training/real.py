"""Real pictures for evaluation: coded video frames, tracked once.

The pictures are development data and stay outside the repository; see the README beside this.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.alignment import align, iod_px
from echodepth_cli.face.appearance import windows
from echodepth_cli.face.tracker import FaceTracker, MediaPipeTracker
from echodepth_cli.records import Image
from models.training.face_model import REPO, Floats

SHARED = REPO.parent / "shared" / "data"

CODED_AUS = (1, 2, 4, 5, 6, 12, 15, 17, 18, 24, 25, 26, 43)


@dataclass(frozen=True, slots=True)
class Tracked:
    """The largest face of each picture; rows without a face are left out."""

    index: NDArray[np.int64]
    """Number of the picture in its video or list."""
    landmarks_px: Floats
    points: Floats
    pose: Floats
    iod_px: Floats
    windows: NDArray[np.uint8]


def track_video(path: Path, cache: Path) -> Tracked:
    """Return every frame of a video."""
    return _cached(cache / f"{path.stem}.npz", lambda: _frames(path))


def coded_frames() -> list[tuple[str, int, set[int], set[int]]]:
    """Return (video stem, frame, AUs present, AUs not scored) of the frames coded by eye."""
    with (SHARED / "videos" / "au_frames.csv").open() as lines:
        return [
            (
                Path(row["video"]).stem,
                int(row["frame"]),
                {int(au) for au in row["present"].split()},
                {int(au) for au in row["not_scored"].split()},
            )
            for row in csv.DictReader(lines)
        ]


def _cached(path: Path, pictures: object) -> Tracked:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with MediaPipeTracker(max_faces=2) as tracker:
            tracked = _track(pictures(), tracker)  # type: ignore[operator]
        np.savez(path, **{f.name: getattr(tracked, f.name) for f in fields(Tracked)})
    stored = np.load(path)
    return Tracked(*(stored[f.name] for f in fields(Tracked)))


def _track(pictures: Iterator[Image], tracker: FaceTracker) -> Tracked:
    rows = []
    for number, picture in enumerate(pictures):
        faces = tracker.detect(picture)
        if faces:
            face = max(faces, key=iod_px)
            points, pose = align(face)
            angles = (pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
            rows.append(
                (number, face, points, angles, iod_px(face), windows(picture, face, points))
            )
    columns = list(zip(*rows, strict=True))
    kinds = (np.int64, np.float32, np.float32, np.float32, np.float32, np.uint8)
    return Tracked(*(np.array(c, dtype=k) for c, k in zip(columns, kinds, strict=True)))


def _frames(path: Path) -> Iterator[Image]:
    import av

    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")
