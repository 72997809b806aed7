"""Damaged recordings give every frame that can be had, and say what was lost."""

import errno
import io
from fractions import Fraction

import pytest

from echodepth_cli.errors import InputError
from echodepth_cli.video import source
from echodepth_cli.video.reader import open_video
from echodepth_cli.video.source import VideoLimits
from echodepth_cli.video.streams import packets_of
from tests import clips


def read(path, **options):
    with open_video(path, **options) as reader:
        seen = [(frame.offset_s, clips.index_of(frame.to_rgb())) for frame in reader.frames()]
        return seen, reader.report()


def test_one_corrupt_picture_costs_only_itself(tmp_path):
    whole = clips.write_clip(
        tmp_path / "a.mkv", clips.regular(50), codec="mjpeg", pix_fmt="yuvj420p"
    )
    seen, report = read(clips.damage_packet(whole, tmp_path / "b.mkv", 20))
    assert [index for _, index in seen] == [k for k in range(50) if k != 20]
    assert [offset for offset, _ in seen] == pytest.approx([k / 25 for k in range(50) if k != 20])
    assert report.decode_failures == 1
    assert not report.truncated
    assert "1 of 50 packets could not be decoded." in report.warnings


@pytest.mark.parametrize("number", [10, 25, 49])
def test_h264_goes_on_after_a_corrupt_packet(tmp_path, number):
    whole = clips.write_clip(tmp_path / "a.mkv", clips.regular(75))
    seen, report = read(clips.damage_packet(whole, tmp_path / "b.mkv", number))
    assert len(seen) >= 73
    assert report.decode_failures + report.frames_decoded == 75
    assert report.last_offset_s == pytest.approx(74 / 25)


def test_times_hold_when_the_first_pictures_are_lost(tmp_path):
    whole = clips.write_clip(tmp_path / "a.mkv", clips.regular(75))
    seen, report = read(clips.damage_packet(whole, tmp_path / "b.mkv", 0))
    assert seen[0] == (pytest.approx(1.0), 25)
    # One packet is damaged, and the 24 pictures that build on it come to nothing without an error.
    assert (report.frames_decoded, report.decode_failures) == (50, 25)
    assert "24 further picture(s) could not be rebuilt" in " ".join(report.warnings)
    assert "The first 1.00 s hold no picture" in " ".join(report.warnings)


def test_a_matroska_file_cut_short_gives_its_beginning(tmp_path):
    whole = clips.write_clip(tmp_path / "a.mkv", clips.regular(150))
    seen, report = read(clips.cut(whole, tmp_path / "b.mkv", 0.5))
    assert 20 < len(seen) < 130
    assert [index for _, index in seen[:20]] == list(range(20))
    assert report.truncated
    assert "cut short" in " ".join(report.warnings)


def test_an_mp4_with_its_index_in_front_cut_short_gives_its_beginning(tmp_path):
    whole = clips.write_clip(tmp_path / "a.mp4", clips.regular(150), faststart=True)
    seen, report = read(clips.cut(whole, tmp_path / "b.mp4", 0.6))
    assert 20 < len(seen) < 140
    assert report.truncated


def test_an_mp4_that_lost_its_index_says_what_to_do(tmp_path):
    whole = clips.write_clip(tmp_path / "a.mp4", clips.regular(50))
    with pytest.raises(InputError, match=r"index is missing or damaged.*copy it again"):
        read(clips.cut(whole, tmp_path / "b.mp4", 0.6))


def test_a_recording_stopped_early_by_the_reader_is_not_called_cut_short(tmp_path):
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(100))
    with open_video(path) as reader:
        for frame in reader.frames():
            if frame.offset_s > 1:
                break
        assert not reader.report().truncated
        assert reader.report().warnings == ()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts", "a.flv"])
def test_sound_that_goes_on_longer_is_no_damage(tmp_path, name):
    times, base = clips.regular(10), Fraction(1, 25 if name.endswith("avi") else 1000)
    _, report = read(clips.write_clip(tmp_path / name, times, time_base=base, sound_s=6))
    assert report.frames_decoded == 10
    assert not report.truncated
    assert "cut short" not in " ".join(report.warnings)


def test_a_disk_that_fails_is_an_error_not_a_short_recording(tmp_path, monkeypatch):
    path = clips.write_clip(tmp_path / "a.mkv", clips.regular(200), size=(320, 240))

    class FailingDisk(io.BufferedReader):
        def read(self, size=-1):
            if self.tell() > path.stat().st_size // 2:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(min(size, 4096))

    monkeypatch.setattr(source, "_open_regular", lambda p: FailingDisk(p.open("rb", buffering=0)))
    with pytest.raises(InputError, match=r"a\.mkv: reading it failed: Input/output error"):
        read(path)


def test_streams_announced_midway_by_damage_do_not_undo_what_was_read():
    class Container:
        """Fails after the last packet, as PyAV does when damage has announced further streams."""

        def demux(self, stream):
            yield from ("packet", "last")
            raise IndexError("list index out of range")

    assert list(packets_of(Container(), "stream")) == ["packet", "last"]


def test_endless_failure_is_given_up_and_said(tmp_path):
    path = clips.write_clip(
        tmp_path / "a.mkv", clips.regular(40), codec="mjpeg", pix_fmt="yuvj420p"
    )
    for number in range(10, 30):
        path = clips.damage_packet(path, tmp_path / f"{number}.mkv", number)
    seen, report = read(path, limits=VideoLimits(max_failures=15))
    assert len(seen) == 10
    assert report.truncated
    assert report.decode_failures == 15
    assert "given up" in " ".join(report.warnings)
    seen, report = read(path)
    assert len(seen) == 20
    assert not report.truncated


def test_a_repeated_timestamp_is_repaired_and_said(tmp_path):
    times = clips.uneven(30)
    path = clips.write_clip(tmp_path / "a.mp4", times, options={"bf": "0"})
    clips.repeat_time(path, 5)
    seen, report = read(path)
    offsets = [offset for offset, _ in seen]
    true = [float(time) for time in times]
    assert offsets[:6] + offsets[7:] == pytest.approx(true[:6] + true[7:])
    assert offsets[5] < offsets[6] < offsets[7]
    assert "not later than the frame before" in " ".join(report.warnings)


def test_a_transport_stream_whose_clock_restarts_is_counted_on(tmp_path):
    path = clips.join(
        clips.write_clip(tmp_path / "one.ts", clips.regular(50, start_s=500)),
        clips.write_clip(tmp_path / "two.ts", clips.regular(50)),
        tmp_path / "both.ts",
    )
    seen, report = read(path)
    assert [index for _, index in seen] == [*range(50), *range(50)]
    assert seen[-1][0] == pytest.approx(99 / 25, abs=0.05)
    assert "clock jumps" in " ".join(report.warnings)


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_damage_gives_the_same_pictures_every_time(tmp_path, codec):
    whole = clips.write_clip(tmp_path / "a.mkv", clips.regular(60), codec=codec)
    hurt = clips.damage_packet(whole, tmp_path / "b.mkv", 12)
    runs = []
    for _ in range(3):
        with open_video(hurt) as reader:
            runs.append([(f.offset_s, f.to_rgb().tobytes()) for f in reader.frames()])
    assert runs[0] == runs[1] == runs[2]
