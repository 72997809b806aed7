"""``echodepth doctor``: is everything there that an analysis needs?"""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from echodepth_cli.cli.stdout import data_stdout
from echodepth_cli.errors import EchodepthError, ExitCode, ModelError, OutputError, printable

_CODECS: Final = ("h264", "hevc", "mpeg4", "vp8", "vp9", "av1", "mjpeg")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    ok: bool
    detail: str
    exit_code: int = ExitCode.OK


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Write the findings as JSON.")] = False,
) -> int:
    """Check versions, codecs, models and writable paths.

    Ends with the exit code of the first thing that is wrong.
    """
    with data_stdout() as stdout:
        findings = [_run(name, check) for name, check in _CHECKS.items()]
        if as_json:
            stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
        else:
            width = max(len(finding.check) for finding in findings)
            for each in findings:
                state = "ok   " if each.ok else "wrong"
                stdout.write(f"{state}  {each.check:<{width}}  {printable(each.detail)}\n")
    return next((finding.exit_code for finding in findings if not finding.ok), ExitCode.OK)


def _run(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, ok=True, detail=check())
    except EchodepthError as error:
        return Finding(name, ok=False, detail=error.message, exit_code=error.exit_code)


def _software() -> str:
    from echodepth_cli.output.provenance import software_versions

    versions = software_versions()
    if unmet := _unmet_requirements():
        raise ModelError(f"not what echodepth needs: {', '.join(unmet)}; reinstall echodepth-cli")
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _unmet_requirements() -> list[str]:
    """Return the packages that are missing or of a version that echodepth does not work with."""
    import importlib.metadata

    from packaging.requirements import Requirement

    try:
        texts = importlib.metadata.requires("echodepth-cli") or []
    except importlib.metadata.PackageNotFoundError:
        # Run from a checkout: nothing states what it needs.
        return []
    unmet = []
    for needed in map(Requirement, texts):
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(needed.name)
        except importlib.metadata.PackageNotFoundError:
            unmet.append(f"{needed.name} is missing")
            continue
        if not needed.specifier.contains(version, prereleases=True):
            unmet.append(f"{needed.name} is {version}, needed {needed.specifier}")
    return unmet


def _machine() -> str:
    return f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} cores"


def _codecs() -> str:
    import av

    missing = [name for name in _CODECS if name not in av.codecs_available]
    if missing:
        raise ModelError(f"FFmpeg in PyAV cannot decode {', '.join(missing)}; reinstall av")
    return f"decodes {', '.join(_CODECS)}"


def _models() -> str:
    from echodepth_cli.models import registered_models, verified_bytes

    specs = list(registered_models())
    for spec in specs:
        verified_bytes(spec.name)
    return ", ".join(f"{spec.name} {spec.sha256[:12]}" for spec in specs)


def _face_tracker() -> str:
    import numpy as np

    from echodepth_cli.face.tracker import MediaPipeTracker

    with MediaPipeTracker(max_faces=1) as tracker:
        tracker.detect(np.zeros((120, 160, 3), dtype=np.uint8))
    return "MediaPipe face mesh starts"


def _output() -> str:
    try:
        folder = Path.cwd()
    except OSError as error:
        raise OutputError(f"the current directory is gone: {error.strerror}") from error
    return _writable(folder)


def _temporary_files() -> str:
    try:
        folder = tempfile.gettempdir()
    except OSError as error:
        raise OutputError("no directory for temporary files can be written; set TMPDIR") from error
    return _writable(Path(folder))


def _writable(folder: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return f"{folder} can be written"
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from error


_CHECKS: Final[dict[str, Callable[[], str]]] = {
    "software": _software,
    "machine": _machine,
    "codecs": _codecs,
    "models": _models,
    "face tracker": _face_tracker,
    "output": _output,
    "temporary files": _temporary_files,
}
