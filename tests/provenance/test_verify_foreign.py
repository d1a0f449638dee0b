"""Bundles of strangers about what lies at a path: by key and by certificate, statements, models and bare signatures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import ArtifactKind, RejectedStatement
from govkernel.domain.predicates import MODEL_CARD, OMS_SIGNATURE
from govkernel.errors import GovkernelError, InputError, ProvenanceError
from govkernel.provenance import LocalKey, attest, describe, sign_artifact
from govkernel.provenance import verify_foreign as module
from govkernel.provenance.anchors import Anchor, CertificateAnchor, KeyAnchor
from govkernel.provenance.digest import read
from govkernel.provenance.foreign import parse_foreign
from govkernel.provenance.identity import identity_pattern
from govkernel.provenance.verify_foreign import BYTES_ONLY, VerifiedBundle, verify_foreign
from govkernel.provenance.x509 import read_roots
from tests.provenance.conftest import NOW
from tests.simulators.certificate_lies import ALICE, Family
from tests.simulators.lying_signer import b64, oms, signed, statement
from tests.simulators.signing import bare, certified
from tests.simulators.x509 import PrivateKey

FAMILY = Family()
CHAIN = FAMILY.chain()
CA = CertificateAnchor(read_roots(FAMILY.root.pem), identity_pattern(ALICE))
SIGNER = LocalKey.generate()
BY_KEY = KeyAnchor.from_pem(SIGNER.public_key_pem())
CUSTOM = "https://example.test/p"
CARD = {"license": "MIT", "riskClass": "minimal", "intendedUse": "Greeting."}


def public_pem(key: PrivateKey | ed448.Ed448PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "thing.bin"
    path.write_bytes(b"hello")
    return path


def plain(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def judged(path: Path, raw: bytes, anchor: Anchor = BY_KEY, **how: Any) -> VerifiedBundle | RejectedStatement:
    return verify_foreign(path, raw, anchor, now=NOW, source="test", **how)


def accepted(path: Path, raw: bytes, anchor: Anchor = BY_KEY, **how: Any) -> VerifiedBundle:
    outcome = judged(path, raw, anchor, **how)
    assert isinstance(outcome, VerifiedBundle), outcome
    return outcome


def code_of(path: Path, raw: bytes, anchor: Anchor = BY_KEY, **how: Any) -> str:
    outcome = judged(path, raw, anchor, **how)
    assert isinstance(outcome, RejectedStatement), outcome
    assert outcome.source == "test"
    assert outcome.why
    return outcome.code


KEYS: dict[str, Callable[[], PrivateKey]] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_bare_signature_by_a_key_of_every_kind(kind: str, artifact: Path) -> None:
    key = KEYS[kind]()
    anchor = KeyAnchor.from_pem(public_pem(key))
    found = accepted(artifact, bare(b"hello", key), anchor)
    assert found.statement is None
    assert found.about.hex == plain(artifact)
    assert BYTES_ONLY in found.notes
    artifact.write_bytes(b"hullo")
    assert code_of(artifact, bare(b"hello", key), anchor) == "provenance.signer-not-trusted"


def test_a_bare_signature_that_says_a_digest_is_about_that(artifact: Path) -> None:
    key = KEYS["P-256"]()
    anchor = KeyAnchor.from_pem(public_pem(key))

    def say(digest: str, algorithm: str = "SHA2_256") -> Callable[[dict[str, Any]], None]:
        said = {"algorithm": algorithm, "digest": digest}
        return lambda bundle: bundle["messageSignature"].update(messageDigest=said)

    assert code_of(artifact, bare(b"hello", key, say("AAAA")), anchor) == "provenance.subject-mismatch"
    accepted(artifact, bare(b"hello", key, say("AAAA", "SHA2_512")), anchor)
    assert code_of(artifact, bare(b"hello", key, say("AA=A")), anchor) == "provenance.base64"


def test_a_bare_signature_is_about_one_file(model: Path) -> None:
    assert code_of(model, bare(b"", KEYS["P-256"]())) == "provenance.not-a-file"


def test_a_large_file_is_not_held_in_memory(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MESSAGE", 4)
    assert code_of(artifact, bare(b"hello", KEYS["P-256"]())) == "provenance.message-too-large"


def test_a_bare_signature_by_a_certificate(artifact: Path) -> None:
    raw = bare(b"hello", CHAIN[0].key, chain=CHAIN)
    assert accepted(artifact, raw, CA).signer.identity == ALICE
    artifact.write_bytes(b"other")
    assert code_of(artifact, raw, CA) == "provenance.signature-invalid"


@pytest.mark.parametrize("by", ["key", "certificate"])
def test_a_statement_about_the_bytes_of_a_file(by: str, artifact: Path) -> None:
    said = statement(plain(artifact), CUSTOM, {"a": 1}, name="elsewhere")
    raw, anchor = (signed(said, SIGNER), BY_KEY) if by == "key" else (certified(said, CHAIN), CA)
    found = accepted(artifact, raw, anchor)
    assert found.notes == (BYTES_ONLY,)
    assert found.statement is not None
    assert found.statement.predicate_type == CUSTOM
    artifact.write_bytes(b"other")
    assert code_of(artifact, raw, anchor) == "provenance.subject-mismatch"


def digests(**subject: str) -> dict[str, Any]:
    return {"name": "pkg:npm/thing@1.0.0", "digest": subject}


SHA256, SHA512 = (hashlib.new(name, b"hello").hexdigest() for name in ("sha256", "sha512"))
OTHER = hashlib.sha512(b"other").hexdigest()
SUBJECTS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "SHA-512 alone": ([digests(sha512=SHA512)], f"sha512:{SHA512}"),
    "among others": ([digests(sha512=OTHER), digests(sha512=SHA512)], f"sha512:{SHA512}"),
    "both": ([digests(sha256=SHA256, sha512=SHA512)], f"sha256:{SHA256}"),
    "each by itself": ([digests(sha256="ab" * 32), digests(sha512=SHA512)], f"sha512:{SHA512}"),
    "another file": ([digests(sha512=OTHER)], ""),
    "another SHA-256 beside it": ([digests(sha256="ab" * 32, sha512=SHA512)], ""),
    "its SHA-384": ([digests(sha384=hashlib.sha384(b"hello").hexdigest())], ""),
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_file_may_be_named_by_its_sha512_alone(name: str, artifact: Path) -> None:
    subject, expected = SUBJECTS[name]
    raw = signed(statement("", CUSTOM, {}, subject=subject), SIGNER)
    if expected:
        found = accepted(artifact, raw)
        assert (str(found.about), found.notes) == (expected, (BYTES_ONLY,))
        artifact.write_bytes(b"changed")
    assert code_of(artifact, raw) == "provenance.subject-mismatch"


def test_a_folder_has_no_sha512(tmp_path: Path, artifact: Path) -> None:
    raw = signed(statement("", CUSTOM, {}, subject=[digests(sha512=SHA512)]), SIGNER)
    assert code_of(tmp_path, raw) == "provenance.subject-mismatch"


def test_a_file_of_which_a_sha512_is_asked_is_not_too_large_and_does_not_change(
    artifact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = signed(statement("", CUSTOM, {}, subject=[digests(sha512=SHA512)]), SIGNER)
    artifact.write_bytes(b"first")
    read_first = read(artifact)
    artifact.write_bytes(b"hello")
    assert code_of(artifact, raw, reader=lambda _: read_first) == "provenance.changed-while-read"
    monkeypatch.setattr(module, "MAX_MESSAGE", 4)
    assert code_of(artifact, raw) == "provenance.message-too-large"


def test_our_own_statements_are_about_names_too(prompt: Path, model: Path, dataset: Path) -> None:
    for path, kind in (
        (prompt, ArtifactKind.PROMPT),
        (model, ArtifactKind.MODEL),
        (dataset, ArtifactKind.DATASET),
    ):
        raw = attest(describe(path, kind), "model-card", CARD, SIGNER)
        found = accepted(path, raw, kind=kind)
        assert found.statement is not None
        assert found.statement.predicate_type == MODEL_CARD
        assert found.about == describe(path, kind).digest


def test_a_predicate_we_know_must_be_well_formed(artifact: Path) -> None:
    raw = signed(statement(plain(artifact), MODEL_CARD, {"license": 7}), SIGNER)
    assert code_of(artifact, raw) == "provenance.predicate-invalid"


def test_a_statement_that_names_only_an_oms_root_is_weak(model: Path) -> None:
    root = describe(model, ArtifactKind.MODEL).aliases[0].hex
    raw = signed(statement(root, CUSTOM, {}), SIGNER)
    assert code_of(model, raw, kind=ArtifactKind.MODEL) == "provenance.weak-subject"


@pytest.mark.parametrize("by", ["key", "certificate"])
def test_a_signed_model(by: str, model: Path) -> None:
    manifest = {path: plain(model / path) for path in _files(model)}
    said = oms(sorted(manifest.items()), "")
    digests = b"".join(bytes.fromhex(digest) for _, digest in sorted(manifest.items()))
    said["subject"][0]["digest"]["sha256"] = hashlib.sha256(digests).hexdigest()
    raw, anchor = (signed(said, SIGNER), BY_KEY) if by == "key" else (certified(said, CHAIN), CA)
    found = accepted(model, raw, anchor)
    assert found.statement is not None
    assert found.statement.predicate_type == OMS_SIGNATURE
    assert found.about == describe(model, ArtifactKind.MODEL).digest
    (model / "run.py").write_text("import os")
    assert code_of(model, raw, anchor) == "provenance.files-changed"
    accepted(model, raw, anchor, ignore=frozenset({"run.py"}))
    (model / "config.json").write_text("[]")
    assert code_of(model, raw, anchor, ignore=frozenset({"run.py"})) == "provenance.files-changed"


def _files(model: Path) -> list[str]:
    return [path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file()]


def test_what_was_signed_may_not_be_ignored(model: Path) -> None:
    raw = sign_artifact(model, ArtifactKind.MODEL, SIGNER).bundles[0].content
    assert code_of(model, raw, ignore=frozenset({"config.json"})) == "provenance.files-changed"


def test_ignoring_every_file_leaves_nothing_to_verify(model: Path) -> None:
    raw = sign_artifact(model, ArtifactKind.MODEL, SIGNER).bundles[0].content
    with pytest.raises(ProvenanceError) as refused:
        judged(model, raw, ignore=frozenset(_files(model)))
    assert refused.value.code == "provenance.empty"


def test_a_symbolic_link_is_no_artifact(model: Path) -> None:
    raw = sign_artifact(model, ArtifactKind.MODEL, SIGNER).bundles[0].content
    (model / "config.json").rename(model.parent / "moved.json")
    (model / "config.json").symlink_to(model.parent / "moved.json")
    with pytest.raises(ProvenanceError) as refused:
        judged(model, raw)
    assert refused.value.code == "provenance.symlink"


def test_who_asks_for_a_key_gets_no_certificate_and_the_reverse(artifact: Path) -> None:
    said = statement(plain(artifact), CUSTOM, {})
    assert code_of(artifact, certified(said, CHAIN), BY_KEY) == "provenance.keyless"
    assert code_of(artifact, signed(said, SIGNER), CA) == "certificate.missing"


def test_a_hint_tells_a_changed_bundle_from_a_stranger(artifact: Path, stranger: LocalKey) -> None:
    said = statement(plain(artifact), CUSTOM, {})

    def hint(text: str) -> Callable[[dict[str, Any]], None]:
        return lambda bundle: bundle["verificationMaterial"]["publicKey"].update(hint=text)

    assert code_of(artifact, signed(said, stranger)) == "provenance.signer-not-trusted"
    cosign = b64(bytes.fromhex(BY_KEY.key_id))
    for known in (BY_KEY.key_id, BY_KEY.pem_hint, cosign):
        assert code_of(artifact, signed(said, stranger, hint(known))) == "provenance.signature-invalid"


def test_an_envelope_alone_is_enough_for_a_key(artifact: Path) -> None:
    said = statement(plain(artifact), "https://witness.testifysec.com/attestation-collection/v0.1", {})
    envelope = json.loads(signed(said, SIGNER))["dsseEnvelope"]
    envelope["signatures"][0]["keyid"] = "whatever"
    accepted(artifact, json.dumps(envelope).encode())
    assert code_of(artifact, json.dumps(envelope).encode(), CA) == "certificate.missing"
    envelope["payloadType"] = "text/plain"
    assert code_of(artifact, json.dumps(envelope).encode()) == "provenance.payload-type"


def test_model_signing_02_signed_a_python_literal(model: Path) -> None:
    key = KEYS["P-256"]()
    subjects = [{"name": path, "digest": {"sha256": plain(model / path)}} for path in _files(model)]
    said = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://model_signing/Digests/v0.1",
        "predicate": {"unused": "Unused, just passed due to API"},
    }
    payload = json.dumps(said).encode()
    kind = "application/vnd.in-toto+json"
    slip = f"DSSEV1 {len(kind)} {kind} {len(payload)} {payload!r}".encode()
    anchor = KeyAnchor.from_pem(public_pem(key))

    class Slipping:
        """Signs the slip whatever it is asked to sign."""

        def sign(self, _: bytes) -> bytes:
            return key.sign(slip, ec.ECDSA(_sha256()))  # type: ignore[call-arg, arg-type, return-value]

    raw = signed(payload, Slipping())  # type: ignore[arg-type]
    found = accepted(model, raw, anchor)
    assert found.about == describe(model, ArtifactKind.MODEL).digest
    (model / "config.json").write_text("[]")
    assert code_of(model, raw, anchor) == "provenance.files-changed"
    other = payload.replace(b"Digests/v0.1", b"Digests/v0.2")
    assert code_of(model, signed(other, Slipping()), anchor) == "provenance.signer-not-trusted"  # type: ignore[arg-type]


def _sha256() -> Any:
    from cryptography.hazmat.primitives import hashes

    return hashes.SHA256()


@pytest.mark.parametrize(
    "key",
    [
        ed448.Ed448PrivateKey.generate(),
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65537, 1024),
    ],
)
def test_weak_and_strange_keys_are_no_anchors(key: Any) -> None:
    with pytest.raises(GovkernelError) as refused:
        KeyAnchor.from_pem(public_pem(key))
    assert refused.value.code in {"key.unsupported", "certificate.key-unsupported"}


@pytest.mark.parametrize("text", ["", "glob:", "regex:", "regex:(", "regex:(?=a)", "x" * 5000])
def test_patterns_that_cannot_be_matched(text: str) -> None:
    with pytest.raises(InputError) as refused:
        identity_pattern(text)
    assert refused.value.code == "identity.pattern"


MATERIAL: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "no key and no certificate": (
        lambda bundle: bundle.update(verificationMaterial={"tlogEntries": []}),
        "provenance.bundle-malformed",
    ),
    "a key and a certificate": (
        lambda bundle: bundle["verificationMaterial"].update(certificate={"rawBytes": "AAAA"}),
        "provenance.bundle-malformed",
    ),
    "a chain that is text": (
        lambda bundle: bundle.update(verificationMaterial={"x509CertificateChain": "x"}),
        "provenance.bundle-malformed",
    ),
    "a chain of nothing": (
        lambda bundle: bundle.update(verificationMaterial={"x509CertificateChain": {"certificates": []}}),
        "provenance.bundle-malformed",
    ),
    "a certificate that is text": (
        lambda bundle: bundle.update(verificationMaterial={"certificate": "x"}),
        "provenance.base64",
    ),
    "no material": (lambda bundle: bundle.pop("verificationMaterial"), "provenance.bundle-malformed"),
    "material that is a list": (
        lambda bundle: bundle.update(verificationMaterial=[]),
        "provenance.bundle-malformed",
    ),
    "no content": (lambda bundle: bundle.pop("dsseEnvelope"), "provenance.no-envelope"),
    "an empty signature": (
        lambda bundle: (bundle.pop("dsseEnvelope"), bundle.update(messageSignature={"signature": ""})),
        "provenance.signature-missing",
    ),
    "another media type": (
        lambda bundle: bundle.update(mediaType="application/json"),
        "provenance.media-type",
    ),
    "a media type that is a list": (lambda bundle: bundle.update(mediaType=[]), "provenance.media-type"),
}


@pytest.mark.parametrize("name", MATERIAL)
def test_malformed_material(name: str, artifact: Path) -> None:
    edit, code = MATERIAL[name]
    assert code_of(artifact, signed(statement(plain(artifact), CUSTOM, {}), SIGNER, edit)) == code


FIELDS = ["mediaType", "publicKey", "hint", "certificate", "rawBytes", "x509CertificateChain", "certificates"]
FIELDS += ["payload", "payloadType", "signatures", "sig", "messageDigest", "algorithm", "digest", "signature"]
FIELDS += ["verificationMaterial", "dsseEnvelope", "messageSignature", "tlogEntries"]
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("AAAA"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5),
    max_leaves=12,
)


@given(st.binary(max_size=200) | documents.map(lambda value: json.dumps(value).encode()))
def test_arbitrary_bytes_never_raise_anything_but_our_types(content: bytes) -> None:
    with pytest.raises(GovkernelError) as refused:
        parse_foreign(content)
    assert refused.value.remedy


@given(documents, documents)
def test_arbitrary_material_never_raises_anything_but_our_types(material: Any, content: Any) -> None:
    for name in ("dsseEnvelope", "messageSignature"):
        bundle = {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
            name: content,
        }
        try:
            parse_foreign(json.dumps(bundle).encode())
        except GovkernelError as error:
            assert error.remedy
