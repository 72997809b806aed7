"""Fit what mouths look like, and measure how well a covered one is told from a bare one.

    python -m models.training.cover --cache build/training

Takes the mouth windows of the labelled photographs, writes their mean and principal components to
`echodepth_cli/face/cover.npz`, and prints the strangeness of mouths of people who took no part in a
second fit: bare, under poorer pictures, and with fingers, a piece of another picture or a patch of
skin painted over them. Some of the bare ones are covered in truth: the photographs were not chosen.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import echodepth_cli.face.cover as product
from echodepth_cli.face.appearance import windows
from echodepth_cli.face.observer import observe
from echodepth_cli.face.tracker import MediaPipeTracker
from echodepth_cli.records import FaceObservation, Image
from models.training.photos import PHOTOS, Floats, in_report_half, observed_photos, person_of

PATTERNS = 100
KEPT = 0.98
MIN_CONFIDENCE = 0.5
_CORNERS = (13, 14)
_CHEEK = 50

Change = Callable[[Image, FaceObservation, np.random.Generator], Image]


def shown(name: str, face: FaceObservation) -> NDArray[np.uint8]:
    """Return the windows of a photograph."""
    return windows(_photo(name), face.landmarks_px, face.points)


def fit(mouths: list[Floats]) -> tuple[Floats, Floats]:
    """Return the mean mouth window and the patterns about it, of all but the strangest."""
    rows = np.array(mouths)
    for _ in range(2):
        mean = rows.mean(axis=0)
        patterns = np.linalg.svd(rows - mean, full_matrices=False)[2][:PATTERNS]
        apart = rows - mean
        left = np.square(apart - apart @ patterns.T @ patterns).mean(axis=1)
        # Some have a hand or a microphone before the mouth: what those look like is not wanted.
        rows = rows[left <= np.quantile(left, KEPT)]
    return mean, patterns


def write(mean: Floats, patterns: Floats) -> None:
    """Write what the product reads, in half precision."""
    path = Path(product.__file__).with_name("cover.npz")
    np.savez_compressed(path, mean=np.float16(mean), patterns=np.float16(patterns))


def fingers(image: Image, face: FaceObservation, rng: np.random.Generator) -> Image:
    """Return the picture with four fingers of the person's skin over the mouth."""
    import cv2

    out, iod = image.copy(), face.iod_px
    mouth, skin = _mouth(face), _skin(image, face)
    angle = rng.uniform(0.5, 2.6)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    for finger in range(4):
        middle = mouth + across * (finger - 1.5) * iod * 0.22
        tip, root = middle - along * iod * 0.55, middle + along * iod * 1.3
        shade = tuple((skin * (0.9 + 0.04 * finger)).tolist())
        cv2.line(out, _pixel(tip), _pixel(root), shade, max(1, round(iod * 0.21)))
        edge = across * iod * 0.11
        dark = tuple((skin * 0.55).tolist())
        cv2.line(out, _pixel(tip + edge), _pixel(root + edge), dark, max(1, round(iod * 0.03)))
    return out


def skin_patch(image: Image, face: FaceObservation, rng: np.random.Generator) -> Image:
    """Return the picture with an even patch of skin over mouth and chin."""
    import cv2

    out, iod = image.copy(), face.iod_px
    centre = _pixel(_mouth(face) + np.array([0.0, 0.2 * iod]))
    shade = tuple(_skin(image, face).tolist())
    cv2.ellipse(out, centre, (round(0.6 * iod), round(0.45 * iod)), 0, 0, 360, shade, -1)
    return out


def noise(image: Image, face: FaceObservation, rng: np.random.Generator) -> Image:
    """Return the picture with noise of ten grey levels."""
    return np.clip(image + rng.normal(0, 10, image.shape), 0, 255).astype(np.uint8)


def small(image: Image, face: FaceObservation, rng: np.random.Generator) -> Image:
    """Return the picture with 30 pixels between the eyes."""
    import cv2

    scale = 30 / face.iod_px
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))


def blurred(image: Image, face: FaceObservation, rng: np.random.Generator) -> Image:
    """Return the picture out of focus."""
    import cv2

    return np.asarray(cv2.GaussianBlur(image, (0, 0), 0.04 * face.iod_px))


CHANGES: dict[str, Change] = {
    "noise": noise,
    "30 px between the eyes": small,
    "out of focus": blurred,
    "fingers": fingers,
    "even patch of skin": skin_patch,
}


def _mouth(face: FaceObservation) -> NDArray[np.float64]:
    return np.asarray(face.landmarks_px[list(_CORNERS), :2].mean(axis=0), dtype=np.float64)


def _skin(image: Image, face: FaceObservation) -> NDArray[np.float64]:
    height, width = image.shape[:2]
    x, y = np.clip(face.landmarks_px[_CHEEK, :2], 0, (width - 1, height - 1)).astype(int)
    return image[y, x].astype(np.float64)


def _pixel(point: NDArray[np.float64]) -> tuple[int, int]:
    return int(point[0]), int(point[1])


def _photo(name: str) -> Image:
    import cv2

    return np.ascontiguousarray(cv2.imread(str(PHOTOS / "images" / name))[:, :, ::-1])


def _changed(
    photos: list[tuple[str, FaceObservation]], change: Change
) -> Iterator[FaceObservation]:
    rng = np.random.default_rng(1)
    with MediaPipeTracker(max_faces=1) as tracker:
        for name, face in photos:
            image = change(_photo(name), face, rng)
            yield from observe(image, tracker)[:1]


def _print_row(name: str, strangeness: list[float]) -> None:
    found = np.array(strangeness)
    # Seen alone, without the person's usual look: the stricter half of the rule.
    covered = np.mean(found >= sum(product.STRANGE) / 2)
    middle, high, most = np.quantile(found, (0.5, 0.99, 1.0))
    print(f"| {name} | {len(found)} | {middle:.2f} | {high:.2f} | {most:.2f} | {covered:.1%} |")


def main() -> None:
    """Measure with a fit on one half of the people, then fit on all and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("build/training"))
    parser.add_argument("--changed", type=int, default=120, help="photographs that are changed")
    options = parser.parse_args()
    photos = [
        (name, face)
        for name, _, face in observed_photos(options.data)
        if face.confidence >= MIN_CONFIDENCE
    ]
    seen = {name: shown(name, face) for name, face in photos}
    mouths = {name: product.coarse_mouth(one) for name, one in seen.items()}
    write(*fit([mouths[name] for name in mouths if not in_report_half(person_of(name))]))
    product.mouths.cache_clear()
    kept = [(name, face) for name, face in photos if in_report_half(person_of(name))]
    print("| mouths | pictures | median | 99 of 100 below | most | covered |\n" + 6 * "|---" + "|")
    _print_row("as photographed", [product.strangeness(seen[name]) for name, _ in kept])
    order = np.random.default_rng(1).permutation(len(kept))[: options.changed]
    for name, change in CHANGES.items():
        changed = _changed([kept[k] for k in order], change)
        _print_row(name, [face.strangeness for face in changed])
    write(*fit(list(mouths.values())))


if __name__ == "__main__":
    main()
