"""Sign the files of a session with a key that the organisation holds: Ed25519, in `report.sig`.

What is signed is text in the form of ``sha256sum``, one line for each file. Keys are PEM files as
OpenSSL makes them, and OpenSSL alone can check a signature (docs/proof.md).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from echodepth_cli.errors import InputError, UsageError, printable
from echodepth_cli.output.atomic import may_stand_in_session, write_file
from echodepth_cli.output.provenance import file_sha256

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

SIGNATURE_FILE: Final = "report.sig"
PASSPHRASE_VARIABLE: Final = "ECHODEPTH_KEY_PASSPHRASE"
"""Environment variable with the passphrase of an encrypted key; never an argument."""

_ALGORITHM: Final = "ed25519"


def load_private_key(path: Path, passphrase: str | None) -> Ed25519PrivateKey:
    """Return the private key of a PEM file; raises InputError or UsageError.

    No message holds anything of the key or the passphrase.
    """
    _require_library()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    password = None if passphrase is None else passphrase.encode()
    try:
        key = _load(path, lambda content: load_pem_private_key(content, password))
    except TypeError as error:
        # The key is encrypted and there is no passphrase, or the other way round.
        raise UsageError(
            f"{printable(path)}: set {PASSPHRASE_VARIABLE} for an encrypted key, and only for one"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(
            f"{printable(path)}: is not an Ed25519 private key; make one with: "
            "openssl genpkey -algorithm ed25519 -out key.pem"
        )
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Return the public key of a PEM file; raises InputError or UsageError."""
    _require_library()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = _load(path, load_pem_public_key)
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(
            f"{printable(path)}: is not an Ed25519 public key; make it with: "
            "openssl pkey -in key.pem -pubout -out public.pem"
        )
    return key


def is_open_to_others(path: Path) -> bool:
    """Say whether group or others may read a key file."""
    return bool(path.stat().st_mode & 0o077)


def sign_files(session_dir: Path, key: Ed25519PrivateKey) -> None:
    """Write `report.sig` into a session directory; raises InputError or OutputError."""
    text = digest_list(session_dir)
    document = {
        "algorithm": _ALGORITHM,
        "public_key": _in_base64(key.public_key().public_bytes_raw()),
        "signed": text,
        "signature": _in_base64(key.sign(text.encode())),
    }
    content = json.dumps(document, indent=2) + "\n"
    write_file(session_dir / SIGNATURE_FILE, content.encode())


def check_signature(session_dir: Path, key: Ed25519PublicKey) -> Iterator[str]:
    """Yield what is wrong with the signature of a session directory."""
    from cryptography.exceptions import InvalidSignature

    path = session_dir / SIGNATURE_FILE
    if not path.is_file():
        yield "is missing: the session is not signed"
        return
    try:
        document = json.loads(path.read_bytes())
        signed, signature = document["signed"], base64.b64decode(document["signature"])
        known = document["algorithm"] == _ALGORITHM
        content = signed.encode()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield "is not a signature of echodepth"
        return
    if not known or set(document) != {"algorithm", "public_key", "signed", "signature"}:
        yield "is not a signature of this form"
    if document["public_key"] != _in_base64(key.public_bytes_raw()):
        yield "was made with another key"
        return
    try:
        key.verify(signature, content)
    except InvalidSignature:
        yield "does not fit what it says was signed"
        return
    for line in sorted({*signed.splitlines()} ^ {*digest_list(session_dir).splitlines()}):
        which = "was signed" if line in signed.splitlines() else "is there now"
        yield f"{which}: {line[66:]} with sha256 {line[:16]}…"


def digest_list(session_dir: Path) -> str:
    """Return what is signed: sha256 and name of each file of the session, by name."""
    names = sorted(
        path.name
        for path in session_dir.iterdir()
        if may_stand_in_session(path.name)
        and not path.name.startswith(".")
        and path.name != SIGNATURE_FILE
    )
    return "".join(f"{file_sha256(session_dir / name)}  {name}\n" for name in names)


def _load(path: Path, read: Callable[[bytes], Any]) -> Any:
    """Return what ``read`` makes of a key file, or None where that is no key of a known kind."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return read(path.read_bytes())
    except OSError as error:
        raise InputError(f"{printable(path)}: cannot be read: {error.strerror}") from error
    except (ValueError, UnsupportedAlgorithm):
        # Its message may quote the content of the file.
        return None


def _in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _require_library() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "signatures need a library; install it with: pip install 'echodepth-cli[signing]'"
        ) from error
