"""One frozen, digestible configuration for an analysis.

`AnalysisConfig` is the only carrier of settings below the command line. Field metadata is the one
source of bounds and help text for the command line, the config file and the documentation.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from echodepth_cli.errors import UsageError


def _setting(
    default: Any,
    help_text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    measures: bool = True,
) -> Any:
    """Declare a setting; ``measures`` says whether it changes what is measured (and the id)."""
    metadata = {"help": help_text, "low": low, "high": high, "measures": measures}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class AlertThresholds:
    """Scores at which an alert is raised; None turns a rule off."""

    arousal_high: float | None = _setting(
        0.80, "Alert when arousal reaches this (0-1, or off).", low=0, high=1, measures=False
    )
    valence_low: float | None = _setting(
        0.25, "Alert when valence falls to this (0-1, or off).", low=0, high=1, measures=False
    )
    dominance_low: float | None = _setting(
        0.30, "Alert when dominance falls to this (0-1, or off).", low=0, high=1, measures=False
    )
    arousal_rise: float | None = _setting(
        None, "Alert when arousal is this far above baseline.", low=0, high=1, measures=False
    )
    valence_drop: float | None = _setting(
        None, "Alert when valence is this far below baseline.", low=0, high=1, measures=False
    )
    dominance_drop: float | None = _setting(
        None, "Alert when dominance is this far below baseline.", low=0, high=1, measures=False
    )

    def __post_init__(self) -> None:
        _check_bounds(self)


@dataclass(frozen=True, slots=True)
class AnalysisConfig:
    """Everything that steers one analysis; raises UsageError when a value is out of bounds."""

    fps: float | None = _setting(
        2.0, "Frames analysed per second, or 'all' for every frame.", low=0.001, high=1000
    )
    start_s: float = _setting(0.0, "Start of the stretch to analyse.", low=0)
    end_s: float | None = _setting(None, "End of the stretch to analyse.", low=0)
    baseline_start_s: float = _setting(0.0, "Start of the baseline window.", low=0)
    baseline_window_s: float = _setting(
        60.0, "Seconds of the opening taken as the person's baseline.", low=1, high=3600
    )
    label: str | None = _setting(None, "Name of the session in reports.", measures=False)
    use_case: str | None = _setting(None, "Free hint, such as insurance_claims.", measures=False)
    alert_thresholds: AlertThresholds = field(
        default_factory=AlertThresholds, metadata={"help": "Alert thresholds.", "measures": False}
    )
    started_at: datetime | None = _setting(  # noqa: RUF009 - it declares a field
        None, "When the recording started (ISO 8601 with time zone).", measures=False
    )
    max_faces: int = _setting(4, "Faces looked for in each frame.", low=1, high=8)
    snapshots: bool = _setting(True, "Put a still of each alert in the report.", measures=False)

    def __post_init__(self) -> None:
        _check_bounds(self)
        if self.end_s is not None and self.end_s <= self.start_s:
            raise UsageError(
                f"the end ({self.end_s:g} s) must lie after the start ({self.start_s:g} s)"
            )
        if self.started_at is not None and self.started_at.tzinfo is None:
            raise UsageError(
                "--started-at needs a time zone, for example 2026-03-01T09:30:00+00:00 or ...Z"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-able settings, nested as in the config file."""
        values = dataclasses.asdict(self)
        values["started_at"] = self.started_at.isoformat() if self.started_at else None
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "configuration") -> AnalysisConfig:
        """Build from the form of `to_dict`; unknown names raise UsageError naming ``source``."""
        known = _known(cls, values, source)
        if "alert_thresholds" in known:
            table = known["alert_thresholds"]
            if not isinstance(table, Mapping):
                raise UsageError(f"{source}: alert_thresholds must be a table")
            known["alert_thresholds"] = AlertThresholds(
                **_known(AlertThresholds, table, f"{source} [alert_thresholds]")
            )
        if isinstance(known.get("started_at"), str):
            known["started_at"] = parse_started_at(known["started_at"])
        return cls(**known)

    def digest(self) -> str:
        """Return the sha256 of all settings, in hexadecimal."""
        return _digest(self.to_dict())

    def measurement_digest(self) -> str:
        """Return the sha256 of the settings that change what is measured.

        Label, thresholds and presentation are left out, so that a report rendered again with
        other thresholds is still a report of the same session.
        """
        values = self.to_dict()
        return _digest(
            {f.name: values[f.name] for f in dataclasses.fields(self) if f.metadata["measures"]}
        )


def load_config_file(path: Path) -> dict[str, Any]:
    """Read a TOML config file into the form that `AnalysisConfig.from_dict` takes.

    Raises UsageError when the file is missing or is not TOML.
    """
    import tomli

    try:
        return tomli.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot read the config file: {error.strerror}") from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a valid TOML file: {error}") from error


def parse_started_at(text: str) -> datetime:
    """Parse an ISO 8601 date and time; raises UsageError when it is none."""
    try:
        # Python 3.10 does not know the Z suffix.
        return datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise UsageError(
            f"'{text}' is not a date and time; write it as 2026-03-01T09:30:00+00:00"
        ) from error


def setting_help(cls: type, name: str) -> str:
    """Return the help text of one setting."""
    fields = {f.name: f for f in dataclasses.fields(cls)}
    return str(fields[name].metadata["help"])


def _known(cls: type, values: Mapping[str, Any], source: str) -> dict[str, Any]:
    names = {f.name: f for f in dataclasses.fields(cls)}
    for name, value in values.items():
        if name not in names:
            raise UsageError(f"{source}: unknown setting '{name}'; known: {', '.join(names)}")
        if isinstance(value, str) and names[name].metadata.get("high") is not None:
            raise UsageError(f"{source}: '{name}' must be a number, not '{value}'")
    # "off" and "all" are the words of the command line for None.
    return dict(values)


def _check_bounds(config: Any) -> None:
    for item in dataclasses.fields(config):
        value, low, high = (
            getattr(config, item.name),
            item.metadata.get("low"),
            item.metadata.get("high"),
        )
        if value is None or (low is None and high is None):
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(f"{item.name} must be a number, not {value!r}")
        inside = math.isfinite(value) and (low is None or value >= low)
        if not inside or (high is not None and value > high):
            bounds = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}"
            raise UsageError(f"{item.name} must be {bounds}, not {value:g}")


def _digest(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
