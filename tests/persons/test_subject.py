"""Whose session it is: the choice, and what becomes of frames without the subject."""

import html
import json
import re
import shlex
import subprocess
import sys

import pytest

from echodepth_cli.cli.closing import close_with_table
from echodepth_cli.cli.console import Messages
from echodepth_cli.cli.options import build_config
from echodepth_cli.config import AnalysisConfig
from echodepth_cli.errors import UsageError
from echodepth_cli.face.persons import SeenFace, SeenFrame
from echodepth_cli.face.subject import Cast, choose
from echodepth_cli.output.parquet import read_frames
from echodepth_cli.output.persons_view import command_for
from echodepth_cli.output.snapshots import read_stills
from echodepth_cli.output.subject_part import subject_warnings
from echodepth_cli.pipeline import analyse
from echodepth_cli.rerender import render_again
from echodepth_cli.verify import verify_session
from tests.composites import INTERVIEWEE, INTERVIEWER, Tile, compose
from tests.persons.people import Someone


def cast_of(frames, at_s=None):
    """Count frames of {person: (x, width)} at two per second."""
    cast = Cast(at_s)
    for index, places in enumerate(frames):
        faces = [SeenFace(n, 1.0, Someone(n).at(x, width)) for n, (x, width) in places.items()]
        faces.sort(key=lambda seen: seen.face.box.x)
        cast.push(SeenFrame(index, index / 2, tuple(faces)))
    cast.finish()
    return cast


BOTH = {1: (0.2, 0.1), 2: (0.8, 0.3)}


@pytest.mark.parametrize(
    ("subject", "person"),
    [("main", 2), ("left", 1), ("right", 2), ("largest", 2), ("longest", 1), ("1", 1), ("2", 2)],
)
def test_the_subject_is_whom_the_rule_names(subject, person):
    cast = cast_of([BOTH] * 10 + [{1: (0.2, 0.1)}] * 6)
    assert choose(cast, subject).person == person


def test_a_close_choice_is_called_so_and_a_clear_one_too():
    assert choose(cast_of([BOTH] * 10), "main").is_clear
    close = choose(cast_of([{1: (0.2, 0.2), 2: (0.8, 0.21)}] * 10), "main")
    assert (close.person, close.is_clear) == (2, False)
    assert "nearly" in close.reason


def test_someone_passing_on_the_left_is_not_the_person_on_the_left():
    cast = cast_of([{1: (0.4, 0.2), 2: (0.8, 0.2)}] * 40 + [{3: (0.1, 0.2), 2: (0.8, 0.2)}] * 2)
    assert choose(cast, "left").person == 1


def test_sides_that_swap_are_no_clear_sides():
    cast = cast_of([{1: (0.2, 0.2), 2: (0.8, 0.2)}] * 12 + [{1: (0.8, 0.2), 2: (0.2, 0.2)}] * 8)
    left = choose(cast, "left")
    assert (left.person, left.is_clear) == (1, False)


def test_the_main_face_at_a_moment():
    frames = [BOTH] * 10 + [{1: (0.2, 0.4)}] * 6
    assert choose(cast_of(frames, at_s=1.0), "main", 1.0).person == 2
    assert choose(cast_of(frames, at_s=7.0), "main", 7.0).person == 1
    with pytest.raises(UsageError, match="no face within"):
        choose(cast_of(frames, at_s=60.0), "main", 60.0)


def test_nobody_has_that_number():
    with pytest.raises(UsageError, match="persons found: 1, 2"):
        choose(cast_of([BOTH] * 4), "3")


@pytest.mark.parametrize("settings", [{"subject": "middle"}, {"subject": "0"}, {"subject": "-1"}])
def test_a_subject_that_cannot_be_is_refused_before_any_work(settings):
    with pytest.raises(UsageError, match="--subject"):
        AnalysisConfig(**settings)


def leaves_and_returns(t):
    """A leaves at 6 s and is back at 9 s on the other side; B stays, and is smaller."""
    left, right = (0.0, 0.1, 0.6, 0.8), (0.4, 0.1, 0.6, 0.8)
    if t < 6:
        return [Tile("A", *left), Tile("B", 0.74, 0.3, 0.24, 0.4)]
    if t < 9:
        return [Tile("B", 0.74, 0.3, 0.24, 0.4)]
    return [Tile("B", 0.02, 0.3, 0.24, 0.4), Tile("A", *right)]


