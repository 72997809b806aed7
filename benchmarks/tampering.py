"""Change one thing in a session directory, many times over, and count what `verify` finds.

    python benchmarks/tampering.py [--each N]

The session is that of the sample interview. Every change is made to a fresh copy of
the session and undone. `plain` changes touch one file. `resealed` ones are made by someone who
knows how echodepth works and puts all digests right again: what follows from something else is
still found, what only the recording can tell is found when it is analysed again (`--recompute`),
and the rest, such as the time of the run, only where the report was signed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from echodepth_cli.config import AnalysisConfig
from echodepth_cli.output.report_html import ReportOptions
from echodepth_cli.output.report_json import to_json_bytes
from echodepth_cli.output.seal import PageFacts, with_content_digest, with_seal
from echodepth_cli.output.snapshots import read_stills
from echodepth_cli.pipeline import analyse, write_pages
from echodepth_cli.rerender import stills_of
from echodepth_cli.verify import verify_session

Change = Callable[[Path], None]
SAMPLE = Path(__file__).resolve().parents[1] / "sample_videos" / "interview.mp4"
ONLY_RECORDING = "resealed: report.json, what only the recording can tell"


@dataclass(frozen=True)
class Tampering:
    """One single change to a session directory."""

    kind: str
    name: str
    change: Change


def tamperings(session: Path, each: int, seed: int = 8) -> Iterator[Tampering]:
    """Yield single changes of every kind, about ``each`` of those that have many places."""
    rng = random.Random(seed)
    yield from _of_json(session, each, rng)
    yield from _of_page(session, each, rng)
    yield from _of_table(session, rng)
    yield from _of_files(session, each, rng)
    yield from _resealed(session)


def found(session: Path, tampering: Tampering, scratch: Path, video: Path | None = None) -> bool:
    """Say whether `verify` finds a change made to a copy of the session."""
    copy = scratch / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(session, copy)
    tampering.change(copy)
    return not verify_session(copy, video=video).ok


def _of_json(session: Path, each: int, rng: random.Random) -> Iterator[Tampering]:
    report = json.loads((session / "report.json").read_bytes())
    places = list(_leaves(report))
    sections: dict[str, list[tuple[Any, ...]]] = {}
    for place in places:
        sections.setdefault(str(place[0]), []).append(place)
    for section, own in sections.items():
        for place in rng.sample(own, min(len(own), max(1, each // 6))):
            yield Tampering(f"report.json, value in {section}", str(place), _value(place))
    for place in rng.sample(places, min(each // 2, len(places))):
        yield Tampering("report.json, entry removed", str(place), _removed(place))
    yield Tampering("report.json, entry added", "note", _edited(lambda r: r.update(note="fine")))
    yield Tampering("report.json, order of entries", "", _edited(_reverse))
    yield Tampering("report.json, blanks", "", _bytes_of("report.json", lambda b: b + b" "))


def _leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*place, key))
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, (*place, index))
    else:
        yield place


def _reverse(report: dict[str, Any]) -> None:
    items = list(report.items())
    report.clear()
    report.update(reversed(items))


def other(value: Any) -> Any:
    """Return a value of the same kind, one digit or letter away."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return round(value + 0.000001, 6) if abs(value) < 0.9 else round(value - 0.000001, 6)
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1:] != "0" else "1")
    return 0.5 if value is None else [*value, "x"]


def _value(place: tuple[Any, ...]) -> Change:
    def change(report: dict[str, Any]) -> None:
        holder: Any = report
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] = other(holder[place[-1]])

    return _edited(change)


def _removed(place: tuple[Any, ...]) -> Change:
    def change(report: dict[str, Any]) -> None:
        holder: Any = report
        for key in place[:-1]:
            holder = holder[key]
        del holder[place[-1]]

    return _edited(change)


def _edited(edit: Callable[[dict[str, Any]], Any]) -> Change:
    def change(folder: Path) -> None:
        path = folder / "report.json"
        report = json.loads(path.read_bytes())
        edit(report)
        path.write_bytes(to_json_bytes(report))

    return change


def _bytes_of(name: str, edit: Callable[[bytes], bytes]) -> Change:
    def change(folder: Path) -> None:
        path = folder / name
        path.write_bytes(edit(path.read_bytes()))

    return change


