from __future__ import annotations

import base64
import copy
import hashlib
import html
import json
import re

import numpy as np
import pyarrow as pa
import pytest

from echodepth_cli.errors import OutputError, UsageError
from echodepth_cli.output.report_html import GlossaryUnit, ReportOptions, render_report
from echodepth_cli.output.snapshots import read_stills
from tests.report.sessions import make_session

OPTIONAL = (
    "label", "use_case", "started_at", "baseline_vad", "mean_vad", "alerts", "suppressed_alerts",
    "summary", "baseline", "vad_trend", "anomalies", "action_units", "combinations", "quality",
    "limits", "provenance", "run", "recording", "timestamp_origin", "duration_s", "frame_count",
)  # fmt: skip


@pytest.fixture(scope="module")
def made():
    gaps = ((100, 112, "no_face_detected"), (200, 204, "low_confidence"))
    return make_session(5, alerts=3, gaps=gaps, stills=True)


@pytest.fixture(scope="module")
def page(made):
    return render_report(made.report, made.frames, made.stills)


def words(page: str) -> str:
    """Return what a reader sees: text without markup, styles and scripts."""
    body = re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_same_input_gives_the_same_bytes(made, page):
    again = render_report(copy.deepcopy(made.report), made.frames, dict(made.stills))
    assert again == page


def test_a_pyarrow_table_gives_the_same_page_as_its_columns(made, page):
    table = pa.table({name: pa.array(column) for name, column in made.frames.items()})
    assert render_report(made.report, table, made.stills) == page


def test_nulls_in_a_table_are_missing_values():
    made = make_session(0.1, alerts=0)
    columns = {
        name: [None if v != v else v for v in np.asarray(column).tolist()]
        for name, column in made.frames.items()
    }
    assert render_report(made.report, pa.table(columns)) == render_report(made.report, made.frames)


def test_the_numbers_of_an_alert_stand_in_the_page(made, page):
    text = words(page)
    alert = made.report["alerts"][0]
    assert f"Arousal reached {alert['value']:.2f}, at or above the threshold of 0.80" in text
    assert "Alert 1: High arousal at 01:15.0" in text
    assert "23 Nov 2026, 09:16:45.0 UTC" in text
    assert "AU4 Brow lowerer" in text
    assert "Dominance lay up to 0.14 below its usual level from 03:54 to 04:09." in text
    assert made.report["summary"] in text
    assert made.report["recording"]["sha256"] in text
    assert "ses_3f9a1c7be24d60518c2af7e1" in text


def test_units_seen_together_are_told_with_their_times(page):
    told = "AU1+4 raised and drawn-together brows: 2 episodes, 6.0 s in all, longest 3.0 s, from"
    assert f"{told} 01:10.0 , 02:30.0" in words(page)


def test_the_limits_stand_where_the_numbers_are(page):
    text = words(page)
    overview = text[: text.index("Scores over time")]
    assert "do not show what a person feels, thinks or intends" in overview
    assert "Art. 5(1)(f)" in text


def test_gaps_are_listed_with_reasons_and_drawn_as_breaks(page):
    text = words(page)
    assert "01:40.0 01:52.0 12 s no face found" in text
    assert "03:20.0 03:24.0 4.0 s face not clear enough to measure" in text
    line = re.search(r'class="line" d="([^"]+)"', page)
    assert line is not None
    assert line[1].count("M") == 3


def test_the_read_out_holds_true_rows_of_the_frame_table(made, page):
    data = json.loads(re.search(r'id="read-out-data">(.*?)</script>', page)[1])
    assert len(data["t"]) == len(made.frames["valence"])
    row = data["t"].index(7500)
    assert data["vad"][1][row] == round(made.frames["arousal"][row] * 1000)
    assert "4" in data["u"][row].split()
    hidden = data["t"].index(10_500)
    assert data["vad"][0][hidden] is None
    assert data["states"][data["s"][hidden]] == "no face found"


def test_the_policy_allows_exactly_what_the_page_carries(page):
    policy = html.unescape(re.search(r'Security-Policy" content="([^"]+)"', page)[1])
    assert policy.startswith("default-src 'none'; ")
    for kind, tag in (
        ("style-src", r"<style>(.*?)</style>"),
        ("script-src", r"<script>(.*?)</script>"),
    ):
        found = {
            "'sha256-" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() + "'"
            for body in re.findall(tag, page, re.DOTALL)
        }
        allowed = re.search(rf"{kind} ([^;]+)", policy)[1].split()
        assert set(allowed) == found
    assert "unsafe" not in policy
    assert "media-src" not in policy
    assert not re.search(r"\sstyle=|\son[a-z]+=", page)


