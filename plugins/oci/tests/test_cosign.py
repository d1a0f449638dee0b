"""What cosign 2 attested becomes a bundle that the kernel judges."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from govkernel_oci import OciPlugin
from govkernel_oci.cosign import ENVELOPE
from govkernel_oci.referrers import MAX_REFERRERS
from registry import MANIFEST, Store, serving, sha256

from govkernel.domain import Artifact, Digest
from govkernel.errors import GovkernelError
from govkernel.hookspecs import Bundle
from govkernel.provenance.anchors import CertificateAnchor, KeyAnchor
from govkernel.provenance.bundle import parse_bundle
from govkernel.provenance.dsse import pae
from govkernel.provenance.foreign import parse_foreign
from govkernel.provenance.identity import identity_pattern

NOW = datetime(2026, 6, 1, tzinfo=UTC)
IN_TOTO = "application/vnd.in-toto+json"
KEY = ec.generate_private_key(ec.SECP256R1())
ROOT_KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def store() -> Iterator[Store]:
    with serving(Store()) as running:
        yield running


def find(store: Store, digest: str) -> list[Bundle]:
    (source,) = OciPlugin(
        {"registries": [store.host], "insecure": [store.host]}
    ).govkernel_attestation_sources()
    name = f"oci://{store.host}/acme/helper:latest"
    artifact = Artifact(kind="model", name=name, digest=Digest.parse(digest))
    return list(asyncio.run(source.find(artifact)))  # type: ignore[arg-type]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def signed(payload: bytes = b"{}") -> bytes:
    signature = KEY.sign(pae(IN_TOTO, payload), ec.ECDSA(hashes.SHA256()))
    signatures = [{"keyid": "", "sig": encoded(signature)}]
    return json.dumps(
        {"payloadType": IN_TOTO, "payload": encoded(payload), "signatures": signatures}
    ).encode()


def attest(store: Store, digest: str, envelope: bytes, kind: str = ENVELOPE, **notes: Any) -> None:
    store.answers[f"blobs/{sha256(envelope)}"] = envelope
    annotations = {f"dev.sigstore.cosign/{name}": value for name, value in notes.items()}
    layer = {"mediaType": kind, "digest": sha256(envelope), "annotations": annotations}
    store.put({"mediaType": MANIFEST, "layers": [layer]}, f"{digest.replace(':', '-')}.att")


def certificates() -> tuple[x509.Certificate, x509.Certificate]:
    """A signer's certificate, and the root above."""
    root = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")])

    def builder(name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(name).issuer_name(root).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(NOW - timedelta(days=1))
        return made.not_valid_after(NOW + timedelta(days=1))

    usage = x509.KeyUsage(True, *[False] * 4, False, False, False, False)
    above = (
        builder(root, ROOT_KEY)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(ROOT_KEY, hashes.SHA256())
    )
    leaf = (
        builder(x509.Name([]), KEY)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name("release@acme.example")]), critical=True)
        .sign(ROOT_KEY, hashes.SHA256())
    )
    return leaf, above


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


LOGGED = {
    "SignedEntryTimestamp": encoded(b"promise"),
    "Payload": {
        "body": encoded(json.dumps({"apiVersion": "0.0.1", "kind": "intoto", "spec": {}}).encode()),
        "integratedTime": 1748736000,
        "logIndex": 7,
        "logID": "ab" * 32,
    },
}


def test_an_envelope_signed_with_a_key_holds_for_that_key(store: Store) -> None:
    digest = store.artifact()
    attest(store, digest, signed())
    (found,) = find(store, digest)
    spki = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signer, _ = KeyAnchor.from_pem(spki).proven(parse_foreign(found.content), lambda: b"", NOW)
    assert signer.key_id
    assert not parse_bundle(found.content).certificate
    assert found.source.startswith(f"oci://{store.host}/acme/helper@sha256:")


