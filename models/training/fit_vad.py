"""Fit the VAD weights on labelled photographs and measure them on people left out.

    python -m models.training.fit_vad --cache build/training

Each photograph carries one emotion label, which stands for the PAD values of its word (Russell &
Mehrabian 1977); surprise counts as neutral in valence. Labels are noisy and nobody's neutral face
is given, so the loss is robust, classes weigh alike, an intercept takes up what the population
neutral leaves and is dropped, weights keep the sign that published prototypes give them and are
drawn towards that prior. People are told by name and never stand on both sides of a split: the
figures are those of five folds and of a fit on one half reported on the other.
The shipped weights are fitted on all. Writes `vad_weights.toml` and `vad_figures.json`.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import pickle
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from echodepth_cli.affect.action_units import ActionUnitModel
from echodepth_cli.affect.vad import DIMENSIONS, VadModel, above_rest
from echodepth_cli.face.observer import observe
from echodepth_cli.face.tracker import MediaPipeTracker
from echodepth_cli.records import FaceObservation
from models.training.registry import register

REPO = Path(__file__).resolve().parents[2]
Floats = NDArray[np.float64]
TABLE = REPO / "models" / "vad_weights.toml"
PHOTOS = REPO.parent / "shared" / "data" / "photos"

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

PRIOR = {
    1: (-0.25, 0.20, -0.20),
    2: (0.25, 0.34, -0.05),
    4: (-0.60, 0.16, -0.10),
    5: (0.0, 0.40, -0.10),
    6: (0.40, 0.20, 0.20),
    7: (-0.20, 0.25, 0.05),
    9: (-0.55, 0.20, 0.10),
    10: (-0.45, 0.20, 0.10),
    12: (1.10, 0.40, 0.40),
    15: (-0.60, -0.10, -0.30),
    16: (-0.15, 0.15, 0.10),
    17: (-0.30, 0.0, -0.15),
    20: (-0.55, 0.30, -0.35),
    22: (-0.20, 0.20, 0.05),
    23: (-0.40, 0.25, 0.20),
    24: (-0.40, 0.20, 0.15),
    25: (0.0, 0.20, 0.0),
    26: (0.0, 0.30, -0.05),
    27: (-0.10, 0.30, -0.10),
    41: (0.0, -0.20, 0.0),
    42: (0.0, -0.25, 0.0),
    43: (0.0, -0.30, 0.0),
}
"""Signs and sizes expected of each AU's weights; see `vad_weights.toml` for the source."""

BOUNDS = (0.5, 2.0)
"""A weight may be this many times its prior. Against the population's neutral face a brow says
little, against one's own a lot: the photographs must not talk a known sign out of the model."""

SHRINK = (1.0, 1.0, 0.5)
"""Share of target and prior that each score keeps: sources disagree on dominance even in sign."""

STRENGTH = 0.1
"""Strength of the prior; a tenth or ten times as much changes the areas by 0.01 at most."""

FOLDS = 5

HUBER = 0.35
"""Errors beyond this (on the scale of PAD) count linearly: some labels are wrong."""

COMPARISONS = (
    ("valence", "happiness", NEGATIVE, 0.90),
    ("valence", "neutral", NEGATIVE, 0.62),
    ("arousal", "surprise", ("neutral",), 0.88),
)
"""Score, label that should be higher, labels that should be lower, least area asked for."""


@dataclass(frozen=True, slots=True)
class Photos:
    """The photographs in which a face was found."""

    aus: Floats
    """(n, 46) intensities above rest against the population neutral; 0 where unseen."""
    points: Floats
    """(n, 1434) landmarks without pose and scale."""
    labels: NDArray[np.str_]
    people: NDArray[np.str_]

    def __getitem__(self, rows: NDArray[Any]) -> Photos:
        return Photos(self.aus[rows], self.points[rows], self.labels[rows], self.people[rows])


def load_photos(cache: Path) -> Photos:
    """Return the photographs with a face and a label used here; landmarks are cached."""
    faces = _observed(cache / "photo_observations.pickle")
    used = [(name, label, face) for name, label, face in faces if label in PAD]
    estimates = ActionUnitModel.load().absolute([face for _, _, face in used])
    intensities = np.array([e.intensities for e in estimates], dtype=np.float64)
    aus = above_rest(intensities, VadModel.load(TABLE).rest_band)
    return Photos(
        aus=aus,
        points=np.array([face.points.ravel() for _, _, face in used], dtype=np.float64),
        labels=np.array([label for _, label, _ in used]),
        people=np.array([re.sub(r"_?\d+\.\w+$", "", name) for name, _, _ in used]),
    )


def in_report_half(person: str) -> bool:
    """Say whether a person is kept for the report; fixed by the name alone."""
    return hashlib.sha256(person.encode()).digest()[0] % 2 == 1


def fit(photos: Photos) -> Floats:
    """Return (3, 46) weights."""
    return np.stack([_fit_dimension(photos, d) for d in range(3)])


def fitted_scores(fitting: Photos, reporting: Photos) -> Floats:
    """Return (n, 3) scores of photographs by weights fitted on others."""
    scores: Floats = np.tanh(reporting.aus @ fit(fitting).T)
    return scores


