"""Hostile input for everything else that is read: pictures, settings, manifests; see `sessions`.

Each function makes one case from a seed, the same for the same seed: half of them bytes damaged at
random, half well-formed files that say something absurd.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import cv2

from tests.fuzz_video import damaged
from tests.hostile import recordings as rec
from tests.hostile import sessions
from tests.hostile.running import Case
from tests.hostile.twisting import absurd

Maker = Callable[["Samples", Path, int], Case]


class Samples:
    """Intact files of each kind, made once; ``session`` is a session directory."""

    def __init__(self, folder: Path, session: Path, batch: Path) -> None:
        self.folder, self.session, self.batch = folder, session, batch
        self.recording = rec.write(folder / "good.mp4", rec.KINDS["h264.mp4"])
        face = rec.faces()[0][..., ::-1]
        self.pictures = {
            suffix: cv2.imencode(suffix, face)[1].tobytes()
            for suffix in (".jpg", ".png", ".webp", ".bmp", ".tiff", ".ppm", ".jp2")
        }


def picture(samples: Samples, folder: Path, seed: int) -> Case:
    """Return a damaged picture for `frame`, or several."""
    chosen = sorted(samples.pictures)[seed % len(samples.pictures)]
    path = folder / f"{seed}{chosen if seed % 5 else '.mp4'}"
    path.write_bytes(damaged(samples.pictures[chosen], seed))
    arguments = ["frame", "--", path.name]
    return Case("pictures for frame", path.name, tuple(arguments), folder, made=())


def settings(samples: Samples, folder: Path, seed: int) -> Case:
    """Return a config file that is damaged or absurd."""
    choose = random.Random(seed)
    text = SETTINGS.encode()
    if seed % 2:
        content = damaged(text * 2 if choose.random() < 0.1 else text, seed)
    else:
        content = "\n".join(_absurd_line(choose) for _ in range(choose.randint(1, 4))).encode(
            "utf-8", "surrogatepass"
        )
    path = folder / "settings.toml"
    path.write_bytes(content)
    arguments = ("analyse", "-q", "-o", "out", "--config", path.name, str(samples.recording))
    return Case("config files", f"{seed}.toml", arguments, folder)


def manifest(samples: Samples, folder: Path, seed: int) -> Case:
    """Return a manifest, CSV or JSON lines, that is damaged or absurd, for a dry run."""
    choose = random.Random(seed)
    kind = (".csv", ".jsonl")[seed // 2 % 2]
    rows = [{"path": str(samples.recording), "name": f"claims/{k}", "label": "A"} for k in range(3)]
    if seed % 2 == 0:
        for row in rows:
            row[choose.choice(COLUMNS)] = absurd(choose)
    if kind == ".jsonl":
        text = "\n".join(json.dumps(row) for row in rows)
    else:
        columns = list(rows[0]) + [name for name in rows[1] if name not in rows[0]]
        lines = [",".join(columns)]
        lines += [",".join(str(row.get(name, "")) for name in columns) for row in rows]
        text = "\n".join(lines)
    content = text.encode("utf-8", "surrogateescape" if kind == ".jsonl" else "replace")
    path = folder / f"list{kind}"
    path.write_bytes(damaged(content, seed) if seed % 2 else content)
    arguments = ("batch", "-q", "--dry-run", "-o", "out", path.name)
    return Case("batch manifests", f"{seed}{kind}", arguments, folder, made=())


READERS: dict[str, Maker] = {
    "pictures": picture,
    "settings": settings,
    "manifests": manifest,
    "session-bytes": sessions.session_bytes,
    "session-report": sessions.session_report,
    "session-table": sessions.session_table,
    "ledgers": sessions.ledger,
    "carried": sessions.carried,
    "purging": sessions.purging,
}

COLUMNS = ("path", "name", "label", "fps", "started_at", "valence_low", "timeout_s", "end_s", "x")

SETTINGS = """\
fps = "all"
start_s = "0:01"
end_s = 3.5
baseline_window_s = 2
label = "Claim 17"
started_at = 2026-03-01T09:30:00Z
max_pixels = 100000
timeout_s = "off"
snapshots = true

[alert_thresholds]
arousal_high = 0.85
valence_low = "off"
"""


def _absurd_line(choose: random.Random) -> str:
    names = (
        "fps",
        "label",
        "end_s",
        "max_faces",
        "started_at",
        "snapshots",
        "alert_thresholds",
        "",
    )
    values = (
        "nan", "inf", "-1", "1e400", "0x7fffffffffffffffffff", '""', '"\\u202e"', "[]", "{}",
        "[" * 300 + "]" * 300, "1979-05-27T07:32:00", "0001-01-01", "07:32:00", "true", '"all"',
        "'x'", "9" * 5000, "{a={b={c=1}}}", '"\\ud800"', "'''\n\n'''", "1_000",
    )  # fmt: skip
    name = choose.choice(names) if choose.random() < 0.8 else choose.choice(['"a\\nb"', "x", "a.b"])
    return f"{name} = {choose.choice(values)}"