def test_an_envelope_signed_with_a_certificate_holds_below_its_authority(store: Store) -> None:
    digest, (leaf, root) = store.artifact(), certificates()
    attest(store, digest, signed(), certificate=pem(leaf), chain=pem(root), bundle=json.dumps(LOGGED))
    (found,) = find(store, digest)
    anchor = CertificateAnchor([root], identity_pattern("release@acme.example"))
    signer, _ = anchor.proven(parse_foreign(found.content), lambda: b"", NOW)
    assert signer.identity == "release@acme.example"


def test_what_the_log_promised_is_handed_over_as_cosign_wrote_it_into_files(store: Store) -> None:
    digest, (leaf, _) = store.artifact(), certificates()
    attest(store, digest, signed(), certificate=pem(leaf), bundle=json.dumps(LOGGED))
    (found,) = find(store, digest)
    assert json.loads(found.content)["rekorBundle"] == LOGGED
    assert parse_foreign(found.content).form == "cosign-v2"


def test_a_timestamp_stands_where_the_log_was_not_asked(store: Store) -> None:
    digest, (leaf, _) = store.artifact(), certificates()
    stamp = json.dumps({"SignedRFC3161Timestamp": encoded(b"stamp")})
    attest(store, digest, signed(), certificate=pem(leaf), rfc3161timestamp=stamp)
    (found,) = find(store, digest)
    assert parse_foreign(found.content).timestamps == (b"stamp",)


def test_they_are_found_beside_bundles_of_cosign_3(store: Store) -> None:
    digest = store.artifact()
    store.refer(digest, b"{1}")
    attest(store, digest, signed())
    assert len(find(store, digest)) == 2


def test_a_layer_of_another_kind_is_passed_over(store: Store) -> None:
    digest = store.artifact()
    attest(store, digest, b"sbom", kind="text/spdx+json")
    assert find(store, digest) == []


LEAF = pem(certificates()[0])


@pytest.mark.parametrize(
    ("envelope", "notes", "code"),
    [
        (b"{", {}, "json.malformed"),
        (b'{"a": 1, "a": 2}', {}, "json.duplicate-key"),
        (b"{}", {"certificate": "a certificate"}, "oci.referrers"),
        (b"{}", {"certificate": 1}, "oci.referrers"),
        (b"{}", {"certificate": LEAF, "bundle": "["}, "json.malformed"),
        (b"{}", {"certificate": LEAF, "bundle": "[]"}, "oci.referrers"),
        (b"{}", {"certificate": LEAF, "bundle": 7}, "oci.referrers"),
    ],
)
def test_what_cosign_never_wrote_is_refused(
    store: Store, envelope: bytes, notes: dict[str, Any], code: str
) -> None:
    digest = store.artifact()
    attest(store, digest, envelope, **notes)
    with pytest.raises(GovkernelError) as caught:
        find(store, digest)
    assert caught.value.code == code
    assert caught.value.remedy


@pytest.mark.parametrize(
    "layers",
    [
        {},
        [{}] * (MAX_REFERRERS + 1),
        [{"mediaType": ENVELOPE, "digest": "latest"}],
        [{"mediaType": ENVELOPE, "digest": f"{sha256(b'')}/.."}],
        [{"mediaType": ENVELOPE, "digest": sha256(b"x"), "annotations": [1]}],
    ],
)
def test_layers_that_are_no_attestations_are_refused(store: Store, layers: Any) -> None:
    digest = store.artifact()
    store.put({"layers": layers}, f"{digest.replace(':', '-')}.att")
    with pytest.raises(GovkernelError) as caught:
        find(store, digest)
    assert caught.value.code == "oci.referrers"


def test_a_bundle_that_is_listed_by_tag_is_refused(store: Store) -> None:
    digest = store.artifact()
    listed = {"manifests": [{"artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json", "digest": "a"}]}
    store.answers[f"referrers/{digest}"] = json.dumps(listed).encode()
    with pytest.raises(GovkernelError) as caught:
        find(store, digest)
    assert caught.value.code == "oci.referrers"
