"""Check that a session directory still says what an analysis wrote, and that it follows."""

from __future__ import annotations

from echodepth_cli.verify.outcome import Check, Difference, Verification
from echodepth_cli.verify.session import verify_session

__all__ = ["Check", "Difference", "Verification", "verify_session"]
