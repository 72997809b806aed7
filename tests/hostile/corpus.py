"""The corpus of broken and hostile input, class by class; the same each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.hostile import broken, malicious
from tests.hostile.pictures import exotic_pictures
from tests.hostile.running import Case
from tests.hostile.workshop import Made, Workshop

CLASSES: dict[str, Callable[[Workshop], Iterator[Made]]] = {
    "cut short": broken.truncated,
    "empty, or a header only": broken.empty,
    "wrong suffix": broken.wrong_suffix,
    "odd pixel formats, interlaced": broken.odd_formats,
    "absurd picture sizes": broken.absurd_sizes,
    "absurd lengths and rates": broken.absurd_lengths,
    "timestamps": broken.timestamps,
    "streams, sizes that change": broken.streams,
    "references to other files": malicious.references,
    "names": malicious.names,
    "pipes, devices, links": malicious.special,
}
"""The rows of the table, and what makes their inputs."""


def cases(shop: Workshop) -> Iterator[Case]:
    """Yield all cases; the input of each exists when it is yielded."""
    for kind, members in CLASSES.items():
        for made in members(shop):
            yield shop.case(kind, made)
    yield from malicious.arguments(shop)
    yield from exotic_pictures(shop)
