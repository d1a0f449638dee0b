"""model-signing's command line: it verifies what we sign, we verify what it signs, and both ways refuse a change."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from govkernel.domain import ArtifactKind, RejectedStatement
from govkernel.provenance import LocalKey, sign_artifact
from govkernel.provenance.anchors import CertificateAnchor, KeyAnchor
from govkernel.provenance.identity import identity_pattern
from govkernel.provenance.verify_foreign import VerifiedBundle, verify_foreign
from govkernel.provenance.x509 import read_roots
from tests.provenance.conftest import NOW
from tests.simulators.certificate_lies import ALICE, Family, honest
from tests.simulators.signing import certified, payload_of
from tests.simulators.x509 import Held, Recipe

pytestmark = pytest.mark.slow
NEEDS = "install model-signing and pyOpenSSL (the extra `oms`)"
FAMILY = Family()


@pytest.fixture(autouse=True)
def installed() -> None:
    pytest.importorskip("model_signing.verifying", reason=NEEDS)


def command(*arguments: object) -> int:
    """The exit code of model-signing's command line."""
    line = [sys.executable, "-m", "model_signing", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, check=False, timeout=120).returncode


def certificate(folder: Path, chain: list[Held]) -> tuple[object, ...]:
    """Options to sign with a certificate, whose files are written."""
    (folder / "leaf.pem").write_bytes(chain[0].pem)
    (folder / "chain.pem").write_bytes(b"".join(item.pem for item in (*chain[1:], FAMILY.root)))
    pem = chain[0].key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "leaf.key").write_bytes(pem)
    return (
        "--private_key",
        folder / "leaf.key",
        "--signing_certificate",
        folder / "leaf.pem",
        "--certificate_chain",
        folder / "chain.pem",
    )


def test_by_key_both_ways(model: Path, tmp_path: Path, key: LocalKey) -> None:
    signature, public = tmp_path / "model.sig", key.write(tmp_path / "k.key")
    signature.write_bytes(sign_artifact(model, ArtifactKind.MODEL, key).bundles[0].content)
    verify = ("verify", "key", model, "--signature", signature, "--public_key", public)
    assert command(*verify) == 0
    assert command("sign", "key", model, "--signature", signature, "--private_key", tmp_path / "k.key") == 0
    anchor = KeyAnchor.from_pem(public.read_bytes())
    assert isinstance(verify_foreign(model, signature.read_bytes(), anchor, now=NOW), VerifiedBundle)
    (model / "config.json").write_text("changed")
    assert command(*verify) != 0
    refused = verify_foreign(model, signature.read_bytes(), anchor, now=NOW)
    assert isinstance(refused, RejectedStatement)
    assert refused.code == "provenance.files-changed"


def test_by_certificate_both_ways(model: Path, tmp_path: Path, key: LocalKey) -> None:
    signature, chain = tmp_path / "model.sig", FAMILY.chain()
    options = certificate(tmp_path, chain)
    assert command("sign", "certificate", model, "--signature", signature, *options) == 0
    anchor = CertificateAnchor(read_roots(FAMILY.root.pem), identity_pattern(ALICE))
    outcome = verify_foreign(model, signature.read_bytes(), anchor, now=NOW)
    assert isinstance(outcome, VerifiedBundle), outcome
    assert outcome.signer.identity == ALICE
    said = payload_of(sign_artifact(model, ArtifactKind.MODEL, key).bundles[0].content)
    signature.write_bytes(certified(said, chain))
    (tmp_path / "root.pem").write_bytes(FAMILY.root.pem)
    verify = (
        "verify",
        "certificate",
        model,
        "--signature",
        signature,
        "--certificate_chain",
        tmp_path / "root.pem",
    )
    assert command(*verify) == 0
    (model / "config.json").write_text("changed")
    assert command(*verify) != 0


LAX: dict[str, tuple[Recipe, str]] = {
    "expired for years": (
        honest().but(end=datetime.now(UTC) - timedelta(days=800)),
        "certificate.expired",
    ),
    "another identity": (honest().but(identities=("eve@example.test",)), "identity.mismatch"),
}


@pytest.mark.parametrize("name", LAX)
def test_what_their_signer_signs_with_we_do_not_take(name: str, model: Path, tmp_path: Path) -> None:
    recipe, code = LAX[name]
    signature = tmp_path / "model.sig"
    options = certificate(tmp_path, FAMILY.chain(recipe))
    assert command("sign", "certificate", model, "--signature", signature, *options) == 0
    anchor = CertificateAnchor(read_roots(FAMILY.root.pem), identity_pattern(ALICE))
    refused = verify_foreign(model, signature.read_bytes(), anchor, now=datetime.now(UTC))
    assert isinstance(refused, RejectedStatement)
    assert refused.code == code
