"""One frozen, digestible configuration for an analysis.

`AnalysisConfig` is the only carrier of settings below the command line. Field metadata is the one
source of bounds and help text for the command line, the config file and the documentation.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from echodepth_cli.errors import UsageError
from echodepth_cli.reading import read_small

_LARGEST_FILE_BYTES: Final = 1 << 20

SUBJECT_RULES: Final = ("main", "left", "right", "largest", "longest")
"""Ways to name the subject other than by number; `main` is longest and largest together."""


def _setting(
    default: Any,
    help_text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    none_word: str | None = None,
    clock: bool = False,
    measures: bool = True,
    bounds: bool = False,
) -> Any:
    """Declare a setting.

    ``none_word`` is how None is written in files and options, ``clock`` allows mm:ss,
    ``measures`` says whether the setting changes what is measured (and the session's id), and
    ``bounds`` that it only refuses recordings: what it lets through comes out the same.
    """
    metadata = {
        "help": help_text,
        "low": low,
        "high": high,
        "none_word": none_word,
        "clock": clock,
        "measures": measures and not bounds,
        "bounds": bounds,
    }
    return field(default=default, metadata=metadata)


def _threshold(default: float | None, help_text: str) -> Any:
    return _setting(default, help_text, low=0, high=1, none_word="off", measures=False)


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
        _check_bounds(self)


@dataclass(frozen=True, slots=True)
class AnalysisConfig:
    """Everything that steers one analysis; raises UsageError when a value is out of bounds."""

    fps: float | None = _setting(
        2.0,
        "Frames analysed per second, or 'all' for every frame.",
        low=0.001,
        high=1000,
        none_word="all",
    )
    start_s: float = _setting(0.0, "Start of the stretch to analyse.", low=0, clock=True)
    end_s: float | None = _setting(None, "End of the stretch to analyse.", low=0, clock=True)
    baseline_start_s: float | None = _setting(
        None, "Start of the baseline window; the start of the stretch.", low=0, clock=True
    )
    baseline_window_s: float = _setting(
        60.0,
        "Seconds of the opening taken as the person's baseline, or a stretch from A to B.",
        low=1,
        high=3600,
    )
    carried_baseline: str | None = _setting(
        None, "Digest of the baseline carried over with --baseline-from, which sets it."
    )
    label: str | None = _setting(None, "Name of the session in reports.", measures=False)
    use_case: str | None = _setting(None, "Free hint, such as insurance_claims.", measures=False)
    alert_thresholds: AlertThresholds = field(
        default_factory=AlertThresholds, metadata={"help": "Alert thresholds.", "measures": False}
    )
    started_at: datetime | None = _setting(  # noqa: RUF009 - it declares a field
        None, "When the recording started (ISO 8601 with time zone).", measures=False
    )
    subject: str = _setting(
        "main",
        "Whose session it is: main (in view longest and largest), left, right, largest, longest, "
        "or a person's number from an earlier report.",
    )
    subject_at_s: float | None = _setting(
        None, "The subject is whoever is the main face at this moment.", low=0, clock=True
    )
    max_faces: int = _setting(4, "Faces looked for in each frame.", low=1, high=8)
    small_faces: bool = _setting(
        False, "Look for small faces beside large ones too, which takes longer."
    )
    region: str | None = _setting(
        None, "Part of the picture to look at: left, top, width, height, as fractions (x,y,w,h)."
    )
    all_faces: bool = _setting(
        False, "Write where everybody's face was to faces.parquet.", measures=False
    )
    snapshots: bool = _setting(True, "Put stills of alerts and persons into it.", measures=False)
    blur_snapshots: bool = _setting(False, "Make faces in stills unrecognisable.", measures=False)
    link_video: bool = _setting(False, "Let the report play the recording.", measures=False)
    max_pixels: int = _setting(
        8192 * 4320, "Largest picture accepted, width times height.", low=1, high=1 << 28
    )
    max_duration_s: float | None = _setting(
        24 * 3600.0,
        "Longest recording accepted, or 'off'.",
        low=0.001,
        none_word="off",
        clock=True,
        bounds=True,
    )
    timeout_s: float | None = _setting(
        12 * 3600.0,
        "Give a recording up that takes longer, or 'off'; loading the models is not counted.",
        low=0.001,
        none_word="off",
        clock=True,
        bounds=True,
    )
    stall_timeout_s: float | None = _setting(
        60.0,
        "Give a recording up whose decoding makes no progress for this long, or 'off'.",
        low=0.1,
        none_word="off",
        clock=True,
        bounds=True,
    )

    def __post_init__(self) -> None:
        _check_bounds(self)
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
        read; see `parse_setting` for what can.
        """
        table = values.get("alert_thresholds", {})
        if not isinstance(table, Mapping):
            raise UsageError(f"{source}: alert_thresholds must be a table")
        settings = with_window_spread(
            {name: value for name, value in values.items() if name != "alert_thresholds"},
            f"{source}: baseline_window_s",
        )
        thresholds = AlertThresholds(
            **_known(AlertThresholds, table, f"{source} [alert_thresholds]")
        )
        return cls(**_known(cls, settings, source), alert_thresholds=thresholds)

    def digest(self) -> str:
        """Return the sha256 of all settings that can change an output, in hexadecimal."""
        return self._digest_of(lambda item: not item.metadata.get("bounds"))

    def measurement_digest(self) -> str:
        """Return the sha256 of the settings that change what is measured.

        Label, thresholds and presentation are left out, so that a report rendered again with
        other thresholds is still a report of the same session.
        """
        return self._digest_of(lambda item: item.metadata["measures"])

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


def parse_started_at(text: str) -> datetime:
    """Parse an ISO 8601 date and time; raises UsageError when it is none."""
    try:
        # Python 3.10 does not know the Z suffix.
        return datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise UsageError(
            f"'{text}' is not a date and time; write it as 2026-03-01T09:30:00+00:00"
        ) from error


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


def setting_help(cls: type, name: str) -> str:
    """Return the help text of one setting."""
    fields = {f.name: f for f in dataclasses.fields(cls)}
    return str(fields[name].metadata["help"])


def parse_setting(cls: type, name: str, value: Any, shown_as: str) -> Any:
    """Turn one setting as written in a file, a manifest or an option into its own type.

    Numbers may be text; ``off`` and ``all`` stand for None where the setting allows them; times may
    be seconds, mm:ss or hh:mm:ss. Raises UsageError that calls the setting ``shown_as``.
    """
    item = {f.name: f for f in dataclasses.fields(cls)}[name]
    kind = str(item.type)
    word = item.metadata["none_word"]
    if value is None and "None" in kind:
        return None
    if isinstance(value, str):
        if not is_utf8(value):
            raise UsageError(f"{shown_as} holds characters that are none (no UTF-8)")
        if word is not None and value.strip().lower() == word:
            return None
        # Text stays as it was written; what is read as something else may have blanks around it.
        is_text = kind.removesuffix(" | None") == "str"
        read = value if is_text else value.strip()
        value = _from_text(kind, read, clock=item.metadata["clock"])
    if not _is_of_kind(value, kind):
        expected = _KINDS[kind.removesuffix(" | None")][1] + (f" or '{word}'" if word else "")
        expected += " (or mm:ss)" if item.metadata["clock"] else ""
        raise UsageError(f"{shown_as} must be {expected}, not '{value}'")
    return value


_KINDS: Final[dict[str, tuple[tuple[type, ...], str]]] = {
    "float": ((int, float), "a number"),
    "int": ((int,), "a whole number"),
    "bool": ((bool,), "true or false"),
    "str": ((str,), "text"),
    "datetime": ((datetime,), "a date and time with time zone"),
}


def is_utf8(value: str) -> bool:
    """Tell whether a text can be written as UTF-8; arguments need not."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _from_text(kind: str, text: str, *, clock: bool) -> Any:
    """Read text as ``kind``; text that is none is handed back unchanged."""
    kind = kind.removesuffix(" | None")
    if kind == "datetime":
        return parse_started_at(text)
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind not in ("float", "int"):
        return text
    try:
        if clock and ":" in text:
            return _clock_seconds(text)
        return int(text) if kind == "int" else float(text)
    except ValueError:
        return text


def _clock_seconds(text: str) -> float:
    """Return the seconds of mm:ss or hh:mm:ss; raises ValueError."""
    *larger, seconds = text.split(":")
    if len(larger) > 2 or not all(part.isdecimal() for part in larger):
        raise ValueError(text)
    value = float(seconds)
    if not 0 <= value < 60 or (len(larger) == 2 and int(larger[1]) >= 60):
        raise ValueError(text)
    for power, part in enumerate(reversed(larger), start=1):
        value += int(part) * 60**power
    return value


def _is_of_kind(value: Any, kind: str) -> bool:
    kind = kind.removesuffix(" | None")
    return isinstance(value, _KINDS[kind][0]) and isinstance(value, bool) == (kind == "bool")


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


def _known(cls: type, values: Mapping[str, Any], source: str) -> dict[str, Any]:
    names = [f.name for f in dataclasses.fields(cls)]
    for name in values:
        if name not in names:
            raise UsageError(f"{source}: unknown setting '{name}'; known: {', '.join(names)}")
    return {
        name: parse_setting(cls, name, value, f"{source}: {name}") for name, value in values.items()
    }


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
        if str(item.type).startswith("float"):
            # 2 and 2.0 are one setting and must have one digest.
            object.__setattr__(config, item.name, float(value))


def _digest(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
