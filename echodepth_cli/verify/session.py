"""Ask a session directory one question after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from echodepth_cli.errors import EchodepthError, InputError, printable
from echodepth_cli.models import registered_models
from echodepth_cli.output.atomic import OUTPUT_FILES, may_stand_in_session
from echodepth_cli.output.provenance import codec_versions, processor, software_versions
from echodepth_cli.output.signature import SIGNATURE_FILE, check_signature, load_public_key
from echodepth_cli.verify import derive, digests, page, recompute
from echodepth_cli.verify.evidence import (
    REPORT,
    Evidence,
    parse_report,
    read_bytes,
    require_session,
)
from echodepth_cli.verify.outcome import Check, Difference, Verification

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MOST_LISTED: Final = 20
"""More differences than this in one check are counted, not listed."""


def verify_session(
    session_dir: Path, *, video: Path | None = None, public_key: Path | None = None
) -> Verification:
    """Check that a session's files are those that were written, and agree with each other.

    With ``public_key`` (PEM) they must be signed with its private key. With ``video`` the recording
    is analysed again and compared. Raises NotFoundError or InputError
    when ``session_dir`` is no session directory or the recording cannot be read, and the errors of
    an analysis when it cannot be done again.
    """
    require_session(session_dir)
    asked = _Answers()
    key = None if public_key is None else load_public_key(public_key)
    asked.ask("files", "all three files are there", _missing(session_dir))
    if not (session_dir / REPORT).is_file():
        return asked.verification(None)
    content = read_bytes(session_dir / REPORT)
    try:
        report = parse_report(content)
    except ValueError as error:
        message = f"is no JSON of echodepth: {error}"
        asked.ask("form", "", [Difference(REPORT, "", message)])
        return asked.verification(None)
    if not asked.ask("form", "report.json follows its schema", digests.check_form(report)):
        return asked.verification(None)
    evidence = Evidence(session_dir, report)
    asked.ask(
        "digests",
        "every file is the one that was written",
        digests.check_digests(evidence, content),
    )
    _ask_what_follows(asked, evidence)
    if key is not None:
        fine = "signed with this key, and unchanged since"
        asked.ask("signature", fine, _unsigned(session_dir, key))
    elif (session_dir / SIGNATURE_FILE).exists():
        asked.skip("signature", "there is one; --public-key checks it")
    if video is not None:
        _ask_again(asked, evidence, video)
    asked.notes.extend(_foreign(session_dir))
    return asked.verification(str(report["session_id"]))


class _Answers:
    """The checks made so far, and what they found."""

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.differences: list[Difference] = []
        self.notes: list[str] = []

    def ask(
        self, name: str, fine: str, found: Iterable[Difference], excuse: str | None = None
    ) -> bool:
        """Note the answer of one check; say whether nothing differs.

        With an ``excuse`` (other software) what differs is no proof of a change, and is a note.
        """
        differences, more = _first(found)
        if not differences:
            self.checks.append(Check(name, "ok", fine))
            return True
        if excuse is not None:
            self.checks.append(Check(name, "skipped", f"cannot be told: {excuse}"))
            self.notes += [f"{name}, with what is installed here: {each}" for each in differences]
            return False
        self.differences += differences
        count = f"{len(differences) + more} difference{'s' if len(differences) > 1 else ''}"
        self.checks.append(Check(name, "differs", count))
        if more:
            self.notes.append(f"{name}: {more} more differences are not listed")
        return False

    def skip(self, name: str, why: str) -> None:
        """Note a check that could not be made."""
        self.checks.append(Check(name, "skipped", why))

    def verification(self, session: str | None) -> Verification:
        """Return everything found."""
        return Verification(session, tuple(self.checks), tuple(self.differences), tuple(self.notes))


def _first(found: Iterable[Difference]) -> tuple[list[Difference], int]:
    """Return the first differences and how many more there are."""
    rest = iter(found)
    differences = list(islice(rest, MOST_LISTED))
    return differences, sum(1 for _ in rest)


def _missing(session_dir: Path) -> Iterator[Difference]:
    for name in OUTPUT_FILES:
        if not (session_dir / name).is_file():
            yield Difference(name, "", "is missing")


def _unsigned(session_dir: Path, key: Ed25519PublicKey) -> Iterator[Difference]:
    for message in check_signature(session_dir, key):
        yield Difference(SIGNATURE_FILE, "", message)


def _foreign(session_dir: Path) -> Iterator[str]:
    for path in sorted(session_dir.iterdir()):
        if not may_stand_in_session(path.name):
            yield f"{path.name}: was not written by the analysis and is not checked"


def _ask_what_follows(asked: _Answers, evidence: Evidence) -> None:
    """Ask whether settings, rows, numbers and page follow from each other."""
    excuse = other_making(evidence.report)
    for name, fine, check in (
        ("settings", "settings, identity and times agree", derive.check_settings),
        ("rows", "the scores of each row follow from its Action Units", derive.check_rows),
        ("numbers", "the report follows from the frames", derive.check_numbers),
    ):
        asked.ask(name, fine, _survived(check, evidence, name), excuse)
    if page.has_these_templates(evidence):
        fine = "the page shows the report, byte for byte"
        asked.ask("page", fine, _survived(page.check_page, evidence, "page"), excuse)
    else:
        asked.skip("page", "made with other templates; only its digest was checked")


def _survived(
    check: Callable[[Evidence], Iterator[Difference]], evidence: Evidence, name: str
) -> Iterator[Difference]:
    """Yield what a check finds; data that it cannot be made on is a difference as well."""
    try:
        yield from check(evidence)
    except EchodepthError as error:
        yield Difference(name, "", error.message)
    except MemoryError as error:
        raise InputError(
            f"{printable(evidence.folder)}: needs more memory to be checked than there is;"
            " verify it on a machine with more"
        ) from error
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError) as error:
        # The files are evidence, not input of ours: whatever they hold must not stop the check.
        reason = digests.shorten(f"{type(error).__name__}: {error}")
        yield Difference(name, "", f"cannot be worked out again ({reason})")


def _ask_again(asked: _Answers, evidence: Evidence, video: Path) -> None:
    fine = "the recording is the one that was analysed"
    if not asked.ask("recording", fine, recompute.check_recording(evidence, video)):
        asked.skip("recomputed", "another recording proves nothing")
        return
    try:
        recompute.require_comparable(evidence)
    except EchodepthError as error:
        asked.ask("recomputed", "", [Difference("recomputed", "", error.message)])
        return
    stated = evidence.report["recording"]["file_name"]
    if stated != video.name:
        asked.notes.append(f"the report calls the recording {stated}; it is now {video.name}")
    fine = "analysed again, the recording gives the same"
    if not asked.ask("recomputed", fine, recompute.check_again(evidence, video)):
        reasons = [other_making(evidence.report), _other_processor(evidence.report)]
        asked.notes += [f"a likely reason: {reason}" for reason in reasons if reason is not None]


def _other_processor(report: Mapping[str, Any]) -> str | None:
    stated = report["run"].get("processor")
    return None if stated == processor() else f"it was made on another processor ({stated})"


def other_making(report: Mapping[str, Any]) -> str | None:
    """Say what is installed here in another version than made the report; None if nothing."""
    provenance = report["provenance"]
    here = {**software_versions(), **codec_versions()}
    models = {spec.name: spec.sha256 for spec in registered_models()}
    others = [
        f"{name} {version} (here {here.get(name, 'none')})"
        for name, version in provenance["software"].items()
        if here.get(name) != version
    ]
    others += [
        f"another model {model['name']}"
        for model in provenance["models"]
        if models.get(model["name"]) != model["sha256"]
    ]
    return f"it was made with {', '.join(others)}" if others else None
