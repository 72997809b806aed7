"""True times and faithful pictures from intact recordings of every shape."""

import gc
from fractions import Fraction

import av
import numpy as np
import pytest

from echodepth_cli.video.reader import open_video
from echodepth_cli.video.stills import pictures_at
from tests import clips

_EXACT_S = 1e-9
_MILLISECOND_S = 0.0005
"""Matroska and WebM store whole milliseconds."""


def read(path):
    """Return [(offset_s, frame number in the picture)], the info and the report."""
    with open_video(path) as reader:
        seen = [(frame.offset_s, clips.index_of(frame.to_rgb())) for frame in reader.frames()]
        return seen, reader.info, reader.report()


def assert_times(seen, times_s, tolerance_s):
    assert [index for _, index in seen] == list(range(len(times_s)))
    expected = [float(t - times_s[0]) for t in times_s]
    assert [offset for offset, _ in seen] == pytest.approx(expected, abs=tolerance_s)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "libx264", "yuv420p"),
        ("a.ts", "libx264", "yuv420p"),
        ("a.mov", "libx265", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.mpg", "mpeg2video", "yuv420p"),
        ("a.mp4", "mpeg4", "yuv420p"),
        ("a.mkv", "mjpeg", "yuvj420p"),
        ("ten_bit.mp4", "libx264", "yuv420p10le"),
        ("alpha.mov", "png", "rgba"),
        ("alpha.mkv", "ffv1", "bgra"),
        ("pro.mov", "prores_ks", "yuv422p10le"),
    ],
)
def test_every_frame_has_its_own_time_and_picture(tmp_path, name, codec, pix_fmt):
    times = clips.regular(30)
    base = Fraction(1, 25) if name.endswith("mpg") else Fraction(1, 1000)
    path = clips.write_clip(tmp_path / name, times, codec=codec, pix_fmt=pix_fmt, time_base=base)
    seen, info, report = read(path)
    assert_times(seen, times, _MILLISECOND_S)
    assert (info.width_px, info.height_px, info.rotation_deg) == (128, 96, 0)
    assert info.average_fps == pytest.approx(25)
    assert (report.frames_decoded, report.decode_failures, report.truncated) == (30, 0, False)
    assert report.warnings == ()


@pytest.mark.parametrize("name", ["uneven.mp4", "uneven.mkv"])
def test_variable_frame_rate_keeps_each_time(tmp_path, name):
    times = clips.uneven(60)
    seen, _, report = read(clips.write_clip(tmp_path / name, times))
    assert_times(seen, times, _EXACT_S)
    assert report.last_offset_s == pytest.approx(float(times[-1]))


@pytest.mark.parametrize("name", ["late.mp4", "late.mkv", "late.ts"])
def test_a_recording_that_starts_late_counts_from_its_first_picture(tmp_path, name):
    times = clips.regular(50, start_s=7)
    seen, info, report = read(clips.write_clip(tmp_path / name, times))
    assert_times(seen, times, _MILLISECOND_S)
    assert info.duration_s == pytest.approx(2, abs=0.05)
    assert not report.truncated


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_avi_with_reordered_frames_shows_them_in_order(tmp_path, codec):
    times = clips.regular(30)
    path = clips.write_clip(tmp_path / "a.avi", times, codec=codec, time_base=Fraction(1, 25))
    seen, _, _ = read(path)
    assert_times(seen, times, _EXACT_S)


def test_ntsc_times_are_exact_fractions(tmp_path):
    times = clips.regular(48, fps=Fraction(24000, 1001))
    rate = Fraction(24000, 1001)
    path = clips.write_clip(tmp_path / "a.mp4", times, rate=rate, time_base=Fraction(1, 24000))
    seen, info, _ = read(path)
    assert_times(seen, times, _EXACT_S)
    assert info.average_fps == pytest.approx(24000 / 1001)


@pytest.mark.parametrize(
    ("rotation_deg", "mirrored", "corner"),
    [
        (0, False, "top left"),
        (90, False, "top right"),
        (180, False, "bottom right"),
        (270, False, "bottom left"),
        (0, True, "top right"),
        (180, True, "bottom left"),
        (90, True, "bottom right"),
        (270, True, "top left"),
    ],
)
def test_rotation_in_the_metadata_is_applied(tmp_path, rotation_deg, mirrored, corner):
    path = clips.write_clip(tmp_path / "phone.mp4", clips.regular(3))
    clips.turn(path, rotation_deg, mirrored=mirrored)
    with open_video(path) as reader:
        image = next(reader.frames()).to_rgb()
        info, report = reader.info, reader.report()
    assert clips.red_corner(image) == corner
    assert info.rotation_deg == rotation_deg
    assert image.shape == (info.height_px, info.width_px, 3)
    assert (info.width_px > info.height_px) == (rotation_deg in (0, 180))
    assert image.flags["C_CONTIGUOUS"]
    assert any("mirror" in warning for warning in report.warnings) == mirrored


