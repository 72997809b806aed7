"""A real browser for the report: Debian's Chromium, driven by Playwright, without any network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from echodepth_cli.output.report_html import GlossaryUnit, ReportOptions, render_report
from tests.report.sessions import NAMES, Made

SCREENSHOTS = Path(__file__).parents[2] / "build" / "browser"
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Opened:
    """A report open in the browser, and everything that went wrong or out while it was."""

    page: Any
    path: Path
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def strangers(self) -> list[str]:
        """Return requests for anything but the page itself and what it carries."""
        return [url for url in self.requests if url != self.path.as_uri() and url[:5] != "data:"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Return a running Chromium; skips with the way out where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    found = os.environ.get("ECHODEPTH_CHROMIUM") or next(
        filter(None, map(shutil.which, _NAMES)), ""
    )
    if not found:
        pytest.skip("no Chromium found: apt-get install chromium, or set ECHODEPTH_CHROMIUM")
    with api.sync_playwright() as driver:
        # Containers give no user namespaces to sandbox with; the pages are our own.
        running = driver.chromium.launch(
            executable_path=found, args=list(_FLAGS), chromium_sandbox=False
        )
        yield running
        running.close()


@pytest.fixture
def open_report(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Return a function that renders a session, opens it and listens."""
    contexts: list[Any] = []

    def open_it(
        made: Made, options: ReportOptions | None = None, *, width: int = 1280, **context: Any
    ) -> Opened:
        glossary = [GlossaryUnit(au, name, f"{name}, in words.") for au, name in NAMES.items()]
        path = tmp_path / "report.html"
        page_text = render_report(made.report, made.frames, made.stills, options, glossary)
        path.write_text(page_text, encoding="utf-8")
        contexts.append(
            browser.new_context(viewport={"width": width, "height": 900}, offline=True, **context)
        )
        opened = Opened(contexts[-1].new_page(), path)
        opened.page.on("console", lambda message: opened.complaints.append(message.text))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.goto(path.as_uri())
        return opened

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture
def keep_screenshot(request: pytest.FixtureRequest) -> Callable[[Any], None]:
    """Return a function that keeps a picture of a page for people to look at."""

    def keep(page: Any) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        name = request.node.name.removeprefix("test_").replace("[", "-").replace("]", "")
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    return keep
