"""Statements: one with a key, one keyless, a thousand about one subject."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from govkernel.domain import AcceptedStatement, Artifact, ArtifactKind, Digest
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.provenance import BundleStore, KeyVerifier, LocalKey, Receipts, TrustPolicy, attest, describe
from govkernel.provenance.digest import read
from govkernel.provenance.statement import statement_bytes
from tests.benchmarks.compare import ROUNDS
from tests.simulators.sigstore import Instance

NOW = datetime.now(UTC)
CLAIM = {
    "findings": 0,
    "entityTypes": {},
    "complete": True,
    "scanner": {"name": "scan", "version": "1"},
    "finishedOn": "2026-01-01T00:00:00Z",
}
Sides = dict[str, Callable[[], int]]


def receipt(model: Path, root: Path) -> Sides:
    """A model whose receipt is there: walked and compared; beside hashing it."""
    kept = Receipts(root / "receipts", clock=lambda: time.time_ns() + 3600 * 10**9)
    kept.read(model)

    def checked() -> int:
        kept.read(model)
        return 1

    def hashed() -> int:
        read(model)
        return 1

    return {"govkernel, from the receipt": checked, "govkernel, hashed": hashed}


def keyed() -> Sides:
    """Parse a bundle, verify its DSSE signature, read the statement; beside the signature alone."""
    key = LocalKey.generate()
    artifact = Artifact(kind=ArtifactKind.MODEL, name="a", digest=_digest())
    bundle = Bundle(content=attest(artifact, "pii-scan", {"records": 1, **CLAIM}, key), source="benchmark")
    verifier = KeyVerifier(TrustPolicy.from_keys({"k": key.public_key_pem()}).keys)
    message = b"x" * 600
    signature = key.sign(message)

    def ours() -> int:
        for _ in range(200):
            assert isinstance(verifier.verify(bundle, artifact, NOW), VerifiedStatement)
        return 200

    def bare() -> int:
        for _ in range(200):
            assert key.public.verify(signature, message)
        return 200

    return {"govkernel, bundle to statement": ours, "the P-256 signature alone": bare}


def keyless() -> Sides:
    """A bundle of our own Sigstore instance, by us and by sigstore-python, roots and verifiers ready.

    sigstore-python twice: as it is, and with our root, which reads its keys once.
    """
    from sigstore.models import Bundle as TheirBundle
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier, policy
    from sigstore_models.trustroot import v1

    from govkernel.provenance.foreign import parse_foreign
    from govkernel.provenance.identity import identity_pattern
    from govkernel.provenance.keyless import KeylessAnchor, read_trusted_root

    instance, (who, issuer) = Instance(), ("alice@example.test", "https://login.example.test")
    root = read_trusted_root(instance.trusted_root())
    raw = instance.bundle(statement_bytes([("a", {"sha256": "0" * 64})], "https://example.test/p", {"a": 1}))
    anchor = KeylessAnchor(root, identity_pattern(who), identity_pattern(issuer))
    plain = TrustedRoot(v1.TrustedRoot.from_json(instance.trusted_root()))
    identity = policy.Identity(identity=who, issuer=issuer)

    def ours() -> int:
        for _ in range(50):
            anchor.proven(parse_foreign(raw), lambda: b"", NOW)
        return 50

    def theirs(trusted: TrustedRoot) -> Callable[[], int]:
        verifier = Verifier(trusted_root=trusted)

        def verify() -> int:
            for _ in range(50):
                verifier.verify_dsse(TheirBundle.from_json(raw), identity)
            return 50

        return verify

    return {"govkernel": ours, "sigstore-python, our root": theirs(root), "sigstore-python": theirs(plain)}


def many(root: Path) -> Sides:
    """A thousand bundles: found and verified from nothing, and only judged, for the first time and again."""
    key = LocalKey.generate()
    data = root / "many.jsonl"
    data.write_text("{}\n")
    artifact = describe(data, ArtifactKind.DATASET)
    trust = TrustPolicy.from_keys({"k": key.public_key_pem()})
    store, verifier = BundleStore(root / "store"), KeyVerifier(trust.keys)
    for number in range(1000):
        store.add(attest(artifact, "pii-scan", {"records": number, **CLAIM}, key))
    verified = [verifier.verify(bundle, artifact, NOW) for bundle in store.find(artifact)]
    new = iter([[_again(item) for item in verified] for _ in range(ROUNDS + 1)])

    def judged(items: list[object]) -> int:
        found = [trust.judge(item, artifact, NOW) for item in items]  # type: ignore[arg-type]
        assert all(isinstance(item, AcceptedStatement) for item in found)
        return 1

    return {
        "found in the store, verified, judged": lambda: judged(
            [verifier.verify(bundle, artifact, NOW) for bundle in store.find(artifact)]
        ),
        "judged, held to their schemas for the first time": lambda: judged(list(next(new))),
        "judged: who may say this about that, now": lambda: judged(list(verified)),
    }


def _again(verified: object) -> VerifiedStatement:
    """The same, said by another object, so that nothing is known about it."""
    assert isinstance(verified, VerifiedStatement)
    return verified.model_copy(update={"statement": verified.statement.model_copy()})


def _digest() -> Digest:
    return Digest.sha256("0" * 64)
