"""Fit the absolute model, a single face against the average neutral one, and export it.

    python -m models.training.absolute --data build/training

A stranger's face differs from the average by build as much as by movement, and rendered builds
differ in other ways than real ones. So this is a strongly held ridge regression, and photographs
of people at rest are added to the renders as faces that should all read alike: what tells one
person at rest from another then counts for little. No label but `neutral` is used. Rest itself
lies halfway between both. What is shipped has seen every photograph at rest; figures come from
models that have not seen the people they are reported on (`of_strangers`).

Sums over the renders, from which the regression is solved in a second, are kept beside the shards.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from echodepth_cli.affect.action_units import ActionUnitModel
from echodepth_cli.face.alignment import reference_face
from echodepth_cli.models import onnx_session, verified_bytes
from echodepth_cli.records import FaceObservation
from models.training.calibrate import ACTIVE_FROM, QUIET_SHARE, is_signed, strongly_active
from models.training.dataset import CHOOSE, FIT, TARGETS, load
from models.training.export import FACE, export
from models.training.face_model import Floats
from models.training.generate import save_whole
from models.training.landmarks import POSE_SCALE_DEG, SHAPE_COMPONENTS, mirrored, mirrored_faces
from models.training.photos import (
    REPO,
    Fold,
    MeasuredPhotos,
    Photos,
    labelled_photos,
    left_out,
)
from models.training.registry import register

STRENGTH = 2000.0
"""Of the ridge, per 200,000 pictures; a third or three times as much fits strangers less well."""

AT_REST = 0.8
"""Weight of all photographed faces at rest beside that of all renders; from 0.3 to 1 alike."""

REAL_SHARE = 0.5
"""How far rest moves from the renders' to the photographs', some of which show a slight smile."""

MOST_GAIN = 6.0
"""Of strong activity a regression on strangers recovers a sixth to a half. No channel is stretched
so far that more than one rendered neutral face in 200 reads as active."""

_PICTURES = 200_000.0
_TURN_WEIGHT = 3.0


class Absolute(torch.nn.Module):
    """What is exported: landmarks and pose of a face in, channels out."""

    def __init__(self, weights: Floats, offset: Floats) -> None:
        """Take (1434 + 9, T) weights, in the order of `seen`, and (T,) offsets."""
        super().__init__()
        self.register_buffer("reference", torch.from_numpy(reference_face().astype(np.float32)))
        self.register_buffer("weights", torch.from_numpy(weights.astype(np.float32)))
        self.register_buffer("offset", torch.from_numpy(offset.astype(np.float32)))

    def forward(self, points: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
        """Return (N, T) of (N, 478, 3) points and (N, 3) degrees."""
        turn = pose / POSE_SCALE_DEG
        shape = (points - self.reference).flatten(1)
        face = torch.cat([shape, turn, turn**2, turn.abs()], dim=1)
        out: torch.Tensor = face @ self.weights + self.offset
        return out


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over pictures, from which a regression is solved without holding them."""

    count: int
    face_sum: Floats
    """(F,) of what is seen."""
    target_sum: Floats
    """(T,)"""
    face_products: Floats
    """(F, F) sums of products of what is seen."""
    both_products: Floats
    """(F, T) sums of products of what is seen and targets."""


@dataclass(frozen=True, slots=True)
class Judges:
    """Rendered people, none fitted on, by whom the gains are set."""

    face: Floats
    """(N, F) what is seen."""
    targets: Floats
    """(N, T)"""
    neutral: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Renders:
    """What the regression needs of the rendered people."""

    sums: Sums
    judges: Judges


def seen(points: Floats, pose: Floats) -> Floats:
    """Return the (N, 1434 + 9) that the model sees: shape, and turns of the head."""
    turn = pose / np.float32(POSE_SCALE_DEG)
    shape = (points - reference_face().astype(np.float32)).reshape(len(points), -1)
    return np.column_stack([shape, turn, turn**2, np.abs(turn)]).astype(np.float32)


def photographed_at_rest(photos: Photos) -> Floats:
    """Return what the model sees in photographs labelled neutral, and in their mirror images."""
    faces: list[FaceObservation] = list(photos.faces[photos.labels == "neutral"])
    points = np.array([face.points for face in faces], dtype=np.float32)
    turns = [(face.pose.yaw_deg, face.pose.pitch_deg, face.pose.roll_deg) for face in faces]
    pose = np.array(turns, dtype=np.float32)
    return np.concatenate([seen(points, pose), seen(*mirrored_faces(points, pose))])


def fit_absolute(renders: Renders, photos: Photos) -> Absolute:
    """Return the model fitted on renders, and on the photographs of people at rest."""
    at_rest = photographed_at_rest(photos)
    weights, offset = solve(renders.sums, at_rest)
    of_photos = -np.median(at_rest @ weights, axis=0)
    offset = (1 - REAL_SHARE) * offset + REAL_SHARE * of_photos
    judges = renders.judges
    gain = gains(judges.face @ weights + offset, judges.targets, judges.neutral)
    return Absolute(weights * gain, offset * gain)


def of_strangers(
    fitting: Photos, reporting: Photos, renders: Renders
) -> tuple[MeasuredPhotos, MeasuredPhotos]:
    """Return both as measured by a model that has seen none of the reported photographs."""
    model = in_product(fit_absolute(renders, fitting))
    return fitting.measured_by(model), reporting.measured_by(model)