def _of_page(session: Path, each: int, rng: random.Random) -> Iterator[Tampering]:
    page = (session / "report.html").read_text(encoding="utf-8")
    parts = {
        "text": r">[^<>{}]*?(\d)[^<>{}]*?<",
        "attribute": r'="[^"]*?(\d)[^"]*?"',
        "still": r"image/jpeg;base64,[A-Za-z0-9+/]{300,400}([a-z])",
        "script": r"<script[^>]*>[^<]*?(\d)",
        "style": r"<style[^>]*>[^<]*?(\d)",
        "policy": r"sha256-([A-Za-z0-9])",
    }
    for part, pattern in parts.items():
        places = [match.start(1) for match in re.finditer(pattern, page)]
        for place in rng.sample(places, min(each, len(places))):
            yield Tampering(f"report.html, digit in {part}", str(place), _character(place))
    added = page.replace("</body>", "<p>No concerns.</p></body>")
    yield Tampering("report.html, sentence added", "", _page(added))
    yield Tampering("report.html, script added", "", _page(page + "<script>1</script>"))


def _character(place: int) -> Change:
    def change(folder: Path) -> None:
        path = folder / "report.html"
        page = path.read_text(encoding="utf-8")
        letter = "1" if page[place] != "1" else "2"
        path.write_text(page[:place] + letter + page[place + 1 :], encoding="utf-8")

    return change


def _page(text: str) -> Change:
    return lambda folder: (folder / "report.html").write_text(text, encoding="utf-8") and None


def _of_table(session: Path, rng: random.Random) -> Iterator[Tampering]:
    table = pq.read_table(session / "frames.parquet")
    for name in table.column_names:
        row = rng.randrange(table.num_rows)
        yield Tampering("frames.parquet, value", f"{name}[{row}]", _cell(name, row))
    rows = table.num_rows
    for name, edit in (
        ("row removed", lambda t: pa.concat_tables([t[:5], t[6:]])),
        ("row twice", lambda t: pa.concat_tables([t[:5], t[4:]])),
        ("rows swapped", lambda t: t.take([1, 0, *range(2, rows)])),
        ("column removed", lambda t: t.drop_columns(["AU12"])),
        ("metadata removed", lambda t: t.replace_schema_metadata(None)),
        ("metadata changed", _other_session),
        ("written anew", lambda t: t),
    ):
        yield Tampering(f"frames.parquet, {name}", "", _table(edit))


def _other_session(table: Any) -> Any:
    metadata = table.schema.metadata
    facts = json.loads(metadata[b"echodepth"])
    facts["session_id"] = other(facts["session_id"])
    return table.replace_schema_metadata({**metadata, b"echodepth": json.dumps(facts).encode()})


def _cell(name: str, row: int) -> Change:
    def edit(table: Any) -> Any:
        values = table[name].to_pylist()
        field = table.schema.field(name)
        values[row] = _other_cell(values[row], field.type)
        place = table.schema.get_field_index(name)
        return table.set_column(place, field, pa.array(values, type=field.type))

    return _table(edit)


def _other_cell(value: Any, kind: Any) -> Any:
    if value is None and pa.types.is_list(kind):
        return [1]
    if value is None:
        return "x" if pa.types.is_string(kind) else pa.types.is_boolean(kind) or 0.25
    if isinstance(value, float):
        return value + 0.01 if value < 0.5 else value - 0.01
    return [*value, 46] if isinstance(value, list) else other(value)


def _table(edit: Callable[[Any], Any]) -> Change:
    def change(folder: Path) -> None:
        path = folder / "frames.parquet"
        pq.write_table(edit(pq.read_table(path)), path)

    return change


