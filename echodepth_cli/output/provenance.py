"""Say exactly what a report was made from and with."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from echodepth_cli.errors import InputError, NotFoundError

_PACKAGES: Final = (
    "echodepth-cli",
    "av",
    "mediapipe",
    "numpy",
    "onnxruntime",
    "opencv-python",
    "pyarrow",
)
_CHUNK_BYTES: Final = 1 << 20


def file_sha256(path: Path, step: Callable[[], None] | None = None) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal; ``step`` is called now and then.

    Raises NotFoundError or InputError when it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                if step is not None:
                    step()
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def session_id(recording_sha256: str, measurement_digest: str) -> str:
    """Return the id that the same bytes and the same measuring settings always give."""
    joined = f"{recording_sha256}:{measurement_digest}".encode()
    return "ses_" + hashlib.sha256(joined).hexdigest()[:24]


def software_versions() -> dict[str, str]:
    """Return the versions of Python and of every package that touches a number."""
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed as a package"
    return versions


def codec_versions() -> dict[str, str]:
    """Return the versions of the FFmpeg libraries that decode."""
    import av

    versions: Mapping[str, tuple[int, ...]] = av.library_versions
    return {name: ".".join(map(str, numbers)) for name, numbers in sorted(versions.items())}


def run_facts(started: float, command_line: Sequence[str]) -> dict[str, Any]:
    """Return the facts of this run alone; everything else in a report is reproducible.

    ``started`` is what `time.monotonic` said when it began.
    """
    return {
        "analysed_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "elapsed_s": round(time.monotonic() - started, 3),
        "host": host_kind(),
        "processor": processor(),
        "command_line": list(command_line),
    }


def host_kind() -> str:
    """Return operating system and processor, without naming the machine."""
    return f"{platform.system()} {platform.machine()}"


def processor() -> str:
    """Return the model of the processor: the last digits of a network may depend on it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "not known")
