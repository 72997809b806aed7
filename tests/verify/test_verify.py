"""What `verify` finds, what it lets pass, and how it says so."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.tampering import ONLY_RECORDING, Tampering, found, seal_again, tamperings
from echodepth_cli import AlertThresholds, analyse
from echodepth_cli.errors import ExitCode, InputError, NotFoundError
from echodepth_cli.rerender import render_again
from echodepth_cli.verify import verify_session
from echodepth_cli.verify.session import other_making
from tests.verify.conftest import INTERVIEW, PART


def edit_report(folder: Path, edit) -> None:
    path = folder / "report.json"
    report = json.loads(path.read_bytes())
    edit(report)
    path.write_text(json.dumps(report, indent=2))


def test_what_was_written_verifies(session, run_cli):
    done = run_cli("verify", session, "--json")
    found = json.loads(done.out)
    assert done.code == ExitCode.OK
    assert found["ok"]
    assert found["differences"] == []
    assert {check["name"] for check in found["checks"]} == {
        "files", "form", "digests", "settings", "rows", "numbers", "page",
    }  # fmt: skip
    assert {check["state"] for check in found["checks"]} == {"ok"}


def test_every_kind_of_change_is_found(session, tmp_path):
    by_kind: dict[str, Tampering] = {}
    for tampering in tamperings(session, each=1):
        by_kind.setdefault(tampering.kind, tampering)
    assert len(by_kind) > 45
    unseen = {kind for kind, change in by_kind.items() if not found(session, change, tmp_path)}
    # Nothing beside the recording or a signature can tell these, and the documentation says so.
    assert unseen == {ONLY_RECORDING, "resealed: report.json, what nothing can tell again"}


def test_a_difference_ends_with_10_and_names_the_place(copy, run_cli):
    edit_report(copy, lambda report: report["alerts"][0].update(value=0.999))
    done = run_cli("verify", copy)
    assert done.code == ExitCode.VERIFY_DIFFERENCE
    assert done.out == ""
    assert "report.json: alerts[0].value: is 0.999; the frames give 0." in done.err
    assert "DIFFERENCES FOUND" in done.err


def test_a_resealed_change_is_found_by_the_recording(session, tmp_path):
    (change,) = [t for t in tamperings(session, each=1) if "average_fps" in t.name][:1]
    assert change.kind == ONLY_RECORDING
    assert not found(session, change, tmp_path)
    assert found(session, change, tmp_path, INTERVIEW)


def test_the_same_recording_gives_the_same_again(session, tmp_path):
    renamed = shutil.copy(INTERVIEW, tmp_path / "renamed.mp4")
    again = verify_session(session, video=Path(renamed))
    assert again.ok, again.differences
    assert "renamed.mp4" in again.notes[0]


def test_another_recording_is_no_proof(session, tmp_path):
    other = tmp_path / "other.mp4"
    other.write_bytes(INTERVIEW.read_bytes() + b"\0")
    (difference,) = verify_session(session, video=other).differences
    assert "is not the recording" in str(difference)


def test_a_missing_recording_is_an_input_error(session, tmp_path):
    with pytest.raises(NotFoundError, match=r"gone\.mp4"):
        verify_session(session, video=tmp_path / "gone.mp4")


@pytest.mark.parametrize("place", ["nowhere", "file", "empty"])
def test_no_session_directory_is_3(run_cli, tmp_path, place):
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    done = run_cli("verify", tmp_path / place)
    assert done.code == ExitCode.INPUT
    assert len(done.err.splitlines()) == 1
    with pytest.raises(InputError):
        verify_session(tmp_path / place)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"a": 1, "a": 2}',
        b'{"session_id": NaN}',
        b"[]",
        b"null",
        b'"\\ud800"',
        b"\xff\xfe",
    ],
)
def test_a_report_that_is_none_is_a_difference(copy, content):
    (copy / "report.json").write_bytes(content)
    result = verify_session(copy)
    assert not result.ok
    assert result.differences[0].file == "report.json"


def test_a_report_of_the_right_form_with_senseless_values_is_a_difference(copy):
    def senseless(report):
        report["provenance"]["config"] = {"fps": "often"}
        report["baseline"].update(window_s=[5, -5], source="chosen_window")
        report["started_at"] = "yesterday"

    edit_report(copy, senseless)
    result = verify_session(copy)
    assert not result.ok
    assert {check.state for check in result.checks if check.name == "settings"} == {"differs"}


def test_a_report_rendered_again_verifies(copy):
    render_again(copy, thresholds=AlertThresholds(arousal_high=0.6), label="Room 4")
    result = verify_session(copy)
    assert result.ok, result.differences


def with_column(session, name, values):
    """Replace a column of the frame table, and put all digests right."""
    frames = session / "frames.parquet"
    table = pq.read_table(frames)
    place = table.schema.get_field_index(name)
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(values)), frames)
    seal_again(session, render=False)


def column(session, name):
    """Return a column of the frame table, to be changed."""
    return pq.read_table(session / "frames.parquet")[name].to_numpy().copy()


def test_a_score_that_no_analysis_gives_is_not_rendered_though_all_digests_fit(copy):
    arousal = column(copy, "arousal")
    arousal[3] = -1e300
    with_column(copy, "arousal", arousal)
    before = (copy / "frames.parquet").read_bytes()
    with pytest.raises(InputError, match="arousal leaves the range"):
        render_again(copy)
    assert (copy / "frames.parquet").read_bytes() == before


def test_a_session_without_a_measured_face_is_not_rendered_though_all_digests_fit(copy):
    with_column(copy, "status", ["no_face"] * len(column(copy, "arousal")))
    before = (copy / "report.json").read_bytes()
    with pytest.raises(InputError, match="fewer rows show a face"):
        render_again(copy)
    assert (copy / "report.json").read_bytes() == before


def test_times_that_no_recording_has_are_a_difference_though_all_digests_fit(copy):
    offsets_s = column(copy, "session_offset_s")
    offsets_s[-1] = 1e300
    with_column(copy, "session_offset_s", offsets_s)
    assert not verify_session(copy).ok
    with pytest.raises(InputError, match="times that no recording has"):
        render_again(copy)


def test_a_page_from_other_templates_is_checked_by_its_digest(copy, tmp_path, run_cli):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "report.css").write_text("body { color: black }\n")
    assert run_cli("report", copy, "--template", tmp_path / "own", "-q").code == ExitCode.OK
    states = {check.name: check.state for check in verify_session(copy).checks}
    assert states["page"] == "skipped"
    assert states["digests"] == "ok"
    page = copy / "report.html"
    page.write_text(page.read_text().replace("black", "white"))
    assert not verify_session(copy).ok


def test_differences_of_another_version_are_no_proof_of_a_change(copy, run_cli):
    def other_version(report):
        report["provenance"]["software"]["echodepth-cli"] = "0.0.1"
        report["mean_vad"]["v"] = 0.123456

    edit_report(copy, other_version)
    seal_again(copy, render=True)
    result = verify_session(copy)
    assert result.ok
    assert any("mean_vad.v" in note for note in result.notes)
    (numbers,) = [check for check in result.checks if check.name == "numbers"]
    assert numbers.state == "skipped"
    assert "echodepth-cli 0.0.1" in numbers.detail
    assert other_making(json.loads((copy / "report.json").read_bytes())) in numbers.detail
    # Nobody shall take that for a session of which everything was checked.
    said = run_cli("verify", copy).err
    assert "verified, except what could not be checked: numbers\n" in said
    assert "numbers, with what is installed here: report.json: mean_vad.v: is 0.123456" in said


def test_what_else_lies_there_is_said_but_is_no_difference(copy):
    (copy / "note.txt").write_text("seen by AB")
    result = verify_session(copy)
    assert result.ok
    assert result.notes == ("note.txt: was not written by the analysis and is not checked",)


def test_a_table_of_faces_belongs_to_the_session(tmp_path):
    config = dataclasses.replace(PART, end_s=PART.start_s + 6.0, all_faces=True)
    session = analyse(INTERVIEW, config, tmp_path / "session").session_dir
    faces = session / "faces.parquet"
    render_again(session, thresholds=AlertThresholds(arousal_high=0.6))
    assert verify_session(session, video=INTERVIEW).differences == ()
    content = faces.read_bytes()
    faces.write_bytes(content[:-1])
    assert [d.file for d in verify_session(session).differences] == ["faces.parquet"]
    # What is damaged differs, also from what the recording gives.
    again = verify_session(session, video=INTERVIEW).differences
    assert {d.file for d in again} == {"faces.parquet", "recomputed"}
    (session / "frames.parquet").write_bytes(b"PAR1")
    again = verify_session(session, video=INTERVIEW).differences
    assert {"faces.parquet", "frames.parquet"} <= {d.file for d in again}
    faces.unlink()
    assert "faces.parquet" in [d.file for d in verify_session(session).differences]


def test_a_table_of_faces_that_was_not_asked_for_is_a_difference(copy):
    shutil.copy(copy / "frames.parquet", copy / "faces.parquet")
    (difference,) = verify_session(copy).differences
    assert str(difference) == "faces.parquet: is not named by the report"


def test_a_session_that_needs_too_much_memory_is_said_to(run_cli, copy, monkeypatch):
    def too_much(evidence):
        raise MemoryError

    monkeypatch.setattr("echodepth_cli.verify.derive.check_numbers", too_much)
    done = run_cli("verify", copy)
    assert done.code == ExitCode.INPUT
    assert "needs more memory" in done.err
