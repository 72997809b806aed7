"""Inputs that are no recording end in one clear line, and open nothing else."""

import os
import shutil
import subprocess
import sys

import cv2
import pytest

from echodepth_cli.errors import InputError, NotFoundError
from echodepth_cli.video.reader import open_video
from echodepth_cli.video.source import VideoLimits
from tests import clips


def refusal(path, **options):
    """Return the message with which ``path`` is refused."""
    with pytest.raises(InputError) as caught, open_video(path, **options) as reader:
        list(reader.frames())
    message = caught.value.message
    assert "\n" not in message
    return message


def test_a_missing_file(tmp_path):
    with (
        pytest.raises(NotFoundError, match=r"gone\.mp4: no such file"),
        open_video(tmp_path / "gone.mp4"),
    ):
        pass


def test_a_directory(tmp_path):
    (tmp_path / "dir.mp4").mkdir()
    assert "is a directory" in refusal(tmp_path / "dir.mp4")


def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "not a regular file" in refusal(tmp_path / "pipe.mp4")


def test_a_device():
    assert "not a regular file" in refusal(clips.Path("/dev/zero"))


def test_an_empty_file(tmp_path):
    (tmp_path / "empty.mp4").touch()
    assert "empty" in refusal(tmp_path / "empty.mp4")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path):
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(3))
    path.chmod(0)
    assert "Permission denied" in refusal(path)


@pytest.mark.parametrize(
    "content",
    [
        b"This is a transcript, not a video.\n" * 40,
        b"\x00" * 4096,
        b"\x89PNG\r\n\x1a\n" + b"\x00" * 100,
        b"<html><body>Not found</body></html>",
        b"PK\x03\x04" + b"\x00" * 200,
    ],
)
def test_something_else_named_like_a_video(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    assert "a.mp4: not a readable video file" in refusal(tmp_path / "a.mp4")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff"])
def test_a_photo_named_like_a_video(tmp_path, suffix):
    cv2.imwrite(str(tmp_path / f"photo{suffix}"), clips.picture(1))
    (tmp_path / f"photo{suffix}").rename(tmp_path / "a.mp4")
    assert "not a readable video file (an unknown kind)" in refusal(tmp_path / "a.mp4")


def test_sound_only(tmp_path):
    assert "sound only" in refusal(clips.write_sound(tmp_path / "call.m4a"))


def test_a_film_whose_every_packet_is_damaged(tmp_path):
    path = clips.write_clip(tmp_path / "a.mkv", clips.regular(1))
    hurt = clips.damage_packet(path, tmp_path / "b.mkv", 0)
    assert "no picture can be decoded (1 of 1 packets failed)" in refusal(hurt)


def _playlists(target):
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n",
        "concat": f"ffconcat version 1.0\nfile '{target}'\n",
        "dash": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"'
        f' type="static" mediaPresentationDuration="PT2S"><Period><AdaptationSet>'
        f'<Representation id="0" bandwidth="1"><BaseURL>{target}</BaseURL></Representation>'
        f"</AdaptationSet></Period></MPD>",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "subtitles": "1\n00:00:00,000 --> 00:00:01,000\nhello\n\n",
    }


@pytest.mark.parametrize("kind", ["hls", "concat", "dash", "sdp", "subtitles"])
def test_a_playlist_named_like_a_video_opens_nothing(tmp_path, kind):
    secret = clips.write_clip(tmp_path / "secret.ts", clips.regular(10))
    (tmp_path / "list.mp4").write_text(_playlists(secret)[kind])
    assert "not a readable video file" in refusal(tmp_path / "list.mp4")


@pytest.mark.parametrize("kind", ["hls", "concat"])
def test_a_playlist_reads_no_other_file(tmp_path, kind):
    # The system's own account of what a process opened, where it can be had.
    if shutil.which("strace") is None:
        pytest.skip("needs strace to watch which files are opened")
    other = clips.write_clip(tmp_path / "forbidden.ts", clips.regular(10))
    (tmp_path / "list.mp4").write_text(_playlists(other)[kind])
    program = (
        "import sys, pathlib; from echodepth_cli.video.reader import open_video\n"
        "try:\n    open_video(pathlib.Path(sys.argv[1])).__enter__()\n"
        "except Exception as exc:\n    print(exc)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "list.mp4")]
    log = tmp_path / "log"
    subprocess.run(["strace", "-f", "-e", "openat,connect", "-o", log, *command], check=True)
    assert "list.mp4" in log.read_text()
    assert "forbidden" not in log.read_text()


@pytest.mark.parametrize(
    "name",
    [
        "it's.mp4",
        'say "hi".mp4',
        "two\nlines.mp4",
        "100%03d.mp4",
        "-i.mp4",
        "file:a.mp4",
        "http:a.mp4",
        "concat:a.mp4|b.mp4",
        "<script>.mp4",
        "evil\u202egpm.mp4",
        "no_suffix",
        "wrong.avi",
        b"latin-\xe9.mp4".decode("utf-8", "surrogateescape"),
    ],
)
def test_a_name_is_only_a_name(tmp_path, name):
    path = tmp_path / name
    shutil.copy(clips.write_clip(tmp_path / "plain.mp4", clips.regular(5)), path)
    with open_video(path) as reader:
        assert sum(1 for _ in reader.frames()) == 5
    path.write_bytes(b"not a video")
    message = refusal(path)
    assert message.isprintable()
    message.encode("utf-8")


def test_a_relative_name_that_looks_like_an_option_or_address(tmp_path, monkeypatch):
    clips.write_clip(tmp_path / "plain.mp4", clips.regular(5))
    monkeypatch.chdir(tmp_path)
    for name in ("-i", "http:x.mp4", "%d.mp4"):
        shutil.copy("plain.mp4", tmp_path / name)
        with open_video(clips.Path(name)) as reader:
            assert sum(1 for _ in reader.frames()) == 5


def test_a_symbolic_link_to_a_recording_is_read(tmp_path):
    target = clips.write_clip(tmp_path / "a.mp4", clips.regular(5))
    (tmp_path / "link.mp4").symlink_to(target)
    with open_video(tmp_path / "link.mp4") as reader:
        assert sum(1 for _ in reader.frames()) == 5


def test_pictures_over_the_limit(tmp_path):
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(3))
    message = refusal(path, limits=VideoLimits(max_pixels=100 * 96))
    assert "128 x 96" in message
    assert "over the limit of 9600 pixels" in message
    assert "--max-pixels" in message


def test_a_picture_that_grows_over_the_limit_midway_is_left_out_and_counted(tmp_path):
    path = clips.join(
        clips.write_clip(tmp_path / "small.ts", clips.regular(10)),
        clips.write_clip(tmp_path / "large.ts", clips.regular(10, start_s=1), size=(512, 384)),
        tmp_path / "both.ts",
    )
    with open_video(path, limits=VideoLimits(max_pixels=200 * 200)) as reader:
        assert len(list(reader.frames())) == 10
        assert reader.report().decode_failures == 10


def test_a_recording_over_the_length_limit(tmp_path):
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(50))
    message = refusal(path, limits=VideoLimits(max_duration_s=1))
    assert "over the limit of 1 s; cut the recording, or raise --max-duration" in message


def test_a_length_the_container_does_not_state_is_limited_too(tmp_path):
    path = clips.write_clip(tmp_path / "a.ts", clips.regular(50))
    hidden = clips.live(path, tmp_path / "live.mkv")
    assert "over the limit of 1 s" in refusal(hidden, limits=VideoLimits(max_duration_s=1))
