"""One frozen, digestible configuration for an analysis.

`AnalysisConfig` is the only carrier of settings below the command line; `settings.py` says how they
are declared and read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from echodepth_cli.errors import UsageError
from echodepth_cli.reading import read_small
from echodepth_cli.settings import check_bounds, known_settings, parse_setting, setting

_LARGEST_FILE_BYTES: Final = 1 << 20

SUBJECT_RULES: Final = ("main", "left", "right", "largest", "longest")
"""Ways to name the subject other than by number; `main` is longest and largest together."""


def _threshold(default: float | None, help_text: str) -> Any:
    return setting(default, help_text, low=0, high=1, none_word="off", measures=False)


@dataclass(frozen=True, slots=True)
class AlertThresholds:
    """Scores at which an alert is raised; None turns a rule off."""

    arousal_high: float | None = _threshold(0.80, "Alert when arousal reaches this (0-1, or off).")
    valence_low: float | None = _threshold(0.25, "Alert when valence falls to this (0-1, or off).")
    dominance_low: float | None = _threshold(
        0.30, "Alert when dominance falls to this (0-1, or off)."
    )
    arousal_rise: float | None = _threshold(None, "Alert when arousal is this far above baseline.")
    valence_drop: float | None = _threshold(None, "Alert when valence is this far below baseline.")
    dominance_drop: float | None = _threshold(
        None, "Alert when dominance is this far below baseline."
    )

    def __post_init__(self) -> None:
        check_bounds(self)


@dataclass(frozen=True, slots=True)
class AnalysisConfig:
    """Everything that steers one analysis; raises UsageError when a value is out of bounds."""

    fps: float | None = setting(
        2.0,
        "Frames analysed per second, or 'all' for every frame.",
        low=0.001,
        high=1000,
        none_word="all",
    )
    start_s: float = setting(0.0, "Start of the stretch to analyse.", low=0, clock=True)
    end_s: float | None = setting(None, "End of the stretch to analyse.", low=0, clock=True)
    baseline_start_s: float | None = setting(
        None, "Start of the baseline window; the start of the stretch.", low=0, clock=True
    )
    baseline_window_s: float = setting(
        60.0,
        "Seconds of the opening taken as the person's baseline, or a stretch from A to B.",
        low=1,
        high=3600,
    )
    carried_baseline: str | None = setting(
        None, "Digest of the baseline carried over with --baseline-from, which sets it."
    )
    label: str | None = setting(None, "Name of the session in reports.", measures=False)
    use_case: str | None = setting(None, "Free hint, such as insurance_claims.", measures=False)
    alert_thresholds: AlertThresholds = field(
        default_factory=AlertThresholds, metadata={"help": "Alert thresholds.", "measures": False}
    )
    started_at: datetime | None = setting(  # noqa: RUF009 - it declares a field
        None, "When the recording started (ISO 8601 with time zone).", measures=False
    )
    subject: str = setting(
        "main",
        "Whose session it is: main (in view longest and largest), left, right, largest, longest, "
        "or a person's number from an earlier report.",
    )
    subject_at_s: float | None = setting(
        None, "The subject is whoever is the main face at this moment.", low=0, clock=True
    )
    max_faces: int = setting(4, "Faces looked for in each frame.", low=1, high=8)
    small_faces: bool = setting(
        False, "Search every picture for small faces beside large ones, which takes longer."
    )
    region: str | None = setting(
        None, "Part of the picture to look at: left, top, width, height, as fractions (x,y,w,h)."
    )
    all_faces: bool = setting(
        False, "Write where everybody's face was to faces.parquet.", measures=False
    )
    snapshots: bool = setting(True, "Put stills of alerts and persons into it.", measures=False)
    blur_snapshots: bool = setting(False, "Make faces in stills unrecognisable.", measures=False)
    link_video: bool = setting(False, "Let the report play the recording.", measures=False)
    max_pixels: int = setting(
        8192 * 4320, "Largest picture accepted, width times height.", low=1, high=1 << 28
    )
    max_duration_s: float | None = setting(
        24 * 3600.0,
        "Longest recording accepted, or 'off'.",
        low=0.001,
        none_word="off",
        clock=True,
        bounds=True,
    )
    timeout_s: float | None = setting(
        12 * 3600.0,
        "Give a recording up that takes longer, or 'off'; loading the models is not counted.",
        low=0.001,
        none_word="off",
        clock=True,
        bounds=True,
    )
    stall_timeout_s: float | None = setting(
        60.0,
        "Give a recording up whose decoding makes no progress for this long, or 'off'.",
        low=0.1,
        none_word="off",
        clock=True,
        bounds=True,
    )

    def __post_init__(self) -> None:
        check_bounds(self)
        if self.end_s is not None and self.end_s <= self.start_s:
            raise UsageError(
                f"the end ({self.end_s:g} s) must lie after the start ({self.start_s:g} s)"
            )
        if self.subject not in SUBJECT_RULES and not _is_number(self.subject):
            raise UsageError(
                f"--subject must be one of {', '.join(SUBJECT_RULES)} or a person's number, "
                f"not '{self.subject}'"
            )
        if self.region is not None:
            _fractions(self.region)
        if self.subject_at_s is not None and self.subject != "main":
            raise UsageError("give --subject or --subject-at, not both")
        if self.started_at is not None and self.started_at.tzinfo is None:
            raise UsageError(
                "--started-at needs a time zone, for example 2026-03-01T09:30:00+00:00 or ...Z"
            )

    @property
    def baseline_from_s(self) -> float:
        """Return where the baseline window starts: as set, else where the analysis starts."""
        return self.start_s if self.baseline_start_s is None else self.baseline_start_s

    @property
    def region_fractions(self) -> tuple[float, float, float, float] | None:
        """Return left, top, width and height of the region; None for the whole picture."""
        return None if self.region is None else _fractions(self.region)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON-able settings, nested as in the config file."""
        values = dataclasses.asdict(self)
        values["started_at"] = self.started_at.isoformat() if self.started_at else None
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "configuration") -> AnalysisConfig:
        """Build from the form of `to_dict`, or from settings as people write them.

        Raises UsageError naming ``source`` for a name that is unknown or a value that cannot be
        read or is out of range; see `parse_setting` for what can be read.
        """
        table = values.get("alert_thresholds", {})
        if not isinstance(table, Mapping):
            raise UsageError(f"{source}: alert_thresholds must be a table")
        settings = with_window_spread(
            {name: value for name, value in values.items() if name != "alert_thresholds"},
            f"{source}: baseline_window_s",
        )
        section = f"{source} [alert_thresholds]"
        limits = known_settings(AlertThresholds, table, section)
        with _named(section):
            thresholds = AlertThresholds(**limits)
        known = known_settings(cls, settings, source)
        with _named(source):
            return cls(**known, alert_thresholds=thresholds)

    def digest(self) -> str:
        """Return the sha256 of all settings that can change an output, in hexadecimal."""
        return self._digest_of(lambda item: not item.metadata.get("bounds"))

    def measurement_digest(self) -> str:
        """Return the sha256 of the settings that change what is measured.

        Label, thresholds and presentation are left out, so that a report rendered again with
        other thresholds is still a report of the same session.
        """
        return self._digest_of(lambda item: item.metadata["measures"])

    def measured_otherwise(self, other: AnalysisConfig) -> list[str]:
        """Return the names of the settings by which the other would measure something else."""
        mine, theirs = self.to_dict(), other.to_dict()
        measuring = [f.name for f in dataclasses.fields(self) if f.metadata["measures"]]
        return [name for name in measuring if mine[name] != theirs[name]]

    def _digest_of(self, counts: Callable[[dataclasses.Field[Any]], bool]) -> str:
        values = self.to_dict()
        return _digest({f.name: values[f.name] for f in dataclasses.fields(self) if counts(f)})


