"""Fit the relative or the search model on generated shards and export it.

`relative` holds a face against the same person's neutral one. `search` sees a single face and
knows only the population; by it the calmest pictures of a recording are found. (What a single face
shows is said by another model, see `models.training.absolute`.)

The landmark part is fitted twice, on one half of the people and on the other; the window part is
fitted on all of them, each shown with what the landmark part said that had not seen them, so that
it learns how far landmarks can be trusted. Both halves, averaged, go into the model.

`python -m models.training.train relative` or `search`; each uses one core and about 10 GB. What
is fitted is kept beside the shards, so that a run can be stopped and started again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from echodepth_cli.face.alignment import reference_face
from echodepth_cli.face.appearance import EVEN_SHAPE
from models.training.calibrate import Gain, calibrated, no_gain
from models.training.dataset import (
    CHOOSE,
    FIT,
    TARGETS,
    Dataset,
    even_windows,
    load,
    others_at_rest,
)
from models.training.export import FACE, FACE_AND_WINDOWS, export
from models.training.face_model import Floats
from models.training.fit_windows import fit_windows
from models.training.landmarks import (
    FRONT_PEOPLE,
    POSE_SCALE_DEG,
    Examples,
    Front,
    LandmarkPart,
    fit,
    fit_fronts,
    mirrored,
    relative_examples,
    search_examples,
)
from models.training.registry import register
from models.training.windows import WindowPart

WINDOW_SHARE, CLOSURE_SHARE, LEAD_SHARE = 0.92, 0.5, 1.0
"""Weight of the window part's estimate beside that of the landmarks alone: of most channels, of how
far both lids are closed on average, and of what one is closed beyond the other. Landmarks tell
closed eyes of faces unlike the rendered ones better, but draw one eye along with the other."""


class Halves(torch.nn.Module):
    """Two landmark parts, fitted on one half of the people and on the other."""

    def __init__(self, first: LandmarkPart, second: LandmarkPart) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(
        self, points: torch.Tensor, pose: torch.Tensor, own: torch.Tensor, own_pose: torch.Tensor
    ) -> torch.Tensor:
        """Return the mean (N, channels) of both."""
        face = (points, pose, own, own_pose)
        out: torch.Tensor = 0.5 * self.first(*face) + 0.5 * self.second(*face)
        return out

    def of_strangers(self, identity: torch.Tensor, *face: torch.Tensor) -> torch.Tensor:
        """Return what is said of each person by the part that was not fitted on them."""
        return torch.where(in_first(identity)[:, None], self.second(*face), self.first(*face))


def in_first(identity: torch.Tensor) -> torch.Tensor:
    """Say who belongs to the first half of the people."""
    return identity % 2 == 0


def window_shares() -> torch.Tensor:
    """Return the (T, T) weights with which windows correct what the landmarks say."""
    share = WINDOW_SHARE * torch.eye(len(TARGETS))
    left, right = TARGETS.index("lid_L"), TARGETS.index("lid_R")
    share[left, left] = share[right, right] = (CLOSURE_SHARE + LEAD_SHARE) / 2
    share[left, right] = share[right, left] = (CLOSURE_SHARE - LEAD_SHARE) / 2
    return share


class Relative(torch.nn.Module):
    """What is exported: a face and the person's neutral one in, calibrated channels out."""

    def __init__(self, points: Halves, windows: WindowPart, gain: Gain) -> None:
        super().__init__()
        self.points, self.windows, self.gain = points, windows, gain
        self.register_buffer("share", window_shares())

    def forward(
        self,
        points: torch.Tensor,
        pose: torch.Tensor,
        appearance: torch.Tensor,
        own: torch.Tensor,
        own_pose: torch.Tensor,
        own_appearance: torch.Tensor,
    ) -> torch.Tensor:
        """Return (N, channels)."""
        said = self.points(points, pose, own, own_pose)
        seen = self.windows(
            appearance.unflatten(1, EVEN_SHAPE),
            own_appearance.unflatten(1, EVEN_SHAPE),
            said,
            torch.cat([pose, own_pose], dim=1) / POSE_SCALE_DEG,
        )
        out: torch.Tensor = self.gain(said + (seen - said) @ self.share, pose)
        return out


