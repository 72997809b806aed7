"""Where on the face each Action Unit shows, for the drawing in ``report/_face.svg``.

The drawing faces the reader, so the person's left is on the right, as in a photograph. Regions
are ours and coarse: they say where to look, not which muscle moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

REGIONS: Final[dict[str, tuple[int, ...]]] = {
    "brow-inner": (1,),
    "brow-outer": (2,),
    "glabella": (3, 4),
    "lids-upper": (5, 41, 42, 43, 45, 46),
    "lids-lower": (7, 42, 43, 44),
    "cheeks": (6, 33, 34, 35),
    "nose-root": (9,),
    "nostrils": (38, 39, 40),
    "nasolabial": (11,),
    "lip-upper": (8, 10, 22, 24, 28, 32, 37),
    "lip-corners": (12, 13, 14, 15, 20),
    "lips": (18, 19, 23, 25, 36),
    "lip-lower": (8, 16, 22, 24, 28, 32, 37),
    "chin": (17,),
    "jaw": (26, 27, 29, 30, 31),
    "neck": (21,),
}
"""Region of the drawing -> the units that show there."""

_ANCHORS: Final[dict[str, tuple[int, int]]] = {
    "brow-inner": (132, 74),
    "brow-outer": (198, 84),
    "glabella": (150, 98),
    "lids-upper": (184, 108),
    "lids-lower": (116, 126),
    "cheeks": (196, 150),
    "nose-root": (150, 120),
    "nostrils": (161, 162),
    "nasolabial": (126, 170),
    "lip-upper": (150, 187),
    "lip-corners": (175, 194),
    "lips": (134, 195),
    "lip-lower": (150, 203),
    "chin": (150, 226),
    "jaw": (110, 222),
    "neck": (176, 262),
}
_MOST_LABELS: Final = 6
_LABEL_STEP: Final = 24
_TOP, _BOTTOM = 30, 262
_LEFT_X, _RIGHT_X = 44, 256
_MIDDLE_X: Final = 150


@dataclass(frozen=True, slots=True)
class Highlight:
    """One region to fill; level 1 (little) to 4 (most)."""

    region: str
    level: int


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a unit beside the face, with a line to where it shows."""

    text: str
    x: int
    y: int
    anchor_x: int
    anchor_y: int
    side: str
    """`start` on the right of the face, `end` on its left: the SVG text anchor."""


@dataclass(frozen=True, slots=True)
class FaceMap:
    """What to fill and what to write on the drawing."""

    highlights: tuple[Highlight, ...]
    labels: tuple[Label, ...]
    description: str


def face_map(weights: Sequence[tuple[int, float]]) -> FaceMap:
    """Return the drawing for units and their weights (any scale; sign does not matter)."""
    ranked = sorted(((au, abs(w)) for au, w in weights if w), key=lambda item: -item[1])
    most = ranked[0][1] if ranked else 1.0
    levels: dict[str, int] = {}
    for au, weight in ranked:
        for region in _regions(au):
            levels[region] = max(levels.get(region, 0), 1 + min(3, int(weight / most * 4 - 1e-9)))
    shown = [au for au, _ in ranked if _regions(au)][:_MOST_LABELS]
    named = ", ".join(f"AU{au} ({_words(_regions(au)[0])})" for au in shown)
    description = f"Where they show on the face: {named}." if named else "No unit to show."
    highlights = tuple(Highlight(name, levels[name]) for name in REGIONS if name in levels)
    return FaceMap(highlights, _labels(shown), description)


def _regions(au: int) -> list[str]:
    return [name for name, units in REGIONS.items() if au in units]


def _words(region: str) -> str:
    first, _, second = region.partition("-")
    return f"{second} {first}" if second else first


def _labels(units: Sequence[int]) -> tuple[Label, ...]:
    anchors = {au: _ANCHORS[_regions(au)[0]] for au in units}
    sides: dict[str, list[int]] = {"end": [], "start": []}
    for au in sorted(units, key=lambda unit: (anchors[unit][1], anchors[unit][0], unit)):
        x = anchors[au][0]
        shorter = "end" if len(sides["end"]) <= len(sides["start"]) else "start"
        side = shorter if x == _MIDDLE_X else ("end" if x < _MIDDLE_X else "start")
        sides[side].append(au)
    return tuple(
        Label(f"AU{au}", _LEFT_X if side == "end" else _RIGHT_X, level, *anchors[au], side)
        for side, placed in sides.items()
        for au, level in zip(placed, _spread([anchors[au][1] for au in placed]), strict=True)
    )


def _spread(wanted: Sequence[int]) -> list[int]:
    """Return label heights near the wanted ones that do not overlap."""
    heights: list[int] = []
    for height in wanted:
        floor = heights[-1] + _LABEL_STEP if heights else _TOP
        heights.append(max(height, floor))
    ceiling = _BOTTOM
    for position in range(len(heights) - 1, -1, -1):
        heights[position] = min(heights[position], ceiling)
        ceiling = heights[position] - _LABEL_STEP
    return heights