@pytest.fixture(scope="module")
def two_people(tmp_path_factory):
    """A session directory of A, who is larger, leaves, and returns on the other side."""
    folder = tmp_path_factory.mktemp("two")
    video = folder / "two.mp4"
    compose(leaves_and_returns, {"A": INTERVIEWEE, "B": INTERVIEWER}, video, 15.0)
    analyse(video, AnalysisConfig(all_faces=True), folder / "out")
    return folder / "out"


def test_no_value_is_taken_from_another_face(two_people):
    table, _ = read_frames(two_people / "frames.parquet")
    rows = table.to_pylist()
    assert [row["status"] for row in rows] == ["ok"] * 12 + ["other_person"] * 6 + ["ok"] * 12
    middles = [r["face_x"] + r["face_w"] / 2 for r in rows if r["status"] == "ok"]
    assert all(x < 0.5 for x in middles[:12])
    assert all(x > 0.5 for x in middles[12:])
    absent = [row for row in rows if row["status"] == "other_person"]
    assert all(row["valence"] is None and row["face_x"] is None for row in absent)


def test_the_report_says_who_was_analysed_and_when_they_were_in_view(two_people):
    report = json.loads((two_people / "report.json").read_text())
    subject = report["subject"]
    assert subject["is_clear"]
    assert [(round(s["start_s"]), round(s["end_s"])) for s in subject["in_view"]] == [
        (0, 6),
        (9, 15),
    ]
    assert [(round(s["start_s"]), round(s["end_s"])) for s in subject["others_only"]] == [(6, 9)]
    assert subject["in_doubt"] == []
    assert [p["is_subject"] for p in report["persons"]] == [True, False]
    (gap,) = report["quality"]["gaps"]
    assert gap["reason"] == "other_person"


def test_the_report_names_the_option_that_looks_closer_where_only_others_were_found(two_people):
    report = json.loads((two_people / "report.json").read_text())
    (warning,) = [text for text in report["quality"]["warnings"] if "--small-faces" in text]
    assert warning.startswith(
        "For 3 s only other faces were found. If the subject was in view then"
    )
    assert "--small-faces" in (two_people / "report.html").read_text()
    assert not [w for w in subject_warnings(report, 30, small_faces=True) if "small" in w]
    report["subject"]["others_only"] = [{"start_s": 1.0, "end_s": 2.5}]
    assert not [w for w in subject_warnings(report, 30, small_faces=False) if "small" in w]


def test_the_page_shows_each_person_and_how_to_analyse_another(two_people):
    page = (two_people / "report.html").read_text()
    assert [still.person for still in read_stills(page) if still.person] == [1, 2]
    assert "--subject 2 --out echodepth-out/two-person-2" in page
    render_again(two_people, label="again")
    again = (two_people / "report.html").read_text()
    assert [still.person for still in read_stills(again) if still.person] == [1, 2]


def test_the_command_for_another_person_keeps_the_settings_and_drops_the_outputs():
    line = ["echodepth", "analyse", "in/two.mp4", "--fps", "5", "--subject", "left", "-o", "x"]
    report = {"recording": {"file_name": "two.mp4"}, "run": {"command_line": line}}
    expected = "echodepth analyse in/two.mp4 --fps 5 --subject 2 --out echodepth-out/two-person-2"
    assert command_for(report, 2) == expected
    line += ["--webhook", "...", "--baseline-from", "earlier", "--label", "Mr Left"]
    assert command_for(report, 2) == expected
    report["run"] = {"command_line": ["echodepth", "batch", "in"]}
    assert command_for(report, 2).startswith("echodepth analyse two.mp4 --subject 2")


def test_the_command_after_a_batch_repeats_what_gives_persons_their_numbers():
    settings = AnalysisConfig(
        fps=None, start_s=1.5, region="0,0,0.5,1", small_faces=True, label="A"
    )
    report = {
        "recording": {"file_name": "two.mp4"},
        "run": {"command_line": ["echodepth", "batch", "in"]},
        "provenance": {"config": settings.to_dict()},
    }
    options = "--fps all --start 1.5 --region 0,0,0.5,1 --small-faces"
    assert command_for(report, 2).startswith(f"echodepth analyse two.mp4 {options} --subject 2")


