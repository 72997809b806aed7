"""Reports and frame tables made to order, in the shapes of `report.json` and `frames.parquet`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from echodepth_cli.output.snapshots import Still, make_still

NAMES = {
    1: "Inner brow raiser", 2: "Outer brow raiser", 3: "Inner corner brow tightener",
    4: "Brow lowerer", 5: "Upper lid raiser", 6: "Cheek raiser", 7: "Lid tightener",
    8: "Lips toward each other", 9: "Nose wrinkler", 10: "Upper lip raiser",
    11: "Nasolabial deepener", 12: "Lip corner puller", 13: "Sharp lip puller", 14: "Dimpler",
    15: "Lip corner depressor", 16: "Lower lip depressor", 17: "Chin raiser", 18: "Lip pucker",
    19: "Tongue show", 20: "Lip stretcher", 21: "Neck tightener", 22: "Lip funneler",
    23: "Lip tightener", 24: "Lip pressor", 25: "Lips part", 26: "Jaw drop", 27: "Mouth stretch",
    28: "Lip suck", 29: "Jaw thrust", 30: "Jaw sideways", 31: "Jaw clencher", 32: "Lip bite",
    33: "Cheek blow", 34: "Cheek puff", 35: "Cheek suck", 36: "Tongue bulge", 37: "Lip wipe",
    38: "Nostril dilator", 39: "Nostril compressor", 40: "Sniff", 41: "Lid droop", 42: "Slit",
    43: "Eyes closed", 44: "Squint", 45: "Blink", 46: "Wink",
}  # fmt: skip
UNSEEN = (3, 21, 31, 36, 40)
PROXY = (8, 11, 13, 19, 29, 32, 33, 34, 35, 37, 38, 39, 44)
BASELINE = {"v": 0.52, "a": 0.47, "d": 0.51}


@dataclass(frozen=True)
class Made:
    """One session: the report, its frames by column, and the stills of its alerts."""

    report: dict[str, Any]
    frames: dict[str, Any]
    stills: dict[int, Still] = field(default_factory=dict)


def make_session(
    minutes: float = 5.0,
    *,
    fps: float = 2.0,
    alerts: int = 2,
    gaps: tuple[tuple[float, float, str], ...] = (),
    stills: bool = False,
    seed: int = 7,
) -> Made:
    """Return a session whose alerts and gaps are where they are asked for."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(minutes * 60 * fps)) / fps
    scores = _scores(times, rng)
    apexes = [round((k + 1) * times[-1] / (alerts + 1) * fps) / fps for k in range(alerts)]
    for k, apex in enumerate(apexes):
        bump = np.exp(-(((times - apex) / 2.5) ** 2))
        column, change = (1, 0.39) if k % 3 != 1 else (0, -0.32)
        scores[:, column] += change * bump
    scores = scores.clip(0.02, 0.98)
    status = np.full(len(times), "ok", dtype=object)
    for start, end, reason in gaps:
        status[(times >= start) & (times < end)] = reason
    missing = status != "ok"
    scores[missing] = np.nan
    aus = _units(times, apexes, rng)
    aus[missing] = np.nan
    frames = _frames(times, scores, status, aus)
    found = [_alert(k, apex, times, scores) for k, apex in enumerate(apexes)]
    found = [alert for alert in found if alert is not None]
    report = _report(times, fps, scores, status, aus, found, gaps)
    pictures = {
        k: make_still(_picture(k), alert["apex_s"]) for k, alert in enumerate(found) if stills
    }
    return Made(report, frames, pictures)