@pytest.mark.parametrize(
    ("shape", "size"), [(Fraction(2), (256, 96)), (Fraction(1, 2), (128, 192))]
)
def test_pixels_that_are_not_square_are_stretched_not_dropped(tmp_path, shape, size):
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(3), pixel_shape=shape)
    with open_video(path) as reader:
        assert next(reader.frames()).to_rgb().shape == (size[1], size[0], 3)
        assert (reader.info.width_px, reader.info.height_px) == size


def test_odd_sizes_are_kept(tmp_path):
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(5), size=(131, 97), pix_fmt="yuv444p")
    with open_video(path) as reader:
        assert {frame.to_rgb().shape for frame in reader.frames()} == {(97, 131, 3)}


def test_colours_survive(tmp_path):
    path = clips.write_clip(tmp_path / "a.mkv", clips.regular(2), codec="ffv1", pix_fmt="bgra")
    with open_video(path) as reader:
        images = [frame.to_rgb() for frame in reader.frames()]
    assert np.array_equal(images[1], clips.picture(1))


def test_a_frame_stays_good_after_the_reader_moved_on(tmp_path):
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(30))
    with open_video(path) as reader:
        frames = list(reader.frames())
        images = [frame.to_rgb() for frame in frames]
    assert [clips.index_of(image) for image in images] == list(range(30))


def test_the_picture_can_change_size_midway(tmp_path):
    path = clips.join(
        clips.write_clip(tmp_path / "small.ts", clips.regular(10)),
        clips.write_clip(tmp_path / "large.ts", clips.regular(10, start_s=1), size=(256, 192)),
        tmp_path / "both.ts",
    )
    with open_video(path) as reader:
        shapes = [frame.to_rgb().shape for frame in reader.frames()]
        report = reader.report()
    assert shapes == [(96, 128, 3)] * 10 + [(192, 256, 3)] * 10
    assert "The picture changes size 1 time(s)" in " ".join(report.warnings)


def test_cover_art_is_not_the_recording(tmp_path):
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(10), cover=True, sound_s=1)
    seen, info, report = read(path)
    assert_times(seen, clips.regular(10), _EXACT_S)
    assert (info.codec, report.warnings) == ("h264", ())


def test_several_video_streams_are_said(tmp_path):
    _, _, report = read(clips.write_clip(tmp_path / "a.mkv", clips.regular(10), streams=2))
    assert report.frames_decoded == 10
    assert "2 video streams" in " ".join(report.warnings)


def test_interlaced_pictures_are_said(tmp_path):
    options = {"flags": "+ilme+ildct", "x264-params": "tff=1:log-level=none"}
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(10), options=options, size=(128, 128))
    _, _, report = read(path)
    assert "interlaced" in " ".join(report.warnings)


def test_high_dynamic_range_is_said(tmp_path):
    options = {"x264-params": "transfer=arib-std-b67:colorprim=bt2020:log-level=none"}
    path = clips.write_clip(
        tmp_path / "a.mp4", clips.regular(5), options=options, pix_fmt="yuv420p10le"
    )
    _, _, report = read(path)
    assert "high dynamic range" in " ".join(report.warnings)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"creation_time": "2026-03-01T09:30:00.000000Z"}, "2026-03-01T09:30:00+00:00"),
        ({"creation_time": "1970-01-01T00:00:00Z"}, None),
        ({}, None),
    ],
)
def test_creation_time(tmp_path, metadata, expected):
    _, info, _ = read(clips.write_clip(tmp_path / "a.mp4", clips.regular(3), metadata=metadata))
    assert (info.created_at and info.created_at.isoformat()) == expected


def test_apples_creation_date_keeps_the_local_time_zone(tmp_path):
    metadata = {
        "com.apple.quicktime.creationdate": "2023-02-03T22:48:24+0100",
        "creation_time": "2023-02-03T21:48:24Z",
    }
    path = clips.write_clip(tmp_path / "a.mov", clips.regular(3), metadata=metadata)
    _, info, _ = read(path)
    assert info.created_at is not None
    assert info.created_at.isoformat() == "2023-02-03T22:48:24+01:00"


def test_the_file_is_closed(tmp_path):
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(5))
    before = clips.open_files()
    with open_video(path) as reader:
        next(reader.frames())
        assert str(path) in clips.open_files()
    assert clips.open_files() == before


def test_no_picture_waits_for_the_garbage_collector(tmp_path):
    # It comes by every few hundred pictures; a picture may have megabytes.
    path = clips.write_clip(tmp_path / "a.mp4", clips.regular(30))
    gc.collect()
    gc.disable()
    try:
        assert len(read(path)[0]) == 30
        assert len(list(pictures_at(path, [0.2, 0.6]))) == 2
        assert not [kept for kept in gc.get_objects() if isinstance(kept, av.VideoFrame)]
    finally:
        gc.enable()
