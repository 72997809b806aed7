"""Ctrl-C and its kin: one exception in the main thread, kept back where it would do harm.

Process-wide, as signals are; a program that only imports the package keeps its own handlers.
"""

from __future__ import annotations

import _thread
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAME_S: Final = 10.0
"""Further signals within this time are those of an impatient hand: cleaning up goes on."""
_AGAIN_S: Final = 0.02


class Interruption:
    """The signal handler of a command: raises ``kind``, once, so that it can clean up."""

    def __init__(self, kind: type[BaseException] = KeyboardInterrupt) -> None:
        self._kind = kind
        self._holds = 0
        self._waits = False
        self._deaf_until = 0.0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Take a signal; see `signal.signal`."""
        if self._holds:
            self._waits = True
        elif time.monotonic() >= self._deaf_until:
            self._deaf_until = time.monotonic() + _SAME_S
            raise self._kind

    def hold(self) -> None:
        """Keep signals back until `release` was called as often."""
        self._holds += 1

    def release(self) -> None:
        """Let a signal that came meanwhile interrupt the main thread."""
        self._holds -= 1
        if self._waits and not self._holds:
            self._waits = False
            _thread.interrupt_main(signal.SIGALRM)

    def on_unraisable(self, lost: sys.UnraisableHookArgs) -> None:
        """Come again shortly where foreign code could not pass the exception on, and dropped it."""
        if issubclass(lost.exc_type, self._kind):
            self._deaf_until = 0.0
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        else:
            sys.__unraisablehook__(lost)


@contextmanager
def interruptions_held() -> Iterator[None]:
    """Keep signals back inside, so that what must not end halfway does not."""
    handlers = (signal.getsignal(number) for number in SIGNALS)
    interruption = next((h for h in handlers if isinstance(h, Interruption)), None)
    if interruption is None:
        yield
        return
    interruption.hold()
    try:
        yield
    finally:
        interruption.release()


def listen(numbers: Iterable[int] = SIGNALS, kind: type[BaseException] = KeyboardInterrupt) -> None:
    """Let signals raise ``kind``, which ends the process in an orderly way.

    A signal that the parent chose to ignore (``nohup``) stays ignored.
    """
    interruption = Interruption(kind)
    sys.unraisablehook = interruption.on_unraisable
    signal.signal(signal.SIGALRM, interruption)
    for number in numbers:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interruption)


def stop_listening() -> None:
    """Ignore these signals: all is done and said, and the process ends."""
    for number in (*SIGNALS, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
