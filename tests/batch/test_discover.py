from __future__ import annotations

import os
from pathlib import Path

import pytest

from echodepth_cli.batch.discover import find_inputs, split_list
from echodepth_cli.batch.inputs import Naming
from echodepth_cli.errors import UsageError


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(*paths: object, naming: Naming | None = None, **options) -> list[str]:
    found = find_inputs([str(p) for p in paths], naming=naming or Naming(), **options)
    return [item.name for item in found]


def test_a_directory_is_searched_to_any_depth_and_mirrored_in_order(tmp_path):
    make(tmp_path, "b/two.MOV", "a.mp4", "b/c/three.mkv", "notes.txt", "b/poster.jpg")
    assert names(tmp_path) == ["a", "b/two", "b/c/three"]
    assert names(tmp_path, recursive=False) == ["a"]


def test_hidden_and_half_copied_files_are_left_out(tmp_path):
    make(tmp_path, ".a.mp4", "._b.mp4", "c.mp4.part", "d.mp4.crdownload", ".trash/e.mp4", "f.mp4")
    assert names(tmp_path) == ["f"]


def test_the_output_directory_is_not_searched(tmp_path):
    make(tmp_path, "a.mp4", "out/a/copy.mp4")
    assert names(tmp_path, exclude=tmp_path / "out") == ["a"]


def test_a_recording_that_is_named_twice_is_analysed_once(tmp_path, monkeypatch):
    make(tmp_path, "a.mp4")
    monkeypatch.chdir(tmp_path)
    assert names("a.mp4", "./a.mp4", tmp_path, tmp_path / "x" / ".." / "a.mp4") == ["a"]


def test_a_file_named_on_its_own_is_taken_whatever_its_suffix_and_even_if_missing(tmp_path):
    make(tmp_path, "recording.dat")
    assert names(tmp_path / "recording.dat", tmp_path / "missing.mp4") == ["recording", "missing"]


def test_globs_are_relative_to_their_fixed_part(tmp_path):
    make(tmp_path, "in/mon/a.mp4", "in/tue/a.mp4", "in/tue/b.txt", "in/tue/deep/c.mp4")
    assert names(tmp_path / "in" / "*" / "*.mp4") == ["mon/a", "tue/a"]
    assert names(tmp_path / "in" / "t*") == ["tue/a", "tue/deep/c"]
    with pytest.raises(UsageError, match="matches nothing"):
        names(tmp_path / "*.avi")


def test_an_existing_name_with_brackets_is_no_glob(tmp_path):
    make(tmp_path, "call [1].mp4")
    assert names(tmp_path / "call [1].mp4") == ["call [1]"]


def test_root_and_keep_suffix_choose_names(tmp_path):
    make(tmp_path, "in/day/a.mp4", "in/day/a.mov")
    assert names(tmp_path / "in", naming=Naming(keep_suffix=True)) == ["day/a.mov", "day/a.mp4"]
    assert names(tmp_path / "in/day/a.mp4", naming=Naming(root=tmp_path / "in")) == ["day/a"]
    with pytest.raises(UsageError, match="outside --root"):
        names(tmp_path / "in/day/a.mp4", naming=Naming(root=tmp_path / "other"))


def test_a_list_on_stdin_may_be_lines_or_nul_separated(tmp_path):
    make(tmp_path, "a.mp4", "b.mp4")
    lines = f"{tmp_path}/a.mp4\n\n{tmp_path}/b.mp4\n".encode()
    assert names("-", stdin=lines) == ["a", "b"]
    assert split_list(b"one\ntwo.mp4\0three\0") == ["one\ntwo.mp4", "three"]


def test_an_empty_path_is_a_mistake_not_the_current_directory():
    with pytest.raises(UsageError, match="empty PATH"):
        names("")


def test_names_that_are_no_utf8_survive(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.mp4"
    Path(os.fsdecode(path)).write_bytes(b"x")
    (found,) = find_inputs([str(tmp_path)], naming=Naming())
    assert os.fsencode(found.path) == path


def test_links_to_directories_are_not_followed_and_links_to_files_keep_their_name(tmp_path):
    make(tmp_path, "in/a.mp4", "elsewhere/b.mp4")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "link.mp4").symlink_to(tmp_path / "elsewhere" / "b.mp4")
    assert names(tmp_path / "in") == ["a", "link"]


def test_an_unreadable_directory_is_a_failure(tmp_path, monkeypatch):
    make(tmp_path, "b.mp4")
    walk = os.walk

    def failing(top, onerror):
        onerror(PermissionError(13, "Permission denied", f"{top}/locked"))
        yield from walk(top)

    monkeypatch.setattr(os, "walk", failing)
    found = find_inputs([str(tmp_path)], naming=Naming())
    assert [(item.name, item.problem is None) for item in found] == [("b", True), ("locked", False)]
