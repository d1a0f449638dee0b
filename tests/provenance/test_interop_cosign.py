"""The real cosign: it verifies what we and our simulators sign, and we verify what it signs; all offline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from govkernel.domain import ArtifactKind, RejectedStatement
from govkernel.provenance import LocalKey, attest, describe
from govkernel.provenance.anchors import Anchor, KeyAnchor
from govkernel.provenance.verify_foreign import VerifiedBundle, verify_foreign
from tests.provenance.conftest import NOW

CACHED = Path.home() / ".cache" / "govkernel" / "bin" / "cosign"
NEEDS = (
    f"install cosign 3 on the PATH, or run `.ci/get-cosign {CACHED.parent}`, which takes that of Debian sid"
)
CUSTOM = "https://example.test/p"
SCAN = {
    "records": 1,
    "findings": 0,
    "entityTypes": {},
    "complete": True,
    "scanner": {"name": "tests", "version": "1"},
    "finishedOn": "2026-01-01T00:00:00Z",
}
SCAN_TYPE = "https://govkernel.dev/attestations/pii-scan/v1"
ALICE, LOGIN = "alice@example.test", "https://login.example.test"

Cosign = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cosign(tmp_path: Path) -> Cosign:
    """Runs cosign in a folder of its own, where its home, its keys and empty configurations lie."""
    binary = shutil.which("cosign") or (str(CACHED) if CACHED.is_file() else None)
    if binary is None:
        pytest.skip(NEEDS)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COSIGN_PASSWORD": "secret"}

    def run(*arguments: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        command = [binary, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode != 0) is fails, done.stderr
        return done

    run("generate-key-pair")
    run("signing-config", "create", "--out", "signing.json")
    run("trusted-root", "create", "--out", "root.json")
    return run


OFFLINE = ("--signing-config", "signing.json", "--trusted-root", "root.json", "--yes")


def judged(path: Path, bundle: Path, anchor: Anchor) -> VerifiedBundle | RejectedStatement:
    return verify_foreign(path, bundle.read_bytes(), anchor, now=NOW)


def theirs(folder: Path) -> KeyAnchor:
    return KeyAnchor.from_pem((folder / "cosign.pub").read_bytes())


def changed(dataset: Path, bundle: Path, anchor: Anchor) -> str:
    dataset.write_text("changed")
    outcome = judged(dataset, bundle, anchor)
    assert isinstance(outcome, RejectedStatement)
    return outcome.code


def test_we_verify_its_attestations(cosign: Cosign, dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"a": 1}')
    key = ("--key", "cosign.key", "--predicate", "p.json", "--type", CUSTOM)
    cosign("attest-blob", *key, *OFFLINE, "--bundle", "out.json", dataset.name)
    outcome = judged(dataset, tmp_path / "out.json", theirs(tmp_path))
    assert isinstance(outcome, VerifiedBundle)
    assert outcome.statement is not None
    assert outcome.statement.predicate_type == CUSTOM
    assert outcome.statement.predicate["a"] == 1
    assert changed(dataset, tmp_path / "out.json", theirs(tmp_path)) == "provenance.subject-mismatch"


def test_we_verify_its_signatures(cosign: Cosign, dataset: Path, tmp_path: Path) -> None:
    cosign("sign-blob", "--key", "cosign.key", *OFFLINE, "--bundle", "out.json", dataset.name)
    outcome = judged(dataset, tmp_path / "out.json", theirs(tmp_path))
    assert isinstance(outcome, VerifiedBundle)
    assert outcome.statement is None
    assert changed(dataset, tmp_path / "out.json", theirs(tmp_path)) == "provenance.signature-invalid"


def test_it_verifies_our_statements(cosign: Cosign, dataset: Path, tmp_path: Path, key: LocalKey) -> None:
    (tmp_path / "ours.json").write_bytes(
        attest(describe(dataset, ArtifactKind.DATASET), "pii-scan", SCAN, key)
    )
    (tmp_path / "ours.pub").write_bytes(key.public_key_pem())
    command = (
        "verify-blob-attestation",
        "--bundle",
        "ours.json",
        "--key",
        "ours.pub",
        "--insecure-ignore-tlog",
    )
    cosign(*command, "--type", SCAN_TYPE, dataset.name)
    cosign(*command, "--type", CUSTOM, dataset.name, fails=True)
    dataset.write_text("changed")
    cosign(*command, "--type", SCAN_TYPE, dataset.name, fails=True)


def test_it_verifies_our_statements_about_a_model_by_digest(
    cosign: Cosign, model: Path, tmp_path: Path, key: LocalKey
) -> None:
    """cosign hashes no folders; it is told the digest."""
    artifact = describe(model, ArtifactKind.MODEL)
    assert artifact.digest is not None
    card = {"license": "MIT", "riskClass": "minimal", "intendedUse": "Greeting."}
    (tmp_path / "ours.json").write_bytes(attest(artifact, "model-card", card, key))
    (tmp_path / "ours.pub").write_bytes(key.public_key_pem())
    command = (
        "verify-blob-attestation",
        "--bundle",
        "ours.json",
        "--key",
        "ours.pub",
        "--insecure-ignore-tlog",
    )
    kind = ("--type", "https://govkernel.dev/attestations/model-card/v1", "--digestAlg", "sha256")
    cosign(*command, *kind, "--digest", artifact.digest.hex)
    cosign(*command, *kind, "--digest", "ab" * 32, fails=True)


@pytest.mark.parametrize("statement", [True, False])
def test_keyless_both_ways(statement: bool, cosign: Cosign, dataset: Path, tmp_path: Path) -> None:
    """It signs against our Sigstore with a timestamp and a log of version 2, and verifies what that mints."""
    pytest.importorskip("sigstore", reason='install "govkernel[sigstore]"')
    from govkernel.provenance.identity import identity_pattern
    from govkernel.provenance.keyless import KeylessAnchor, read_trusted_root
    from tests.simulators.sigstore import Instance
    from tests.simulators.sigstore_http import serving, token, trust_config

    instance = Instance(now=lambda: datetime.now(UTC))
    (tmp_path / "live.json").write_bytes(instance.trusted_root())
    (tmp_path / "p.json").write_text("{}")
    with serving(instance) as url:
        config = json.loads(trust_config(instance, url, log_version=2, stamped=True))
        (tmp_path / "services.json").write_text(json.dumps(config["signingConfig"]))
        (tmp_path / "token").write_text(token(url, ALICE, instance))
        command = (
            "--signing-config",
            "services.json",
            "--trusted-root",
            "live.json",
            "--identity-token",
            "token",
        )
        kind = ("attest-blob", "--predicate", "p.json", "--type", CUSTOM) if statement else ("sign-blob",)
        cosign(*kind, *command, "--yes", "--bundle", "out.json", dataset.name)
    root = read_trusted_root(instance.trusted_root())
    anchor = KeylessAnchor(root, identity_pattern(ALICE), identity_pattern(url))
    outcome = judged(dataset, tmp_path / "out.json", anchor)
    assert isinstance(outcome, VerifiedBundle), outcome
    _minted(instance, cosign, dataset, tmp_path, statement=statement)
    assert changed(dataset, tmp_path / "out.json", anchor) in {
        "provenance.subject-mismatch",
        "keyless.digest",
    }


def _minted(instance: Any, cosign: Cosign, dataset: Path, folder: Path, *, statement: bool) -> None:
    """cosign verifies what the simulator mints in process, and refuses another identity."""
    from tests.simulators.lying_signer import statement as said
    from tests.simulators.sigstore import Orders

    orders = Orders(promised=False, version=2, stamped=instance.now())
    content = dataset.read_bytes()
    digest = describe(dataset, ArtifactKind.DATASET).digest
    assert digest is not None
    minted = (
        instance.bundle(said(digest.hex, CUSTOM, {}), orders)
        if statement
        else instance.file_bundle(content, orders)
    )
    (folder / "minted.json").write_bytes(minted)
    kind = ("verify-blob-attestation", "--type", CUSTOM) if statement else ("verify-blob",)
    command = (
        *kind,
        "--bundle",
        "minted.json",
        "--trusted-root",
        "live.json",
        "--certificate-oidc-issuer",
        LOGIN,
    )
    cosign(*command, "--certificate-identity", ALICE, dataset.name)
    cosign(*command, "--certificate-identity", "eve@example.test", dataset.name, fails=True)