def _scores(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    slow = np.column_stack([np.sin(times / p + k) for k, p in enumerate((31, 47, 71))])
    noise = rng.normal(0, 0.018, (len(times), 3))
    for row in range(1, len(times)):
        noise[row] += 0.8 * noise[row - 1]
    return np.array(list(BASELINE.values())) + 0.035 * slow + noise


def _units(times: np.ndarray, apexes: list[float], rng: np.random.Generator) -> np.ndarray:
    aus = np.abs(rng.normal(0, 0.05, (len(times), 46)))
    for au, period, height in (
        (12, 43, 0.5),
        (6, 43, 0.36),
        (25, 5, 0.5),
        (26, 7, 0.38),
        (45, 3.7, 0.9),
    ):
        aus[:, au - 1] += height * np.maximum(0, np.sin(times / period * 6.283 + au)) ** 6
    for apex in apexes:
        for au, height in ((1, 0.55), (4, 0.62), (24, 0.4), (5, 0.3)):
            aus[:, au - 1] += height * np.exp(-(((times - apex) / 3) ** 2))
    for au in UNSEEN:
        aus[:, au - 1] = np.nan
    return aus.clip(0, 1).astype(np.float32)


def _frames(
    times: np.ndarray, scores: np.ndarray, status: np.ndarray, aus: np.ndarray
) -> dict[str, Any]:
    ok = status == "ok"
    return {
        "session_offset_s": times,
        "status": status,
        "confidence": np.where(ok, 0.86 + 0.08 * np.sin(times / 20), np.nan),
        "valence": scores[:, 0],
        "arousal": scores[:, 1],
        "dominance": scores[:, 2],
        "talking": ok & (np.sin(times / 11) > 0.25),
        **{f"AU{n:02d}": aus[:, n - 1] for n in range(1, 47)},
    }


def _alert(k: int, apex: float, times: np.ndarray, scores: np.ndarray) -> dict[str, Any] | None:
    rule, column, threshold = (("arousal_high", 1, 0.80), ("valence_low", 0, 0.25))[k % 3 == 1]
    row = int(np.argmin(np.abs(times - apex)))
    value = scores[row, column]
    if np.isnan(value):
        return None
    baseline = list(BASELINE.values())[column]
    shares = ((4, 0.46), (1, 0.27), (24, 0.14), (5, 0.11), (25, 0.05), (45, 0.02), (12, -0.05))
    return {
        "type": rule,
        "timestamp_ms": 1795425330000 + round(apex * 1000),
        "session_offset_s": apex,
        "value": round(float(value), 4),
        "threshold": threshold,
        "baseline": baseline,
        "deviation": round(float(value) - baseline, 4),
        "onset_s": apex - 3.0,
        "apex_s": apex,
        "offset_s": apex + 3.5,
        "duration_s": 6.5,
        "confidence": 0.88,
        "contributions": [{"au": au, "name": NAMES[au], "share": share} for au, share in shares],
    }


def _report(
    times: np.ndarray,
    fps: float,
    scores: np.ndarray,
    status: np.ndarray,
    aus: np.ndarray,
    alerts: list[dict[str, Any]],
    gaps: tuple[tuple[float, float, str], ...],
) -> dict[str, Any]:
    ok = status == "ok"
    duration = len(times) / fps
    means = [float(np.nanmean(scores[:, k])) if ok.any() else 0.5 for k in range(3)]
    return {
        "schema_version": "1.0",
        "session_id": "ses_3f9a1c7be24d60518c2af7e1",
        "label": "Claim 2026-1142, first interview",
        "use_case": "insurance_claims",
        "duration_s": duration,
        "frame_count": len(times),
        "timestamp_origin": "option",
        "started_at": "2026-11-23T09:15:30+00:00",
        "recording": {
            "file_name": "interview-1142.mp4",
            "sha256": "9c" * 32,
            "bytes": 48_210_377,
            "container": "mov,mp4",
            "codec": "h264",
            "width_px": 1280,
            "height_px": 720,
            "rotation_deg": 0,
            "duration_s": duration,
            "average_fps": 25.0,
        },
        "baseline_vad": BASELINE,
        "mean_vad": dict(zip("vad", means, strict=True)),
        "alerts": alerts,
        "suppressed_alerts": [],
        "summary": "Elevated arousal detected during minutes 1–2 and 3–4. Sustained AU1+4 brow "
        "tension observed. Review recommended."
        if alerts
        else "No score passed its threshold.",
        "baseline": {
            "source": "opening_window",
            "window_s": [0.0, min(60.0, duration)],
            "frames_used": round(min(60.0, duration) * fps * 0.6),
            "quality": "good",
            "reasons": [],
            "vad": BASELINE,
            "spread": {"v": 0.03, "a": 0.04, "d": 0.035},
        },
        "vad_trend": _trend(times, scores, ok),
        "anomalies": _anomalies(duration) if len(times) > 240 else [],
        "action_units": [_unit(au, times, aus) for au in range(1, 47)],
        "combinations": [
            {
                "aus": [1, 4],
                "label": "raised and drawn-together brows",
                "total_s": 6.0,
                "longest_s": 3.0,
                "episodes": [{"start_s": 70.0, "end_s": 73.0}, {"start_s": 150.0, "end_s": 153.0}],
            }
        ],
        "quality": {
            "coverage": float(ok.mean()),
            "frames_ok": int(ok.sum()),
            "frames_no_face": int((status == "no_face_detected").sum()),
            "frames_low_confidence": int((status == "low_confidence").sum()),
            "mean_confidence": 0.87 if ok.any() else None,
            "gaps": [{"start_s": a, "end_s": b, "reason": reason} for a, b, reason in gaps],
            "short_gaps": 0,
            "warnings": [],
        },
        "limits": ["Values describe visible facial movement against this recording."],
        "provenance": {
            "software": {"python": "3.11.9", "echodepth-cli": "0.1.0", "mediapipe": "0.10.21"},
            "models": [
                {"name": "action_units", "sha256": "4b" * 32},
                {"name": "vad_weights", "sha256": "7d" * 32},
            ],
            "config": {
                "fps": fps,
                "start_s": 0.0,
                "end_s": None,
                "baseline_window_s": 60.0,
                "alert_thresholds": {
                    "arousal_high": 0.80,
                    "valence_low": 0.25,
                    "dominance_low": 0.30,
                    "arousal_rise": None,
                    "valence_drop": None,
                    "dominance_drop": None,
                },
            },
            "config_digest": "1a" * 32,
            "measurement_digest": "2b" * 32,
            "frames_parquet_sha256": "3c" * 32,
            "decode": {
                "frames_decoded": round(duration * 25),
                "decode_failures": 0,
                "truncated": False,
                "warnings": [],
            },
        },
        "run": {
            "analysed_at": "2026-11-23T10:02:11+00:00",
            "elapsed_s": 41.2,
            "host": "Linux x86_64",
            "command_line": ["echodepth", "analyse", "interview-1142.mp4"],
        },
    }


def _trend(times: np.ndarray, scores: np.ndarray, ok: np.ndarray) -> list[dict[str, Any]]:
    rows = []
    for minute in range(int(times[-1] // 60) + 1):
        inside = (times >= minute * 60) & (times < minute * 60 + 60)
        seen = inside & ok
        row = {
            "minute": minute, "start_s": minute * 60.0, "end_s": minute * 60.0 + 60.0,
            "frames": int(inside.sum()), "coverage": float(ok[inside].mean()),
        }  # fmt: skip
        for k, key in enumerate("vad"):
            part = scores[seen, k]
            row[key] = (
                {"mean": float(part.mean()), "low": float(part.min()), "high": float(part.max())}
                if part.size
                else {"mean": None, "low": None, "high": None}
            )
        rows.append(row)
    return rows


def _anomalies(duration: float) -> list[dict[str, Any]]:
    at = duration * 0.8
    return [
        {"start_s": at - 6, "end_s": at + 9, "apex_s": at, "signal": "dominance",
         "direction": "drop", "magnitude": -0.14, "z": 4.2}
    ]  # fmt: skip


def _unit(au: int, times: np.ndarray, aus: np.ndarray) -> dict[str, Any]:
    values = aus[:, au - 1]
    seen = np.isfinite(values)
    status = "not_observable" if au in UNSEEN else "proxy" if au in PROXY else "measured"
    base = {"au": au, "name": NAMES[au], "status": status}
    if not seen.any():
        return base | dict.fromkeys(("mean", "peak", "peak_offset_s", "share_active"))
    active = values[seen] >= np.float32(0.30)
    return base | {
        "mean": float(values[seen].mean()),
        "peak": float(values[seen].max()),
        "peak_offset_s": float(times[np.nanargmax(values)]),
        "share_active": float(active.mean()),
        "episodes": int((np.diff(active.astype(int)) == 1).sum()),
    }


def _picture(k: int) -> np.ndarray:
    """Return a plain drawing in place of a frame: a face-like oval on a background."""
    y, x = np.mgrid[0:360, 0:640]
    image = np.empty((360, 640, 3), dtype=np.uint8)
    image[:] = (96, 112 + k % 30, 128)
    face = ((x - 320) / 90) ** 2 + ((y - 170) / 125) ** 2 < 1
    image[face] = (222, 184, 160)
    image[y > 300] = (60, 70, 90)
    return image
