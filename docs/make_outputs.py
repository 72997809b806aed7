"""Print docs/outputs.md from the tables and schemas that the code uses.

python docs/make_outputs.py > docs/outputs.md
"""

from __future__ import annotations

import sys
from typing import Any

from echodepth_cli.affect.facs import ACTION_UNITS
from echodepth_cli.output.columns import Column, frame_columns
from echodepth_cli.output.faces_table import face_columns
from echodepth_cli.output.schema import load_schema

HEAD = """# Outputs

A session directory holds three files that appear together and complete, or not at all:
`frames.parquet`, `report.json` and `report.html`. This page is made by `docs/make_outputs.py` from
the tables the code uses; a test keeps it true.

Times: `session_offset_s` is a frame's own presentation time, counted from the first frame of the
recording. `timestamp_ms` adds when the recording started, where that is known; `timestamp_origin`
says who says so: `option` (`--started-at`), `container` (the file's creation time, which some
cameras set when recording ends) or `zero` (not known: it counts from 0).

The same bytes and the same measuring settings (sampling, stretch, baseline, subject) give
the same `session_id`; label, thresholds and presentation do not change it.
"""

FACES = """
Only with `--all-faces`: one row per face and sampled frame. It says where faces are and whose, not
what they show; for that, analyse the person with `--subject`.

"""

STATUS = """
`status` is one of

| status | meaning | scores |
|---|---|---|
| `ok` | the face was measured | present |
| `low_confidence` | the face was too small, turned, dark, blurred, cut off or covered \
to rely on | present or null; never part of a mean, the baseline or an alert |
| `no_face_detected` | no face was found | null |
| `other_person` | the person analysed is absent, someone else is there | null |
| `decode_error` | the picture could not be decoded | null |
"""


CARRIED = """
### The baseline in the file's metadata

The metadata entry `echodepth` is JSON. Its `baseline` holds what the person's next recording can
start from with `--baseline-from SESSION_DIR`: the baseline scores, and the neutral face as 478
points and three windows of 24 by 24 grey values on the eyes and the mouth, all averaged over the
calmest frames (float32, base64). They describe one person's face: keep and delete the file as you
would the recording. A session that was given a baseline hands on the same
one. Its settings name the sha256 of the content (`carried_baseline`), never where it lay. It must
come from the same models; where the face has other proportions, the baseline is called weak. Use it
for recordings made from the same place: a camera seen from below moves the brows.
"""


def page() -> str:
    """Return the page."""
    parts = [HEAD, "\n## frames.parquet\n", *_columns(), STATUS, CARRIED]
    parts += ["\n## faces.parquet\n", FACES, *_table(face_columns())]
    parts += ["\n## Action Units\n", *_units(), "\n## report.json\n", *_report()]
    return "".join(parts)


def _columns() -> list[str]:
    rows = [
        "\nOne row per sampled frame, none left out. Each column's unit, range and meaning are in",
        " its metadata too.\n\n",
    ]
    return rows + _table(frame_columns())


def _table(columns: tuple[Column, ...]) -> list[str]:
    rows = ["| column | type | unit | range | meaning |\n|---|---|---|---|---|\n"]
    for column in columns:
        rows.append(
            f"| `{column.name}` | {column.kind} | {column.unit} | {column.range} "
            f"| {column.meaning} |\n"
        )
    return rows


def _units() -> list[str]:
    rows = ["\n| AU | name | status | what is seen | why |\n|---|---|---|---|---|\n"]
    rows += [
        f"| {u.number} | {u.name} | {u.status} | {u.description} | {u.why} |\n"
        for u in ACTION_UNITS
    ]
    return rows


def _report() -> list[str]:
    rows = [
        "\nThe JSON Schema ships with the product: `echodepth schema report`.",
        " Floats have six decimals; what is not known is null.\n\n",
        "| name | type | meaning |\n|---|---|---|\n",
    ]
    for path, node in _walk(load_schema("report"), ""):
        rows.append(f"| `{path}` | {_type(node)} | {node.get('description', '')} |\n")
    return rows


def _walk(node: dict[str, Any], path: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for name, child in node.get("properties", {}).items():
        place = f"{path}.{name}" if path else name
        found.append((place, child))
        found += _walk(child, place)
    if isinstance(node.get("items"), dict):
        found += _walk(node["items"], f"{path}[]")
    return found


def _type(node: dict[str, Any]) -> str:
    if "const" in node:
        return f'"{node["const"]}"'
    if "enum" in node:
        return " / ".join(str(value) for value in node["enum"])
    kind = node.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


if __name__ == "__main__":
    sys.stdout.write(page())
