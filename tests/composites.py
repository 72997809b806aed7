"""Videos with several people whose places are known at every moment.

    python -m tests.composites side_by_side OUT_DIR [--people A.mp4 B.mp4]
    python -m tests.composites calm_loop OUT_DIR --minutes 30

Each writes NAME.mp4 and NAME.truth.csv: one row per person and picture, with the part of the frame
that shows the person (fractions, origin top left) and whether the face can be seen. Without
``--people`` the two rendered people of this repository play; A is always the subject.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

REPO = Path(__file__).resolve().parents[1]
INTERVIEWEE = REPO / "sample_videos" / "interview.mp4"
INTERVIEWER = REPO / "tests" / "material" / "calm.mp4"
WIDTH_PX, HEIGHT_PX = 960, 540
RATE = Fraction(25, 2)

_CROPPED = 0.25
"""Most that is cut off a picture's width or height: more would cut into tightly framed faces."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the frame that shows one person; later tiles cover earlier ones."""

    person: str
    x: float
    y: float
    w: float
    h: float
    seen: bool = True
    """False while something hides the face."""
    oval: bool = False
    """Cut out as an oval, as for somebody walking through the picture."""
    frozen: bool = False
    """A still, such as a poster: nobody is there."""


Layout = Callable[[float], list[Tile]]

_LEFT, _RIGHT = (0.0, 0.1, 0.5, 0.8), (0.5, 0.1, 0.5, 0.8)
_WHOLE = (0.0, 0.0, 1.0, 1.0)


def side_by_side(t: float) -> list[Tile]:
    """A left, B right."""
    return [Tile("A", *_LEFT), Tile("B", *_RIGHT)]


def swapping_sides(t: float) -> list[Tile]:
    """Like a call whose gallery is sorted anew every 15 s."""
    left, right = ("A", "B") if int(t / 15) % 2 == 0 else ("B", "A")
    return [Tile(left, *_LEFT), Tile(right, *_RIGHT)]


def picture_in_picture(t: float) -> list[Tile]:
    """A fills the frame, B is small in a corner."""
    return [Tile("A", *_WHOLE), Tile("B", 0.72, 0.68, 0.26, 0.29)]


def small_subject(t: float) -> list[Tile]:
    """B fills the frame, A is small in a corner."""
    return [Tile("B", *_WHOLE), Tile("A", 0.72, 0.68, 0.26, 0.29)]


def leaving_and_returning(t: float) -> list[Tile]:
    """A leaves at 20 s and comes back at 40 s on the other side."""
    if t < 20:
        return [Tile("A", *_LEFT), Tile("B", *_RIGHT)]
    if t < 40:
        return [Tile("B", *_RIGHT)]
    return [Tile("B", *_LEFT), Tile("A", *_RIGHT)]


def passer_by(t: float) -> list[Tile]:
    """B walks past the camera at 15 s, 30 s and 45 s and hides A for a moment."""
    tiles = [Tile("A", *_WHOLE)]
    walk = t % 15 / 4 if t >= 15 else 2.0
    if walk < 1:
        x = -0.5 + 1.5 * walk
        hidden = abs(x + 0.25 - 0.5) < 0.22
        tiles = [Tile("A", *_WHOLE, seen=not hidden), Tile("B", x, 0.05, 0.5, 0.95, oval=True)]
    return tiles


def cuts(t: float) -> list[Tile]:
    """Cut every 4 s: A, B, both."""
    return ([Tile("A", *_WHOLE)], [Tile("B", *_WHOLE)], side_by_side(t))[int(t / 4) % 3]


def poster(t: float) -> list[Tile]:
    """A before a wall with a picture of B on it."""
    return [Tile("A", *_WHOLE), Tile("B", 0.03, 0.08, 0.22, 0.40, seen=False, frozen=True)]


def speaker_view(t: float) -> list[Tile]:
    """A gallery that turns to whoever speaks: both, A large, both, B large, 10 s each."""
    return (side_by_side, picture_in_picture, side_by_side, small_subject)[int(t / 10) % 4](t)


LAYOUTS: dict[str, Layout] = {
    layout.__name__: layout
    for layout in (
        side_by_side,
        swapping_sides,
        picture_in_picture,
        small_subject,
        leaving_and_returning,
        passer_by,
        cuts,
        poster,
        speaker_view,
    )
}


def compose(
    layout: Layout,
    people: dict[str, Path],
    out: Path,
    seconds: float = 60.0,
    crf: int = 22,
) -> Path:
    """Write ``out`` and, beside it, the truth; return the path of the truth."""
    truth = out.with_suffix(".truth.csv")
    writer = _Writer(out, crf=crf)
    with truth.open("w", newline="", encoding="utf-8") as file, writer as write:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["time_s", "person", "x", "y", "w", "h", "seen"])
        clips = {name: looped(path) for name, path in people.items()}
        for time_s, frame in pictures_of(layout, clips, seconds):
            for tile in layout(time_s):
                place = [f"{v:.4f}" for v in (tile.x, tile.y, tile.w, tile.h)]
                rows.writerow([f"{time_s:.3f}", tile.person, *place, int(tile.seen)])
            write(frame)
    return truth


def pictures_of(
    layout: Layout, clips: Mapping[str, Iterator[Image]], seconds: float, rate: Fraction = RATE
) -> Iterator[tuple[float, Image]]:
    """Yield times and pictures of a layout; the clips of the people give pictures at ``rate``."""
    stills: dict[str, Image] = {}
    for index in range(round(seconds * rate)):
        time_s = float(index / rate)
        pictures = {name: next(clip) for name, clip in clips.items()}
        stills = stills or pictures
        frame = _room()
        for tile in layout(time_s):
            _paste(frame, (stills if tile.frozen else pictures)[tile.person], tile)
        yield time_s, frame


