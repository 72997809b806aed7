"""Write `models/registry.toml` from the files that are there."""

from __future__ import annotations

import hashlib
from pathlib import Path

_ENTRIES = (
    (
        "au_relative",
        "au_relative.onnx",
        "Action Unit channels of a face against the same person's neutral face",
        "make train",
    ),
    (
        "au_absolute",
        "au_absolute.onnx",
        "Action Unit channels of a face against the average neutral face",
        "make train",
    ),
    (
        "au_search",
        "au_search.onnx",
        "The same by another model, to find the calmest faces of a recording",
        "make train",
    ),
    (
        "vad_weights",
        "vad_weights.toml",
        "Weights of the Action Units in valence, arousal and dominance",
        "see the file",
    ),
    (
        "vad_stills",
        "vad_stills.toml",
        "The same for single pictures, with the levels of neutral photographs",
        "see the file",
    ),
)


def register(folder: Path) -> None:
    """Record name, checksum, size, licence and origin of each shipped model."""
    lines = ["# Written by `python -m models.training.registry`; checked before a model is used."]
    for name, file, description, made_by in _ENTRIES:
        content = (folder / file).read_bytes()
        lines += [
            "",
            "[[model]]",
            f'name = "{name}"',
            f'file = "{file}"',
            f'sha256 = "{hashlib.sha256(content).hexdigest()}"',
            f"bytes = {len(content)}",
            'licence = "MIT"',
            f'description = "{description}"',
            f'made_by = "{made_by}"',
        ]
    (folder / "registry.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    register(Path(__file__).resolve().parents[1])