def _of_files(session: Path, each: int, rng: random.Random) -> Iterator[Tampering]:
    for name in ("frames.parquet", "report.json", "report.html"):
        yield Tampering("file removed", name, lambda folder, n=name: (folder / n).unlink())
        yield Tampering("file emptied", name, _bytes_of(name, lambda _: b""))
        yield Tampering("file cut", name, _bytes_of(name, lambda b: b[: len(b) // 2]))
        size = (session / name).stat().st_size
        for bit in (rng.randrange(size * 8) for _ in range(each)):
            yield Tampering(f"{name}, one bit", str(bit), _bytes_of(name, _flip(bit)))


def swaps(other: Path) -> Iterator[Tampering]:
    """Yield files, alone and in pairs, of another session in place of a session's own."""
    names = ("frames.parquet", "report.json", "report.html")
    for chosen in [(name,) for name in names] + list(combinations(names, 2)):
        yield Tampering("file of another session", "+".join(chosen), _copied(other, chosen))


def _copied(other: Path, names: tuple[str, ...]) -> Change:
    def change(folder: Path) -> None:
        for name in names:
            shutil.copy(other / name, folder / name)

    return change


def _flip(bit: int) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)

    return edit


def _resealed(session: Path) -> Iterator[Tampering]:
    """Yield changes whose author sets all digests right afterwards."""
    report = json.loads((session / "report.json").read_bytes())
    for name in ("valence", "AU12", "delta_arousal", "active_aus", "alert_triggered", "status"):
        yield Tampering("resealed: frames.parquet, value", name, _then_sealed(_cell(name, 3)))
    for place in (
        ("mean_vad", "v"),
        ("baseline", "vad", "a"),
        ("vad_trend", 0, "v", "mean"),
        ("action_units", 11, "peak"),
        ("quality", "frames_ok"),
        ("alerts", 0, "value"),
        ("summary",),
        ("session_id",),
        ("provenance", "config", "fps"),
        ("limits", 0),
    ):
        if place[0] != "alerts" or report["alerts"]:
            kind = "resealed: report.json, what follows from the frames"
            yield Tampering(kind, str(place), _then_sealed(_value(place)))
    for place in (
        ("duration_s",),
        ("recording", "codec"),
        ("recording", "bytes"),
        ("recording", "average_fps"),
        ("provenance", "decode", "frames_decoded"),
    ):
        yield Tampering(ONLY_RECORDING, str(place), _then_sealed(_value(place)))
    for place in (("run", "analysed_at"), ("run", "elapsed_s"), ("recording", "file_name")):
        kind = "resealed: report.json, what nothing can tell again"
        yield Tampering(kind, str(place), _then_sealed(_value(place)))
    page = (session / "report.html").read_text(encoding="utf-8")
    text = re.search(r">[^<>{}]*?(\d)[^<>{}]*?<", page)
    assert text is not None
    change = _character(text.start(1))
    yield Tampering("resealed: report.html, text", "", _then_sealed(change, render=False))


def _then_sealed(change: Change, *, render: bool = True) -> Change:
    def both(folder: Path) -> None:
        change(folder)
        seal_again(folder, render=render)

    return both


def seal_again(folder: Path, *, render: bool) -> None:
    """Put right all digests of a session directory, and its page, as one who knows how could."""
    report = json.loads((folder / "report.json").read_bytes())
    facts = report["run"]["page"]
    frames = (folder / "frames.parquet").read_bytes()
    report["provenance"]["frames_parquet_sha256"] = hashlib.sha256(frames).hexdigest()
    page = (folder / "report.html").read_text(encoding="utf-8")
    if render:
        stills = stills_of(report, read_stills(page))
        write_pages(report, stills, folder, ReportOptions(facts["video"]))
        return
    digest = hashlib.sha256(page.encode()).hexdigest()
    sealed = PageFacts(digest, facts["templates_sha256"], facts["video"])
    whole = with_seal(with_content_digest(report), sealed)
    (folder / "report.json").write_bytes(to_json_bytes(whole))


def main() -> int:
    """Print the table of changes made and found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=20)
    each = parser.parse_args().each
    tally: dict[str, list[int]] = {}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        session = analyse(SAMPLE, out_dir=scratch / "session").session_dir
        part = AnalysisConfig(end_s=45.0)
        other = analyse(SAMPLE, part, scratch / "other").session_dir
        for tampering in [*tamperings(session, each), *swaps(other)]:
            kind = tampering.kind.partition(" in ")[0]
            counts = tally.setdefault(kind, [0, 0, 0])
            seen = found(session, tampering, scratch)
            again = seen or found(session, tampering, scratch, SAMPLE)
            for index, value in enumerate((True, seen, again)):
                counts[index] += value
    print("| change | made | found | with `--recompute` |\n|---|---|---|---|")
    for kind, counts in [
        *tally.items(),
        ("all", list(map(sum, zip(*tally.values(), strict=True)))),
    ]:
        print(f"| {kind} | {' | '.join(map(str, counts))} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