def looped(path: Path, rate: Fraction = RATE) -> Iterator[Image]:
    """Yield the pictures of a clip at a rate by their times, starting again when it ends."""
    while True:
        yield from played(path, rate)


def played(path: Path, rate: Fraction = RATE) -> Iterator[Image]:
    """Yield the pictures of a clip at a rate by their times, once."""
    with av.open(str(path)) as container:
        due = Fraction(0)
        for frame in container.decode(video=0):
            at = (frame.pts or 0) * Fraction(frame.time_base or 1)
            if at >= due:
                due += 1 / rate
                yield frame.to_ndarray(format="rgb24")


def calm_loop(clip: Path, out: Path, minutes: float) -> None:
    """Write a long calm recording: the clip forwards and backwards, again and again.

    The loop is encoded once and its packets are copied, so half an hour costs seconds.
    """
    frames = [
        cv2.resize(picture, (480, 360), interpolation=cv2.INTER_AREA)
        for picture, _ in zip(looped(clip), range(_length(clip)), strict=False)
    ]
    once = out.with_suffix(".once.mp4")
    with _Writer(once, 480, 360) as write:
        for frame in (*frames, *frames[-2:0:-1]):
            write(frame)
    with av.open(str(out), "w") as target:
        length, shift = 2 * len(frames) - 2, 0
        stream: Any = None
        for _ in range(int(np.ceil(minutes * 60 * RATE / length))):
            with av.open(str(once)) as source:
                stream = stream or target.add_stream_from_template(source.streams.video[0])
                for packet in source.demux(video=0):
                    if packet.dts is None or packet.pts is None:
                        continue
                    base = Fraction(packet.time_base)
                    packet.pts += int(shift / RATE / base)
                    packet.dts += int(shift / RATE / base)
                    packet.stream = stream
                    target.mux(packet)
            shift += length
    once.unlink()


def _length(clip: Path) -> int:
    with av.open(str(clip)) as container:
        return int(Fraction(container.duration or 0, av.time_base) * RATE)


class _Writer:
    """Encode pictures; a context that gives the function taking one."""

    def __init__(
        self,
        path: Path,
        width: int = WIDTH_PX,
        height: int = HEIGHT_PX,
        crf: int = 22,
    ) -> None:
        self._container = av.open(str(path), "w")
        self._stream = self._container.add_stream("libx264", rate=RATE)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.options = {"crf": str(crf), "preset": "veryfast"}

    def __enter__(self) -> Callable[[Image], None]:
        return self._write

    def __exit__(self, *error: object) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()

    def _write(self, picture: Image) -> None:
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        self._container.mux(self._stream.encode(frame))


def _room() -> Image:
    shade = np.linspace(150, 100, HEIGHT_PX)[:, None, None] * np.array([1.0, 0.98, 0.94])
    return np.broadcast_to(shade, (HEIGHT_PX, WIDTH_PX, 3)).astype(np.uint8)


def _paste(frame: Image, picture: Image, tile: Tile) -> None:
    """Show a picture in a tile, cropped a little, with bars where it has other proportions."""
    width, height = round(tile.w * WIDTH_PX), round(tile.h * HEIGHT_PX)
    left, top = round(tile.x * WIDTH_PX), round(tile.y * HEIGHT_PX)
    small = _fitted(picture, width, height)
    share = np.ones((height, width, 1), dtype=np.float32)
    if tile.oval:
        share[:] = 0
        middle, axes = (width // 2, int(0.55 * height)), (int(0.36 * width), int(0.52 * height))
        cv2.ellipse(share, middle, axes, 0, 0, 360, 1.0, -1)
    if tile.frozen:
        cv2.rectangle(small, (0, 0), (width - 1, height - 1), (70, 50, 35), 8)
    x0, x1 = max(left, 0), min(left + width, WIDTH_PX)
    y0, y1 = max(top, 0), min(top + height, HEIGHT_PX)
    if x1 <= x0 or y1 <= y0:
        return
    part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    under = frame[y0:y1, x0:x1].astype(np.float32)
    frame[y0:y1, x0:x1] = (under + (small[part] - under) * share[part]).astype(np.uint8)


def _fitted(picture: Image, width: int, height: int) -> Image:
    part = _cropped(picture, width / height)
    scale = min(width / part.shape[1], height / part.shape[0])
    shown = cv2.resize(part, (round(scale * part.shape[1]), round(scale * part.shape[0])))
    left, top = (width - shown.shape[1]) // 2, (height - shown.shape[0]) // 2
    fitted = np.full((height, width, 3), 24, dtype=np.uint8)
    fitted[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    return fitted


def _cropped(picture: Image, proportion: float) -> Image:
    height, width = picture.shape[:2]
    if width / height > proportion:
        spare = round(min(_CROPPED * width, width - height * proportion) / 2)
        return picture[:, spare : width - spare]
    spare = round(min(_CROPPED * height, height - width / proportion))
    # Heads are in the upper part of a picture.
    return picture[spare // 4 : height - (spare - spare // 4)]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=[*LAYOUTS, "all", "calm_loop"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=Path, nargs=2, default=[INTERVIEWEE, INTERVIEWER])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--minutes", type=float, default=30.0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.name == "calm_loop":
        calm_loop(options.people[1], options.out / "calm.mp4", options.minutes)
        return
    people = dict(zip("AB", options.people, strict=True))
    for name in LAYOUTS if options.name == "all" else [options.name]:
        compose(LAYOUTS[name], people, options.out / f"{name}.mp4", options.seconds)


if __name__ == "__main__":
    main()
