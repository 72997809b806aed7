"""The page on outputs says what the code writes."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


def test_the_outputs_page_is_current():
    page = runpy.run_path(str(DOCS / "make_outputs.py"))["page"]()
    written = (DOCS / "outputs.md").read_text(encoding="utf-8")
    assert written == page, "run: python docs/make_outputs.py > docs/outputs.md"
