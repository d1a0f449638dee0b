"""What a fuzzer may feed: every parser of strangers' bytes, with honest inputs to start from.

A target returns, or raises our own error type; anything else is a finding.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from govkernel.domain import Artifact, ArtifactKind, Digest, Signer, strict_json, strict_yaml
from govkernel.domain.predicates import DELEGATION, DERIVATION, MODEL_CARD, REVOCATION, SIGNATURE
from govkernel.errors import GovkernelError
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.provenance import KeyVerifier, LocalKey, TrustedKey, TrustPolicy
from govkernel.provenance.anchors import CertificateAnchor, KeyAnchor
from govkernel.provenance.bundle import parse_signed
from govkernel.provenance.collection import split_bundles
from govkernel.provenance.delegation import Delegation, read_delegation
from govkernel.provenance.foreign import parse_each, parse_foreign
from govkernel.provenance.identity import identity_pattern
from govkernel.provenance.keyless import KeylessAnchor, read_trusted_root
from govkernel.provenance.oms import read_oms
from govkernel.provenance.predicates import check_predicate
from govkernel.provenance.prompt import canonical_prompt
from govkernel.provenance.revocation import read_list
from govkernel.provenance.statement import parse_statement
from govkernel.provenance.time_authorities import read_time_authorities
from govkernel.provenance.timestamps import signing_time
from govkernel.provenance.x509 import certify, read_roots
from tests.provenance import fuzz_files, fuzz_supply
from tests.provenance.fuzz_target import Target
from tests.simulators.certificate_lies import ALICE, NOW, Family
from tests.simulators.cosign_v2 import rewritten
from tests.simulators.envelopes import by_key, by_witness, envelope, slsa_envelope
from tests.simulators.lying_signer import oms, signed, statement
from tests.simulators.signing import bare, certified
from tests.simulators.sigstore import Instance, Orders
from tests.simulators.timestamp_lies import NOW as STAMPED
from tests.simulators.timestamp_lies import Clock
from tests.simulators.x509 import p256

KEY = LocalKey.generate()
KEYS = (TrustedKey("k", KEY.public),)
FAMILY = Family()
CHAIN = FAMILY.chain()
ROOTS = read_roots(FAMILY.root.pem)
INSTANCE = Instance(now=lambda: NOW)
CLOCK = Clock()
TIMES = read_time_authorities(CLOCK.root.pem)
HEX = "ab" * 32
ARTIFACT = Artifact(kind=ArtifactKind.PROMPT, name="prompt://t/p@1", digest=Digest.sha256(HEX))
TRUST = TrustPolicy.parse(
    f"version: 1\nkeys: [{{name: k, publicKey: {json.dumps(KEY.public_key_pem().decode())}}}]\n"
    "rules: [{signers: [k], may: ['*', revocation]}]".encode()
)
SAID = statement(HEX, SIGNATURE, {"kind": "prompt"})
ORDERS = Orders(promised=False, version=2, stamped=NOW)
CARD = {"license": "MIT", "riskClass": "minimal", "intendedUse": "Greeting."}
ENTRY = {"key": HEX, "reason": "Stolen.", "since": "2026-01-01T00:00:00Z"}
CLAIMS: dict[str, dict[str, Any]] = {
    MODEL_CARD: CARD,
    DERIVATION: {"method": "lora", "bases": [{"name": "b", "digest": {"sha256": HEX}}], "datasets": []},
    REVOCATION: {"issuedOn": "2026-01-01T00:00:00Z", "entries": [ENTRY]},
}


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _statement(data: bytes) -> None:
    read_oms(parse_statement(data))


def _signed(data: bytes) -> None:
    """The payload reaches all that reads it, because the signature over it is true."""
    KeyVerifier(KEYS).verify(Bundle(content=signed(data, KEY), source="s"), ARTIFACT, NOW)
    raw = parse_statement(data)
    check_predicate(raw.predicate_type, raw.predicate)
    raw.freeze()


def _revocations(data: bytes) -> None:
    read_list(Bundle(content=signed(data, KEY), source="s"), KEYS, TRUST.signers, TRUST.rules)


def _delegation(data: bytes) -> None:
    """What is passed over does not raise, so nothing may."""
    found = read_delegation(Bundle(content=signed(data, KEY), source="s"), KEYS, TRUST.signers, DELEGABLE)
    if isinstance(found, Delegation):
        TRUST.delegating([found]).judge(SPOKEN, ARTIFACT, NOW)


DELEGABLE = tuple(replace(rule, delegable=True) for rule in TRUST.rules)
SPOKEN = VerifiedStatement(
    statement=parse_statement(_json(SAID)).freeze(),
    signers=(Signer(name="", identity="a@b", issuer="https://i"),),
    source="s",
)
LENT = {
    "from": "2020-01-01T00:00:00Z",
    "until": "2030-01-01T00:00:00Z",
    "to": [
        {"name": "a", "publicKey": KEY.public_key_pem().decode()},
        {"name": "b", "identity": {"regex": "a@.*"}, "issuer": {"glob": "https://*"}, "authority": "x"},
    ],
    "may": ["*"],
    "about": {"kinds": ["model"], "names": ["a*"]},
}
KEY_ANCHOR = KeyAnchor.from_pem(KEY.public_key_pem())
CERTIFICATE_ANCHOR = CertificateAnchor(ROOTS, identity_pattern(ALICE))
KEYLESS_ANCHOR = KeylessAnchor(
    read_trusted_root(INSTANCE.trusted_root()), identity_pattern(ALICE), identity_pattern("glob:**")
)

PRIVATE_ANCHOR = KeylessAnchor(
    read_trusted_root(INSTANCE.trusted_root(tlogs=[], ctlogs=[])),
    identity_pattern(ALICE),
    identity_pattern("glob:**"),
)


def _foreign(data: bytes) -> None:
    for bundle in parse_each(data):
        for anchor in (KEY_ANCHOR, CERTIFICATE_ANCHOR, KEYLESS_ANCHOR, PRIVATE_ANCHOR):
            with suppress(GovkernelError):
                anchor.proven(bundle, lambda: b"hello", NOW)


def _chain(data: bytes) -> None:
    certify(list(_parts(data)), ROOTS, NOW)


def _parts(data: bytes) -> Iterator[bytes]:
    """Certificates, each behind its length in two bytes."""
    while data:
        length = int.from_bytes(data[:2])
        yield data[2 : 2 + length]
        data = data[2 + length :]


def _leaf(data: bytes) -> None:
    """A keyless bundle with any certificate in it."""
    bundle = json.loads(INSTANCE_BUNDLE)
    bundle["verificationMaterial"]["certificate"]["rawBytes"] = base64.b64encode(data).decode()
    KEYLESS_ANCHOR.proven(parse_foreign(_json(bundle)), lambda: b"", NOW)


def _timestamp(data: bytes) -> None:
    """A keyless bundle with any timestamp in it."""
    bundle = json.loads(STAMPED_BUNDLE)
    stamps = [{"signedTimestamp": base64.b64encode(data).decode()}]
    bundle["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"] = stamps
    KEYLESS_ANCHOR.proven(parse_foreign(_json(bundle)), lambda: b"", NOW)


def _stamp(data: bytes) -> None:
    """Any timestamp over a signature, by an authority that is trusted."""
    signing_time((data,), b"signature", TIMES, STAMPED)


INSTANCE_BUNDLE = INSTANCE.bundle(SAID)
STAMPED_BUNDLE = INSTANCE.bundle(SAID, ORDERS)
UNLOGGED_BUNDLE = INSTANCE.bundle(SAID, Orders(logged=False, scts=(), stamped=NOW))
_LEAF = base64.b64decode(json.loads(INSTANCE_BUNDLE)["verificationMaterial"]["certificate"]["rawBytes"])
_STAMP = base64.b64decode(
    json.loads(STAMPED_BUNDLE)["verificationMaterial"]["timestampVerificationData"]["rfc3161Timestamps"][0][
        "signedTimestamp"
    ]
)
_POLICY = (
    b"version: 1\nkeys: [{name: k, publicKey: k.pub}]\nrules: [{signers: [k], may: ['*'], threshold: 1}]\n"
)
_STATEMENTS = [_json(SAID), *(_json(statement(HEX, kind, claim)) for kind, claim in CLAIMS.items())]
_BUNDLES = [
    signed(SAID, KEY),
    certified(SAID, CHAIN),
    bare(b"hello", p256()),
    INSTANCE_BUNDLE,
    STAMPED_BUNDLE,
    UNLOGGED_BUNDLE,
    _json(json.loads(signed(SAID, KEY))["dsseEnvelope"]),
    envelope(SAID, by_key(p256()), by_witness(CHAIN, CLOCK.tells())),
    slsa_envelope(INSTANCE, SAID),
    rewritten(INSTANCE_BUNDLE),
    rewritten(INSTANCE.file_bundle(b"hello")),
]


def _registry() -> dict[str, Target]:
    """Targets of the plugin for registries, where it is installed."""
    if find_spec("govkernel_oci") is None:
        return {}
    from tests.provenance import fuzz_registry

    return fuzz_registry.TARGETS


TARGETS: dict[str, Target] = {
    "json": Target(lambda data: strict_json.canonical(strict_json.loads(data)), [b'{"a": [1, "b", null]}']),
    "yaml": Target(strict_yaml.load, [b"a: [1, b, {c: d}]\n", b"- |\n  text\n"]),
    "bundle": Target(parse_signed, [_BUNDLES[0], *_BUNDLES[-4:]]),
    "foreign-bundle": Target(_foreign, _BUNDLES),
    "statement": Target(_signed, _STATEMENTS),
    "oms": Target(_statement, [_json(oms([("a", HEX), ("b/c", HEX)], HEX))]),
    "x509-chain": Target(_chain, [b"".join(len(i.der).to_bytes(2) + i.der for i in CHAIN)]),
    "x509-roots": Target(read_roots, [FAMILY.root.pem, FAMILY.root.pem + CHAIN[1].pem]),
    "keyless-certificate": Target(_leaf, [_LEAF, CHAIN[0].der]),
    "timestamp": Target(_timestamp, [_STAMP]),
    "timestamp-token": Target(_stamp, [CLOCK.tells()(b"signature")[0], _STAMP]),
    "time-authorities": Target(read_time_authorities, [CLOCK.root.pem, INSTANCE.trusted_root()]),
    "trusted-root": Target(read_trusted_root, [INSTANCE.trusted_root()]),
    "trust-policy": Target(TrustPolicy.parse, [_POLICY]),
    "revocation-list": Target(_revocations, [_json(statement(HEX, REVOCATION, CLAIMS[REVOCATION]))]),
    "delegation": Target(_delegation, [_json(statement(HEX, DELEGATION, LENT))]),
    "collection": Target(
        split_bundles, [_json([{"bundle": {}}, {}]), _json({"attestations": [{"bundle": {}}]})]
    ),
    "identity": Target(
        lambda data: identity_pattern(data.decode("utf-8", "replace")), [b"glob:*@a", b"regex:a+"]
    ),
    "public-key": Target(KeyAnchor.from_pem, [KEY.public_key_pem()]),
    "prompt": Target(
        lambda data: canonical_prompt("p.yaml", data), [b"template: Hello {name}\nrole: system\n"]
    ),
    **fuzz_supply.TARGETS,
    **fuzz_files.TARGETS,
    **_registry(),
}


def feed(name: str, data: bytes) -> None:
    """Feed one input; our own errors are answers."""
    with suppress(GovkernelError):
        TARGETS[name].run(data)
