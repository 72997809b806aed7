"""Fit the VAD weights, of recordings and of single pictures, and measure both on people left out.

    python -m models.training.fit_vad --data build/training

Recordings: a label stands for the PAD values of its word (Russell & Mehrabian 1977); surprise
counts as neutral in valence. Labels are noisy, so the loss is robust, classes weigh alike, and an
intercept takes up what the population neutral leaves and is dropped. Weights keep the sign that
published prototypes give them and lie between half and the whole of that prior: against one's own
neutral face an intensity reaches 1 easily, against the average one seldom, so photographs may
lower a weight and never raise it. Single pictures: see `models.training.fit_stills`.
The shipped weights are fitted on all photographs, the figures are those of five folds and of a fit
on one half reported on the other; the absolute Action Unit model, which has seen photographs too,
is fitted anew in each. Writes `vad_stills.toml`, `vad_figures.json` and the table of figures in
`VAD_CARD.md`, and `vad_weights.toml` when asked to.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from echodepth_cli.affect.action_units import ActionUnitModel
from echodepth_cli.affect.vad import DIMENSIONS, VadModel
from echodepth_cli.affect.vad_stills import StillVadModel
from models.training import fit_stills
from models.training.absolute import (
    Renders,
    folds_of_strangers,
    load_renders,
    of_strangers,
)
from models.training.photos import (
    NEGATIVE,
    PAD,
    REPO,
    TABLE,
    Floats,
    MeasuredPhotos,
    Photos,
    figures,
    in_report_half,
    labelled_photos,
    out_of_fold,
)
from models.training.priors import PRIOR, SHRINK
from models.training.registry import register

STILLS_TABLE = REPO / "models" / "vad_stills.toml"
CARD = REPO / "models" / "VAD_CARD.md"

VERSION = "fitted-6"

BOUNDS = (0.5, 1.0)
"""A weight may be this many times its prior. Against the population's neutral face a brow says
little, against one's own a lot: photographs must neither talk a known sign out of the model nor,
since their intensities are compressed, make it steeper."""

STRENGTH = 0.1
"""Strength of the prior; a tenth or ten times as much changes the areas by 0.01 at most."""

HUBER = 0.35
"""Errors beyond this (on the scale of PAD) count linearly: some labels are wrong."""


def fit(photos: MeasuredPhotos) -> Floats:
    """Return (3, 46) weights."""
    return np.stack([_fit_dimension(photos, d) for d in range(3)])


def fitted_scores(fitting: MeasuredPhotos, reporting: MeasuredPhotos) -> Floats:
    """Return (n, 3) scores of photographs by weights fitted on others."""
    scores: Floats = np.tanh(reporting.aus @ fit(fitting).T)
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


def _fit_dimension(photos: MeasuredPhotos, dimension: int) -> Floats:
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
    parser.add_argument("--data", type=Path, default=REPO / "build" / "training")
    parser.add_argument("--version", default=VERSION)
    parser.add_argument(
        "--recordings",
        action="store_true",
        help="write the weights of recordings too; they decide on alerts, so false alarms and "
        "rates are to be measured again",
    )
    parser.add_argument("--dry-run", action="store_true", help="print, write nothing")
    options = parser.parse_args()
    with threadpool_limits(1):
        renders, photos = load_renders(options.data), labelled_photos(options.data)
        report = measured(photos, renders)
        shipped = photos.measured_by(ActionUnitModel.load())
        weights, (still_weights, rest) = fit(shipped), fit_stills.fit(shipped)
    report["mean_score_by_label"] = _means_by_label(
        fit_stills.scores(shipped, still_weights, rest), photos
    )
    text = json.dumps({"version": options.version, **report}, indent=2) + "\n"
    if not options.dry_run:
        if options.recordings:
            _write_weights(weights, options.version, TABLE)
        fit_stills.write(still_weights, rest, options.version, len(photos.labels), STILLS_TABLE)
        (REPO / "models" / "vad_figures.json").write_text(text, encoding="utf-8")
        _write_card(report, CARD)
        register(REPO / "models")
        VadModel.load(TABLE), StillVadModel.load(STILLS_TABLE)
    print(text)


def measured(photos: Photos, renders: Renders) -> dict[str, Any]:
    """Return how well scores of people agree with labels who were left out of every fit.

    That of the Action Unit model included.
    """
    folds = folds_of_strangers(photos, renders)
    kept = np.array([in_report_half(person) for person in photos.people])
    halves = of_strangers(photos[~kept], photos[kept], renders)
    crossed = {
        "cross_validated": fit_stills.fitted_scores,
        "cross_validated_direct_on_landmarks": direct_scores,
        "cross_validated_recording_weights": fitted_scores,
        "prior_only": lambda _, reporting: reporting.aus @ _prior_weights().T,
    }
    return {
        "people": len(set(photos.people)),
        "photos": len(photos.labels),
        **{
            name: figures(out_of_fold(folds, scores_of), photos)
            for name, scores_of in crossed.items()
        },
        "half_fitted_half_reported": figures(fit_stills.fitted_scores(*halves), halves[1]),
    }


def _write_card(report: dict[str, Any], path: Path) -> None:
    """Replace what stands between the markers of the card."""
    asked, direct = report["cross_validated"], report["cross_validated_direct_on_landmarks"]
    recording, prior = report["cross_validated_recording_weights"], report["prior_only"]
    lines = [
        "| comparison | single pictures | asked | all 478 landmarks, ridge "
        "| recording weights | prior only |",
        "|---|---|---|---|---|---|",
    ]
    for rows in zip(asked, direct, recording, prior, strict=True):
        own, points, steady, before = rows
        lower = "negative" if len(own["lower"]) > 1 else own["lower"][0]
        lines.append(
            f"| {own['score']}: {own['higher']} above {lower} | **{_three(own['area'])}** "
            f"({_interval(own)}) | {own['asked']:.2f} | {_three(points['area'])} "
            f"({_interval(points)}) | {_three(steady['area'])} | {_three(before['area'])} |"
        )
    halves = ", ".join(_three(r["area"]) for r in report["half_fitted_half_reported"])
    means = report["mean_score_by_label"]
    lines += [
        "",
        f"{report['photos']:,} photographs of {report['people']:,} people; five folds by person, "
        f"the same procedure in each. Fitted on one half of the people and reported on the other: "
        f"{halves}.",
        "",
        "Mean scores by label: "
        + "; ".join(
            f"{label} {means[label]['valence']:.2f} / {means[label]['arousal']:.2f}"
            for label in PAD
        )
        + " (valence / arousal).",
    ]
    text = path.read_text(encoding="utf-8")
    pattern = r"(<!-- figures -->\n).*?(<!-- end of figures -->)"
    text = re.sub(pattern, lambda m: m[1] + "\n".join(lines) + "\n" + m[2], text, flags=re.S)
    path.write_text(text, encoding="utf-8")


def _three(area: float) -> str:
    return f"{area:.3f}".removeprefix("0")


def _interval(row: dict[str, Any]) -> str:
    return "–".join(_three(bound) for bound in row["interval"])


def _prior_weights() -> Floats:
    weights = np.zeros((3, 46))
    for au, row in PRIOR.items():
        weights[:, au - 1] = row
    return weights


def _means_by_label(scores: Floats, photos: Photos) -> dict[str, dict[str, float]]:
    return {
        label: {
            name: round(float(0.5 + 0.5 * scores[photos.labels == label, d].mean()), 3)
            for d, name in enumerate(DIMENSIONS)
        }
        for label in PAD
    }


if __name__ == "__main__":
    main()
