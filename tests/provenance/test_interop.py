"""Real libraries read what we write, and we read what they write."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from govkernel.domain import ArtifactKind, RejectedStatement
from govkernel.domain.predicates import MODEL_CARD, OMS_SIGNATURE
from govkernel.hookspecs import VerifiedStatement
from govkernel.provenance import LocalKey, attest, describe, sign_artifact, verify_path
from govkernel.provenance.anchors import KeyAnchor
from govkernel.provenance.bundle import parse_bundle
from govkernel.provenance.verify_foreign import VerifiedBundle, verify_foreign
from tests.provenance.conftest import NOW
from tests.simulators.lying_signer import statement

MODEL = ArtifactKind.MODEL
NEEDS = "install model-signing and pyOpenSSL (the extra `oms`)"


@pytest.fixture
def keys(tmp_path: Path, key: LocalKey) -> tuple[Path, Path]:
    return tmp_path / "k.key", key.write(tmp_path / "k.key")


def single(model: Path) -> Path:
    return model / "model.safetensors"


def itself(model: Path) -> Path:
    return model


@pytest.mark.parametrize("part", [itself, single])
def test_model_signing_verifies_ours(
    part: object, model: Path, keys: tuple[Path, Path], key: LocalKey
) -> None:
    verifying = pytest.importorskip("model_signing.verifying", reason=NEEDS)
    path = part(model)  # type: ignore[operator]
    signature = model.parent / "ours.sig"
    signature.write_bytes(sign_artifact(path, MODEL, key).bundles[0].content)
    verifying.Config().use_elliptic_key_verifier(public_key=keys[1]).verify(path, signature)
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(ValueError, match="mismatch"):
        verifying.Config().use_elliptic_key_verifier(public_key=keys[1]).verify(part(model), signature)  # type: ignore[operator]


@pytest.mark.parametrize("part", [itself, single])
def test_we_verify_model_signings(part: object, model: Path, keys: tuple[Path, Path], key: LocalKey) -> None:
    signing = pytest.importorskip("model_signing.signing", reason=NEEDS)
    path = part(model)  # type: ignore[operator]
    signing.Config().use_elliptic_key_signer(private_key=keys[0]).sign(path, model.parent / "theirs.sig")
    content = (model.parent / "theirs.sig").read_bytes()
    outcome = verify_path(path, content, key.public_key_pem(), now=NOW)
    assert isinstance(outcome, VerifiedStatement)
    assert outcome.statement.predicate_type == OMS_SIGNATURE
    assert outcome.statement.subjects[0].digests == (describe(path, MODEL).digest,)
    (model / "model.safetensors").write_bytes(b"other")
    refused = verify_path(path, content, key.public_key_pem(), now=NOW)
    assert isinstance(refused, RejectedStatement)
    assert "changed: model.safetensors" in refused.why


def test_the_root_digest_and_order_are_theirs(model: Path) -> None:
    hashing = pytest.importorskip("model_signing.hashing", reason=NEEDS)
    signing = pytest.importorskip("model_signing._signing.signing", reason=NEEDS)
    theirs = signing.Payload(hashing.hash(model)).statement.pb.subject[0].digest["sha256"]
    assert describe(model, MODEL).aliases[0].hex == theirs


def test_what_their_signer_may_hide_we_refuse(model: Path, keys: tuple[Path, Path], key: LocalKey) -> None:
    """OMS lets the signer ignore any file; a file that nobody signed is an extra file here."""
    signing = pytest.importorskip("model_signing.signing", reason=NEEDS)
    hashing = pytest.importorskip("model_signing.hashing", reason=NEEDS)
    config = hashing.Config().set_ignored_paths(paths=["config.json"])
    signer = signing.Config().use_elliptic_key_signer(private_key=keys[0]).set_hashing_config(config)
    signer.sign(model, model.parent / "theirs.sig")
    outcome = verify_path(model, (model.parent / "theirs.sig").read_bytes(), key.public_key_pem(), now=NOW)
    assert isinstance(outcome, RejectedStatement)
    assert outcome.code == "provenance.files-changed"
    assert "extra: config.json" in outcome.why


@pytest.mark.parametrize(
    ("algorithm", "code"), [("blake3", "oms-unsupported"), ("blake2", "oms-unsupported")]
)
def test_hashes_our_digest_cannot_follow_from(
    algorithm: str, code: str, model: Path, keys: tuple[Path, Path], key: LocalKey
) -> None:
    signing = pytest.importorskip("model_signing.signing", reason=NEEDS)
    hashing = pytest.importorskip("model_signing.hashing", reason=NEEDS)
    config = hashing.Config().use_file_serialization(hashing_algorithm=algorithm)
    signer = signing.Config().use_elliptic_key_signer(private_key=keys[0]).set_hashing_config(config)
    signer.sign(model, model.parent / "theirs.sig")
    outcome = verify_path(model, (model.parent / "theirs.sig").read_bytes(), key.public_key_pem(), now=NOW)
    assert isinstance(outcome, RejectedStatement)
    assert outcome.code == f"provenance.{code}"


def test_in_toto_parses_our_statements(prompt: Path, key: LocalKey) -> None:
    statement = pytest.importorskip("in_toto_attestation.v1.statement", reason="install the extra `sigstore`")
    json_format = pytest.importorskip("google.protobuf.json_format", reason="install the extra `sigstore`")
    statement_pb2 = pytest.importorskip("in_toto_attestation.v1.statement_pb2")
    artifact = describe(prompt, ArtifactKind.PROMPT)
    predicate = {"license": "MIT", "riskClass": "minimal", "intendedUse": "Greeting."}
    payload = parse_bundle(attest(artifact, "model-card", predicate, key)).envelope.payload
    parsed = json_format.Parse(payload, statement_pb2.Statement())
    statement.Statement.copy_from_pb(parsed).validate()
    assert parsed.predicate_type == MODEL_CARD
    assert parsed.subject[0].name == "greeting.yaml"


def test_securesystemslib_verifies_our_envelopes(prompt: Path, key: LocalKey) -> None:
    dsse = pytest.importorskip("securesystemslib.dsse", reason="install in-toto (the extra `sigstore`)")
    signer = pytest.importorskip("securesystemslib.signer", reason="install in-toto (the extra `sigstore`)")
    bundle = json.loads(sign_artifact(prompt, ArtifactKind.PROMPT, key).bundles[0].content)
    theirs = signer.SSlibKey("kid", "ecdsa", "ecdsa-sha2-nistp256", {"public": key.public_key_pem().decode()})
    envelope = bundle["dsseEnvelope"]
    envelope["signatures"][0]["keyid"] = "kid"
    parsed = dsse.Envelope.from_dict(envelope)
    assert parsed.payload == base64.b64decode(envelope["payload"])
    assert parsed.verify([theirs], 1)


def test_we_verify_the_envelopes_of_securesystemslib(dataset: Path) -> None:
    """As in-toto makes them: an envelope alone, no bundle around it."""
    dsse = pytest.importorskip("securesystemslib.dsse", reason="install in-toto (the extra `sigstore`)")
    signer = pytest.importorskip("securesystemslib.signer", reason="install in-toto (the extra `sigstore`)")
    digest = hashlib.sha256(dataset.read_bytes()).hexdigest()
    said = json.dumps(statement(digest, "https://example.test/p", {"a": 1})).encode()
    for made in (signer.CryptoSigner.generate_ecdsa(), signer.CryptoSigner.generate_ed25519()):
        envelope = dsse.Envelope(said, "application/vnd.in-toto+json", {})
        envelope.sign(made)
        theirs = anchor_of(made)
        raw = json.dumps(envelope.to_dict()).encode()
        outcome = verify_foreign(dataset, raw, theirs, now=NOW)
        assert isinstance(outcome, VerifiedBundle), outcome
        envelope.payload = said.replace(b'"a": 1', b'"a": 2')
        refused = verify_foreign(dataset, json.dumps(envelope.to_dict()).encode(), theirs, now=NOW)
        assert isinstance(refused, RejectedStatement)
        assert refused.code == "provenance.signer-not-trusted"


def anchor_of(signer: Any) -> KeyAnchor:
    public = load_pem_private_key(signer.private_bytes, None).public_key()
    return KeyAnchor.from_pem(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def test_in_toto_links_are_statements_of_another_type(dataset: Path, key: LocalKey, tmp_path: Path) -> None:
    """in-toto's own link metadata is no attestation statement: refused by its type, not misread."""
    models = pytest.importorskip("in_toto.models.metadata", reason="install in-toto (the extra `sigstore`)")
    link = pytest.importorskip("in_toto.models.link", reason="install in-toto (the extra `sigstore`)")
    signer = pytest.importorskip("securesystemslib.signer", reason="install in-toto (the extra `sigstore`)")
    made = signer.CryptoSigner.generate_ecdsa()
    envelope = models.Envelope.from_signable(
        link.Link(name="step", products={dataset.name: {"sha256": "ab" * 32}})
    )
    envelope.create_signature(made)
    envelope.dump(str(tmp_path / "step.link"))
    refused = verify_foreign(dataset, (tmp_path / "step.link").read_bytes(), anchor_of(made), now=NOW)
    assert isinstance(refused, RejectedStatement)
    assert refused.code == "provenance.statement-type"


def test_sigstores_protobuf_reads_our_bundles(prompt: Path, key: LocalKey) -> None:
    models = pytest.importorskip("sigstore_models.bundle.v1", reason="install the extra `sigstore`")
    content = sign_artifact(prompt, ArtifactKind.PROMPT, key).bundles[0].content
    parsed = models.Bundle.from_json(content)
    assert parsed.media_type == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert parsed.verification_material.public_key.hint == key.key_id