def test_the_page_names_no_address_that_could_be_fetched(page):
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\((?!#)", page)
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(source.startswith(("#", "data:image/jpeg;base64,")) for source in sources)


def test_text_from_outside_is_never_markup(made):
    report = copy.deepcopy(made.report)
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"
    report["label"] = report["use_case"] = report["summary"] = evil
    report["recording"]["file_name"] = evil + "\u202e4pm.exe\n"
    report["quality"]["warnings"] = [evil]
    report["alerts"][0]["contributions"][0]["name"] = evil
    report["anomalies"][0]["signal"] = evil
    report["provenance"]["config"]["label"] = {evil: [evil]}
    report["run"]["command_line"] = [evil]
    report["quality"]["gaps"][0]["reason"] = evil
    report["session_id"] = 'ses_"}</style>' + evil
    frames = made.frames | {"status": [evil] * len(made.frames["status"])}
    page = render_report(report, frames, glossary=[GlossaryUnit(1, evil, evil)])
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert len(re.findall(r"<script\b", page)) == 2
    assert len(re.findall(r"<style\b", page)) == 2
    assert "\u202e" not in page
    assert "\\u202e4pm.exe" in page
    assert evil in html.unescape(page)


@pytest.mark.parametrize("missing", OPTIONAL)
def test_a_part_that_is_absent_is_left_out_and_never_invented(made, missing):
    report = {key: value for key, value in made.report.items() if key != missing}
    assert words(render_report(report, made.frames))


def test_a_report_with_nothing_but_a_name_and_no_frames_still_renders():
    text = words(render_report({"session_id": "ses_0"}, {"session_offset_s": []}))
    assert "No alert was raised" in text
    assert "Yes: the face was measured soundly" not in text


def test_a_session_without_any_measured_frame_says_so():
    made = make_session(1, alerts=1, gaps=((0, 60, "no_face_detected"),))
    text = words(render_report(made.report, made.frames))
    assert "No: too little was measured soundly." in text
    assert "0% of frames (0 of 120)" in text


def test_one_hour_at_two_frames_per_second_stays_under_a_megabyte_and_a_half():
    made = make_session(60, alerts=20)
    page = render_report(made.report, made.frames)
    assert len(page.encode()) < 1_500_000


def test_many_rows_are_thinned_and_the_page_says_so():
    made = make_session(20, fps=25, alerts=2)
    page = render_report(made.report, made.frames)
    assert "of 30,000 frames" in words(page)
    assert len(page.encode()) < 2_000_000
    data = json.loads(re.search(r'id="read-out-data">(.*?)</script>', page)[1])
    assert max(v for v in data["vad"][1] if v is not None) == round(
        made.frames["arousal"].max() * 1000
    )


def test_stills_are_shown_and_can_be_read_back_from_the_page(made, page):
    stills = read_stills(page)
    assert [s.jpeg for s in stills] == [made.stills[k].jpeg for k in sorted(made.stills)]
    assert stills[0].offset_s == made.report["alerts"][0]["apex_s"]
    assert read_stills(render_report(made.report, made.frames)) == ()


def test_a_linked_recording_is_played_from_its_path_only(made):
    options = ReportOptions(video_path="../claims/my clip #1?.mp4")
    page = render_report(made.report, made.frames, options=options)
    assert '<video controls preload="metadata" src="../claims/my%20clip%20%231%3F.mp4"' in page
    assert "media-src &#39;self&#39; file:" in page
    assert 'href="../claims/my%20clip%20%231%3F.mp4#t=75.0"' in page


def test_a_recording_cannot_be_linked_as_a_script(made):
    page = render_report(made.report, made.frames, options=ReportOptions("javascript:alert(1)"))
    assert "javascript:" not in page


def test_one_style_sheet_restyles_the_page(made, tmp_path):
    (tmp_path / "report.css").write_text("body { color: teal }")
    page = render_report(made.report, made.frames, options=ReportOptions(template_dir=tmp_path))
    assert "<style>body { color: teal }</style>" in page
    assert "Scores over time" in page


def test_one_partial_can_be_replaced(made, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "_header.html").write_text("<h1>{{ page.title }} of ACME</h1>")
    page = render_report(made.report, made.frames, options=ReportOptions(template_dir=tmp_path))
    assert "first interview of ACME" in page


def test_unusable_templates_are_named(made, tmp_path):
    with pytest.raises(UsageError, match="no such folder"):
        render_report(made.report, made.frames, options=ReportOptions(template_dir=tmp_path / "x"))
    (tmp_path / "report.html").write_text("{{ page.nonsense }}")
    with pytest.raises(OutputError, match="nonsense"):
        render_report(made.report, made.frames, options=ReportOptions(template_dir=tmp_path))
    (tmp_path / "report.css").write_text("</style><script>")
    with pytest.raises(UsageError, match="closing tag"):
        render_report(made.report, made.frames, options=ReportOptions(template_dir=tmp_path))
