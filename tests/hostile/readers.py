"""Hostile input for everything else that is read: pictures, settings, manifests, sessions.

Each function makes one case from a seed, the same for the same seed: half of them bytes damaged at
random, half well-formed files that say something absurd.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from echodepth_cli.output.seal import report_digest
from tests.fuzz_video import damaged
from tests.hostile import recordings as rec
from tests.hostile.running import COMPLETE, Case
from tests.hostile.workshop import Workshop

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


def session_bytes(samples: Samples, folder: Path, seed: int) -> Case:
    """Return a session directory with one file damaged at random, for `report` or `verify`."""
    shutil.copytree(samples.session, folder / "out")
    path = folder / "out" / ("frames.parquet", "report.json", "report.html")[seed % 3]
    path.write_bytes(damaged(path.read_bytes(), seed))
    return _reading(folder, seed, "sessions: damaged bytes")


def session_report(samples: Samples, folder: Path, seed: int) -> Case:
    """Return a session directory whose report is well-formed and absurd."""
    shutil.copytree(samples.session, folder / "out")
    path = folder / "out" / "report.json"
    path.write_text(json.dumps(_twisted(json.loads(path.read_text()), random.Random(seed))))
    _seal_again(folder / "out")
    return _reading(folder, seed, "sessions: absurd report.json")


def session_table(samples: Samples, folder: Path, seed: int) -> Case:
    """Return a session directory whose frame table is a Parquet file of something else."""
    shutil.copytree(samples.session, folder / "out")
    path = folder / "out" / "frames.parquet"
    choose = random.Random(seed)
    table = pq.read_table(path)
    for _ in range(choose.randint(1, 3)):
        table = _twisted_table(table, choose)
    pq.write_table(table, path, compression=choose.choice(["zstd", "snappy", "none"]))
    _seal_again(folder / "out")
    return _reading(folder, seed, "sessions: absurd frames.parquet")


def ledger(samples: Samples, folder: Path, seed: int) -> Case:
    """Return an output directory of a batch whose batch.json is damaged or absurd."""
    shutil.copytree(samples.batch, folder / "out")
    path = folder / "out" / "batch.json"
    if seed % 2:
        path.write_bytes(damaged(path.read_bytes(), seed))
    else:
        path.write_text(json.dumps(_twisted(json.loads(path.read_text()), random.Random(seed))))
    if seed % 3 == 0:
        report = folder / "out" / "good" / "report.json"
        report.write_text(json.dumps(_twisted(json.loads(report.read_text()), random.Random(seed))))
    arguments = ("batch", "-q", "--report-only", "out")
    return Case("batch ledgers", f"{seed}", arguments, folder)


READERS: dict[str, Maker] = {
    "pictures": picture,
    "settings": settings,
    "manifests": manifest,
    "session-bytes": session_bytes,
    "session-report": session_report,
    "session-table": session_table,
    "ledgers": ledger,
}

KEY_COLUMNS = (
    *("session_offset_s", "status", "valence", "arousal", "AU01", "AU46", "talking", "confidence"),
    *("face_x", "alert_reason", "pitch_deg", "frame_id", "timestamp_ms"),
)

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


def absurd(choose: random.Random) -> Any:
    """Return a value that nobody expects."""
    makers: list[Callable[[], Any]] = [
        lambda: None,
        lambda: choose.choice([True, False]),
        lambda: choose.choice([0, -1, 1 << 63, -(1 << 64), 10**400, 1]),
        lambda: choose.choice([float("nan"), float("inf"), -0.0, 1e308, 5e-324, -1.5]),
        lambda: choose.choice(
            ["", "off", "all", "NaN", "1e999", "../../../etc/passwd", "/", "\x00"]
        ),
        lambda: choose.choice(
            ["\ud800", "\u202egpj", "a\nb", "<script>alert(1)</script>", "x" * 70_000]
        ),
        lambda: choose.choice(["9999-99-99T99:99:99Z", "0001-01-01T00:00:00+23:59", "1:2:3:4"]),
        lambda: [[[[]]]] * choose.randint(0, 3),
        lambda: {"a": {"b": [1, None, "c"]}},
        lambda: _deep(choose.choice([50, 400])),
    ]
    return choose.choice(makers)()


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


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


def _twisted(document: Any, choose: random.Random) -> Any:
    """Return a JSON document with some of its values replaced, removed or moved."""
    for _ in range(choose.randint(1, 4)):
        places = list(_places(document))
        holder, key = choose.choice(places)
        action = choose.randrange(4)
        if action == 0:
            del holder[key]
        elif action == 1:
            holder[key] = absurd(choose)
        elif action == 2:
            other, name = choose.choice(places)
            holder[key] = json.loads(json.dumps(other[name])) if name in _keys(other) else None
        elif isinstance(holder[key], list):
            holder[key] = holder[key] * choose.randint(2, 40)
        else:
            holder[key] = [holder[key]]
    return document


def _places(document: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        holder = waiting.pop()
        for key in _keys(holder):
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])
    return found


def _keys(holder: Any) -> list[Any]:
    return list(holder) if isinstance(holder, dict) else list(range(len(holder)))


def _twisted_table(table: pa.Table, choose: random.Random) -> pa.Table:
    index = choose.randrange(max(1, table.num_columns))
    if table.num_columns == 0:
        return table
    name, rows = table.column_names[index], table.num_rows
    if choose.random() < 0.5:
        # The columns that everything hangs on.
        name = choose.choice([n for n in KEY_COLUMNS if n in table.column_names] or [name])
        index = table.column_names.index(name)
    action = choose.randrange(9)
    if action == 0:
        return table.drop_columns([name])
    if action == 1:
        return table.set_column(index, name, pa.nulls(rows))
    if action == 2:
        return table.set_column(index, name, pa.array(["\u202e<b>" * 50] * rows))
    if action == 3:
        values = [
            choose.choice([float("nan"), float("inf"), -1e300, 1e300, 0.5]) for _ in range(rows)
        ]
        return table.set_column(index, name, pa.array(values))
    if action == 4:
        return table.slice(0, choose.choice([0, 1, 2]))
    if action == 5:
        return pa.concat_tables([table] * choose.choice([2, 50]))
    if action == 6:
        return table.replace_schema_metadata(
            {
                b"echodepth": choose.choice(
                    [b"", b"{}", b"[]", b'{"origin_ms": "x"}', b"\xff", b"null"]
                )
            }
        )
    if action == 7:
        return table.append_column(name, table[name])
    return table.set_column(index, name, pa.array([[[1]]] * rows))


def _seal_again(session: Path) -> None:
    """Make all digests fit, where there still is a place for them."""
    path = session / "report.json"
    report = json.loads(path.read_text())
    try:
        table = hashlib.sha256((session / "frames.parquet").read_bytes()).hexdigest()
        report["provenance"]["frames_parquet_sha256"] = table
        report["run"]["report_sha256"] = report_digest(report)
    except (TypeError, KeyError, ValueError, OverflowError):
        return
    path.write_text(json.dumps(report))


def _reading(folder: Path, seed: int, kind: str) -> Case:
    command = ("report", "-q", "out") if seed % 4 else ("verify", "-q", "out")
    return Case(kind, str(seed), command, folder)


def bomb(width_px: int, height_px: int) -> bytes:
    """Return a small PNG that claims to be, and is, a vast white picture."""
    import zlib

    def chunk(name: bytes, content: bytes) -> bytes:
        check = zlib.crc32(name + content)
        return len(content).to_bytes(4, "big") + name + content + check.to_bytes(4, "big")

    head = width_px.to_bytes(4, "big") + height_px.to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    packer, out = zlib.compressobj(9), io.BytesIO()
    row = bytes(1 + (width_px + 7) // 8)
    for _ in range(height_px):
        out.write(packer.compress(row))
    out.write(packer.flush())
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", out.getvalue()) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def exotic_pictures(shop: Workshop) -> Iterator[Case]:
    """Yield pictures that few programs write; each must be measured or refused by name."""
    face = rec.faces()[0][..., ::-1]
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), np.uint8)
    deep = (face.astype(np.uint16) << 8) + 7
    measured, refused, unseen = (frozenset({end}) for end in (COMPLETE, "exit 3", "exit 6"))
    pictures: dict[str, tuple[Any, frozenset[str]]] = {
        "grey.png": (face[..., 1], measured),
        "16-bit.png": (deep, measured),
        "alpha.png": (np.dstack([face, face[..., 0]]), measured),
        "16-bit.tiff": (deep, measured),
        "float.tiff": (face.astype(np.float32), measured | refused | unseen),
        "over-4-mb.png": (noise, refused),
        "one-pixel.png": (face[:1, :1], unseen),
        "thin.png": (np.zeros((1, 60_000, 3), np.uint8), unseen),
        "bomb.png": (bomb(65_500, 4_000), refused),
        "vast.png": (bomb(6_000, 5_000), unseen),
        "empty.png": (b"", refused),
        "text.jpg": (b"hello\n" * 30, refused),
        "video.jpg": (shop.source("h264.mp4"), refused),
        "link.svg": (b'<svg><image href="file:///etc/passwd"/></svg>', refused),
        "two\nlines.jpg": (face, measured),
        "\u202egpj.exe": (b"no picture", refused),
        "-o": (b"no picture", refused),
    }
    for name, (content, ends) in pictures.items():
        folder = shop.new_folder()
        if not isinstance(content, bytes):
            content = cv2.imencode(Path(name).suffix, content)[1].tobytes()
        (folder / name).write_bytes(content)
        yield Case("pictures for frame", name, ("frame", "--", name), folder, "", ends, (), ())
    for name, target in {
        "pipe.jpg": "",
        "zero.jpg": "/dev/zero",
        "dir.jpg": "/",
        "gone.jpg": "x",
    }.items():
        folder = shop.new_folder()
        if target:
            (folder / name).symlink_to(target)
        else:
            os.mkfifo(folder / name)
        yield Case("pictures for frame", name, ("frame", "--", name), folder, "", refused, (), ())
    folder = shop.new_folder()
    os.mkfifo(folder / "pipe.jpg")
    yield Case("pictures for frame", "pipe", ("frame", "pipe.jpg"), folder, "", refused, (), ())