def out_of_fold(photos: Photos, scores_of: Callable[[Photos, Photos], Floats]) -> Floats:
    """Return (n, 3) scores, each from a fit on the people of the other folds."""
    people = np.unique(photos.people)
    order = np.random.default_rng(0).permutation(len(people)) % FOLDS
    fold_of = dict(zip(people, order, strict=True))
    fold = np.array([fold_of[person] for person in photos.people])
    scores = np.zeros((len(fold), 3))
    for k in range(FOLDS):
        scores[fold == k] = scores_of(photos[fold != k], photos[fold == k])
    return scores


def direct_scores(fitting: Photos, reporting: Photos) -> Floats:
    """Return (n, 3) scores of a ridge regression on all landmarks, for comparison."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import RidgeCV

    pca = PCA(100, whiten=True, random_state=0).fit(fitting.points)
    targets = np.array([PAD[label] for label in fitting.labels])
    ridge = RidgeCV(10.0 ** np.arange(-1, 5)).fit(
        pca.transform(fitting.points), targets, _class_weights(fitting.labels)
    )
    scores: Floats = ridge.predict(pca.transform(reporting.points))
    return scores


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


def _fit_dimension(photos: Photos, dimension: int) -> Floats:
    prior = np.zeros(46)
    for au, row in PRIOR.items():
        prior[au - 1] = SHRINK[dimension] * row[dimension]
    used = np.flatnonzero(prior)
    x = photos.aus[:, used]
    target = SHRINK[dimension] * np.array([PAD[label][dimension] for label in photos.labels])
    weight = _class_weights(photos.labels)
    least, most = BOUNDS
    bounds = [tuple(sorted((least * p, most * p))) for p in prior[used]] + [(None, None)]

    def loss(parameters: Floats) -> tuple[float, Floats]:
        w, intercept = parameters[:-1], parameters[-1]
        predicted = np.tanh(x @ w + intercept)
        error = predicted - target
        inside = np.abs(error) <= HUBER
        value = np.where(inside, 0.5 * error**2, HUBER * (np.abs(error) - 0.5 * HUBER))
        slope = weight * np.clip(error, -HUBER, HUBER) * (1 - predicted**2)
        pull = w - prior[used]
        gradient = np.append(x.T @ slope + STRENGTH * 0.01 * pull, slope.sum())
        return float(weight @ value + STRENGTH * 0.005 * pull @ pull), gradient

    start = np.append(prior[used], 0.0)
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B")
    weights = np.zeros(46)
    weights[used] = found.x[:-1]
    return weights


def _class_weights(labels: NDArray[np.str_]) -> Floats:
    """Return weights that sum to 1, by group: happiness, surprise; twice for neutral, negative.

    Neutral against negative is the hard comparison and the one that reviews turn on.
    """
    group = np.where(np.isin(labels, NEGATIVE), "negative", labels)
    _, index, counts = np.unique(group, return_inverse=True, return_counts=True)
    weights = np.where(np.isin(group, ("negative", "neutral")), 2.0, 1.0) / counts[index]
    shares: Floats = weights / weights.sum()
    return shares


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


def _observed(cache: Path) -> list[tuple[str, str, FaceObservation]]:
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


def _write_weights(weights: Floats, version: str, path: Path) -> None:
    """Replace the version and the weights of the table; all else is kept as it is."""
    text = path.read_text(encoding="utf-8")
    lines = [
        f"AU{au:02d} = {{ valence = {weights[0, au - 1]:.3f}, arousal = {weights[1, au - 1]:.3f}, "
        f"dominance = {weights[2, au - 1]:.3f} }}"
        for au in PRIOR
    ]
    text = re.sub(
        r"(\[weights\]\n).*?\n\n", lambda m: m[1] + "\n".join(lines) + "\n\n", text, flags=re.S
    )
    text = re.sub(r'version = ".*?"', f'version = "{version}"', text)
    path.write_text(text.replace("-0.000", "0.000"), encoding="utf-8")


def main() -> None:
    """Fit, write the weights and the figures, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", type=Path, default=REPO / "build" / "training")
    parser.add_argument("--version", default="fitted-1")
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    photos = load_photos(options.cache)
    kept = np.array([in_report_half(person) for person in photos.people])
    fitting, reporting = photos[~kept], photos[kept]
    weights = fit(photos)
    if not options.dry_run:
        _write_weights(weights, options.version, TABLE)
        weights = VadModel.load(TABLE).weights
    report = {
        "version": options.version,
        "people": len(set(photos.people)),
        "photos": len(photos.labels),
        "cross_validated": figures(out_of_fold(photos, fitted_scores), photos),
        "cross_validated_direct_on_landmarks": figures(out_of_fold(photos, direct_scores), photos),
        "prior_only": figures(photos.aus @ _prior_weights().T, photos),
        "half_fitted_half_reported": figures(fitted_scores(fitting, reporting), reporting),
        "mean_score_by_label": _means_by_label(weights, photos),
    }
    text = json.dumps(report, indent=2) + "\n"
    if not options.dry_run:
        (REPO / "models" / "vad_figures.json").write_text(text, encoding="utf-8")
        register(REPO / "models")
    print(text)


def _prior_weights() -> Floats:
    weights = np.zeros((3, 46))
    for au, row in PRIOR.items():
        weights[:, au - 1] = row
    return weights


def _means_by_label(weights: Floats, photos: Photos) -> dict[str, dict[str, float]]:
    scores = 0.5 + 0.5 * np.tanh(photos.aus @ weights.T)
    return {
        label: {
            name: round(float(scores[photos.labels == label, d].mean()), 3)
            for d, name in enumerate(DIMENSIONS)
        }
        for label in PAD
    }


if __name__ == "__main__":
    main()