@pytest.mark.parametrize("named_by", ["subject_at_s = 3", 'subject = "right"'])
@pytest.mark.parametrize("asked", [{"subject": "2"}, {"subject_at_s": "1"}])
def test_whom_an_option_names_is_not_whom_the_config_file_names(tmp_path, named_by, asked):
    file = tmp_path / "settings.toml"
    file.write_text(f"fps = 5\n{named_by}\n")
    config = build_config(file, asked)
    assert (config.fps, config.subject) == (5, asked.get("subject", "main"))
    assert config.subject_at_s == (1 if "subject_at_s" in asked else None)


def beside_the_edge(t):
    """A, and B in a tile of which the lower edge of the picture leaves the eyes."""
    return [Tile("A", 0.0, 0.1, 0.6, 0.8), Tile("B", 0.7, 0.7, 0.3, 0.5)]


def in_a_corner(t):
    """A fills the picture, B is small in a corner."""
    return [Tile("A", 0.0, 0.0, 1.0, 1.0), Tile("B", 0.72, 0.68, 0.26, 0.29)]


def analysed(folder, layout, *options):
    """Analyse a composite by the real command line; return what its page offers for others."""
    compose(layout, {"A": INTERVIEWEE, "B": INTERVIEWER}, folder / "two.mp4", 8.0)
    command("echodepth", "analyse", "two.mp4", *options, cwd=folder)
    page = (folder / "echodepth-out" / "two" / "report.html").read_text()
    return [
        html.unescape(text) for text in re.findall(r"<code>(echodepth analyse .*?)</code>", page)
    ]


def command(name, *words, cwd):
    assert name == "echodepth"
    subprocess.run([sys.executable, "-m", "echodepth_cli", *words], cwd=cwd, check=True)


@pytest.mark.parametrize("layout", [in_a_corner, leaves_and_returns])
def test_the_command_that_the_page_offers_analyses_that_person(tmp_path, layout):
    (offered,) = analysed(tmp_path, layout, "--fps", "4", "--small-faces")
    command(*shlex.split(offered), cwd=tmp_path)
    report = json.loads((tmp_path / "echodepth-out/two-person-2/report.json").read_text())
    assert report["subject"]["person"] == 2
    first = json.loads((tmp_path / "echodepth-out/two/report.json").read_text())
    (clear,) = [person["frames_clear"] for person in first["persons"] if person["person"] == 2]
    assert report["quality"]["frames_ok"] == clear


def test_no_command_is_offered_for_a_face_of_which_too_little_is_seen(tmp_path):
    assert analysed(tmp_path, beside_the_edge) == []
    report = json.loads((tmp_path / "echodepth-out/two/report.json").read_text())
    assert [person["frames_clear"] for person in report["persons"]] == [16, 0]
    page = (tmp_path / "echodepth-out/two/report.html").read_text()
    assert "Too little of the face is seen to analyse this person." in page


@pytest.mark.parametrize("region", ["0.5,0,0.6,1", "a,b,c,d", "0,0,0,1", "0,0,1", "-0.1,0,0.5,1"])
def test_a_region_outside_the_picture_is_refused(region):
    with pytest.raises(UsageError, match="--region must be"):
        AnalysisConfig(region=region)


def test_all_faces_are_written_with_whose_they_are_and_verified(two_people):
    table, metadata = read_frames(two_people / "faces.parquet")
    rows = table.to_pylist()
    assert len(rows) == 12 * 2 + 6 + 12 * 2
    own = [row for row in rows if row["is_subject"]]
    assert {row["person"] for row in own} == {1}
    frames, _ = read_frames(two_people / "frames.parquet")
    measured = {r["frame_id"]: r["face_x"] for r in frames.to_pylist() if r["status"] == "ok"}
    assert {row["frame_id"]: row["face_x"] for row in own} == measured
    assert all(table.schema.field(name).metadata[b"meaning"] for name in table.column_names)
    assert metadata["session_id"] == rows[0]["session_id"]
    assert verify_session(two_people).ok
    (two_people / "faces.parquet").write_bytes(b"x")
    assert not verify_session(two_people).ok


def test_the_closing_table_says_who_was_analysed_where_there_was_a_choice(two_people, capsys):
    report = json.loads((two_people / "report.json").read_text())
    messages = Messages(None, json_lines=False, quiet=False)
    close_with_table(messages, report, two_people)
    assert "  analysed          person 1 of 2 in view\n" in capsys.readouterr().err
    report["subject"]["is_clear"] = False
    close_with_table(messages, report, two_people)
    assert "person 1 of 2 in view; it is not clear that this is" in capsys.readouterr().err
    del report["persons"][1]
    close_with_table(messages, report, two_people)
    assert "in view" not in capsys.readouterr().err
