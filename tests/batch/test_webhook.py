"""The webhook against a real server on loopback that works, fails, hangs or is not there."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from echodepth_cli.errors import UsageError
from echodepth_cli.events import (
    AlertRaised,
    FrameAnalysed,
    ReportReady,
    SessionEnded,
    SessionStarted,
)
from echodepth_cli.output.webhook import Delivery, check_url, webhook
from echodepth_cli.records import Alert, VideoInfo

QUICK = Delivery(attempts=3, first_pause_s=0.02, timeout_s=0.3, closing_s=5.0)

INFO = VideoInfo(Path("a.mp4"), "mp4", "h264", 640, 480, 0, 60.0, 25.0, None)
ALERT = Alert("arousal_high", 10.0, 12.0, 14.0, 0.83, 0.8, 0.5, 0.9)
EVENTS = [
    SessionStarted("ses_1", "Jo", INFO, 60.0, 1000),
    FrameAnalysed(0.5),
    AlertRaised("ses_1", "Jo", 13000, ALERT),
    SessionEnded("ses_1", "Jo", 61000),
    ReportReady("ses_1", "Jo", 61000, Path("out"), {}),
]


class Server:
    """Answers with the given statuses in turn, the last one for ever; 0 hangs."""

    def __init__(self, *statuses: int) -> None:
        self.statuses, self.requests = list(statuses), []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.requests.append((self.path, dict(self.headers), body))
                status = owner.statuses.pop(0) if len(owner.statuses) > 1 else owner.statuses[0]
                if status == 0:
                    owner.released.wait(5)
                    return
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.released = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/hook?team=a"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()

    @property
    def bodies(self) -> list[dict]:
        return [json.loads(body) for _, _, body in self.requests]


def send(url: str, *events, secret: str | None = "s3cret", delivery: Delivery = QUICK) -> None:
    with webhook(url, secret, delivery) as sink:
        for event in events:
            sink.on_event(event)


def test_the_documented_events_arrive_in_order_and_signed():
    with Server(200) as server:
        send(server.url, *EVENTS)
    assert server.bodies == [
        {"event": "session.created", "session_id": "ses_1", "label": "Jo", "timestamp_ms": 1000},
        {
            "event": "session.alert",
            "session_id": "ses_1",
            "label": "Jo",
            "timestamp_ms": 13000,
            "alert": {"type": "arousal_high", "value": 0.83, "threshold": 0.8},
        },
        {"event": "session.ended", "session_id": "ses_1", "label": "Jo", "timestamp_ms": 61000},
        {
            "event": "session.report_ready",
            "session_id": "ses_1",
            "label": "Jo",
            "timestamp_ms": 61000,
        },
    ]
    for path, headers, body in server.requests:
        expected = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
        assert headers["X-EchoDepth-Signature"] == f"sha256={expected}"
        assert headers["Content-Type"] == "application/json"
        assert path == "/hook?team=a"


def test_without_a_secret_nothing_claims_to_be_signed():
    with Server(204) as server:
        send(server.url, EVENTS[0], secret=None)
    assert "X-EchoDepth-Signature" not in server.requests[0][1]


@pytest.mark.parametrize("failure", [500, 503, 429, 0])
def test_a_server_that_fails_or_hangs_is_tried_again_with_the_same_delivery(failure):
    with Server(failure, 200) as server:
        send(server.url, EVENTS[0])
    deliveries = [headers["X-EchoDepth-Delivery"] for _, headers, _ in server.requests]
    assert len(deliveries) == 2
    assert len(set(deliveries)) == 1


@pytest.mark.parametrize("refusal", [301, 404, 410])
def test_a_refusal_is_final_and_redirects_are_not_followed(refusal, caplog):
    with Server(refusal) as server:
        send(server.url, EVENTS[0])
    assert len(server.requests) == 1
    assert f"HTTP {refusal}" in caplog.text


@pytest.mark.parametrize("failure", [500, 0])
def test_a_server_that_never_recovers_is_logged_and_never_fatal(failure, caplog):
    with Server(failure) as server, caplog.at_level(logging.WARNING):
        send(server.url, *EVENTS)
    assert "session.alert was not delivered" in caplog.text
    assert "4 events could not be delivered" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_port_where_nobody_listens_is_logged_and_never_fatal(caplog):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
    send(url, EVENTS[0])
    assert "ConnectionRefusedError" in caplog.text


def test_a_slow_server_neither_blocks_the_analysis_nor_fills_the_memory(caplog):
    patience = Delivery(attempts=1, timeout_s=5.0, queue_length=2, closing_s=0.1, first_pause_s=0.1)
    with Server(0) as server, webhook(server.url, None, patience) as sink:
        while not server.requests:
            sink.on_event(EVENTS[0])
            time.sleep(0.01)
        for _ in range(50):
            sink.on_event(EVENTS[2])
    assert "too many events are waiting" in caplog.text
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url",
    ["ftp://example.org/", "file:///etc/passwd", "example.org", "http://", "http://a b/", "http://x:0",
     "http://x/\r\nHost: y", "http://[::1", "https://user:password@example.org/"],
)  # fmt: skip
def test_urls_that_are_no_plain_http_are_refused(url):
    with pytest.raises(UsageError, match="--webhook") as caught:
        check_url(url)
    assert "password@" not in str(caught.value)
