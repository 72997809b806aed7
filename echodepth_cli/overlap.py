"""Let one part of the work run while another goes on, in a bounded way and in the same order."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Generic, TypeAlias, TypeVar

from echodepth_cli.errors import InputError, printable

Item = TypeVar("Item")
Argument = TypeVar("Argument")
Step: TypeAlias = Callable[[], None]
"""To be called at every step of progress; raises to end work that is no longer wanted."""

SERIAL_VARIABLE: Final = "ECHODEPTH_SERIAL"
"""Set to anything but 0 to do one thing after the other in one thread, for debugging."""

_THREAD_NAME: Final = "echodepth-ahead"
_MOST_AT_ONCE: Final = 4
_LOOK_EVERY_S: Final = 0.25
_LEAVE_WITHIN_S: Final = 5.0
"""How long a thread may take to notice that it is no longer needed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long reading ``path`` may take without a step of progress; None is for ever."""

    path: Path
    stall_s: float | None

    def error(self) -> InputError:
        """Return the error for a stall."""
        return InputError(
            f"{printable(self.path)}: reading it made no progress for {self.stall_s:g} s; its data"
            " or its disk may be damaged. Copy the recording to a local disk, or raise"
            " --stall-timeout (stall_timeout_s in a config file)."
        )


class StoppedError(BaseException):
    """Ends the other thread from inside; nobody waits for its items any more."""


def is_serial() -> bool:
    """Return whether the environment asks for work without overlap."""
    return os.environ.get(SERIAL_VARIABLE, "0") != "0"


def anything_hangs() -> bool:
    """Return whether a thread that was left behind still hangs; ask between two recordings."""
    return any(thread.name == _THREAD_NAME for thread in threading.enumerate())


class Ahead(AbstractContextManager["Ahead[Item]"], Generic[Item]):
    """An iterator that runs in a thread of its own, a few items ahead of whoever takes them.

    ``make`` is called in that thread and gets a `Step` to call as it goes on. An item is set down
    while those that wait weigh less than ``depth``; each weighs 1 unless ``weigh`` says more.
    Errors of the iterator come out in their place among the items; InputError when ``patience`` is
    at its end.
    Leaving the context ends the thread and waits for it, unless it is stalled: then it is left
    behind as a daemon, because nothing can end a thread that hangs in foreign code; see
    `anything_hangs`.
    """

    def __init__(
        self,
        make: Callable[[Step], Generator[Item, None, None]],
        *,
        depth: int,
        patience: Patience,
        weigh: Callable[[Item], int] = lambda item: 1,
    ) -> None:
        self._make, self._patience, self._weigh = make, patience, weigh
        self._queue: _Weighed[Item | _End] = _Weighed(depth)
        self._steps = 0
        self._stopping = self._stalled = False
        self._thread = threading.Thread(target=self._run, name=_THREAD_NAME, daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        """Yield the items in order."""
        while not isinstance(item := self._take(), _End):
            yield item
        if item.error is not None:
            raise item.error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        if not self._stalled:
            self._thread.join(_LEAVE_WITHIN_S)

    def _run(self) -> None:
        try:
            with closing(self._make(self._step)) as items:
                for item in items:
                    self._put(item)
            self._put(_End())
        except StoppedError:
            pass
        except BaseException as error:
            self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        with suppress(StoppedError):
            self._put(_End(error))

    def _step(self) -> None:
        self._steps += 1
        if self._stopping:
            raise StoppedError

    def _put(self, item: Item | _End) -> None:
        weight = 1 if isinstance(item, _End) else self._weigh(item)
        while True:
            self._step()
            try:
                self._queue.put((item, weight), timeout=_LOOK_EVERY_S)
            except queue.Full:
                continue
            return

    def _take(self) -> Item | _End:
        # Looks are counted, not the clock: a process that was stopped for an hour is not stalled.
        steps, looks = self._steps, 0
        while True:
            try:
                return self._queue.get(timeout=_LOOK_EVERY_S)[0]
            except queue.Empty:
                steps, looks = self._steps, looks + 1 if steps == self._steps else 0
            stall_s = self._patience.stall_s
            if stall_s is not None and looks * _LOOK_EVERY_S >= stall_s:
                self._stalled = True
                raise self._patience.error()


def spread(work: Callable[[Argument], Item], arguments: Sequence[Argument]) -> list[Item]:
    """Return what ``work`` makes of each argument, in order; several run at the same time.

    It pays where the work lets go of the interpreter.
    """
    threads = min(len(arguments), len(os.sched_getaffinity(0)), _MOST_AT_ONCE)
    if threads < 2 or is_serial():
        return [work(argument) for argument in arguments]
    with ThreadPoolExecutor(threads, thread_name_prefix="echodepth-spread") as pool:
        return list(pool.map(work, arguments))


@contextmanager
def background(work: Callable[[Step], Item], patience: Patience) -> Iterator[Callable[[], Item]]:
    """Let ``work`` run in another thread; gives a function that waits for what it returns."""

    def once(step: Step) -> Generator[Item, None, None]:
        yield work(step)

    if is_serial():
        yield lambda: work(lambda: None)
        return
    # Room for the result and the end, so that the thread is done even if nobody asks for it.
    with Ahead(once, depth=2, patience=patience) as ahead:
        yield lambda: next(iter(ahead))


class _Weighed(queue.Queue[tuple[Item, int]]):
    """A queue whose size is what its items weigh, at least 1 each."""

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._weight = 0

    def _qsize(self) -> int:
        return self._weight

    def _put(self, item: tuple[Item, int]) -> None:
        super()._put(item)
        self._weight += item[1]

    def _get(self) -> tuple[Item, int]:
        item = super()._get()
        self._weight -= item[1]
        return item


@dataclass(frozen=True, slots=True)
class _End:
    """Comes after the last item."""

    error: BaseException | None = None
