"""The labelled photographs, and how well scores of theirs agree with the labels.

Each photograph carries one noisy emotion label; nobody's neutral face is given. People are told by
name and never stand on both sides of a split.
"""

from __future__ import annotations

import csv
import hashlib
import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.affect.action_units import ActionUnitModel
from echodepth_cli.affect.vad import DIMENSIONS, VadModel, above_rest
from echodepth_cli.affect.vad_stills import still_levels
from echodepth_cli.face.observer import observe
from echodepth_cli.face.tracker import MediaPipeTracker
from echodepth_cli.records import FaceObservation

REPO = Path(__file__).resolve().parents[2]
TABLE = REPO / "models" / "vad_weights.toml"
PHOTOS = REPO.parent / "shared" / "data" / "photos"
Floats = NDArray[np.float64]

PAD = {
    "neutral": (0.0, 0.0, 0.0),
    "happiness": (0.81, 0.51, 0.46),
    "surprise": (0.0, 0.67, -0.13),
    "anger": (-0.51, 0.59, 0.25),
    "disgust": (-0.60, 0.35, 0.11),
    "fear": (-0.64, 0.60, -0.43),
    "sadness": (-0.63, -0.27, -0.33),
}
"""Pleasure, arousal, dominance by label; Russell & Mehrabian (1977), surprise without pleasure."""

NEGATIVE = ("anger", "disgust", "fear", "sadness")

FOLDS = 5

_Rows = TypeVar("_Rows", bound="Photos")

COMPARISONS = (
    ("valence", "happiness", NEGATIVE, 0.90),
    ("valence", "neutral", NEGATIVE, 0.62),
    ("arousal", "surprise", ("neutral",), 0.88),
)
"""Score, label that should be higher, labels that should be lower, least area asked for."""


@dataclass(frozen=True, slots=True)
class Photos:
    """The photographs in which a face was found."""

    faces: NDArray[np.object_]
    """(n,) `FaceObservation`."""
    labels: NDArray[np.str_]
    people: NDArray[np.str_]

    def __getitem__(self: _Rows, rows: NDArray[Any]) -> _Rows:
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))

    @property
    def points(self) -> Floats:
        """Return the (n, 1434) landmarks without pose and scale."""
        return np.array([face.points.ravel() for face in self.faces], dtype=np.float64)

    def measured_by(self, model: ActionUnitModel) -> MeasuredPhotos:
        """Return the photographs with their Action Units against the average neutral face."""
        estimates = model.absolute(list(self.faces))
        intensities = np.array([e.intensities for e in estimates], dtype=np.float64)
        return MeasuredPhotos(
            self.faces,
            self.labels,
            self.people,
            intensities=intensities,
            aus=above_rest(intensities, VadModel.load(TABLE).rest_band),
            levels=np.stack([still_levels(e) for e in estimates]),
        )


@dataclass(frozen=True, slots=True)
class MeasuredPhotos(Photos):
    """Photographs with what they show."""

    intensities: Floats
    """(n, 46) as the product gives them; NaN where unseen."""
    aus: Floats
    """(n, 46) intensities above rest; 0 where unseen."""
    levels: Floats
    """(n, 46) levels that pictures are scored by, see `still_levels`; NaN where unseen."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Photographs to fit on, and those of other people to report."""

    rows: NDArray[np.bool_]
    """Which of all photographs are reported."""
    fitting: MeasuredPhotos
    reporting: MeasuredPhotos


def labelled_photos(cache: Path) -> Photos:
    """Return the photographs with a face and a label used here; what was seen is kept."""
    used = [(name, label, face) for name, label, face in observed_photos(cache) if label in PAD]
    faces = np.empty(len(used), dtype=object)
    faces[:] = [face for _, _, face in used]
    return Photos(
        faces,
        labels=np.array([label for _, label, _ in used]),
        people=np.array([person_of(name) for name, _, _ in used]),
    )


def in_report_half(person: str) -> bool:
    """Say whether a person is kept for the report; fixed by the name alone."""
    return hashlib.sha256(person.encode()).digest()[0] % 2 == 1


