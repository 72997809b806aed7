"""Inputs made to lead the reader astray; one function for each class of them."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from tests import clips
from tests.hostile import containers as box
from tests.hostile.running import Case
from tests.hostile.workshop import READ, REFUSED, Made, Workshop


def references(shop: Workshop) -> Iterator[Made]:
    secret, url = str(shop.secret), f"http://127.0.0.1:{shop.port}/secret.ts"
    for name, target in (("file", secret), ("scheme", f"file:{secret}"), ("http", url)):
        for suffix in (".mp4", ".m3u8"):
            playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n"
            yield f"hls-{name}{suffix}", playlist.encode(), REFUSED
        yield (
            f"concat-{name}.ffconcat",
            f"ffconcat version 1.0\nfile '{target}'\n".encode(),
            REFUSED,
        )
        dash = (
            '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
            ' mediaPresentationDuration="PT2S"><Period><AdaptationSet><Representation id="0"'
            f' bandwidth="1"><BaseURL>{target}</BaseURL></Representation></AdaptationSet>'
            "</Period></MPD>"
        )
        yield f"dash-{name}.mpd", dash.encode(), REFUSED
        yield f"list-{name}.pls", f"[playlist]\nFile1={target}\n".encode(), REFUSED
        yield f"list-{name}.asx", f'<asx><ref href="{target}"/></asx>'.encode(), REFUSED
        yield f"script-{name}.avs", f'AviSource("{target}")\n'.encode(), REFUSED
    sdp = (
        f"v=0\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {shop.port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    )
    yield "stream.sdp", sdp.encode(), REFUSED
    yield "stream.mp4", f"rtsp://127.0.0.1:{shop.port}/".encode(), REFUSED
    yield (
        "key.m3u8",
        (f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{url}"\n#EXTINF:9,\n{secret}\n'.encode()),
        REFUSED,
    )
    mp4 = shop.source("h264.mp4")
    yield "url.mp4", box.replaced(mp4, b"dref", box.elsewhere_by_url(secret)), None
    yield "http.mov", box.replaced(mp4, b"dref", box.elsewhere_by_url(url)), None
    yield "alias.mov", box.replaced(mp4, b"dref", box.elsewhere_by_alias(secret)), None
    yield "reference.mov", box.reference_movie(secret), REFUSED
    mkv = shop.bytes_of(lambda p: clips.live(shop.sources / "h264.mkv", p), ".mkv")
    linked = box.element(0x3E83BB, secret.encode()) + box.element(0x3EB923, bytes(16))
    yield "linked.mkv", box.rebuilt_matroska(mkv, extra_info=linked), READ
    attached = box.element(
        0x61A7,
        box.element(0x466E, b"../../etc/cron.d/x")
        + box.element(0x4660, b"text/html")
        + box.element(0x465C, b"<script>" * 1000)
        + box.element(0x46AE, b"\1"),
    )
    yield (
        "attached.mkv",
        box.rebuilt_matroska(mkv, extra=box.element(0x1941A469, attached)),
        READ,
    )
    yield "no-tracks.mkv", box.rebuilt_matroska(mkv, drop=(box.TRACKS,)), REFUSED
    yield "no-info.mkv", box.rebuilt_matroska(mkv, drop=(box.INFO,)), None
    yield "no-pictures.mkv", box.rebuilt_matroska(mkv, drop=(box.CLUSTER,)), REFUSED


def names(shop: Workshop) -> Iterator[Made]:
    good, bad = shop.source("h264.mp4"), b"not a video"
    for name in (
        "two\nlines.mp4",
        "tab\t\x07bell.mp4",
        "\x1b[31mred\x1b[0m.mp4",
        'it\'s "quoted" `x` $(id).mp4',
        "<img src=x onerror=alert(1)>.mp4",
        "{{ 7 * 7 }}{% raw %}.mp4",
        "evil\u202egpm.exe.mp4",
        "\u2066isolated\u2069.mp4",
        "line\u2028separator.mp4",
        "-i.mp4",
        "--force",
        "-",
        "...mp4",
        "..mp4",
        ". .mp4",
        "img%03d.png",
        "*.mp4",
        "[bold]name[red].mp4",
        "n" * 251 + ".mp4",
        "n" * 255,
        "\u00e9" * 125 + ".mp4",
        "concat:a|b.mp4",
        "subfile,,start,0,end,0,,:x.mp4",
        "data:video;base64,AAAA",
        "http:127.0.0.1.mp4",
        "pipe:0",
        "CON.mp4",
        "a" + "\u0301" * 60 + ".mp4",
        "\U000e0001tag.mp4",
        b"latin-\xe9.mp4",
        b"\xff\xfe.mp4",
    ):
        yield name, good, READ
        yield name, bad, REFUSED


def special(shop: Workshop) -> Iterator[Made]:
    yield "pipe.mp4", os.mkfifo, REFUSED
    yield "directory.mp4", Path.mkdir, REFUSED
    yield "socket.mp4", _make_socket, REFUSED
    for target in (
        "/dev/zero",
        "/dev/null",
        "/dev/full",
        "/dev/tty",
        "/dev/stdin",
        "/proc/self/mem",
    ):
        yield f"to{target.replace('/', '-')}.mp4", _link_to(target), REFUSED
    for target in ("/proc/self/environ", "loop.mp4", "gone.mp4", "/", "."):
        yield "loop.mp4", _link_to(target), REFUSED
    good = shop.sources / "h264.mp4"
    yield "link.mp4", _link_to(str(good)), READ
    yield "link-to-text.mp4", _link_to(__file__), REFUSED


def _link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def _make_socket(path: Path) -> None:
    # By a relative name: the path of a socket may have no more than 107 bytes.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def arguments(shop: Workshop) -> Iterator[Case]:
    """Yield commands whose arguments name what cannot be used: too long, not there, endless."""
    long = "x" * 300
    good = shop.sources / "h264.mp4"
    shop.source("h264.mp4")
    for words in (
        ("analyse", long),
        ("analyse", "a/" * 3000 + "b"),
        ("analyse", ""),
        ("analyse", "-o", long, str(good)),
        ("analyse", "-o", "file/deeper", str(good)),
        ("analyse", "-o", "file", str(good)),
        ("analyse", "-o", "/proc/none", str(good)),
        ("analyse", "--config", long, str(good)),
        ("analyse", "--config", "folder", str(good)),
        ("analyse", "--config", "endless.toml", str(good)),
        ("analyse", "--config", "pipe.toml", str(good)),
        ("analyse", "--config", "latin.toml", str(good)),
        ("analyse", "--frames-jsonl", long, "-o", "out", str(good)),
        ("analyse", "--frames-jsonl", "folder", "-o", "out", str(good)),
        ("analyse", "--label", "\ud800\u202e\n", "--max-pixels", "1", str(good)),
        ("analyse", "--max-duration", "nan", str(good)),
        ("analyse", "--timeout", "-1", str(good)),
        ("batch", long),
        ("batch", "endless.csv"),
        ("batch", "pipe.jsonl"),
        ("batch", "-o", long, "folder"),
        ("batch", "-o", "file", "folder"),
        ("batch", "-o", "file/x", "folder"),
        ("batch", "--root", long, str(good)),
        ("batch", "--report-only", long),
        ("batch", "--report-only", "file"),
        ("batch", "gone/*.mp4"),
        ("batch", "a\n[b"),
        ("report", long),
        ("report", "file"),
        ("report", "folder"),
        ("report", "pipes"),
        ("verify", long),
        ("verify", "file"),
        ("verify", "folder"),
        ("verify", "pipes"),
        ("frame", long),
        ("frame", ""),
        ("purge", long),
        ("schema", long),
    ):
        folder = shop.new_folder()
        (folder / "file").write_text("mine")
        (folder / "folder").mkdir()
        (folder / "latin.toml").write_bytes(b"label = 'caf\xe9'\n")
        (folder / "pipes").mkdir()
        for name in ("frames.parquet", "report.json", "report.html"):
            os.mkfifo(folder / "pipes" / name)
        for name in ("endless.toml", "endless.csv"):
            (folder / name).symlink_to("/dev/zero")
        for name in ("pipe.toml", "pipe.jsonl"):
            os.mkfifo(folder / name)
        ends = frozenset({"exit 2", "exit 3", "exit 5", "exit 8", "exit 10"})
        command = (words[0], "-q", *words[1:]) if words[0] not in ("frame", "schema") else words
        yield Case("arguments", " ".join(words)[:60], command, folder, "", ends)
