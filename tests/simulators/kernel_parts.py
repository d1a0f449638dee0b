"""Small parts to build a kernel from in tests: evidence that is given, a recorder that remembers or fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from govkernel.domain import (
    AcceptedStatement,
    Action,
    Artifact,
    ArtifactRef,
    Digest,
    Door,
    EntityRef,
    PackManifest,
    PolicyFile,
    PolicyPack,
    Record,
    RejectedStatement,
    Request,
    Signer,
    Statement,
    Subject,
)
from govkernel.domain.predicates import SIGNATURE
from govkernel.hookspecs import Bundle, VerifiedStatement, hookimpl

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DIGEST = Digest.sha256("ab" * 32)
REF = ArtifactRef(uri=f"oci://registry.example/m@{DIGEST}", kind="model")

POLICIES = """
@id("test/permit") permit (principal, action, resource);
@id("test/unsigned") @reason("Unsigned.") @remedy("Sign it.") @audit("")
forbid (principal, action == Action::"promote", resource is Model) unless { context.evidence.signed };
"""


def pack(text: str = POLICIES, *, mode: str = "enforce", name: str = "test") -> PolicyPack:
    """A pack of one Cedar file."""
    manifest = PackManifest(id=name, version="1.0.0", engine="cedar", owner="tests", mode=mode)
    return PolicyPack(manifest=manifest, policies=(PolicyFile(path="a.cedar", text=text),), digest=DIGEST)


def promote(ref: ArtifactRef = REF) -> Request:
    """A pipeline asks to promote a model."""
    return Request(
        principal=EntityRef(type="Pipeline", id="ci"),
        action=Action.PROMOTE,
        resource=EntityRef(type="Model", id=ref.uri),
        door=Door.CI,
        artifacts=(ref,),
    )


class GivenEvidence:
    """Resolves every OCI name to :data:`DIGEST`, and finds one statement about it if it is ``signed``."""

    schemes = frozenset({"oci"})
    name = "given"
    digest = DIGEST

    def __init__(self, *, signed: bool = True, valid_until: datetime | None = None) -> None:
        self.signed = signed
        self.valid_until = valid_until
        self.resolved = 0

    @hookimpl
    def govkernel_reference_resolvers(self) -> list[Any]:
        return [self]

    @hookimpl
    def govkernel_attestation_sources(self) -> list[Any]:
        return [self]

    @hookimpl
    def govkernel_evidence_verifiers(self) -> list[Any]:
        return [self]

    def resolve(self, ref: ArtifactRef) -> Artifact | None:
        self.resolved += 1
        return Artifact(kind="model", name="ignored", digest=DIGEST) if "unknown" not in ref.uri else None

    def find(self, artifact: Artifact) -> Sequence[Bundle]:
        return [Bundle(content=b"one", source="given")] if self.signed else []

    def verify(self, bundle: Bundle, artifact: Artifact, now: datetime) -> VerifiedStatement | None:
        if bundle.content != b"one":
            return None
        statement = Statement(
            subjects=(Subject(digests=(DIGEST,)),),
            predicate_type=SIGNATURE,
            predicate={"kind": "model"},
            digest=DIGEST,
        )
        return VerifiedStatement(statement=statement, signers=(Signer(name="release", key_id="aa"),))

    def judge(
        self, verified: VerifiedStatement, artifact: Artifact, now: datetime
    ) -> AcceptedStatement | RejectedStatement:
        if verified.signers[0].key_id != "aa":
            return RejectedStatement(code="provenance.signer-not-trusted", why="No such key.")
        return AcceptedStatement(
            statement=verified.statement, signers=verified.signers, valid_until=self.valid_until
        )

    def settle(
        self, accepted: Sequence[AcceptedStatement], artifact: Artifact, now: datetime
    ) -> tuple[tuple[AcceptedStatement, ...], tuple[RejectedStatement, ...]]:
        return tuple(accepted), ()

    def revocation(self, artifact: Artifact) -> RejectedStatement | None:
        return None


class Memory:
    """A recorder that remembers, or does what it is told to."""

    def __init__(self, act: Callable[[Record], Any] | None = None) -> None:
        self.records: list[Record] = []
        self.spooled: list[Record] = []
        self._act = act

    async def append(self, record: Record) -> None:
        if self._act is not None:
            result = self._act(record)
            if hasattr(result, "__await__"):
                await result
        self.records.append(record)

    def spool(self, record: Record) -> None:
        self.spooled.append(record)
