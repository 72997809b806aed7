"""Render the HTML report: one file that asks nothing of anyone and runs nothing but its own script.

The page is a pure function of the report, the frame table, the stills and the options: the same
input gives the same bytes. Its Content-Security-Policy names the style sheets and the script by
their digests, so nothing that slipped into the text could run or call home.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from echodepth_cli.errors import OutputError, UsageError
from echodepth_cli.output.report_page import build_page
from echodepth_cli.output.series import FrameTable
from echodepth_cli.output.snapshots import Still, StillKey
from echodepth_cli.resources import resource_dir

if TYPE_CHECKING:
    from jinja2 import Environment

_PLAIN: Final = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True)
class GlossaryUnit:
    """One Action Unit explained."""

    au: int
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a person may choose about the page."""

    video_path: str | None = None
    """Path from the report to the recording, relative and with ``/``; None plays nothing."""
    template_dir: Path | None = None
    """Folder whose files stand in for the templates of the same name."""


def render_report(
    report: Mapping[str, Any],
    frames: FrameTable,
    stills: Mapping[StillKey, Still] | None = None,
    options: ReportOptions | None = None,
    glossary: Sequence[GlossaryUnit] = (),
) -> str:
    """Return the page for a report; see `report_pieces`."""
    return "".join(report_pieces(report, frames, stills, options, glossary))


def report_pieces(
    report: Mapping[str, Any],
    frames: FrameTable,
    stills: Mapping[StillKey, Still] | None = None,
    options: ReportOptions | None = None,
    glossary: Sequence[GlossaryUnit] = (),
) -> Iterator[str]:
    """Yield the page for a report, piece by piece.

    ``report`` is `report.json` as data, ``frames`` is `frames.parquet` as a pyarrow table or a
    mapping of columns, ``stills`` are pictures by the position of their alert in
    ``report["alerts"]``, and portraits by `portrait_key`; ``glossary`` explains the units that the
    report lists. Raises UsageError when a template folder given by the user cannot be used.
    """
    chosen = options or ReportOptions()
    video = None if chosen.video_path is None else quote(chosen.video_path)
    page = build_page(report, frames, stills or {}, video)
    environment = _environment(chosen.template_dir)
    styles = [_asset(environment, "report.css"), _print_style(page.session_id)]
    script = _asset(environment, "report.js")
    yield from _rendered(
        environment,
        page=page,
        glossary=glossary,
        styles=styles,
        script=script,
        policy=_policy(styles, script, with_video=video is not None),
    )


def load_templates(template_dir: Path | None = None) -> None:
    """Read and compile the templates of the page, which takes longer than to render most pages.

    Raises what `report_pieces` does.
    """
    environment = _environment(template_dir)
    with _template_errors():
        for name in environment.list_templates(extensions=["html"]):
            if name.startswith("report"):
                environment.get_template(name)


def templates_digest(template_dir: Path | None = None) -> str:
    """Return the sha256 of the templates, style sheet and script that pages are made with.

    Raises UsageError when a template folder given by the user cannot be used.
    """
    environment = _environment(template_dir)
    names = [name for name in environment.list_templates() if name.startswith("report")]
    digest = hashlib.sha256()
    for name in names:
        content = hashlib.sha256(_source(environment, name).encode()).hexdigest()
        digest.update(f"{content}  {name}\n".encode())
    return digest.hexdigest()


def _environment(template_dir: Path | None) -> Environment:
    folders = [resource_dir("templates")]
    if template_dir is not None:
        if not template_dir.is_dir():
            raise UsageError(f"{template_dir}: no such folder of templates")
        folders.insert(0, template_dir)
    return _loading_from(tuple(folders))


@lru_cache(maxsize=4)
def _loading_from(folders: tuple[Path, ...]) -> Environment:
    """Return an environment that compiles each template once; a changed file is seen."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _asset(environment: Environment, name: str) -> str:
    """Return a style sheet or script as it stands in the page; its digest covers these bytes."""
    text = _source(environment, name).replace("\r\n", "\n")
    if re.search(r"</(style|script)", text, re.IGNORECASE):
        raise UsageError(f"{name}: a style sheet or script must not contain a closing tag")
    return text


def _source(environment: Environment, name: str) -> str:
    loader = environment.loader
    assert loader is not None
    source, _, _ = loader.get_source(environment, name)
    return source


def _print_style(session_id: str) -> str:
    """Return the running head of printed pages, which style sheets cannot take from the page."""
    name = _PLAIN.sub("", session_id)
    return f'@page{{@top-right{{content:"{name}"}}}}'


def _policy(styles: Sequence[str], script: str, *, with_video: bool) -> str:
    style_digests = " ".join(_digest(style) for style in styles)
    rules = [
        "default-src 'none'",
        f"style-src {style_digests}",
        f"script-src {_digest(script)}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    if with_video:
        # 'self' does not cover a page opened from disk.
        rules.append("media-src 'self' file:")
    return "; ".join(rules)


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _rendered(environment: Environment, **values: Any) -> Iterator[str]:
    with _template_errors():
        yield from environment.get_template("report.html").generate(**values)


@contextmanager
def _template_errors() -> Iterator[None]:
    from jinja2 import TemplateError

    try:
        yield
    except TemplateError as error:
        where = getattr(error, "name", None) or "report.html"
        raise OutputError(f"template {where}: {error}") from error
