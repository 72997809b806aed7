"""Take from an earlier session of the same person what the next can start from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from echodepth_cli.affect.carried import CarriedBaseline
from echodepth_cli.errors import BaselineError, InputError, printable
from echodepth_cli.models import registered_models
from echodepth_cli.output.parquet import read_metadata
from echodepth_cli.output.provenance import file_sha256
from echodepth_cli.output.schema import load_schema
from echodepth_cli.reading import parse_json, read_small

_LARGEST_REPORT_BYTES: Final = 1 << 30


def read_carried(session_dir: Path) -> CarriedBaseline:
    """Return the baseline that a session hands on.

    Raises InputError when there is no such session, or its frame table is not the one that its
    report names; BaselineError when its baseline cannot serve here.
    """
    source, frames = printable(session_dir), session_dir / "frames.parquet"
    metadata = read_metadata(frames)
    if file_sha256(frames) != _stated_sha256(session_dir / "report.json"):
        raise InputError(
            f"{source}: frames.parquet is not the one that report.json names, so its baseline is"
            " not used; 'echodepth verify' says what differs"
        )
    carried = CarriedBaseline.from_dict(metadata.get("baseline", {}), source)
    _require_form(carried, source)
    carried.check({spec.name: spec.sha256 for spec in registered_models()}, source)
    return carried


def _require_form(carried: CarriedBaseline, source: str) -> None:
    """Raise BaselineError for a baseline that no report may state."""
    import jsonschema

    form = load_schema("report")["properties"]["baseline"]
    sound = jsonschema.Draft202012Validator(form).is_valid(carried.baseline.to_dict())
    if not sound or carried.neutral.quality not in form["properties"]["quality"]["enum"]:
        raise BaselineError(f"{source}: its baseline is none that echodepth writes")


def _stated_sha256(path: Path) -> object:
    try:
        report = parse_json(read_small(path, _LARGEST_REPORT_BYTES))
        return report["provenance"]["frames_parquet_sha256"]
    except OSError as error:
        raise InputError(f"{printable(path)}: cannot be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"{printable(path)}: is not a report written by echodepth") from error
