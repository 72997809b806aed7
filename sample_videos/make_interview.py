"""Render `interview.mp4` and `interview.aus.csv` from `interview.script.csv`.

    python -m sample_videos.make_interview --face ../shared/data/ict_facekit.npz

Needs the `training` extra and the ICT-FaceKit model (see README.md here). Everything random comes
from fixed seeds; no picture of a real person goes into the clip.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from models.training.face_model import DEFAULT_PATH, FaceModel, Floats, add_shapes
from models.training.paint import WRINKLES
from sample_videos.body import HEIGHT_PX, WIDTH_PX, Image
from sample_videos.performance import (
    SCRIPTED_AUS,
    Performance,
    perform,
    read_script,
    shape_weights,
    wrinkle_depths,
)
from sample_videos.portrait import make_studio, render_portrait
from sample_videos.sitters import SITTERS

HERE = Path(__file__).resolve().parent
TITLE = "synthetic interview rendered from ICT-FaceKit (MIT)"
FPS, SEED = 25, 20
_LIP_GAP_OF_FULL_CM = 1.6
"""Gap between the lips that is written as AU25 = 1."""


class Stage:
    """The studio of one process; pictures by number."""

    def __init__(self, face: Path, performance: Performance, sitter: str) -> None:
        self.studio = make_studio(face, SITTERS[sitter])
        self.performance = performance
        rng = np.random.default_rng(SEED + 1)
        self.lean = {au: float(rng.uniform(-0.09, 0.09)) for au in performance.aus}
        # Lids close together; an uneven blink would be a wink.
        self.lean[43] = self.lean[45] = 0.0

    def weights(self, index: int) -> Floats:
        """Return the (57,) shape weights of one picture."""
        names = self.studio.model.expression_names
        return shape_weights(self._aus(index), self.performance.gaze[index], names, self.lean)

    def lip_gap_cm(self, index: int) -> float:
        """Return the height of the opening between the lips, above the resting face's."""
        model = self.studio.model
        return _lip_gap_cm(model, self.weights(index)) - _lip_gap_cm(
            model, np.zeros(57, np.float32)
        )

    def picture(self, index: int) -> Image:
        """Return one picture with the grain of a camera."""
        yaw, pitch, roll = self.performance.pose_deg[index]
        right, up = self.performance.sway_cm[index]
        furrows = wrinkle_depths(self._aus(index), WRINKLES)
        clean = render_portrait(
            self.studio, self.weights(index), (yaw, pitch, roll), (right, up), furrows
        )
        grain = np.random.default_rng([SEED, index]).normal(0, 1.3, clean.shape[:2])
        return np.clip(clean + grain[..., None] + 0.5, 0, 255).astype(np.uint8)

    def _aus(self, index: int) -> dict[int, float]:
        return {au: float(curve[index]) for au, curve in self.performance.aus.items()}


def _lip_gap_cm(model: FaceModel, weights: Floats) -> float:
    moved = add_shapes(model.neutral, model.expression, weights)
    inner = moved[model.landmark68[60:68], 1]
    return float(np.mean(inner[[1, 2, 3]] - inner[[7, 6, 5]]))


def encode(pictures: Iterable[Image], path: Path) -> None:
    """Write H.264 in MP4, index first, without anything that changes from run to run."""
    import av

    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with av.open(str(path), "w", options=options) as container:
        container.metadata["title"] = TITLE
        container.metadata["comment"] = "No real person. Made by sample_videos/make_interview.py."
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        stream.options = {"crf": "24", "preset": "slow", "bf": "3", "threads": "1"}
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def write_aus(path: Path, performance: Performance, lip_gap_cm: Iterable[float]) -> None:
    """Write what was performed, ten rows a second."""
    parted = np.clip(np.array(list(lip_gap_cm)) / _LIP_GAP_OF_FULL_CM, 0, 1)
    curves = {**performance.aus, 25: parted}
    time = np.arange(round(performance.time_s[-1] * 10) + 1) / 10
    table = [(f"AU{au:02d}", curves[au], ".3f") for au in SCRIPTED_AUS]
    table += [
        (name, angle, ".2f")
        for name, angle in zip(
            ("yaw_deg", "pitch_deg", "roll_deg"), performance.pose_deg.T, strict=True
        )
    ]
    columns = [np.interp(time, performance.time_s, curve) for _, curve, _ in table]
    with path.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(["time_s", *(name for name, _, _ in table)])
        for at, *values in zip(time, *columns, strict=True):
            texts = (format(v, style) for v, (_, _, style) in zip(values, table, strict=True))
            rows.writerow([f"{at:.1f}", *texts])


_stage: Stage


def _enter(face: Path, performance: Performance, sitter: str) -> None:
    global _stage
    os.nice(max(0, 10 - os.nice(0)))
    _stage = Stage(face, performance, sitter)


def _shoot(index: int) -> Image:
    return _stage.picture(index)


def shoot(face: Path, performance: Performance, sitter: str, processes: int) -> Iterator[Image]:
    """Yield the pictures in order, drawn by several processes."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _enter, (face, performance, sitter)) as pool:
        yield from pool.imap(_shoot, range(len(performance.time_s)), chunksize=8)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--face", type=Path, default=DEFAULT_PATH, help="ICT-FaceKit .npz")
    parser.add_argument("--script", type=Path, default=HERE / "interview.script.csv")
    parser.add_argument("--sitter", choices=sorted(SITTERS), default="interviewee")
    parser.add_argument("--seconds", type=float, default=98.0, help="length of the clip")
    parser.add_argument("--seed", type=int, default=SEED, help="of blinks, syllables and drift")
    parser.add_argument("--out", type=Path, default=HERE, help="directory to write to")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    name = options.script.name.removesuffix(".script.csv")
    performance = perform(read_script(options.script), options.seconds, FPS, options.seed)
    stage = Stage(options.face, performance, options.sitter)
    gaps = (stage.lip_gap_cm(i) for i in range(len(performance.time_s)))
    write_aus(options.out / f"{name}.aus.csv", performance, gaps)
    pictures = shoot(options.face, performance, options.sitter, options.processes)
    encode(pictures, options.out / f"{name}.mp4")


if __name__ == "__main__":
    main()
