"""Keyless bundles v0.1 whose log entry carries a promise and no proof: believed by Sigstore's rule, and no others."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from govkernel.domain import Artifact, ArtifactKind, RejectedStatement
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.provenance import TrustPolicy
from govkernel.provenance.identity import identity_pattern
from govkernel.provenance.keyless import KeylessAnchor, read_trusted_root
from govkernel.provenance.verify_certificate import CertificateVerifier
from govkernel.provenance.verify_foreign import VerifiedBundle, verify_foreign

pytest.importorskip("sigstore", reason='install "govkernel[sigstore]"')

from tests.provenance.conftest import NOW
from tests.simulators.lying_signer import b64
from tests.simulators.sigstore import Edit, Instance, Orders, nothing
from tests.simulators.x509 import p256

ALICE, LOGIN = "alice@example.test", "https://login.example.test"
V01, V02 = (f"application/vnd.dev.sigstore.bundle+json;version=0.{minor}" for minor in (1, 2))
HELLO = hashlib.sha256(b"hello").hexdigest()
SAID = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "thing", "digest": {"sha256": HELLO}}],
    "predicateType": "https://example.test/p",
    "predicate": {},
}
INSTANCE = Instance(now=lambda: NOW)
ANCHOR = KeylessAnchor(
    read_trusted_root(INSTANCE.trusted_root()), identity_pattern(ALICE), identity_pattern(LOGIN)
)


def older(edit: Edit = nothing, media_type: str = V01, *, proof: bool = False) -> Edit:
    """Turns a bundle into one of that version, mostly without its inclusion proof; ``edit`` changes the entry."""

    def change(bundle: dict[str, Any]) -> None:
        material = bundle["verificationMaterial"]
        bundle["mediaType"] = media_type
        material["x509CertificateChain"] = {"certificates": [material.pop("certificate")]}
        for entry in material["tlogEntries"]:
            if not proof:
                del entry["inclusionProof"]
            edit(entry)

    return change


def stated(edit: Edit | None = None, **orders: Any) -> bytes:
    return INSTANCE.bundle(SAID, Orders(edit=edit or older(), **orders))


def signed_file(content: bytes = b"hello", **orders: Any) -> bytes:
    return INSTANCE.file_bundle(content, Orders(edit=older(), **orders))


def as_intoto(body: dict[str, Any]) -> None:
    """The entry as it was logged until 2023: type intoto 0.0.2."""
    (said,), payload_hash = body["spec"]["signatures"], body["spec"]["payloadHash"]
    signature = {"sig": b64(said["signature"].encode()), "publicKey": said["verifier"]}
    content = {"payloadHash": payload_hash, "envelope": {"signatures": [signature]}}
    body.update(kind="intoto", apiVersion="0.0.2", spec={"content": content})


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "thing.jsonl"
    path.write_bytes(b"hello")
    return path


def judged(path: Path, raw: bytes) -> VerifiedBundle | RejectedStatement:
    return verify_foreign(path, raw, ANCHOR, now=NOW)


ACCEPTED: dict[str, bytes] = {
    "a statement": stated(),
    "a statement, logged as intoto 0.0.2": stated(body=as_intoto),
    "a file": signed_file(),
    "a proof that is null, as npm writes it": stated(older(lambda entry: entry.update(inclusionProof=None))),
    "a timestamp besides": stated(stamped=NOW),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_promise_stands_for_the_proof_in_v01(name: str, artifact: Path) -> None:
    found = judged(artifact, ACCEPTED[name])
    assert isinstance(found, VerifiedBundle), found
    assert (found.signer.identity, found.signed_at) == (ALICE, NOW)
    artifact.write_bytes(b"other")
    assert isinstance(judged(artifact, ACCEPTED[name]), RejectedStatement)


def test_it_is_evidence_at_the_doors(tmp_path: Path) -> None:
    (tmp_path / "root.json").write_bytes(INSTANCE.trusted_root())
    trust = TrustPolicy.parse(b"version: 1\nauthorities: [{name: public, trustedRoot: root.json}]", tmp_path)
    thing = Artifact(kind=ArtifactKind.DATASET, name="file:thing", digest=f"sha256:{HELLO}")  # type: ignore[arg-type]
    verifier = CertificateVerifier(trust.authorities)
    found = verifier.verify(Bundle(content=stated(), source="t"), thing, NOW)
    assert isinstance(found, VerifiedStatement), found
    assert found.signed_at == NOW
    lie = verifier.verify(Bundle(content=stated(promise_key=p256()), source="t"), thing, NOW)
    assert isinstance(lie, RejectedStatement)
    assert lie.code == "keyless.promise"


def entry_of(raw: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(raw)["verificationMaterial"]["tlogEntries"][0]
    return found


def another(**orders: Any) -> Edit:
    """The entry of another bundle, with its own promise."""

    def change(entry: dict[str, Any]) -> None:
        entry.clear()
        entry.update(entry_of(stated(**orders)))

    return change


def changed_body(entry: dict[str, Any]) -> None:
    body = base64.b64decode(entry["canonicalizedBody"]).replace(b"sha256", b"sha512")
    entry["canonicalizedBody"] = b64(body)


def without(*names: str) -> Edit:
    def change(entry: dict[str, Any]) -> None:
        for name in names:
            del entry[name]

    return change


def twice(bundle: dict[str, Any]) -> None:
    older()(bundle)
    bundle["verificationMaterial"]["tlogEntries"] *= 2


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "v0.2, which demands a proof": (lambda: stated(older(media_type=V02)), "keyless.bundle"),
    "v0.3, which demands a proof": (
        lambda: stated(lambda it: it["verificationMaterial"]["tlogEntries"][0].pop("inclusionProof")),
        "keyless.bundle",
    ),
    "a proof without a checkpoint": (
        lambda: stated(older(lambda it: it["inclusionProof"].pop("checkpoint"), proof=True)),
        "keyless.bundle",
    ),
    "a proof that does not hold, beside a promise that does": (
        lambda: stated(older(lambda it: it["inclusionProof"].update(logIndex="0"), proof=True)),
        "keyless.inclusion-proof",
    ),
    "neither promise nor proof": (lambda: stated(older(without("inclusionPromise"))), "keyless.bundle"),
    "a timestamp, and neither": (
        lambda: stated(older(without("inclusionPromise")), stamped=NOW),
        "keyless.bundle",
    ),
    "two entries": (lambda: stated(twice), "keyless.bundle"),
    "an empty promise": (
        lambda: stated(older(lambda it: it.update(inclusionPromise={"signedEntryTimestamp": ""}))),
        "keyless.promise",
    ),
    "the promise of another log": (lambda: stated(promise_key=p256()), "keyless.promise"),
    "a log that is not listed": (
        lambda: stated(older(lambda it: it.update(logId={"keyId": b64(b"\1" * 32)}))),
        "keyless.promise",
    ),
    "the promise for another time": (
        lambda: stated(older(lambda it: it.update(integratedTime=str(int(NOW.timestamp()) - 1)))),
        "keyless.promise",
    ),
    "the promise for another place": (
        lambda: stated(older(lambda it: it.update(logIndex="77"))),
        "keyless.promise",
    ),
    "the promise for another body": (lambda: stated(older(changed_body)), "keyless.promise"),
    "the entry of another statement": (lambda: stated(older(another())), "keyless.log-entry"),
    "the entry of another statement, as intoto 0.0.2": (
        lambda: stated(older(another(body=as_intoto)), body=as_intoto),
        "keyless.log-entry",
    ),
    "no time": (lambda: stated(older(without("integratedTime"))), "keyless.time"),
    "no time but a timestamp's": (
        lambda: stated(older(without("integratedTime")), stamped=NOW),
        "keyless.promise",
    ),
    "logged after the certificate lapsed": (lambda: stated(time=NOW + timedelta(hours=1)), "keyless.chain"),
    "no signed certificate timestamp": (lambda: stated(scts=()), "keyless.sct"),
    "somebody else": (lambda: stated(identity="eve@example.test"), "identity.mismatch"),
    "a file: the promise of another log": (lambda: signed_file(promise_key=p256()), "keyless.promise"),
    "a file: about another": (lambda: signed_file(b"other"), "keyless.digest"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_each_lie_is_refused_with_its_code(name: str, artifact: Path) -> None:
    make, code = REFUSED[name]
    found = judged(artifact, make())
    assert isinstance(found, RejectedStatement), "the lie was believed"
    assert (found.code, bool(found.why), bool(found.remedy)) == (code, True, True), found


def test_a_log_that_was_no_longer_trusted_promises_nothing(artifact: Path) -> None:
    root = json.loads(INSTANCE.trusted_root())
    root["tlogs"][0]["publicKey"]["validFor"]["end"] = "2026-05-01T00:00:00Z"
    retired = KeylessAnchor(read_trusted_root(json.dumps(root).encode()), ANCHOR.identity, ANCHOR.issuer)
    found = verify_foreign(artifact, stated(), retired, now=NOW)
    assert isinstance(found, RejectedStatement)
    assert found.code == "keyless.checkpoint"
