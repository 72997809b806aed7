"""Find the files that ship beside the code: models, templates and JSON schemas."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource_dir(kind: str) -> Path:
    """Return the folder of ``models`` or ``templates``.

    An installed wheel carries them inside the package; a checkout keeps them at its top level.
    """
    installed = _PACKAGE / "_data" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind
