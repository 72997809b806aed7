"""The page on the command line says what the command does."""

from __future__ import annotations

import re
import runpy

import pytest

from echodepth_cli.errors import ExitCode
from tests.conftest import REPO

PAGE = runpy.run_path(str(REPO / "docs" / "make_cli.py"))
README = (REPO / "README.md").read_text(encoding="utf-8")


def test_the_command_line_page_is_current():
    written = (REPO / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == PAGE["page"](), "run: python docs/make_cli.py > docs/cli.md"


def test_every_exit_code_is_explained():
    assert set(PAGE["EXIT_CODES"]) == set(ExitCode)
    for code, meaning in PAGE["EXIT_CODES"].items():
        assert f"| {code.value} | {meaning} |" in README


@pytest.mark.parametrize(("name", "text"), PAGE["commands"]())
def test_help_reads_well_at_80_columns(name, text):
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line.endswith("...") and "Usage:" not in line]
    options = re.findall(r"^  (?:-\w, )?--[\w-]+.*$", text, re.MULTILINE)
    undescribed = [o for o in options if not re.search(r"\S  +\S|^.{28,}$", o.strip())]
    assert options
    assert not undescribed


def test_every_command_is_in_the_readme():
    for name, _ in PAGE["commands"]():
        assert name in README
