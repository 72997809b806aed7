from __future__ import annotations

import re

import pytest

from echodepth_cli.output.report_html import ReportOptions
from tests.report.sessions import make_session

HOLES = tuple((20.0 * k + 5, 20.0 * k + 14, "no_face_detected") for k in range(12))

SESSIONS = {
    "short": lambda: make_session(0.1, alerts=0),
    "long": lambda: make_session(60, alerts=4, stills=True),
    "gap-ridden": lambda: make_session(4, alerts=4, gaps=HOLES),
    "alert-heavy": lambda: make_session(20, alerts=24, stills=True),
    "folded": lambda: make_session(8, alerts=13, stills=True),
    "unmeasured": lambda: make_session(1, alerts=0, gaps=((0, 60, "no_face_detected"),)),
}
EXPECTED = {
    "short": ["No alert was raised", "Yes: the face was measured soundly.", "6.0 s"],
    "long": ["Alert 4: High arousal", "1 h 00 min 00 s", "59:00 to 1:00:00"],
    "gap-ridden": ["12 stretches not measured", "55% of frames", "no face found"],
    "alert-heavy": ["Alert 24:", "Alerts 13 to 24", "19 more are listed"],
    "unmeasured": ["No: too little was measured soundly.", "0% of frames (0 of 120)"],
}


def visible_text(page):
    page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true })")
    return " ".join(page.inner_text("body").split())


def axe_violations(page):
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe is not installed"
    )
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['impact']} {rule['id']}: {node['html'][:160]}"
        for rule in found
        for node in rule["nodes"][:3]
    ]


@pytest.mark.parametrize("kind", EXPECTED)
def test_a_report_opens_complete_without_complaint_or_request(open_report, keep_screenshot, kind):
    opened = open_report(SESSIONS[kind]())
    text = visible_text(opened.page)
    for expected in ["Claim 2026-1142, first interview", "ses_3f9a1c7be24d60518c2af7e1"]:
        assert expected in text
    for expected in EXPECTED[kind]:
        assert expected in text
    keep_screenshot(opened.page)
    assert opened.complaints == []
    assert opened.strangers() == []


@pytest.mark.parametrize(
    ("kind", "width", "scheme"),
    [
        ("long", 1280, "light"),
        ("folded", 360, "light"),
        ("gap-ridden", 1280, "dark"),
        ("short", 360, "dark"),
        ("unmeasured", 1920, "light"),
    ],
)
def test_axe_finds_no_violation(open_report, keep_screenshot, kind, width, scheme):
    opened = open_report(SESSIONS[kind](), width=width, color_scheme=scheme)
    assert visible_text(opened.page)
    keep_screenshot(opened.page)
    assert axe_violations(opened.page) == []


@pytest.mark.parametrize("width", [320, 360, 768, 1920])
def test_no_width_makes_the_page_scroll_sideways(open_report, width):
    page = open_report(SESSIONS["gap-ridden"](), width=width).page
    assert visible_text(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_everything_but_the_tools_works_with_scripts_off(open_report, keep_screenshot):
    page = open_report(make_session(3, alerts=2), java_script_enabled=False).page
    text = " ".join(page.inner_text("body").split())
    assert "Arousal reached" in text
    assert "Alert 2: Low valence" in text
    assert page.locator(".panel .line").count() == 3
    assert (
        page.locator(".panel-arousal .plot")
        .first.get_attribute("aria-label")
        .startswith("Arousal over")
    )
    assert not page.locator("#tools").is_visible()
    assert not page.locator("#slider").is_visible()
    page.locator("summary", has_text="minute by minute").click()
    assert page.locator("caption", has_text="minute by minute").is_visible()
    keep_screenshot(page)


def test_the_keyboard_reaches_every_control_in_the_order_of_the_page(open_report):
    page = open_report(make_session(3, alerts=2)).page
    script = """() => {
      const all = 'a[href], button, input, summary, [tabindex="0"], video';
      return [...document.querySelectorAll(all)].filter((e) => e.checkVisibility()).length;
    }"""
    expected = page.evaluate(script)
    page.evaluate("() => { window.order = []; }")
    seen = []
    for _ in range(expected):
        page.keyboard.press("Tab")
        seen.append(
            page.evaluate("""() => {
              const at = document.activeElement;
              window.order.push(at);
              const area = at.getBoundingClientRect();
              const bare = getComputedStyle(at).outlineStyle === 'none';
              return { name: at.textContent.trim() || at.id, bare, inside: area.height > 0 };
            }""")
        )
    assert seen[0]["name"] == "Skip to the report"
    assert page.evaluate("() => new Set(window.order).size") == expected
    assert "slider" in [step["name"] for step in seen]
    assert [step for step in seen if step["bare"] or not step["inside"]] == []
    in_order = """() => window.order.every((e, k, all) => !k ||
      all[k - 1].compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)"""
    assert page.evaluate(in_order)


def test_the_arrow_keys_read_out_true_values(open_report):
    made = make_session(3, alerts=2)
    page = open_report(made).page
    page.focus("#slider")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    value = made.frames["valence"][3]
    assert "00:01.5" in page.inner_text("#read-out")
    assert f"valence {value:.2f}" in page.inner_text("#read-out")
    assert f"valence {value:.2f}" in page.get_attribute("#slider", "aria-valuetext")
    page.keyboard.press("End")
    assert "02:59.5" in page.inner_text("#read-out")


def test_pointing_at_a_chart_reads_out_that_moment(open_report):
    page = open_report(make_session(3, alerts=2)).page
    page.locator(".panel-valence .plot").first.scroll_into_view_if_needed()
    area = page.locator(".panel-valence .plot").first.bounding_box()
    page.mouse.move(area["x"] + area["width"] / 2, area["y"] + 20)
    assert "01:30.0" in page.inner_text("#read-out")


def test_a_missing_value_is_read_out_as_missing_with_its_reason(open_report):
    made = make_session(2, alerts=0, gaps=((0, 10, "no_face_detected"),))
    text = " ".join(open_report(made).page.inner_text("#read-out").split())
    assert "valence – " in text
    assert "no face found" in text


def test_dragging_zooms_to_a_stretch_and_back(open_report):
    page = open_report(make_session(10, alerts=3)).page
    whole = page.locator(".panel-arousal .view").last.get_attribute("viewBox")
    page.locator(".panel-arousal .plot").first.scroll_into_view_if_needed()
    area = page.locator(".panel-arousal .plot").first.bounding_box()
    page.mouse.move(area["x"] + area["width"] * 0.2, area["y"] + 40)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.4, area["y"] + 40)
    page.mouse.up()
    assert page.inner_text("#shown") == "Showing 02:00 to 04:00"
    left, _, width, height = (
        page.locator(".panel-arousal .view").last.get_attribute("viewBox").split()
    )
    assert float(left) == pytest.approx(12_000, abs=200)
    assert float(width) == pytest.approx(12_000, abs=200)
    assert height == "1000"
    page.click("text=Whole session")
    assert (
        page.locator(".panel-arousal .view").last.get_attribute("viewBox").split() == whole.split()
    )


