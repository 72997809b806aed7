"""Who hears of the events of one analysis: the screen or the log, and a webhook if one is set."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from echodepth_cli.cli.console import Messages
from echodepth_cli.cli.progress import BarListener, LogListener, bar
from echodepth_cli.events import Event, EventSink


class _Everyone:
    """Passes each event on to several listeners."""

    def __init__(self, listeners: Sequence[EventSink]) -> None:
        self._listeners = listeners

    def on_event(self, event: Event) -> None:
        """Take one event; see `EventSink`."""
        for listener in self._listeners:
            listener.on_event(event)


@contextmanager
def session_listener(messages: Messages, webhook: str | None) -> Iterator[EventSink]:
    """Give a sink that shows how one analysis goes, and posts its events to ``webhook``.

    Raises UsageError when the webhook's address cannot be used.
    """
    with ExitStack() as stack:
        listeners: list[EventSink] = []
        if webhook is not None:
            from echodepth_cli.output import webhook as hook

            secret = os.environ.get(hook.SECRET_VARIABLE)
            listeners.append(stack.enter_context(hook.webhook(webhook, secret)))
        if messages.terminal is None or messages.quiet:
            listeners.append(LogListener())
        else:
            listeners.append(stack.enter_context(BarListener(bar(messages.terminal))))
        yield _Everyone(listeners)