class Search(torch.nn.Module):
    """What is exported to find calm faces: landmarks alone, against the average neutral face."""

    def __init__(self, points: Halves, gain: Gain) -> None:
        super().__init__()
        self.points, self.gain = points, gain

    def forward(self, points: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
        """Return (N, channels)."""
        own = self.points.first.reference.expand_as(points)
        out: torch.Tensor = self.gain(self.points(points, pose, own, torch.zeros_like(pose)), pose)
        return out


KINDS = ("relative", "search")

INPUTS = {
    "relative": {
        **FACE_AND_WINDOWS,
        **{f"neutral_{name}": shape for name, shape in FACE_AND_WINDOWS.items()},
    },
    "search": FACE,
}


def with_rest(data: Dataset) -> Dataset:
    """Return the pictures of people of whom two neutral ones were found."""
    return data.rows(~np.isnan(others_at_rest(data, data.pose)).any(axis=1))


def shown(data: Dataset, kind: str) -> list[torch.Tensor]:
    """Return points and pose of each picture, and of the face that it is held against.

    That is the mean of the person's other neutral pictures, or the average face.
    """
    if kind == "relative":
        own, own_pose = others_at_rest(data, data.points), others_at_rest(data, data.pose)
    else:
        own = np.tile(reference_face().astype(np.float32), (len(data), 1, 1))
        own_pose = np.zeros_like(data.pose)
    return [torch.from_numpy(a) for a in (data.points, data.pose, own, own_pose)]


def by_people(data: Dataset) -> Iterator[Dataset]:
    """Yield the pictures of some two hundred people after the other, in order."""
    people = np.unique(data.identity)
    for some in np.array_split(people, len(people) // 200 + 1):
        yield data.rows((data.identity >= some[0]) & (data.identity <= some[-1]))


def fit_halves(data: Dataset, kind: str, epochs: int) -> Halves:
    """Return the two landmark parts."""
    some = data.rows(data.identity < np.unique(data.identity)[:FRONT_PEOPLE][-1])
    fronts = fit_fronts(_examples(some, kind, None))
    first = in_first(torch.from_numpy(data.identity)).numpy()
    return Halves(*(_fit_half(data.rows(h), kind, fronts, epochs) for h in (first, ~first)))


def _fit_half(data: Dataset, kind: str, fronts: tuple[Front, Front], epochs: int) -> LandmarkPart:
    pairs, rng = (data, mirrored(data)), np.random.default_rng(0)
    variants = 4 if kind == "relative" else 2
    return fit(lambda k: _examples(pairs[k % 2], kind, rng), fronts, variants, epochs)


def _examples(data: Dataset, kind: str, rng: np.random.Generator | None) -> Examples:
    return relative_examples(data, rng) if kind == "relative" else search_examples(data)


@torch.no_grad()
def opinion(halves: Halves, data: Dataset) -> tuple[Floats, Floats]:
    """Return what landmarks say of people the part was not fitted on, and the scaled poses."""
    said, poses = [], []
    for part in by_people(data):
        face = shown(part, "relative")
        said.append(halves.of_strangers(torch.from_numpy(part.identity), *face).numpy())
        poses.append(torch.cat([face[1], face[3]], dim=1).numpy() / np.float32(POSE_SCALE_DEG))
    return np.concatenate(said), np.concatenate(poses)


@torch.no_grad()
def estimated(model: Relative | Search, data: Dataset) -> Floats:
    """Return the (N, channels) that the model gives."""
    out = []
    for part in by_people(data):
        if isinstance(model, Search):
            out.append(model(*shown(part, "search")[:2]).numpy())
            continue
        points, pose, own, own_pose = shown(part, "relative")
        seen = even_windows(part.windows).reshape(len(part), -1)
        rest = torch.from_numpy(others_at_rest(part, seen))
        inputs = (points, pose, torch.from_numpy(seen), own, own_pose, rest)
        out.append(model(*inputs).numpy())
    return np.concatenate(out)


def main() -> None:
    """Fit one model on the shards found and write it to the models folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--data", type=Path, default=Path("build/training"))
    parser.add_argument("--out", type=Path, default=Path("models"))
    parser.add_argument("--epochs", type=int, default=24, help="of the landmark part")
    options = parser.parse_args()
    torch.set_num_threads(1)
    kind, kept = options.kind, options.data / f"{options.kind}_landmarks.pt"
    data = with_rest(load(sorted(options.data.glob("shard_????.npz"))))
    choose, seen = data.rows(data.part == CHOOSE), data.rows(data.part == FIT)
    del data
    print(f"{len(seen)} pictures to fit on", flush=True)
    if kept.exists():
        halves = torch.load(kept, weights_only=False)
    else:
        halves = fit_halves(seen, kind, options.epochs)
        torch.save(halves, kept)
    make: Callable[[Gain], Relative | Search] = partial(Search, halves)
    if kind == "relative":
        windows = _window_part(halves, seen, options.data / "relative_windows.pt")
        make = partial(Relative, halves, windows)
    raw = estimated(make(no_gain()).eval(), choose)
    gain = calibrated(raw, choose.targets, choose.pose, choose.neutral)
    export(make(gain), options.out / f"au_{kind}.onnx", INPUTS[kind])
    register(options.out)


def _window_part(halves: Halves, data: Dataset, kept: Path) -> WindowPart:
    said, poses = opinion(halves, data)
    # The points, half of a dataset, have served.
    data = replace(data, points=data.points[:, :0])
    return fit_windows(data, said, poses, kept)


if __name__ == "__main__":
    main()
