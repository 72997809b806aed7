"""However many threads decode, the same file gives the same pictures, whole or damaged."""

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
@pytest.mark.parametrize("fps", [None, 5])
def test_a_whole_recording_is_decoded_alike_on_any_number_of_threads(
    tmp_path, read, codec, name, options, fps
):
    path = clips.write_clip(tmp_path / name, clips.regular(120), codec=codec, options=options)
    results = []
    for count in (1, 2, 4):
        with open_video(path, threads=count) as reader:
            assert sum(1 for _ in reader.frames()) == 120  # and no UnsteadyError
        results.append(read(path, count, fps))
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize(("codec", "name", "options"), CODECS)
@pytest.mark.parametrize("number", [0, 1, 17, 59])
def test_a_damaged_recording_is_decoded_alike_on_any_number_of_threads(
    tmp_path, read, codec, name, options, number
):
    whole = clips.write_clip(tmp_path / name, clips.regular(60), codec=codec, options=options)
    hurt = clips.damage_packet(whole, tmp_path / f"hurt {name}", number)
    assert read(hurt, 1) == read(hurt, 2) == read(hurt, 4)


def test_damage_is_not_read_on_several_threads(tmp_path):
    whole = clips.write_clip(tmp_path / "a.mkv", clips.regular(60))
    hurt = clips.damage_packet(whole, tmp_path / "b.mkv", 30)
    with open_video(hurt, threads=2) as reader, pytest.raises(UnsteadyError):
        list(reader.frames())


def test_a_clock_that_restarts_is_not_read_on_several_threads(tmp_path, read):
    path = clips.join(
        clips.write_clip(tmp_path / "one.ts", clips.regular(50, start_s=500)),
        clips.write_clip(tmp_path / "two.ts", clips.regular(50)),
        tmp_path / "both.ts",
    )
    assert read(path, 1, 5) == read(path, 2, 5)
    assert "clock jumps" in " ".join(read(path, 2, 5)[1].warnings)


def test_reading_ahead_is_bounded_and_stops_when_left(tmp_path):
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(300))
    config = AnalysisConfig(fps=None)
    before = clips.open_files()
    with ReadAhead(path, config, VideoLimits.of(config)) as recording:
        assert [f.index for f in itertools.islice(recording.frames(), 3)] == [0, 1, 2]
    assert clips.open_files() == before