def folds_of_strangers(photos: Photos, renders: Renders) -> list[Fold]:
    """Return five folds, each measured by a model that has seen nobody who is reported."""
    return [
        Fold(rows, *of_strangers(photos[~rows], photos[rows], renders)) for rows in left_out(photos)
    ]


def in_product(absolute: Absolute) -> ActionUnitModel:
    """Return the product's model with this absolute part; the other parts are the shipped ones."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "au_absolute.onnx"
        export(absolute, path, FACE)
        content = path.read_bytes()
    others = (verified_bytes(name) for name in ("au_relative", "au_search"))
    relative, search = (onnx_session(other) for other in others)
    return ActionUnitModel(relative, onnx_session(content), search)


def solve(sums: Sums, at_rest: Floats) -> tuple[Floats, Floats]:
    """Return (F, T) weights and (T,) offsets of the ridge regression on both."""
    points = 3 * len(reference_face())
    shapes = sums.face_products[:points, :points] / sums.count
    values, vectors = np.linalg.eigh(shapes)
    turns = len(sums.face_sum) - points
    # Principal components, the first with a standard deviation of three, and the turns as they are.
    basis = np.zeros((len(sums.face_sum), SHAPE_COMPONENTS + turns))
    basis[:points, :SHAPE_COMPONENTS] = vectors[:, ::-1][:, :SHAPE_COMPONENTS]
    basis[:points] *= 3 / np.sqrt(values[-1])
    basis[points:, SHAPE_COMPONENTS:] = _TURN_WEIGHT * np.eye(turns)
    face, said = sums.face_sum / sums.count, sums.target_sum / sums.count
    about = sums.face_products / sums.count - np.outer(face, face)
    rest = (at_rest - at_rest.mean(axis=0)).astype(np.float64) @ basis
    gram = basis.T @ about @ basis + AT_REST * rest.T @ rest / len(rest)
    gram += STRENGTH / _PICTURES * np.eye(len(gram))
    aim = basis.T @ (sums.both_products / sums.count - np.outer(face, said))
    weights = basis @ np.linalg.solve(gram, aim)
    return weights, said - face @ weights


def gains(guess: Floats, truth: Floats, neutral: NDArray[np.bool_]) -> Floats:
    """Return the (T,) gains with which strong activity reads as it is and neutral faces quiet."""
    out = np.ones(len(TARGETS))
    for k, name in enumerate(TARGETS):
        strong = strongly_active(name, truth[:, k])
        if not strong.any():
            continue
        known = truth[strong, k]
        share = max(float(known @ guess[strong, k] / (known @ known)), 1 / MOST_GAIN)
        most = MOST_GAIN
        if not is_signed(name):
            loudest = float(np.quantile(guess[neutral, k], QUIET_SHARE))
            most = ACTIVE_FROM / max(loudest, ACTIVE_FROM / MOST_GAIN)
        out[k] = max(1.0, min(1 / share, most))
    return out


def load_renders(data: Path) -> Renders:
    """Return sums over the shards in a folder and their judges; made once and kept there."""
    shards = sorted(data.glob("shard_????.npz"))
    kept = data / f"absolute_{len(shards)}_shards.npz"
    if not kept.exists():
        sums, judges = _gathered(shards)
        columns = {f.name: getattr(part, f.name) for part in (sums, judges) for f in fields(part)}
        save_whole(kept, columns)
    with np.load(kept) as stored:
        sums, judges = (
            kind(**{f.name: stored[f.name] for f in fields(kind)}) for kind in (Sums, Judges)
        )
    return Renders(sums, judges)


def _gathered(shards: Iterable[Path]) -> tuple[Sums, Judges]:
    total: Sums | None = None
    judges = []
    for path in shards:
        data = load([path])
        fitted, judging = data.rows(data.part == FIT), data.rows(data.part == CHOOSE)
        for some in (fitted, mirrored(fitted)):
            more = _sums(seen(some.points, some.pose), some.targets)
            total = more if total is None else _together(total, more)
        face = seen(judging.points, judging.pose)
        judges.append((face, judging.targets, judging.neutral))
    if total is None:
        raise SystemExit("No shards: run `python -m models.training.generate` first.")
    return total, Judges(*(np.concatenate(column) for column in zip(*judges, strict=True)))


def _sums(face: Floats, targets: Floats) -> Sums:
    return Sums(
        len(face),
        face.sum(axis=0, dtype=np.float64),
        targets.sum(axis=0, dtype=np.float64),
        (face.T @ face).astype(np.float64),
        (face.T @ targets).astype(np.float64),
    )


def _together(one: Sums, other: Sums) -> Sums:
    return Sums(*(getattr(one, f.name) + getattr(other, f.name) for f in fields(Sums)))


def main() -> None:
    """Fit on the shards and photographs found and write the model to the models folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=REPO / "build" / "training")
    parser.add_argument("--out", type=Path, default=REPO / "models")
    options = parser.parse_args()
    with threadpool_limits(1):
        renders = load_renders(options.data)
        absolute = fit_absolute(renders, labelled_photos(options.data))
    export(absolute, options.out / "au_absolute.onnx", FACE)
    register(options.out)


if __name__ == "__main__":
    main()
