"""What is installed is locked, and nothing is loaded that is not what it should be."""

from __future__ import annotations

import importlib.metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import REPO

EXTRAS = ("cluster", "dev", "signing")


def needed(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """Return what a package needs here, directly or not, itself not included."""
    found: set[str] = set()
    waiting = [(name, extras)]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        for text in importlib.metadata.requires(name) or ():
            requirement = Requirement(text)
            environments = [{"extra": extra} for extra in extras or ("",)]
            if requirement.marker and not any(map(requirement.marker.evaluate, environments)):
                continue
            key = canonicalize_name(requirement.name), frozenset(requirement.extras)
            if key not in seen:
                seen.add(key)
                found.add(key[0])
                waiting.append(key)
    return found


def test_every_package_of_the_development_environment_is_locked():
    lines = (REPO / "constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = [Requirement(line) for line in lines if line and not line.startswith("#")]
    here = {
        canonicalize_name(lock.name)
        for lock in locked
        if lock.marker is None or lock.marker.evaluate()
    }
    assert all(str(lock.specifier).startswith("==") for lock in locked)
    packages = needed("echodepth-cli", frozenset(EXTRAS))
    assert {"mediapipe", "distributed"} <= packages
    assert packages - here == set()
