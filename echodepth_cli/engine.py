"""What an analysis runs on: the shipped models, loaded and checked, and the face trackers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import cv2
from threadpoolctl import threadpool_limits

from echodepth_cli.affect.action_units import ActionUnitModel
from echodepth_cli.affect.vad import VadModel
from echodepth_cli.affect.vad_stills import StillVadModel
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.face.tracker import FaceTracker, MediaPipeTracker
from echodepth_cli.models import model_path, registered_models
from echodepth_cli.session import Models

_ONE_TRACKER_FPS: Final = 10.0
"""At fewer frames per second, decoding takes longer than one tracker does."""
_MOST_TRACKERS: Final = 4


@dataclass(frozen=True, slots=True)
class Engine:
    """Loaded models and open trackers; one serves any number of recordings in turn."""

    trackers: tuple[FaceTracker, ...]
    """At least one; they find the same faces, and work at the same time."""
    models: Models
    model_digests: dict[str, str]

    @property
    def tracker(self) -> FaceTracker:
        """Return a tracker for single pictures."""
        return self.trackers[0]

    def close_trackers(self) -> None:
        """Free the trackers; the models still serve."""
        for tracker in self.trackers:
            tracker.close()

    def close_networks(self) -> None:
        """Free the networks of the Action Units; nothing can be measured afterwards."""
        self.models.action_units.close()


@contextmanager
def open_engine(config: AnalysisConfig | None = None, trackers: int = 1) -> Iterator[Engine]:
    """Load and check the shipped models and start face trackers.

    While they are open, OpenBLAS and OpenCV work on one thread in this process. Raises ModelError
    when a model is missing or altered, or MediaPipe cannot run here.
    """
    digests = {spec.name: spec.sha256 for spec in registered_models()}
    models = Models(
        ActionUnitModel.load(),
        VadModel.load(model_path("vad_weights")),
        StillVadModel.load(model_path("vad_stills")),
    )
    chosen = config or AnalysisConfig()
    with ExitStack() as held:
        held.enter_context(_single_threads())
        opened = tuple(
            held.enter_context(MediaPipeTracker(chosen.max_faces, small_faces=chosen.small_faces))
            for _ in range(trackers)
        )
        yield Engine(opened, models, digests)


@contextmanager
def _single_threads() -> Iterator[None]:
    """Keep OpenBLAS and OpenCV from using threads of their own.

    For what a face needs they spend more time on waking them and waiting than on the sums. The
    command line tells them before they are loaded; callers of the library have loaded them already.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        cv2.setNumThreads(threads)


def useful_trackers(config: AnalysisConfig) -> int:
    """Return how many trackers an analysis that has this machine to itself can keep busy."""
    if config.fps is not None and config.fps <= _ONE_TRACKER_FPS:
        return 1
    return min(len(os.sched_getaffinity(0)), _MOST_TRACKERS)
