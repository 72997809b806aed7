"""Short recordings of a rendered face, made where they are needed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

import echodepth_cli.face
from echodepth_cli.records import Image


def face_clip(path: Path, seconds: float = 3.0, seed: int = 0) -> Path:
    """Write a face that drifts a little, no two seeds alike; returns ``path``."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=10, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for index in range(round(seconds * 10)):
            frame = av.VideoFrame.from_ndarray(_picture(index, seed), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def _picture(index: int, seed: int) -> Image:
    import cv2

    path = Path(echodepth_cli.face.__file__).parent / "warmup.png"
    face = cv2.imread(str(path))[:, :, ::-1]
    scale = 220 / face.shape[0]
    shift = np.float32(
        [
            [scale, 0, 160 - scale * face.shape[1] / 2 + 3 * np.sin(index / 4 + seed)],
            [0, scale, 10 + 2 * np.cos(index / 5 + seed)],
        ]
    )
    grey = (90, 90, 90 + seed % 50)
    return cv2.warpAffine(face, shift, (320, 240), flags=cv2.INTER_AREA, borderValue=grey)
