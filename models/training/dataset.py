"""Read generated shards and turn them into what a model learns from.

Points come through the product's own alignment. People, not pictures, are split: a person is in
exactly one of fit, choose and report, by a hash of the identity number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from echodepth_cli.face.alignment import align, iod_px, reference_face
from echodepth_cli.face.appearance import WINDOW_PX, even
from models.training.actions import CHANNELS
from models.training.face_model import Floats
from models.training.generate import NEUTRALS, save_whole

TARGETS = (*CHANNELS, "lips")
"""What a model estimates: the channels, and the gap the lips opened over the eye distance."""

FIT, CHOOSE, REPORT = range(3)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows are pictures; see `generate._one_frame` for what was stored."""

    points: Floats
    """(N, 478, 3) aligned."""
    pose: Floats
    """(N, 3) as the product measures it, degrees."""
    iod_px: Floats
    confidence: Floats
    """(N,) as the product rates the picture."""
    windows: NDArray[np.uint8]
    """(N, 3, 56, 56): what `appearance.windows` gives, with `generate.MARGIN_PX` around."""
    targets: Floats
    """(N, T) in the order of `TARGETS`."""
    identity: NDArray[np.int64]
    neutral: NDArray[np.bool_]
    part: NDArray[np.int8]
    skin: Floats
    light: Floats
    glasses: NDArray[np.bool_]
    beard: Floats
    degraded: Floats
    true_pose: Floats
    scene: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.points)

    def rows(self, keep: NDArray[np.bool_]) -> Dataset:
        """Return the rows where ``keep`` is true."""
        return Dataset(*(getattr(self, f.name)[keep] for f in fields(self)))


def load(paths: Sequence[Path]) -> Dataset:
    """Read shards, or the aligned copies made of them on an earlier call."""
    parts = [_load_one(path) for path in sorted(paths)]
    return Dataset(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Dataset)))


def mirror_points() -> NDArray[np.int64]:
    """Return which landmark lies across the midline from each of the 478."""
    reference = reference_face()
    flipped = reference * (-1, 1, 1)
    return np.array([np.argmin(((flipped - p) ** 2).sum(axis=1)) for p in reference])


def mirror_targets() -> tuple[NDArray[np.int64], Floats]:
    """Return the order and sign of the targets of the mirrored picture."""
    other = {"_L": "_R", "_R": "_L"}
    names = [name[:-2] + other.get(name[-2:], name[-2:]) for name in TARGETS]
    order = np.array([TARGETS.index(name) for name in names])
    sign = np.array([-1 if name == "gaze_x" else 1 for name in TARGETS], dtype=np.float32)
    return order, sign


def neutral_rows(
    data: Dataset, rng: np.random.Generator | None = None
) -> dict[int, NDArray[np.int64]]:
    """Return per identity its neutral pictures, all or a random few."""
    out: dict[int, NDArray[np.int64]] = {}
    where = np.flatnonzero(data.neutral)
    for one in np.unique(data.identity[where]):
        rows = where[data.identity[where] == one]
        if rng is not None:
            rows = rng.choice(rows, size=rng.integers(1, len(rows) + 1), replace=False)
        out[int(one)] = rows
    return out


def others_at_rest(data: Dataset, values: Floats) -> Floats:
    """Return for each picture the mean of ``values`` (N, ...) over the person's other neutral ones.

    NaN where there is none.
    """
    _, person = np.unique(data.identity, return_inverse=True)
    total = np.zeros((person.max() + 1, *values.shape[1:]))
    count = np.zeros(len(total))
    np.add.at(total, person[data.neutral], values[data.neutral])
    np.add.at(count, person[data.neutral], 1)
    own = data.neutral.astype(np.float64)
    shape = (-1,) + (1,) * (values.ndim - 1)
    with np.errstate(invalid="ignore"):
        mean = (total[person] - values * own.reshape(shape)) / (count[person] - own).reshape(shape)
    return np.asarray(mean, dtype=np.float32)


def even_windows(windows: NDArray[np.uint8]) -> Floats:
    """Return the (N, 3, 48, 48) that the product sees of windows with their margin."""
    margin = (windows.shape[-1] - WINDOW_PX) // 2
    inner = slice(margin, margin + WINDOW_PX)
    return np.stack([even(np.ascontiguousarray(one[:, inner, inner])) for one in windows])


def _load_one(path: Path) -> Dataset:
    copy = path.parent / "aligned" / path.name
    if copy.exists():
        stored = np.load(copy)
        return Dataset(*(stored[f.name] for f in fields(Dataset)))
    raw = np.load(path)
    aligned = [align(one) for one in raw["landmarks_px"]]
    lips = raw["lips"][:, 0] - raw["lips"][:, 1]
    dataset = Dataset(
        points=np.stack([points for points, _ in aligned]),
        pose=np.array([(p.yaw_deg, p.pitch_deg, p.roll_deg) for _, p in aligned], np.float32),
        iod_px=np.array([iod_px(one) for one in raw["landmarks_px"]], dtype=np.float32),
        confidence=raw["confidence"],
        windows=raw["windows"],
        targets=np.column_stack([raw["channels"], lips]).astype(np.float32),
        identity=raw["identity"].astype(np.int64),
        neutral=raw["frame"] < NEUTRALS,
        part=_part(raw["identity"]),
        skin=raw["skin"],
        light=raw["light"],
        glasses=raw["glasses"],
        beard=raw["beard"],
        degraded=raw["degraded"],
        true_pose=raw["pose"],
        scene=raw["scene"],
    )
    copy.parent.mkdir(exist_ok=True)
    save_whole(copy, {f.name: getattr(dataset, f.name) for f in fields(Dataset)})
    return dataset


def _part(identity: NDArray[np.int64]) -> NDArray[np.int8]:
    spread = (identity * 2654435761) % 2**32 % 100
    return np.select([spread < 80, spread < 90], [FIT, CHOOSE], REPORT).astype(np.int8)
