"""Session directories and batches that are damaged or absurd, for all that reads them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from echodepth_cli.output.seal import report_digest
from tests.fuzz_video import damaged
from tests.hostile.running import Case
from tests.hostile.twisting import absurd, twisted, twisted_table

if TYPE_CHECKING:
    from tests.hostile.readers import Samples


def session_bytes(samples: Samples, folder: Path, seed: int) -> Case:
    """Return a session directory with one file damaged at random, for `report` or `verify`."""
    shutil.copytree(samples.session, folder / "out")
    path = folder / "out" / ("frames.parquet", "report.json", "report.html")[seed % 3]
    if seed % 10 == 0:
        _replace_by_what_is_no_file(path, random.Random(seed))
    else:
        path.write_bytes(damaged(path.read_bytes(), seed))
    return _reading(folder, seed, "sessions: damaged bytes")


def session_report(samples: Samples, folder: Path, seed: int) -> Case:
    """Return a session directory whose report is well-formed and absurd."""
    shutil.copytree(samples.session, folder / "out")
    path = folder / "out" / "report.json"
    path.write_text(json.dumps(twisted(json.loads(path.read_text()), random.Random(seed))))
    _seal_again(folder / "out")
    return _reading(folder, seed, "sessions: absurd report.json")


def session_table(samples: Samples, folder: Path, seed: int) -> Case:
    """Return a session directory whose frame table is a Parquet file of something else."""
    shutil.copytree(samples.session, folder / "out")
    path = folder / "out" / "frames.parquet"
    choose = random.Random(seed)
    table = pq.read_table(path)
    for _ in range(choose.randint(1, 3)):
        table = twisted_table(table, choose)
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
        path.write_text(json.dumps(twisted(json.loads(path.read_text()), random.Random(seed))))
    if seed % 3 == 0:
        report = folder / "out" / "good" / "report.json"
        report.write_text(json.dumps(twisted(json.loads(report.read_text()), random.Random(seed))))
    arguments = ("batch", "-q", "--report-only", "out")
    return Case("batch ledgers", f"{seed}", arguments, folder)


def carried(samples: Samples, folder: Path, seed: int) -> Case:
    """Return an earlier session, damaged or absurd, whose baseline an analysis is to use."""
    shutil.copytree(samples.session, folder / "earlier")
    path, choose = folder / "earlier" / "frames.parquet", random.Random(seed)
    if seed % 5 == 0:
        _replace_by_what_is_no_file(path, choose)
    elif seed % 5 == 1:
        path.write_bytes(damaged(path.read_bytes(), seed))
    else:
        table = pq.read_table(path)
        metadata = json.loads(table.schema.metadata[b"echodepth"])
        if seed % 5 == 2:
            metadata = twisted(metadata, choose)
        elif seed % 5 == 3:
            metadata["baseline"] = twisted(metadata["baseline"], choose)
        else:
            face = metadata["baseline"]["neutral"]
            face[choose.choice(sorted(face))] = choose.choice([_floats(choose), absurd(choose)])
        facts = {**table.schema.metadata, b"echodepth": json.dumps(metadata).encode()}
        pq.write_table(table.replace_schema_metadata(facts), path)
        _seal_again(folder / "earlier")
    arguments = ("analyse", "-q", "-o", "out", "--baseline-from", "earlier", str(samples.recording))
    return Case("sessions: for --baseline-from", str(seed), arguments, folder)


def purging(samples: Samples, folder: Path, seed: int) -> Case:
    """Return a batch with a session that is damaged, absurd or no file at all, to be purged."""
    shutil.copytree(samples.batch, folder / "out")
    choose = random.Random(seed)
    names = ("good/report.json", "batch.json", "purged.jsonl", "good/frames.parquet")
    path = folder / "out" / names[seed // 3 % len(names)]
    if seed % 3 == 0:
        path.unlink(missing_ok=True)
        _replace_by_what_is_no_file(path, choose)
    elif seed % 3 == 1 or path.suffix != ".json":
        content = path.read_bytes() if path.exists() else b'{"recording_sha256": 1}\n' * 3
        path.write_bytes(damaged(content, seed))
    else:
        path.write_text(json.dumps(twisted(json.loads(path.read_text()), choose)))
    arguments = ("purge", "-q", "out", "--older-than", "0d", *(["--yes"] if seed % 2 else []))
    return Case("sessions: to be purged", str(seed), arguments, folder)


def _floats(choose: random.Random) -> str:
    """Return packed numbers as a session keeps them: too few, too many, or none that mean much."""
    values = [float("nan"), float("inf"), 1e38, -1e38, 0.0]
    count = choose.choice([0, 1, 3, 478 * 3, 46])
    return base64.b64encode(struct.pack(f"<{count}f", *choose.choices(values, k=count))).decode()


def _replace_by_what_is_no_file(path: Path, choose: random.Random) -> None:
    path.unlink(missing_ok=True)
    kind = choose.randrange(5)
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.mkdir()
    elif kind in (2, 3):
        path.symlink_to(("/dev/zero", path.name)[kind - 2])


def _seal_again(session: Path) -> None:
    """Make all digests fit, where there still is a place for them."""
    path = session / "report.json"
    report = json.loads(path.read_text())
    try:
        table = hashlib.sha256((session / "frames.parquet").read_bytes()).hexdigest()
        report["provenance"]["frames_parquet_sha256"] = table
        report["run"]["report_sha256"] = report_digest(report)
    except (TypeError, KeyError, ValueError, OverflowError, AttributeError):
        return
    path.write_text(json.dumps(report))


def _reading(folder: Path, seed: int, kind: str) -> Case:
    command = ("report", "-q", "out") if seed % 4 else ("verify", "-q", "out")
    return Case(kind, str(seed), command, folder)
