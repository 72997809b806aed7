"""Import one module out of a package that, imported as a whole, imports far too much.

`mediapipe/__init__.py` imports every solution there is and matplotlib besides, which takes longer
than all the rest of start-up. The face mesh needs none of it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


def import_lean(name: str) -> ModuleType:
    """Import module ``name``, putting off what the packages around it do when imported.

    A package catches up the first time somebody asks it for a name of its own, so others may use
    it as if it had been imported the usual way. Raises ImportError as a usual import does.
    """
    parts = name.split(".")
    for depth in range(1, len(parts)):
        package = ".".join(parts[:depth])
        if package not in sys.modules:
            sys.modules[package] = _deferred(package)
            if depth > 1:
                setattr(
                    sys.modules[".".join(parts[: depth - 1])],
                    parts[depth - 1],
                    sys.modules[package],
                )
    return importlib.import_module(name)


def _deferred(name: str) -> ModuleType:
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)
    module = importlib.util.module_from_spec(spec)
    module.__class__ = _DeferredPackage
    return module


class _DeferredPackage(ModuleType):
    """A package whose `__init__` has not run yet."""

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":  # what `from package import *` asks for first
            self._catch_up()
            raise AttributeError(name)
        if name.startswith("__"):
            raise AttributeError(name)
        submodule = f"{self.__name__}.{name}"
        if importlib.util.find_spec(submodule) is not None:
            return importlib.import_module(submodule)
        self._catch_up()
        return getattr(self, name)

    def _catch_up(self) -> None:
        self.__class__ = ModuleType  # type: ignore[assignment]
        assert self.__spec__ is not None
        assert self.__spec__.loader is not None
        self.__spec__.loader.exec_module(self)