def test_zooming_by_keyboard_keeps_the_chosen_moment_in_view(open_report):
    page = open_report(make_session(10, alerts=3)).page
    page.click("#alert-2 .time")
    assert "05:00.0" in page.inner_text("#read-out")
    page.focus("[data-zoom=in]")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.inner_text("#shown") == "Showing 03:45 to 06:15"
    assert page.locator("#chart .cursor").first.is_visible()
    labels = page.locator("#chart .x-axis text").all_text_contents()
    assert len(labels) > 3
    assert all("03:45" <= label <= "06:15" for label in labels)


def test_a_link_into_a_folded_part_unfolds_it(open_report):
    page = open_report(SESSIONS["alert-heavy"]()).page
    assert not page.locator("#alert-20").is_visible()
    page.evaluate("location.hash = 'alert-20'")
    page.wait_for_selector("#alert-20", state="visible")


def test_markup_in_names_is_text_and_the_policy_stops_what_slips_in(open_report):
    made = make_session(1, alerts=1)
    evil = "<img src=x onerror='window.hit=1'><script>window.hit=1</script>"
    made.report["label"] = made.report["recording"]["file_name"] = evil
    opened = open_report(made)
    assert evil in opened.page.inner_text("h1")
    assert opened.complaints == []
    opened.page.evaluate("""() => {
      const script = document.createElement('script');
      script.textContent = 'window.hit = 2';
      document.body.append(script);
      const image = document.createElement('img');
      image.src = 'https://example.org/x.png';
      document.body.append(image);
    }""")
    opened.page.wait_for_function("true")
    assert opened.page.evaluate("window.hit") is None
    assert any("Content Security Policy" in text for text in opened.complaints)


def test_a_time_in_the_report_plays_the_linked_recording_there(open_report, tmp_path):
    clips = pytest.importorskip("tests.clips")
    clips.write_clip(tmp_path / "claim 1.mp4", clips.regular(25 * 8))
    opened = open_report(make_session(0.1, alerts=1), ReportOptions(video_path="claim 1.mp4"))
    page = opened.page
    page.wait_for_function("document.querySelector('#player').readyState >= 1")
    page.click(".moments .time")
    page.wait_for_function("document.querySelector('#player').currentTime >= 2.5")
    assert opened.complaints == []
    assert [url for url in opened.strangers() if not url.endswith("/claim%201.mp4")] == []
    assert axe_violations(page) == []


@pytest.mark.parametrize(("kind", "least", "most"), [("short", 4, 9), ("long", 8, 16)])
def test_the_printed_report_has_the_expected_pages(open_report, tmp_path, kind, least, most):
    page = open_report(SESSIONS[kind](), color_scheme="dark").page
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    sheets = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert least <= len(sheets) <= most
    assert {(round(float(w)), round(float(h))) for w, h in sheets} == {(595, 842)}
