"""Fit the window part: recordings are shown whole, each picture against its own neutral ones."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.training.dataset import Dataset, mirror_targets
from models.training.face_model import Floats
from models.training.windows import WindowPart, disturbed, evened, mirrored_windows

PEOPLE_PER_STEP = 6
PICTURES_PER_PERSON = 14


@dataclass(frozen=True, slots=True)
class Cycle:
    """Some epochs in which the step size rises and falls once."""

    epochs: int
    largest_step: float


CYCLES = (Cycle(20, 2e-3), Cycle(8, 1e-3))


@dataclass(frozen=True, slots=True)
class _Fit:
    """Everything that changes while the network is fitted."""

    net: torch.nn.Module
    optimiser: torch.optim.Optimizer
    plan: torch.optim.lr_scheduler.LRScheduler
    noise: torch.Generator
    rng: np.random.Generator

    def keep(self, done: int, path: Path) -> None:
        """Write what is needed to go on after so many epochs."""
        state = {name: getattr(self, name).state_dict() for name in _WITH_STATE}
        state |= {
            "done": done,
            "chance": torch.get_rng_state(),
            "noise": self.noise.get_state(),
            "draws": self.rng.bit_generator.state,
        }
        torch.save(state, path)

    def resume(self, path: Path) -> int:
        """Go on from what was kept, if anything was; return the epochs done."""
        if not path.exists():
            return 0
        state = torch.load(path, weights_only=False)
        for name in _WITH_STATE:
            getattr(self, name).load_state_dict(state[name])
        torch.set_rng_state(state["chance"])
        self.noise.set_state(state["noise"])
        self.rng.bit_generator.state = state["draws"]
        return int(state["done"])


_WITH_STATE = ("net", "optimiser", "plan")


def fit_windows(
    data: Dataset,
    opinion: Floats,
    others: Floats,
    kept: Path,
    seed: int = 0,
) -> WindowPart:
    """Return the window part fitted on the pictures.

    ``opinion`` (N, T) is what the landmark part says of people it was not fitted on, ``others``
    (N, 6) the scaled poses of the picture and of the neutral face. After each epoch all that is
    needed to go on is put into a file for each cycle, named after ``kept``, and taken from there at
    the start.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 31])
    noise = torch.Generator().manual_seed(seed)
    net = WindowPart(data.targets.shape[1], others.shape[1]).train()
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    people = _pictures_of(data)
    weight = torch.from_numpy(1 / np.sqrt(data.targets.var(axis=0) + 0.004))
    weight = weight / weight.mean()
    steps = -(-len(people) // PEOPLE_PER_STEP)
    order, sign = (torch.from_numpy(a) for a in mirror_targets())
    turned = torch.tensor([-1.0, 1.0, -1.0] * 2)

    def learn(fit: _Fit) -> float:
        losses = []
        for group in np.array_split(rng.permutation(len(people)), steps):
            rows, who = _drawn(data, [people[k] for k in group], rng)
            flip = torch.from_numpy(rng.random(len(group)) < 0.5)[who]
            windows = torch.from_numpy(data.windows[rows])
            windows = torch.where(flip[:, None, None, None], mirrored_windows(windows), windows)
            truth, said = (
                torch.where(flip[:, None], one[:, order] * sign, one)
                for one in (torch.from_numpy(a[rows]) for a in (data.targets, opinion))
            )
            pose = torch.from_numpy(others[rows])
            pose = torch.where(flip[:, None], pose * turned, pose)
            even = evened(disturbed(windows, who, noise))
            own = (_calm(data.neutral[rows], who, rng) @ even.flatten(1)).view_as(even)
            error = net(even, own, said, pose) - truth
            loss = (weight * error.square()).mean()
            fit.optimiser.zero_grad()
            loss.backward()
            fit.optimiser.step()
            fit.plan.step()
            losses.append(float(error.detach().square().mean()))
        return float(np.mean(losses))

    for number, cycle in enumerate(CYCLES):
        fit = _begun(net, cycle, steps, noise, rng)
        file = kept.with_stem(f"{kept.stem}_{number}")
        for epoch in range(fit.resume(file), cycle.epochs):
            started = time.perf_counter()
            loss = learn(fit)
            fit.keep(epoch + 1, file)
            taken = time.perf_counter() - started
            print(f"cycle {number}, epoch {epoch}: {loss:.5f}, {taken:.0f} s", flush=True)
    return net.eval()


def _begun(
    net: torch.nn.Module, cycle: Cycle, steps: int, noise: torch.Generator, rng: np.random.Generator
) -> _Fit:
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=2e-2)
    plan = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, cycle.largest_step, total_steps=cycle.epochs * steps, pct_start=0.15
    )
    return _Fit(net, optimiser, plan, noise, rng)


def _pictures_of(data: Dataset) -> list[NDArray[np.int64]]:
    """Return the rows of each person who has a neutral picture."""
    order = np.argsort(data.identity, kind="stable")
    cuts = np.flatnonzero(np.diff(data.identity[order])) + 1
    return [rows for rows in np.split(order, cuts) if data.neutral[rows].any()]


def _drawn(
    data: Dataset, people: list[NDArray[np.int64]], rng: np.random.Generator
) -> tuple[NDArray[np.int64], torch.Tensor]:
    """Return some pictures of each person, a neutral one always among them, and whose they are."""
    rows, who = [], []
    for k, pictures in enumerate(people):
        calm = rng.permutation(pictures[data.neutral[pictures]])[:4]
        moved = rng.permutation(pictures[~data.neutral[pictures]])
        chosen = np.concatenate([calm, moved])[:PICTURES_PER_PERSON]
        rows.append(chosen)
        who += [k] * len(chosen)
    return np.concatenate(rows), torch.tensor(who)


def _calm(neutral: NDArray[np.bool_], who: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Return the (N, N) matrix that averages a random few of the neutral pictures of a person."""
    same = (who[:, None] == who[None, :]).numpy() & neutral[None, :]
    keep = rng.random(len(neutral)) < 0.7
    for k in np.unique(who.numpy()):
        mine = np.flatnonzero(neutral & (who.numpy() == k))
        if not keep[mine].any():
            keep[rng.choice(mine)] = True
    share = (same & keep[None, :]).astype(np.float32)
    return torch.from_numpy(share / share.sum(axis=1, keepdims=True))
