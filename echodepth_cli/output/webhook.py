"""Tell a web server what an analysis finds, without ever getting in its way.

Each event is one POST of JSON. A background thread sends them in order, tries again with growing
pauses when the server fails, and gives up on an event rather than on the analysis. With a secret,
the body is signed: ``X-EchoDepth-Signature: sha256=`` and the HMAC-SHA256 of the body in
hexadecimal. An event may arrive twice, with the same ``X-EchoDepth-Delivery``.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import logging
import queue
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from echodepth_cli.errors import UsageError
from echodepth_cli.events import AlertRaised, Event, ReportReady, SessionEnded, SessionStarted
from echodepth_cli.output.formats import count

SECRET_VARIABLE: Final = "ECHODEPTH_WEBHOOK_SECRET"
"""The environment variable that holds the signing secret; never an option, as those are seen."""

_NAMES: Final[dict[type, str]] = {
    SessionStarted: "session.created",
    AlertRaised: "session.alert",
    SessionEnded: "session.ended",
    ReportReady: "session.report_ready",
}
_WORTH_ANOTHER_TRY: Final = frozenset({408, 425, 429})
_LAST_WAIT_S: Final = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How hard to try."""

    attempts: int = 5
    first_pause_s: float = 0.5
    """The pause doubles from try to try."""
    timeout_s: float = 10.0
    """For connecting, and for each wait on the server."""
    queue_length: int = 1000
    """Events held while the server is slow; further ones are dropped, with a warning."""
    closing_s: float = 30.0
    """How long the end of a run waits for events that are not delivered yet."""


class WebhookSink:
    """Posts the session events of any number of analyses; see `webhook` for its life."""

    def __init__(self, url: str, secret: str | None, delivery: Delivery) -> None:
        self._url, self._secret, self._delivery = check_url(url), secret, delivery
        self._bodies: queue.Queue[bytes | None] = queue.Queue(delivery.queue_length)
        self._closing = threading.Event()
        self._offered = self._delivered = 0
        self._thread = threading.Thread(target=self._send_all, name="webhook", daemon=True)
        self._thread.start()

    def on_event(self, event: Event) -> None:
        """Queue a session event; others are not for the outside."""
        payload = payload_of(event)
        if payload is None:
            return
        self._offered += 1
        try:
            self._bodies.put_nowait(json.dumps(payload).encode())
        except queue.Full:
            self._lose("too many events are waiting", payload["event"])

    def close(self) -> None:
        """Wait a while for what is queued, then give up on the rest and say so."""
        end = time.monotonic() + self._delivery.closing_s
        with suppress(queue.Full):
            self._bodies.put(None, timeout=self._delivery.closing_s)
        self._thread.join(max(0.0, end - time.monotonic()))
        # Ends the pause the sender may be in; the thread is a daemon if the server still hangs.
        self._closing.set()
        self._thread.join(_LAST_WAIT_S)
        if self._offered > self._delivered:
            lost = count(self._offered - self._delivered, "event")
            _log.warning("webhook: %s could not be delivered", lost)

    def _send_all(self) -> None:
        while (body := self._bodies.get()) is not None and not self._closing.is_set():
            self._send(body)

    def _send(self, body: bytes) -> None:
        """Post one event until the server takes it, refuses it for good, or tries are used up."""
        headers = self._headers(body)
        pause_s = self._delivery.first_pause_s
        problem = ""
        for attempt in range(1, self._delivery.attempts + 1):
            problem, hopeless = self._post(body, headers)
            if not problem:
                self._delivered += 1
                return
            if hopeless or attempt == self._delivery.attempts or self._closing.wait(pause_s):
                break
            pause_s *= 2
        self._lose(problem, json.loads(body)["event"])

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[str, bool]:
        """Return what went wrong, if anything, and whether another try is useless."""
        secure = self._url.scheme == "https"
        connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        connection = connect(
            str(self._url.hostname), self._url.port, timeout=self._delivery.timeout_s
        )
        try:
            connection.request("POST", target, body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}", False
        finally:
            connection.close()
        if 200 <= status < 300:
            return "", False
        # Redirects are not followed: a signed body goes where it was told to and nowhere else.
        return f"HTTP {status}", status < 500 and status not in _WORTH_ANOTHER_TRY

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "echodepth",
            "X-EchoDepth-Delivery": str(uuid.uuid4()),
        }
        if self._secret:
            headers["X-EchoDepth-Signature"] = sign(body, self._secret)
        return headers

    def _lose(self, problem: str, event: str) -> None:
        _log.warning("webhook: %s was not delivered to %s: %s", event, self._url.hostname, problem)


@contextmanager
def webhook(
    url: str, secret: str | None, delivery: Delivery | None = None
) -> Iterator[WebhookSink]:
    """Open a webhook for the length of a run; raises UsageError for a URL that cannot be used."""
    sink = WebhookSink(url, secret, delivery or Delivery())
    try:
        yield sink
    finally:
        sink.close()


def check_url(url: str) -> SplitResult:
    """Return the parts of a webhook URL; raises UsageError unless it is plain http or https."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError("--webhook must be an http:// or https:// URL")
    if parts.username or parts.password:
        raise UsageError(f"--webhook must not hold a password; use {SECRET_VARIABLE} to sign")
    return parts


def sign(body: bytes, secret: str) -> str:
    """Return the value of the signature header for ``body``."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def payload_of(event: Event) -> dict[str, Any] | None:
    """Return what is posted for an event; None for one that is not posted."""
    name = _NAMES.get(type(event))
    if name is None or not isinstance(
        event, (SessionStarted, AlertRaised, SessionEnded, ReportReady)
    ):
        return None
    payload: dict[str, Any] = {
        "event": name,
        "session_id": event.session_id,
        "label": event.label,
        "timestamp_ms": event.timestamp_ms,
    }
    if isinstance(event, AlertRaised):
        alert = event.alert
        payload["alert"] = {"type": alert.type, "value": alert.value, "threshold": alert.threshold}
    return payload
