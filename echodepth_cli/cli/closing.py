"""The closing table of a session: what came out, and where it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from echodepth_cli.cli.console import Messages
from echodepth_cli.cli.words import duration, percent


def close_with_table(messages: Messages, report: Mapping[str, Any], session_dir: Path) -> None:
    """Say in a few lines what came out and where it is."""
    alerts, quality, baseline = report["alerts"], report["quality"], report["baseline"]
    held_back = len(report.get("suppressed_alerts", []))
    kinds = ", ".join(sorted({alert["type"] for alert in alerts}))
    rows = {
        "duration": duration(report["duration_s"]),
        "frames": str(report["frame_count"]),
        "face measured in": f"{percent(quality['coverage'])} of frames",
        **_analysed(report),
        "baseline": baseline["quality"],
        "alerts": f"{len(alerts)} ({kinds})" if alerts else "none",
        **({"held back": f"{held_back} (reasons in the report)"} if held_back else {}),
        "report": str(session_dir / "report.html"),
        "data": f"{session_dir / 'frames.parquet'}, {session_dir / 'report.json'}",
    }
    fields = {
        "event": "session.report_ready",
        "session_id": report["session_id"],
        "label": report["label"],
        "duration_s": report["duration_s"],
        "frame_count": report["frame_count"],
        "coverage": quality["coverage"],
        "alerts": len(alerts),
        "baseline_quality": baseline["quality"],
        "session_dir": str(session_dir),
    }
    messages.table("analysed", rows, fields)


def _analysed(report: Mapping[str, Any]) -> dict[str, str]:
    """Return a line on whose session it is, where more than one person was in view."""
    subject, persons = report.get("subject") or {}, len(report.get("persons") or ())
    if persons < 2:
        return {}
    doubt = (
        ""
        if subject["is_clear"]
        else "; it is not clear that this is the right one, see the report"
    )
    return {"analysed": f"person {subject['person']} of {persons} in view{doubt}"}
