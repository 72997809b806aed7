"""The figures of an evaluation as the Markdown tables of the model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def write_card(card: Path, figures: dict[str, Any]) -> None:
    """Put the tables between the marks of the card."""
    head, rest = card.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END)[1]
    card.write_text(f"{head}{BEGIN}\n\n{tables(figures)}\n\n{END}{tail}", encoding="utf-8")


def tables(figures: dict[str, Any]) -> str:
    """Return all tables."""
    held = figures["held_out"]
    parts = [
        _units(held, figures["coded_frames"]),
        _sentences(figures),
        _table(("group", "mean absolute error"), held["mae_by_group"].items()),
        _table(
            ("confidence of the picture", "pictures", "mean absolute error"),
            ((r["confidence"], r["pictures"], r["mae"]) for r in held["by_confidence"]),
        ),
        _table(
            ("over pose, of AU 1, 2, 4, 12 and 17 at 0.8", "yaw ±30°", "pitch ±20°"),
            (
                (text, figures["pose"]["yaw"][key], figures["pose"]["pitch"][key])
                for key, text in (
                    ("spread", "largest minus smallest value"),
                    ("falls_short", "frontal minus smallest value"),
                    ("false_activity", "largest value of the same units at rest"),
                )
            ),
        ),
        _table(
            ("photographs, population neutral", "ROC area against neutral (95 %)"),
            ((k, _area(v)) for k, v in figures["photos"].items()),
        ),
    ]
    return "\n\n".join(parts)


def _units(held: dict[str, Any], coded: dict[str, Any]) -> str:
    rows = []
    for name in sorted(set(held["per_au"]) | set(coded["per_au"])):
        a, b = held["per_au"].get(name), coded["per_au"].get(name)
        left = (a["correlation"], a["mae"], a["f1"]) if a else ("-", "-", "-")
        right = f"{_area(b)}, {b['positives']}" if b else "-"
        rows.append((name, *left, right))
    heads = ("AU", "correlation", "MAE", "F1 at 0.30", "coded frames: ROC area (95 %), positives")
    return _table(heads, rows)


def _sentences(figures: dict[str, Any]) -> str:
    held, coded, blinks = (figures[k] for k in ("held_out", "coded_frames", "blinks"))
    return (
        f"Held-out renders: {held['pictures']} pictures of {held['people']} people; mean "
        f"correlation {held['mean_correlation']} over the 17 units that were asked for, "
        f"{held['mean_correlation_frontal']} within 12° of frontal. The product gives a value for "
        f"{held['coverage']:.1%} of their (picture, unit) pairs. Coded frames: mean ROC area "
        f"{coded['mean_roc_area_3_positives']} over units with three positives or more, "
        f"{coded['mean_roc_area']} over all.\n"
        f"False activity on neutral faces of new people: {held['false_activity_share']:.2%} of "
        f"{held['false_activity_pairs']} (face, unit) pairs. AU45 in the sample interview, all its "
        f"frames: {blinks['found']} of {blinks['scripted']} scripted blinks found, "
        f"{blinks['false']} that were none. Change from frame to frame on a real "
        f"talking head: median {figures['jitter']['median']}, 95th percentile "
        f"{figures['jitter']['p95']}. Speed on one core: {figures['speed']['units_ms']} ms a face "
        f"for the units, {figures['speed']['windows_ms']} ms for the windows."
    )


def _area(found: dict[str, Any]) -> str:
    low, high = found["interval_95"]
    return f"{found['roc_area']} ({low} to {high})"


def _table(heads: tuple[str, ...], rows: Any) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in lines)
