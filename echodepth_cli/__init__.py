"""FACS Action Units and Valence/Arousal/Dominance evidence from recorded interviews.

Importing this package is cheap, prints nothing and configures no logging::

    from echodepth_cli import AnalysisConfig, analyse

    result = analyse("interview.mp4", AnalysisConfig(fps=5), out_dir="results/interview")
    result.report["summary"], result.frames_path
"""

from __future__ import annotations

TYPE_CHECKING = False  # not imported: every command waits for this module before it hears Ctrl-C
if TYPE_CHECKING:
    from typing import Any

    from echodepth_cli import errors
    from echodepth_cli.config import AlertThresholds, AnalysisConfig
    from echodepth_cli.pipeline import AnalysisResult, analyse

__all__ = [
    "AlertThresholds",
    "AnalysisConfig",
    "AnalysisResult",
    "__version__",
    "analyse",
    "errors",
]

_HOMES = {
    "AlertThresholds": "echodepth_cli.config",
    "AnalysisConfig": "echodepth_cli.config",
    "AnalysisResult": "echodepth_cli.pipeline",
    "analyse": "echodepth_cli.pipeline",
}


def __getattr__(name: str) -> Any:
    import importlib

    if name == "__version__":
        from importlib.metadata import version

        return version("echodepth-cli")
    if name == "errors":
        return importlib.import_module("echodepth_cli.errors")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'echodepth_cli' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
