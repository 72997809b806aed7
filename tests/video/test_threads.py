"""Fast or carefully decoded, on any number of threads: the same pictures, whole or damaged."""

import itertools

import pytest

from echodepth_cli.config import AnalysisConfig
from echodepth_cli.video import ahead
from echodepth_cli.video.ahead import ReadAhead
from echodepth_cli.video.decoder import UnsteadyError
from echodepth_cli.video.reader import open_video
from echodepth_cli.video.source import VideoLimits
from tests import clips

CODECS = [
    ("libx264", "a.ts", {"preset": "veryfast", "g": "25", "bf": "0"}),
    ("libx264", "a.mp4", {"preset": "veryfast", "g": "30", "bf": "3"}),
    ("libx264", "a.mkv", {"preset": "veryfast", "x264-params": "keyint=30:open-gop=1"}),
    ("libvpx-vp9", "a.webm", {"cpu-used": "8", "deadline": "realtime", "g": "30"}),
]


@pytest.fixture
def read(monkeypatch):
    """Return what a recording gives when as many threads decode: its frames and the report."""

    def read(path, threads, fps=None):
        monkeypatch.setattr(ahead, "decoding_threads", lambda: threads)
        config = AnalysisConfig(fps=fps)
        with ReadAhead(path, config, VideoLimits.of(config)) as recording:
            try:
                frames = list(recording.frames())
            except UnsteadyError:
                recording.begin_again()
                frames = list(recording.frames())
            return [(f.index, f.offset_s, f.image.tobytes()) for f in frames], recording.report()

    return read


@pytest.mark.parametrize(("codec", "name", "options"), CODECS)
@pytest.mark.parametrize("fps", [None, 5, 1.7])
def test_a_whole_recording_is_decoded_alike_fast_and_carefully(
    tmp_path, read, codec, name, options, fps
):
    path = clips.write_clip(tmp_path / name, clips.regular(120), codec=codec, options=options)
    with open_video(path, threads=2) as reader:
        assert sum(1 for _ in reader.frames()) == 120  # and no UnsteadyError
    fast = read(path, 1, fps)
    assert fast == read(path, 2, fps) == read(path, 4, fps) == read(path, 12, fps)
    frames, report = read(path, None, fps)
    assert fast[0] == frames
    assert (fast[1].decode_failures, fast[1].warnings) == (0, report.warnings)


@pytest.mark.parametrize(
    ("name", "options", "most"),
    [
        ("a.mp4", {"g": "25", "bf": "0"}, 170),
        ("a.ts", {"g": "25", "bf": "0"}, 170),
        # Here pictures after a keyframe may reach back across it.
        ("a.mkv", {"bf": "0", "x264-params": "keyint=25:open-gop=1:intra-refresh=1"}, 250),
    ],
)
def test_what_lies_behind_the_last_picture_wanted_before_a_keyframe_is_not_decoded(
    tmp_path, read, name, options, most
):
    path = clips.write_clip(tmp_path / name, clips.regular(250), options=options)
    decoded = read(path, 2, 2)[1].frames_decoded
    assert most - 20 < decoded <= most
    assert read(path, 2, 2)[0] == read(path, None, 2)[0]


@pytest.mark.parametrize(("codec", "name", "options"), CODECS[1:])
@pytest.mark.parametrize("number", [0, 1, 17, 59])
def test_a_damaged_recording_is_decoded_alike_on_any_number_of_threads(
    tmp_path, read, codec, name, options, number
):
    whole = clips.write_clip(tmp_path / name, clips.regular(60), codec=codec, options=options)
    hurt = clips.damage_packet(whole, tmp_path / f"hurt {name}", number)
    assert read(hurt, None) == read(hurt, 1) == read(hurt, 2) == read(hurt, 4)


def test_damage_is_not_decoded_fast(tmp_path):
    whole = clips.write_clip(tmp_path / "a.mkv", clips.regular(60))
    hurt = clips.damage_packet(whole, tmp_path / "b.mkv", 30)
    with open_video(hurt, threads=2) as reader, pytest.raises(UnsteadyError):
        list(reader.frames())


def test_a_clock_that_restarts_is_not_read_fast(tmp_path, read):
    path = clips.join(
        clips.write_clip(tmp_path / "one.ts", clips.regular(50, start_s=500)),
        clips.write_clip(tmp_path / "two.ts", clips.regular(50)),
        tmp_path / "both.ts",
    )
    assert read(path, None, 5) == read(path, 1, 5) == read(path, 2, 5)
    assert "clock jumps" in " ".join(read(path, 2, 5)[1].warnings)


def test_reading_ahead_is_bounded_and_stops_when_left(tmp_path):
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(300))
    config = AnalysisConfig(fps=None)
    before = clips.open_files()
    with ReadAhead(path, config, VideoLimits.of(config)) as recording:
        assert [f.index for f in itertools.islice(recording.frames(), 3)] == [0, 1, 2]
    assert clips.open_files() == before
