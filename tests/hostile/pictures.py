"""Pictures that few programs write, for `frame`."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.hostile import recordings as rec
from tests.hostile.running import COMPLETE, Case
from tests.hostile.workshop import Workshop


def bomb(width_px: int, height_px: int) -> bytes:
    """Return a small PNG that claims to be, and is, a vast white picture."""
    import zlib

    def chunk(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content)
        return len(content).to_bytes(4, "big") + name + content + check.to_bytes(4, "big")

    head = width_px.to_bytes(4, "big") + height_px.to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    packer, out = zlib.compressobj(9), io.BytesIO()
    row = bytes(1 + (width_px + 7) // 8)
    for _ in range(height_px):
        out.write(packer.compress(row))
    out.write(packer.flush())
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", out.getvalue()) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def exotic_pictures(shop: Workshop) -> Iterator[Case]:
    """Yield pictures that few programs write; each must be measured or refused by name."""
    face = rec.faces()[0][..., ::-1]
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), np.uint8)
    deep = (face.astype(np.uint16) << 8) + 7
    measured, refused, unseen = (frozenset({end}) for end in (COMPLETE, "exit 3", "exit 6"))
    pictures: dict[str, tuple[Any, frozenset[str]]] = {
        "grey.png": (face[..., 1], measured),
        "16-bit.png": (deep, measured),
        "alpha.png": (np.dstack([face, face[..., 0]]), measured),
        "16-bit.tiff": (deep, measured),
        "float.tiff": (face.astype(np.float32), measured | refused | unseen),
        "over-4-mb.png": (noise, refused),
        "one-pixel.png": (face[:1, :1], unseen),
        "thin.png": (np.zeros((1, 60_000, 3), np.uint8), unseen),
        "bomb.png": (bomb(65_500, 4_000), refused),
        "vast.png": (bomb(6_000, 5_000), unseen),
        "empty.png": (b"", refused),
        "text.jpg": (b"hello\n" * 30, refused),
        "video.jpg": (shop.source("h264.mp4"), refused),
        "link.svg": (b'<svg><image href="file:///etc/passwd"/></svg>', refused),
        "two\nlines.jpg": (face, measured),
        "\u202egpj.exe": (b"no picture", refused),
        "-o": (b"no picture", refused),
    }
    for name, (content, ends) in pictures.items():
        folder = shop.new_folder()
        if not isinstance(content, bytes):
            content = cv2.imencode(Path(name).suffix, content)[1].tobytes()
        (folder / name).write_bytes(content)
        yield Case("pictures for frame", name, ("frame", "--", name), folder, "", ends, (), ())
    for name, target in {
        "pipe.jpg": "",
        "zero.jpg": "/dev/zero",
        "dir.jpg": "/",
        "gone.jpg": "x",
    }.items():
        folder = shop.new_folder()
        if target:
            (folder / name).symlink_to(target)
        else:
            os.mkfifo(folder / name)
        yield Case("pictures for frame", name, ("frame", "--", name), folder, "", refused, (), ())
    folder = shop.new_folder()
    os.mkfifo(folder / "pipe.jpg")
    yield Case("pictures for frame", "pipe", ("frame", "pipe.jpg"), folder, "", refused, (), ())