def load_config_file(path: Path) -> dict[str, Any]:
    """Read a TOML config file into the form that `AnalysisConfig.from_dict` takes.

    Raises UsageError when the file is missing or is not TOML.
    """
    import tomli

    try:
        return tomli.loads(read_small(path, _LARGEST_FILE_BYTES).decode())
    except OSError as error:
        raise UsageError(f"{path}: cannot read the config file: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        # Not only what is no TOML: a number may have more digits than Python reads.
        raise UsageError(f"{path}: not a valid TOML file: {error}") from error


def with_window_spread(settings: Mapping[str, Any], shown_as: str) -> dict[str, Any]:
    """Return settings in which a baseline window written START-END is a start and a length.

    Raises UsageError that calls the window ``shown_as`` when it is no such stretch.
    """
    spread = dict(settings)
    window = spread.get("baseline_window_s")
    if not isinstance(window, str) or "-" not in window.strip()[1:]:
        return spread
    if spread.get("baseline_start_s") is not None:
        raise UsageError(f"{shown_as}: '{window}' names its start; leave out the separate one")
    start_s, end_s = (
        parse_setting(AnalysisConfig, "end_s", part.strip(), shown_as)
        for part in window.split("-", 1)
    )
    if start_s is None or end_s is None or end_s <= start_s:
        raise UsageError(f"{shown_as}: '{window}' must end after it starts")
    return spread | {"baseline_start_s": start_s, "baseline_window_s": end_s - start_s}


@contextmanager
def _named(source: str) -> Iterator[None]:
    """Put ``source`` before what a UsageError says."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from error


def _fractions(text: str) -> tuple[float, float, float, float]:
    """Return left, top, width and height of a region; raises UsageError when it is none."""
    try:
        left, top, width, height = (float(part) for part in text.split(","))
    except ValueError:
        left = top = width = height = math.nan
    inside = 0 <= left < 1 and 0 <= top < 1 and left + width <= 1.001 and top + height <= 1.001
    if not (inside and width > 0 and height > 0):
        raise UsageError(
            f"--region must be x,y,w,h in fractions of the picture, as 0.5,0,0.5,1, not '{text}'"
        )
    return left, top, width, height


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) > 0


def _digest(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
