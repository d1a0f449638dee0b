"""govkernel verify without an anchor: the workspace's trust policy judges keys, certificates and identities."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from govkernel.provenance import LocalKey
from govkernel.provenance.keys import PublicKey
from tests.cli.conftest import PUBLIC_KEY as KEY_FILE
from tests.cli.conftest import Result, Run
from tests.simulators.certificate_lies import Family
from tests.simulators.lying_signer import signed
from tests.simulators.signing import certified

pytest.importorskip("sigstore", reason='install "govkernel[sigstore]"')

from tests.simulators.envelopes import by_key, by_witness, envelope, slsa_envelope
from tests.simulators.sigstore import Instance, Orders
from tests.simulators.x509 import p256

FAMILY, STRANGERS = Family(), Family()
INSTANCE = Instance(now=lambda: datetime.now(UTC))
PLAIN = p256()
KEY, UNKNOWN = LocalKey.generate(), LocalKey.generate()
ALICE, LOGIN = "alice@example.test", "https://login.example.test"
RESULT = "https://example.test/p"


@pytest.fixture
def place(workspace: Path) -> Path:
    """A workspace whose trust policy names a key, a certificate authority and a Sigstore instance."""
    (workspace / "data.jsonl").write_text("{}\n")
    folder = workspace / ".govkernel"
    (folder / "ca.pem").write_bytes(FAMILY.root.pem)
    (folder / "root.json").write_bytes(INSTANCE.trusted_root())
    (folder / "trust.yaml").write_text(
        f"""
version: 1
keys:
  - {{name: k, publicKey: {json.dumps(KEY.public_key_pem().decode())}}}
  - {{name: p, publicKey: {json.dumps(PublicKey.of(PLAIN.public_key()).pem.decode())}}}
authorities: [{{name: acme, certificates: ca.pem}}, {{name: public, trustedRoot: root.json}}]
identities:
  - {{name: alice, identity: {ALICE}, issuer: CN=root, authority: acme}}
  - {{name: alice-online, holder: alice, identity: {ALICE}, issuer: {LOGIN}, authority: public}}
rules: [{{signers: [k, p, alice, alice-online], may: ["{RESULT}"]}}]
"""
    )
    return workspace


def statement(predicate_type: str = RESULT, content: bytes = b"{}\n") -> dict[str, Any]:
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "data", "digest": {"sha256": hashlib.sha256(content).hexdigest()}}],
        "predicateType": predicate_type,
        "predicate": {"a": 1},
    }


Maker = Callable[[dict[str, Any]], bytes]
HONEST: dict[str, Maker] = {
    "key": lambda said: signed(said, KEY),
    "certificate": lambda said: certified(said, FAMILY.chain()),
    "keyless": INSTANCE.bundle,
    "an envelope alone, by a stranger's key and the key": lambda said: envelope(
        said, by_key(p256()), by_key(PLAIN)
    ),
    "an envelope alone, by a certificate": lambda said: envelope(said, by_witness(FAMILY.chain())),
}
STRANGE: dict[str, tuple[Maker, str]] = {
    "key": (lambda said: signed(said, UNKNOWN), "provenance.signer-not-trusted"),
    "certificate": (lambda said: certified(said, STRANGERS.chain()), "certificate.untrusted"),
    "keyless": (
        lambda said: INSTANCE.bundle(said, Orders(identity="eve@example.test")),
        "provenance.signer-not-trusted",
    ),
    "an envelope alone, by a key": (
        lambda said: envelope(said, by_key(p256())),
        "provenance.signer-not-trusted",
    ),
    "an envelope alone, by a certificate": (
        lambda said: envelope(said, by_witness(STRANGERS.chain())),
        "certificate.untrusted",
    ),
    "an envelope alone, by an identity, its log entry left behind": (
        lambda said: slsa_envelope(INSTANCE, said),
        "keyless.no-log-entry",
    ),
}


def verify(run: Run, place: Path, raw: bytes, *more: str) -> Result:
    (place / "data.jsonl.sigstore.json").write_bytes(raw)
    result = run("verify", "data.jsonl", "--bundle", "data.jsonl.sigstore.json", "--json", *more)
    assert "Traceback" not in result.err
    return result


@pytest.mark.parametrize("how", HONEST)
def test_whoever_the_policy_names_is_believed(how: str, run: Run, place: Path) -> None:
    result = verify(run, place, HONEST[how](statement()))
    assert result.code == 0, result.out
    document = result.json()
    assert document["verified"] is True
    assert document["statement"]["predicate_type"] == RESULT
    assert (document["signed_at"] is not None) is (how == "keyless")
    assert run("trust", "explain", "dataset:data.jsonl", "--json").json()["rejected"] == []


@pytest.mark.parametrize("how", STRANGE)
def test_strangers_are_refused(how: str, run: Run, place: Path) -> None:
    make, code = STRANGE[how]
    result = verify(run, place, make(statement()))
    assert (result.code, result.json()["code"]) == (1, code)
    explained = run("trust", "explain", "dataset:data.jsonl", "--json").json()["rejected"]
    assert [item["code"] for item in explained] == [code]


@pytest.mark.parametrize("how", HONEST)
@pytest.mark.parametrize(
    ("said", "code"),
    [
        (statement("https://example.test/other"), "provenance.predicate-unknown"),
        (statement(content=b"other"), "provenance.subject-mismatch"),
    ],
)
def test_who_is_known_may_not_say_everything(
    how: str, said: dict[str, Any], code: str, run: Run, place: Path
) -> None:
    result = verify(run, place, HONEST[how](said))
    assert (result.code, result.json()["code"]) == (1, code)


def test_a_policy_may_be_named_where_there_is_no_workspace(
    run: Run, place: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "bundle.json").write_bytes(HONEST["certificate"](statement()))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    ask = ("verify", str(place / "data.jsonl"), "--bundle", str(place / "bundle.json"), "--json")
    missing = run(*ask)
    assert (missing.code, missing.json()["error"]["code"]) == (2, "trust.missing")
    policy = str(place / ".govkernel" / "trust.yaml")
    assert run(*ask, "--trust", policy).code == 0
    both = run(*ask, "--trust", policy, "--key", str(place / KEY_FILE))
    assert (both.code, both.json()["error"]["code"]) == (2, "cli.anchor")


def test_a_policy_without_authorities_says_what_to_add(run: Run, place: Path) -> None:
    (place / ".govkernel" / "trust.yaml").write_text("version: 1\n")
    result = verify(run, place, HONEST["keyless"](statement()))
    assert (result.code, result.json()["code"]) == (1, "provenance.keyless")
    assert "authorities" in result.json()["remedy"]
