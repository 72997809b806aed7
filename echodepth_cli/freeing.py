"""Give memory that was freed back to the system: what comes next takes its place."""

from __future__ import annotations

import ctypes


def give_back_memory() -> None:
    """Return freed memory to the system, where the C library can do so (glibc)."""
    # Of what a face tracker frees, most would stay with the threads that had asked for it.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
