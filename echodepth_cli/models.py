"""The models that ship with echodepth: a registry with checksums, read and checked before use.

`models/registry.toml` lists each file with its sha256, licence, origin and the command that makes
it. Bytes are checked before anything interprets them.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from echodepth_cli.errors import ModelError
from echodepth_cli.resources import resource_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One entry of the registry."""

    name: str
    file: str
    sha256: str
    bytes: int
    licence: str
    description: str
    made_by: str
    """The command that makes the file from its sources."""


def registered_models(folder: Path | None = None) -> tuple[ModelSpec, ...]:
    """Return the registry's entries in file order; raises ModelError when it cannot be read."""
    return _read_registry((folder or resource_dir("models")) / "registry.toml")


def model_path(name: str, folder: Path | None = None) -> Path:
    """Return the path of a registered model whose bytes have been checked; raises ModelError."""
    verified_bytes(name, folder)
    return (folder or resource_dir("models")) / _spec(name, folder).file


def verified_bytes(name: str, folder: Path | None = None) -> bytes:
    """Return the content of a registered model; raises ModelError if missing or altered."""
    spec = _spec(name, folder)
    path = (folder or resource_dir("models")) / spec.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: the model {name} cannot be read ({error.strerror}); reinstall echodepth"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != spec.sha256:
        raise ModelError(
            f"{path}: not the registered model {name} (sha256 {found[:12]}…, expected "
            f"{spec.sha256[:12]}…); reinstall echodepth"
        )
    return content


def onnx_session(content: bytes) -> Any:
    """Return an onnxruntime session on one thread, so that sums always run in the same order."""
    # Newer builds report their use over the network and keep a device id; both are turned off
    # before the library is loaded, since it starts with that.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime

        onnxruntime.disable_telemetry_events()
    except ImportError as error:
        raise ModelError(f"onnxruntime cannot be loaded: {error}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # onnxruntime raises its own classes, which are not part of its documented interface.
        raise ModelError(f"onnxruntime cannot run the model: {error}") from error


def _spec(name: str, folder: Path | None) -> ModelSpec:
    for spec in registered_models(folder):
        if spec.name == name:
            return spec
    raise ModelError(f"no model named {name} in models/registry.toml; reinstall echodepth")


@lru_cache(maxsize=8)
def _read_registry(path: Path) -> tuple[ModelSpec, ...]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return tuple(ModelSpec(**entry) for entry in table["model"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: the model registry cannot be read: {error}") from error
