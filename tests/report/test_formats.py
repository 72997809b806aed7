from __future__ import annotations

import pytest

from echodepth_cli.output import formats


@pytest.mark.parametrize(
    ("seconds", "tenths", "text"),
    [
        (0, False, "00:00"),
        (273.5, True, "04:33.5"),
        (59.96, True, "01:00.0"),
        (59.6, False, "01:00"),
        (3599.99, True, "1:00:00.0"),
        (7384, False, "2:03:04"),
        (None, False, "–"),
        (float("nan"), True, "–"),
    ],
)
def test_offsets_read_as_a_clock_and_never_show_sixty_seconds(seconds, tenths, text):
    assert formats.clock(seconds, tenths=tenths) == text


@pytest.mark.parametrize(
    ("iso", "text"),
    [
        ("2026-11-23T09:15:30+00:00", "23 Nov 2026, 09:15:30 UTC"),
        ("2026-11-23T09:15:30Z", "23 Nov 2026, 09:15:30 UTC"),
        ("2026-03-01T10:00:00.250000+05:30", "1 Mar 2026, 10:00:00 UTC+05:30"),
        ("2026-03-01T10:00:00-07:00", "1 Mar 2026, 10:00:00 UTC−07:00"),
        ("2026-03-01T10:00:00", "1 Mar 2026, 10:00:00 (time zone not stated)"),
        ("last Tuesday", "last Tuesday"),
        (None, None),
    ],
)
def test_dates_are_unambiguous_and_state_their_zone(iso, text):
    assert formats.date_time(iso) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0%"),
        (0.0004, "under 0.1%"),
        (0.014, "1.4%"),
        (0.5, "50%"),
        (0.995, "99.5%"),
        (0.9996, "over 99.9%"),
        (1, "100%"),
        (None, "–"),
    ],
)
def test_only_nothing_reads_as_none_and_only_everything_as_all(share, text):
    assert formats.percent(share) == text


def test_a_moment_with_tenths_is_rounded_and_carries_over():
    late = formats.date_time("2026-12-31T23:59:59.96Z", tenths=True)
    assert late == "1 Jan 2027, 00:00:00.0 UTC"
    assert formats.date_time("2026-11-23T09:16:29.5Z", tenths=True).endswith("09:16:29.5 UTC")


def test_a_missing_number_is_a_dash_and_never_zero():
    assert formats.number(None) == formats.number(float("nan")) == "–"
    assert formats.number(-0.001) == "0.00"
    assert formats.number(-0.386) == "−0.39"
    assert formats.signed(0.386) == "+0.39"
    assert formats.signed(0.0) == "0.00"
    assert formats.signed(None) == "–"


def test_lengths_and_sizes_are_in_words():
    assert formats.duration(3.5) == "3.5 s"
    assert formats.duration(59.7) == "1 min 00 s"
    assert formats.duration(3725) == "1 h 02 min 05 s"
    assert formats.duration(None) == "unknown"
    assert formats.size(999) == "999 bytes"
    assert formats.size(48_210_377) == "48.2 MB (48,210,377 bytes)"


def test_characters_that_hide_or_reorder_a_name_are_shown():
    assert formats.visible("a\u202eb\x1b[0m\n") == "a\\u202eb\\u001b[0m\\u000a"
    assert formats.visible("Zoë 面接 é") == "Zoë 面接 é"
