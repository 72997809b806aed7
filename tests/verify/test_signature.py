"""Signatures hold with the right key and an unchanged session, and with nothing else."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from benchmarks.tampering import seal_again
from echodepth_cli.errors import ExitCode
from echodepth_cli.output.signature import PASSPHRASE_VARIABLE, SIGNATURE_FILE
from echodepth_cli.rerender import render_again
from echodepth_cli.verify import verify_session


def write_keys(folder: Path, name: str, key=None, passphrase: str | None = None) -> Path:
    key = key or Ed25519PrivateKey.generate()
    hidden = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    path = folder / f"{name}.pem"
    path.touch(0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pub").write_bytes(public)
    return path


@pytest.fixture
def key(tmp_path) -> Path:
    return write_keys(tmp_path, "key")


@pytest.fixture
def signed(copy, key, run_cli) -> Path:
    assert run_cli("sign", copy, "--key", key, "-q").code == ExitCode.OK
    return copy


def test_a_signed_session_verifies_with_its_key_only(signed, key, tmp_path, run_cli):
    good = run_cli("verify", signed, "--public-key", key.with_suffix(".pub"))
    assert good.code == ExitCode.OK
    assert "signed with this key" in good.err
    other = write_keys(tmp_path, "other")
    bad = run_cli("verify", signed, "--public-key", other.with_suffix(".pub"))
    assert bad.code == ExitCode.VERIFY_DIFFERENCE
    assert "another key" in bad.err


def test_without_a_key_a_signature_is_mentioned(signed):
    result = verify_session(signed)
    assert result.ok
    assert ("signature", "skipped") in [(check.name, check.state) for check in result.checks]


def test_an_unsigned_session_fails_where_a_signature_is_asked_for(copy, key):
    (difference,) = verify_session(copy, public_key=key.with_suffix(".pub")).differences
    assert "not signed" in str(difference)


def test_a_change_that_was_sealed_again_is_found_by_the_signature(signed, key):
    path = signed / "report.json"
    report = json.loads(path.read_bytes())
    report["run"]["analysed_at"] = "2020-01-01T00:00:00+00:00"
    path.write_text(json.dumps(report))
    seal_again(signed, render=True)
    assert verify_session(signed).ok
    result = verify_session(signed, public_key=key.with_suffix(".pub"))
    assert {d.file for d in result.differences} == {SIGNATURE_FILE}
    assert any("was signed: report.json" in d.message for d in result.differences)


@pytest.mark.parametrize("field", ["signed", "signature", "algorithm", "public_key"])
def test_a_changed_signature_does_not_hold(signed, key, field):
    path = signed / SIGNATURE_FILE
    document = json.loads(path.read_bytes())
    text = document[field]
    document[field] = ("B" if text[0] == "A" else "A") + text[1:]
    path.write_text(json.dumps(document))
    assert not verify_session(signed, public_key=key.with_suffix(".pub")).ok


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"signed": 1}', "[" * 100_000])
def test_a_signature_that_is_none_is_a_difference(signed, key, content):
    (signed / SIGNATURE_FILE).write_text(content)
    (difference,) = verify_session(signed, public_key=key.with_suffix(".pub")).differences
    assert difference.file == SIGNATURE_FILE


def test_what_does_not_verify_is_not_signed(copy, key, run_cli):
    page = copy / "report.html"
    page.write_text(page.read_text() + " ")
    done = run_cli("sign", copy, "--key", key)
    assert done.code == ExitCode.VERIFY_DIFFERENCE
    assert "not signed" in done.err
    assert not (copy / SIGNATURE_FILE).exists()


def test_a_report_rendered_again_is_no_longer_signed(signed):
    render_again(signed, label="Room 4")
    assert not (signed / SIGNATURE_FILE).exists()


def test_openssl_alone_can_check(signed, key, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    document = json.loads((signed / SIGNATURE_FILE).read_bytes())
    (tmp_path / "list").write_text(document["signed"])
    (tmp_path / "signature").write_bytes(base64.b64decode(document["signature"]))
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-in", "list"]
    command += ["-inkey", str(key.with_suffix(".pub")), "-sigfile", "signature"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    check = ["sha256sum", "--check", "--quiet", str(tmp_path / "list")]
    assert subprocess.run(check, cwd=signed).returncode == 0


def test_a_passphrase_comes_from_the_environment(copy, tmp_path, run_cli, monkeypatch):
    hidden = write_keys(tmp_path, "hidden", passphrase="open sesame")
    refused = run_cli("sign", copy, "--key", hidden)
    assert refused.code == ExitCode.USAGE
    assert PASSPHRASE_VARIABLE in refused.err
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "wrong")
    wrong = run_cli("sign", copy, "--key", hidden)
    assert wrong.code == ExitCode.INPUT
    assert "wrong" not in wrong.err
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "open sesame")
    assert run_cli("sign", copy, "--key", hidden).code == ExitCode.OK
    assert "sesame" not in (copy / SIGNATURE_FILE).read_text()


def test_a_key_that_others_may_read_is_warned_of(copy, key, run_cli):
    key.chmod(0o644)
    done = run_cli("sign", copy, "--key", key)
    assert done.code == ExitCode.OK
    assert "chmod 600" in done.err


def test_other_keys_are_refused_in_one_line_without_their_content(copy, tmp_path, run_cli):
    curve = write_keys(tmp_path, "curve", generate_private_key(SECP256R1()))
    (tmp_path / "junk.pem").write_text("-----BEGIN SECRET-----\nhunter2\n")
    for path in (curve, tmp_path / "junk.pem", tmp_path / "gone.pem"):
        done = run_cli("sign", copy, "--key", path)
        assert done.code == ExitCode.INPUT
        assert len(done.err.splitlines()) == 1
        assert "hunter2" not in done.err
    done = run_cli("verify", copy, "--public-key", tmp_path / "junk.pem")
    assert done.code == ExitCode.INPUT