def left_out(photos: Photos) -> Iterator[NDArray[np.bool_]]:
    """Yield the rows of each fold: some of the people, with all their photographs."""
    people = np.unique(photos.people)
    order = np.random.default_rng(0).permutation(len(people)) % FOLDS
    fold_of = dict(zip(people, order, strict=True))
    fold = np.array([fold_of[person] for person in photos.people])
    yield from (fold == k for k in range(FOLDS))


def out_of_fold(
    folds: Sequence[Fold], values_of: Callable[[MeasuredPhotos, MeasuredPhotos], Floats]
) -> Floats:
    """Return (n, k) values, each by what was fitted on the people of the other folds.

    ``values_of`` gives those of its second argument by what it fits on its first.
    """
    parts = [values_of(fold.fitting, fold.reporting) for fold in folds]
    values = np.zeros((len(folds[0].rows), parts[0].shape[1]))
    for fold, part in zip(folds, parts, strict=True):
        values[fold.rows] = part
    return values


def figures(scores: Floats, photos: Photos, draws: int = 1000) -> list[dict[str, Any]]:
    """Return each comparison's area with a 95 % interval from resampling people."""
    people, index = np.unique(photos.people, return_inverse=True)
    rng = np.random.default_rng(0)
    rows_of = [np.flatnonzero(index == k) for k in range(len(people))]
    drawn = [
        np.concatenate([rows_of[k] for k in rng.integers(0, len(people), len(people))])
        for _ in range(draws)
    ]
    found = []
    for (dimension, higher, lower, asked), area in zip(
        COMPARISONS, (a for *_, a in _areas(scores, photos.labels)), strict=True
    ):
        again = [_area(scores[r], photos.labels[r], dimension, higher, lower) for r in drawn]
        low, high = np.quantile(again, (0.025, 0.975))
        found.append(
            {
                "score": dimension,
                "higher": higher,
                "lower": list(lower),
                "area": round(area, 3),
                "interval": [round(float(low), 3), round(float(high), 3)],
                "asked": asked,
                "photos": [
                    int((photos.labels == higher).sum()),
                    int(np.isin(photos.labels, lower).sum()),
                ],
            }
        )
    return found


def _areas(scores: Floats, labels: NDArray[np.str_]) -> Iterator[tuple[str, str, float]]:
    for dimension, higher, lower, _ in COMPARISONS:
        yield dimension, higher, _area(scores, labels, dimension, higher, lower)


def _area(
    scores: Floats, labels: NDArray[np.str_], dimension: str, higher: str, lower: tuple[str, ...]
) -> float:
    """Return the area under the ROC curve, ties counted half."""
    column = scores[:, DIMENSIONS.index(dimension)]
    positive, negative = np.sort(column[labels == higher]), column[np.isin(labels, lower)]
    below = np.searchsorted(positive, negative, side="right")
    at_or_below = np.searchsorted(positive, negative, side="left")
    return float(1.0 - (below + at_or_below).mean() / (2 * len(positive)))


def person_of(name: str) -> str:
    """Return whose picture a file is, by its name."""
    return re.sub(r"_?\d+\.\w+$", "", name)


def observed_photos(folder: Path) -> list[tuple[str, str, FaceObservation]]:
    """Return name, label and face of each photograph with one; kept in ``folder``."""
    cache = folder / "photo_observations.pickle"
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_bytes(pickle.dumps(list(_observe_photos())))
    # Our own cache, written above.
    found: list[tuple[str, str, FaceObservation]] = pickle.loads(cache.read_bytes())
    return found


def _observe_photos() -> Iterator[tuple[str, str, FaceObservation]]:
    import cv2

    with (PHOTOS / "labels.csv").open() as lines, MediaPipeTracker(max_faces=1) as tracker:
        for row in csv.DictReader(lines):
            picture = cv2.imread(str(PHOTOS / "images" / row["image"]))
            faces = observe(np.ascontiguousarray(picture[:, :, ::-1]), tracker)
            if faces:
                yield row["image"], row["emotion"], faces[0]
