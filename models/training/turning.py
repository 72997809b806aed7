"""The same rendered expression seen at other head poses: how far a unit's value wanders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from echodepth_cli.affect.action_units import ActionUnitModel
from echodepth_cli.affect.neutral import Neutral, find_neutral
from echodepth_cli.face.observer import observe_face
from echodepth_cli.face.tracker import FaceTracker, MediaPipeTracker
from echodepth_cli.records import FaceObservation
from models.training import sample
from models.training.actions import CHANNELS, shape_weights, with_own_shapes, wrinkle_depths
from models.training.face_model import FaceModel, Floats, load_face_model
from models.training.paint import Canvas, make_canvas
from models.training.render import Camera, Person, Scene, make_person, render

PEOPLE = 6
STRENGTH = 0.8
EXPRESSIONS = ((12,), (1, 2), (4,), (17,))

Pose = tuple[float, float, float]

_TURNS: dict[str, list[Pose]] = {
    "yaw": [(float(y), 0.0, 0.0) for y in range(-30, 31, 10)],
    "pitch": [(0.0, float(p), 0.0) for p in range(-20, 21, 10)],
}
_REST: tuple[Pose, ...] = tuple((y, 0.0, 0.0) for y in (-4.0, 0.0, 2.0, 4.0))


@dataclass(frozen=True, slots=True)
class _Studio:
    face: FaceModel
    canvas: Canvas
    scene: Scene
    tracker: FaceTracker

    def seen(
        self, person: Person, channels: Floats, poses: Iterable[Pose]
    ) -> list[FaceObservation]:
        """Return the face at each pose at which it was found."""
        shapes = shape_weights(self.face, channels, np.random.default_rng(0))
        furrows, out = wrinkle_depths(channels), []
        for pose in poses:
            picture = render(self.face, self.canvas, person, shapes, pose, self.scene, furrows)
            out += [observe_face(picture, found) for found in self.tracker.detect(picture)[:1]]
        return out


def spread_over_pose(model: ActionUnitModel) -> dict[str, dict[str, float]]:
    """Return the wandering of units rendered at 0.8, per axis.

    `spread` is the largest minus the smallest value, `falls_short` the frontal minus the smallest,
    `false_activity` the largest value of the same units at rest.
    """
    face = with_own_shapes(load_face_model())
    canvas = make_canvas(face, 256)
    found: dict[str, dict[str, list[float]]] = {
        axis: {"spread": [], "falls_short": [], "false_activity": []} for axis in _TURNS
    }
    with MediaPipeTracker(max_faces=1) as tracker:
        studio = _Studio(face, canvas, Scene(camera=Camera(320, 320, 210.0)), tracker)
        for seed in range(PEOPLE):
            rng = np.random.default_rng([7, seed])
            weights = (rng.normal(size=100) * 0.8).astype(np.float32)
            person = make_person(face, canvas, weights, sample.look(rng))
            own = find_neutral(studio.seen(person, _strength(()), _REST), model)
            for axis, poses in _TURNS.items():
                calm = _values(model, own, studio.seen(person, _strength(()), poses))
                for units in EXPRESSIONS:
                    which = [n - 1 for n in units]
                    rows = _values(model, own, studio.seen(person, _strength(units), poses))
                    rows, frontal = rows[:, which], rows[len(rows) // 2, which]
                    found[axis]["spread"] += (rows.max(axis=0) - rows.min(axis=0)).tolist()
                    found[axis]["falls_short"] += (frontal - rows.min(axis=0)).tolist()
                    found[axis]["false_activity"] += calm[:, which].max(axis=0).tolist()
    return {
        axis: {name: round(float(np.mean(v)), 3) for name, v in parts.items()}
        for axis, parts in found.items()
    }


def _strength(units: tuple[int, ...]) -> Floats:
    names = {f"AU{n:02d}" for n in units}
    return np.array(
        [STRENGTH if name.split("_")[0] in names else 0.0 for name in CHANNELS], dtype=np.float32
    )


def _values(model: ActionUnitModel, own: Neutral, faces: list[FaceObservation]) -> Floats:
    """Return (N, 46); a face too turned to be measured counts as 0."""
    return np.nan_to_num(np.stack([e.intensities for e in model.relative(faces, own)]))
