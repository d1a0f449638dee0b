"""Every way a bundle can lie, each refused with its own code; nothing ever raises."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import Artifact, ArtifactKind, Digest, RejectedStatement
from govkernel.domain.predicates import MODEL_CARD, OMS_SIGNATURE, SIGNATURE
from govkernel.errors import GovkernelError
from govkernel.hookspecs import Bundle, EvidenceVerifier, VerifiedStatement
from govkernel.provenance import KeyVerifier, LocalKey, TrustedKey, describe, sign_artifact, verify_path
from govkernel.provenance.bundle import parse_bundle
from govkernel.provenance.dsse import encode
from govkernel.provenance.statement import parse_statement
from tests.provenance.conftest import NOW
from tests.simulators.lying_signer import oms, signed, statement

KEY = LocalKey.generate()
DIGEST = "ab" * 32
ARTIFACT = Artifact(
    kind=ArtifactKind.PROMPT,
    name="prompt://t/p@1",
    digest=Digest.sha256(DIGEST),
    aliases=(Digest.sha256("cd" * 32),),
)
VERIFIER = KeyVerifier([TrustedKey("alice", KEY.public)])
HONEST = statement(DIGEST, SIGNATURE, {"kind": "prompt"})


def judge(content: bytes, artifact: Artifact = ARTIFACT) -> VerifiedStatement | RejectedStatement | None:
    return VERIFIER.verify(Bundle(content=content, source="test"), artifact, NOW)


def code_of(content: bytes, artifact: Artifact = ARTIFACT) -> str:
    outcome = judge(content, artifact)
    assert isinstance(outcome, RejectedStatement), outcome
    assert outcome.why
    assert outcome.source == "test"
    return outcome.code


def test_the_honest_bundle_is_verified() -> None:
    assert isinstance(VERIFIER, EvidenceVerifier)
    outcome = judge(signed(HONEST, KEY))
    assert isinstance(outcome, VerifiedStatement)
    assert [signer.name for signer in outcome.signers] == ["alice"]
    assert outcome.signers[0].key_id == KEY.key_id


@pytest.mark.parametrize("media", [1, 2, 3])
@pytest.mark.parametrize("version", ["v0.1", "v1"])
def test_older_spellings_are_accepted(media: int, version: str) -> None:
    def respell(bundle: dict[str, Any]) -> None:
        bundle["mediaType"] = f"application/vnd.dev.sigstore.bundle+json;version=0.{media}"

    content = signed({**HONEST, "_type": f"https://in-toto.io/Statement/{version}"}, KEY, respell)
    assert isinstance(judge(content), VerifiedStatement)


def envelope(**changes: Any) -> Any:
    return lambda bundle: bundle["dsseEnvelope"].update(changes)


def twice(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["signatures"] *= 2


def drop(*path: str) -> Any:
    def edit(bundle: dict[str, Any]) -> None:
        for key in path[:-1]:
            bundle = bundle[key]
        del bundle[path[-1]]

    return edit


def swap_payload(bundle: dict[str, Any]) -> None:
    other = json.dumps({**HONEST, "predicate": {"kind": "model"}}).encode()
    bundle["dsseEnvelope"]["payload"] = encode(other)


def hinted_swap(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["publicKey"]["hint"] = KEY.key_id
    swap_payload(bundle)


def unpad(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["signatures"][0]["sig"] += "="


def loose_bits(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = "QR=="


ENVELOPE_LIES = {
    "wrong payload type": (envelope(payloadType="text/plain"), "provenance.payload-type"),
    "no payload type": (drop("dsseEnvelope", "payloadType"), "provenance.payload-type"),
    "no signature": (envelope(signatures=[]), "provenance.signature-missing"),
    "empty signature": (envelope(signatures=[{"sig": ""}]), "provenance.signature-missing"),
    "signature is text": (envelope(signatures=["x"]), "provenance.envelope-malformed"),
    "two signatures": (twice, "provenance.signature-many"),
    "wrong padding": (unpad, "provenance.base64"),
    "loose bits": (loose_bits, "provenance.base64"),
    "url-safe alphabet": (envelope(payload="_-8="), "provenance.base64"),
    "line breaks": (envelope(payload="YWJj\nYWJj"), "provenance.base64"),
    "payload is a number": (envelope(payload=7), "provenance.base64"),
    "envelope is a list": (lambda bundle: bundle.update(dsseEnvelope=[]), "provenance.envelope-malformed"),
    "no envelope": (drop("dsseEnvelope"), "provenance.no-envelope"),
    "no material": (drop("verificationMaterial"), "provenance.bundle-malformed"),
    "version from the future": (
        lambda bundle: bundle.update(mediaType="application/vnd.dev.sigstore.bundle.v0.9+json"),
        "provenance.media-type",
    ),
    "swapped payload": (swap_payload, "provenance.signer-not-trusted"),
    "swapped payload, true hint": (hinted_swap, "provenance.signature-invalid"),
}


@pytest.mark.parametrize("lie", ENVELOPE_LIES)
def test_lies_in_the_envelope(lie: str) -> None:
    edit, code = ENVELOPE_LIES[lie]
    assert code_of(signed(HONEST, KEY, edit)) == code


def card(**predicate: Any) -> dict[str, Any]:
    return statement(DIGEST, MODEL_CARD, predicate)


PAYLOAD_LIES: dict[str, tuple[bytes | dict[str, Any], str]] = {
    "not JSON": (b"pickled", "json.malformed"),
    "a list": (b"[]", "provenance.statement-malformed"),
    "another type": ({"hello": "world"}, "provenance.statement-type"),
    "statement from the future": (
        {**HONEST, "_type": "https://in-toto.io/Statement/v9"},
        "provenance.statement-type",
    ),
    "duplicate keys": (json.dumps(HONEST).encode()[:-1] + b',"subject":[]}', "json.duplicate-key"),
    "nested 10,000 deep": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "json.too-deep"),
    "invalid UTF-8": (b'{"_type": "\xff"}', "json.not-utf8"),
    "NaN": (b'{"_type": NaN}', "json.not-finite"),
    "no subject": ({**HONEST, "subject": []}, "provenance.subject-missing"),
    "too many subjects": ({**HONEST, "subject": HONEST["subject"] * 1001}, "provenance.subject-many"),
    "subject without digest": ({**HONEST, "subject": [{"name": "x"}]}, "provenance.statement-malformed"),
    "only an unknown digest": (
        {**HONEST, "subject": [{"name": "x", "digest": {"md5": "00"}}]},
        "provenance.subject-missing",
    ),
    "upper-case digest": (
        {**HONEST, "subject": [{"name": "x", "digest": {"sha256": DIGEST.upper()}}]},
        "provenance.statement-malformed",
    ),
    "escape codes in a name": (
        {**HONEST, "subject": [{"name": "\x1b[2J", "digest": {"sha256": DIGEST}}]},
        "provenance.statement-malformed",
    ),
    "a surrogate in a name": (
        {**HONEST, "subject": [{"name": "\ud800", "digest": {"sha256": DIGEST}}]},
        "json.not-utf8",
    ),
    "predicate type is no URI": ({**HONEST, "predicateType": "card"}, "provenance.statement-malformed"),
    "predicate is a list": ({**HONEST, "predicate": []}, "provenance.statement-malformed"),
    "infinite number": (
        json.dumps(HONEST).encode().replace(b'"kind": "prompt"', b'"kind": 1e999'),
        "json.not-finite",
    ),
    "a huge claim": ({**HONEST, "predicate": {"x": "x" * 5_000_000}}, "provenance.statement-too-large"),
    "swapped subject": (statement("ef" * 32, SIGNATURE, {"kind": "prompt"}), "provenance.subject-mismatch"),
    "an alias only": (statement("cd" * 32, SIGNATURE, {"kind": "prompt"}), "provenance.weak-subject"),
}


@pytest.mark.parametrize("lie", PAYLOAD_LIES)
def test_lies_in_a_signed_payload(lie: str) -> None:
    payload, code = PAYLOAD_LIES[lie]
    assert code_of(signed(payload, KEY)) == code


def test_a_stranger_is_not_trusted_whatever_the_hint_says(stranger: LocalKey) -> None:
    def claim(bundle: dict[str, Any]) -> None:
        bundle["verificationMaterial"]["publicKey"]["hint"] = KEY.key_id

    assert code_of(signed(HONEST, stranger)) == "provenance.signer-not-trusted"
    assert code_of(signed(HONEST, stranger, claim)) == "provenance.signature-invalid"


def test_a_rejection_says_what_the_bundle_claims_to_be(stranger: LocalKey) -> None:
    outcome = judge(signed(HONEST, stranger))
    assert isinstance(outcome, RejectedStatement)
    assert outcome.predicate_type == SIGNATURE


def test_other_formats_are_left_to_other_verifiers() -> None:
    def certified(bundle: dict[str, Any]) -> None:
        bundle["verificationMaterial"] = {"certificate": {"rawBytes": ""}, "tlogEntries": []}

    for content in (
        b"",
        b"PK\x03\x04",
        b"[]",
        b"{}",
        b'{"mediaType": "application/x"}',
        signed(HONEST, KEY, certified),
    ):
        assert judge(content) is None


H = ["11" * 32, "22" * 32]
MODEL = Artifact(kind=ArtifactKind.MODEL, name="mlflow://models/m/1", digest=Digest.sha256(DIGEST))
OMS_LIES: dict[str, tuple[dict[str, Any], str]] = {
    "empty": (oms([], ""), "provenance.oms-empty"),
    "root of other files": (oms([("a", H[0])], DIGEST), "provenance.oms-root"),
    "climbs": (oms([("../a", H[0])], ""), "provenance.path-unsafe"),
    "absolute": (oms([("/etc/passwd", H[0])], ""), "provenance.path-unsafe"),
    "twice": (oms([("a", H[0]), ("a", H[1])], ""), "provenance.path-duplicate"),
    "case collision": (oms([("a", H[0]), ("A", H[1])], ""), "provenance.path-collision"),
    "surrogate": (oms([("\ud800", H[0])], ""), "json.not-utf8"),
    "shards": (oms([("a:0:9", H[0])], "", method="shards"), "provenance.oms-unsupported"),
    "blake3": (oms([("a", H[0])], "", hash_type="blake3"), "provenance.oms-unsupported"),
    "other files": (oms([("a", H[0])], ""), "provenance.subject-mismatch"),
    "digest is text": (oms([("a", "x")], DIGEST), "provenance.oms-malformed"),
}


def rooted(payload: dict[str, Any]) -> dict[str, Any]:
    """The statement with the right root, where the lie is not about the root."""
    if payload["subject"][0]["digest"]["sha256"] == "":
        digests = (item["digest"] for item in payload["predicate"]["resources"])
        root = hashlib.sha256(b"".join(map(bytes.fromhex, digests))).hexdigest()
        payload["subject"][0]["digest"]["sha256"] = root
    return payload


@pytest.mark.parametrize("lie", OMS_LIES)
def test_lies_in_a_model_signature(lie: str) -> None:
    payload, code = OMS_LIES[lie]
    assert code_of(signed(rooted(copy.deepcopy(payload)), KEY), MODEL) == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda p: p["resources"][0].update(algorithm="blake2b"), "provenance.oms-hash-mixed"),
        (lambda p: p.pop("serialization"), "provenance.oms-malformed"),
        (lambda p: p.update(resources=["a"]), "provenance.oms-malformed"),
        (lambda p: p.update(resources={}), "provenance.oms-malformed"),
    ],
)
def test_malformed_model_signatures(change: Any, code: str) -> None:
    payload = rooted(oms([("a", H[0]), ("b", H[1])], ""))
    change(payload["predicate"])
    assert code_of(signed(payload, KEY), MODEL) == code


def add(root: Path) -> None:
    (root / "extra.py").write_text("import os")


def change(root: Path) -> None:
    data = bytearray((root / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (root / "model.safetensors").write_bytes(data)


def swap_names(root: Path) -> None:
    (root / "config.json").rename(root / "tmp")
    (root / "onnx.txt").rename(root / "config.json")
    (root / "tmp").rename(root / "onnx.txt")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (add, "extra: extra.py"),
        (change, "changed: model.safetensors"),
        (swap_names, "changed: config.json; changed: onnx.txt"),
        (lambda root: (root / "config.json").unlink(), "missing: config.json"),
        (
            lambda root: (root / "config.json").rename(root / "config.py"),
            "missing: config.json; extra: config.py",
        ),
    ],
)
def test_a_changed_model_is_refused_and_the_files_are_named(harm: Any, said: str, model: Path) -> None:
    content = sign_artifact(model, ArtifactKind.MODEL, KEY).bundles[0].content
    pem = KEY.public_key_pem()
    assert isinstance(verify_path(model, content, pem, now=NOW), VerifiedStatement)
    harm(model)
    outcome = verify_path(model, content, pem, now=NOW)
    assert isinstance(outcome, RejectedStatement)
    assert (outcome.code, outcome.predicate_type) == ("provenance.files-changed", OMS_SIGNATURE)
    assert said in outcome.why


def test_at_most_twenty_files_are_named(model: Path) -> None:
    content = sign_artifact(model, ArtifactKind.MODEL, KEY).bundles[0].content
    for index in range(30):
        (model / f"{index:02}").write_text("")
    outcome = verify_path(model, content, KEY.public_key_pem(), now=NOW)
    assert isinstance(outcome, RejectedStatement)
    assert outcome.why.count("extra: ") == 20
    assert "and 10 more files" in outcome.why


def test_every_truncation_is_refused(prompt: Path) -> None:
    content = sign_artifact(prompt, ArtifactKind.PROMPT, KEY).bundles[0].content
    artifact = describe(prompt, ArtifactKind.PROMPT)
    assert isinstance(judge(content, artifact), VerifiedStatement)
    for end in range(1, len(content)):
        assert code_of(content[:end], artifact) == "json.malformed"


def test_no_flipped_bit_of_the_envelope_goes_unnoticed(prompt: Path) -> None:
    content = sign_artifact(prompt, ArtifactKind.PROMPT, KEY).bundles[0].content
    artifact = describe(prompt, ArtifactKind.PROMPT)
    honest = judge(content, artifact)
    assert isinstance(honest, VerifiedStatement)
    for _ in range(500):
        bit = random.randrange(len(content) * 8)
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        outcome = judge(bytes(changed), artifact)
        # Outside the envelope (a hint, an unused field name) a change may be harmless, but never change the claim.
        assert not isinstance(outcome, VerifiedStatement) or outcome.statement == honest.statement


FIELDS = [
    "mediaType",
    "verificationMaterial",
    "publicKey",
    "hint",
    "dsseEnvelope",
    "payload",
    "payloadType",
    "signatures",
    "sig",
    "_type",
    "subject",
    "name",
    "digest",
    "sha256",
    "predicateType",
    "predicate",
]
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=300) | documents.map(lambda value: json.dumps(value).encode()))
def test_arbitrary_bytes_never_raise_anything_but_our_types(content: bytes) -> None:
    outcome = judge(content)
    assert outcome is None or isinstance(outcome, RejectedStatement)
    for parse in (parse_bundle, parse_statement):
        try:
            parse(content)
        except GovkernelError as error:
            assert error.remedy


@given(documents)
def test_arbitrary_signed_payloads_never_raise(document: Any) -> None:
    for payload in (json.dumps(document).encode(), json.dumps({**HONEST, "predicate": document}).encode()):
        assert isinstance(judge(signed(payload, KEY)), RejectedStatement | VerifiedStatement)
    for field in ("subject", "predicateType", "_type"):
        assert isinstance(judge(signed({**HONEST, field: document}, KEY)), RejectedStatement)
    for field in ("serialization", "resources"):
        payload_ = rooted(oms([("a", H[0])], ""))
        payload_["predicate"][field] = document
        assert isinstance(judge(signed(payload_, KEY), MODEL), RejectedStatement)
