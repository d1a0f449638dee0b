"""Names become artifacts, and artifacts gather evidence: the kernel's only way to the outside.

Every step fails closed. Resolvers that disagree, a source that cannot be read, a verifier that raises: each is an
error, hence a deny, because what it would have said might have been a reason to deny.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, Self

from govkernel import checks
from govkernel.domain import (
    AcceptedStatement,
    Artifact,
    ArtifactKind,
    ArtifactRef,
    Digest,
    Evidence,
    Judged,
    RejectedStatement,
)
from govkernel.errors import GovkernelError
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.plugins import PluginHost, Provider

MAX_BUNDLES: Final = 1000
MAX_AT_ONCE: Final = 16
"""Artifacts of one request that are looked up at the same time; fewer than a plugin may have calls under way."""

CACHE_SIZE: Final = 10_000
CACHE_TTL: Final = timedelta(seconds=30)
ANY_SCHEME: Final = "*"

Key = ArtifactRef | tuple[Digest | None, ArtifactKind]
"""What is remembered by: a name, or a digest with what it is used as."""


class TrustJudge(Protocol):
    """The trust policy: which signers may say what about which artifacts."""

    @property
    def digest(self) -> Digest:
        """Identity of the policy as of now, with all that is revoked."""

    def judge(
        self, verified: VerifiedStatement, artifact: Artifact, now: datetime
    ) -> AcceptedStatement | RejectedStatement:
        """Whether the signers may say this about this artifact now."""

    def settle(
        self, accepted: Sequence[AcceptedStatement], artifact: Artifact, now: datetime
    ) -> tuple[tuple[AcceptedStatement, ...], tuple[RejectedStatement, ...]]:
        """Which of the accepted statements about one artifact stand together, and why the others do not."""

    def revocation(self, artifact: Artifact) -> RejectedStatement | None:
        """Why an artifact is revoked, whatever is stated about it; None when it is not."""


@dataclass(frozen=True)
class Gathered:
    """An artifact, its evidence, and the digest of both, computed once."""

    judged: Judged
    digest: bytes

    @classmethod
    def of(cls, judged: Judged) -> Self:
        """With the digest computed."""
        return cls(judged, hashlib.sha256(judged.model_dump_json().encode()).digest())


class EvidenceGatherer:
    """Resolves references and gathers evidence through the plugins of a host.

    Args:
        host: the plugins.
        trust: the trust policy.
        ttl: how long a gathered result may be used again, at most.
    """

    def __init__(self, host: PluginHost, trust: TrustJudge, *, ttl: timedelta = CACHE_TTL) -> None:
        self._host = host
        self._trust = trust
        self._ttl = ttl
        self._cache: OrderedDict[Key, tuple[datetime, datetime, Gathered]] = OrderedDict()

    async def gather(self, refs: Sequence[ArtifactRef], now: datetime) -> tuple[Gathered, ...]:
        """Artifact and evidence for each reference, in order.

        Raises:
            GovkernelError: something on the way could not do its work.
        """
        trust = self._trust.digest  # first of all: this takes in what was revoked since
        cached = [self._cached(ref, now, trust) for ref in refs]
        if all(cached):
            return tuple(item for item in cached if item)
        turn = asyncio.Semaphore(MAX_AT_ONCE)

        async def one(ref: ArtifactRef, hit: Gathered | None) -> Gathered:
            if hit is not None:
                return hit
            async with turn:
                return await self._fresh(ref, now)

        return tuple(await asyncio.gather(*map(one, refs, cached)))

    async def about(self, artifacts: Sequence[Artifact], now: datetime) -> tuple[Judged, ...]:
        """Evidence about artifacts that are known by their digests, in order; no name is resolved.

        Raises:
            GovkernelError: something on the way could not do its work.
        """
        trust = self._trust.digest
        turn = asyncio.Semaphore(MAX_AT_ONCE)

        async def one(artifact: Artifact) -> Judged:
            key = (artifact.digest, artifact.kind)
            hit = self._cached(key, now, trust)
            if hit is not None:
                return hit.judged
            async with turn:
                found, evidence = await self._evidence(artifact, now)
                return self._keep(key, Judged(artifact=found, evidence=evidence), now).judged

        return tuple(await asyncio.gather(*map(one, artifacts)))

    def under_name(self, judged: Judged, name: str, now: datetime) -> Judged:
        """As much of the evidence as counts for an artifact of that name; nothing is looked up or verified again.

        Args:
            judged: an artifact known by its digest alone, as :meth:`about` gives it.
            name: what somebody who was accepted calls it.
            now: time of the judgement, aware.
        """
        artifact = judged.artifact.model_copy(update={"name": name})
        accepted: list[AcceptedStatement] = []
        rejected = list(judged.evidence.rejected)
        for item in judged.evidence.accepted:
            verified = VerifiedStatement(
                statement=item.statement, signers=item.signers, source=item.source, signed_at=item.signed_at
            )
            outcome = self._trust.judge(verified, artifact, now)
            (accepted if isinstance(outcome, AcceptedStatement) else rejected).append(outcome)  # type: ignore[arg-type]
        standing, fallen = self._trust.settle(accepted, artifact, now)
        lapses = [item.valid_until for item in standing if item.valid_until]
        update = {
            "accepted": standing,
            "rejected": (*rejected, *fallen),
            "valid_until": min(lapses, default=None),
        }
        return Judged(artifact=artifact, evidence=judged.evidence.model_copy(update=update))

    def forget(self, refs: Iterable[ArtifactRef]) -> None:
        """Drop what is cached for some references, so that new evidence counts at once."""
        for ref in refs:
            self._cache.pop(ref, None)

    def _cached(self, key: Key, now: datetime, trust: Digest) -> Gathered | None:
        hit = self._cache.get(key)
        if hit is None or not hit[0] <= now < hit[1]:  # a clock that was set back prolongs nothing
            return None
        if hit[2].judged.evidence.trust_policy != trust:
            return None
        self._cache.move_to_end(key)
        return hit[2]

    async def _fresh(self, ref: ArtifactRef, now: datetime) -> Gathered:
        artifact = await self._resolve(ref)
        artifact, evidence = await self._evidence(artifact, now)
        judged = Judged(artifact=artifact, evidence=evidence)
        if ref.scheme == "file" or not artifact.resolved:
            return Gathered.of(judged)
        return self._keep(ref, judged, now)

    def _keep(self, key: Key, judged: Judged, now: datetime) -> Gathered:
        gathered = Gathered.of(judged)
        until = min(now + self._ttl, judged.evidence.valid_until or datetime.max.replace(tzinfo=now.tzinfo))
        self._cache[key] = (now, until, gathered)
        while len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)
        return gathered

    def _providers(self, hook: str) -> tuple[Provider[Any], ...]:
        """The host's; a plugin that fails to offer what it implements might have had a reason to deny."""
        found = self._host.providers(hook)
        for error in self._host.broken():
            raise error
        return found

    async def _resolve(self, ref: ArtifactRef) -> Artifact:
        found: list[Artifact] = []
        for provider in self._providers("govkernel_reference_resolvers"):
            if not self._host.read(provider, "schemes", checks.names) & {ref.scheme, ANY_SCHEME}:
                continue
            artifact = await self._host.call(provider, lambda it: it.resolve(ref), checks.either(Artifact))
            if artifact is not None and artifact.digest is not None:
                found.append(artifact)
        digests = {artifact.digest for artifact in found} | ({ref.digest} if ref.digest else set())
        if len(digests) > 1:
            raise GovkernelError(
                "resolve.ambiguous",
                f"The name {ref.uri!r} leads to different contents.",
                why=", ".join(sorted(str(digest) for digest in digests)),
                remedy="Name the artifact by digest, or remove the wrong signed name from the bundle store.",
            )
        # Whether a name is pinned, and what it is said to be, is for us to tell, not for a resolver.
        ours = {"kind": ref.kind, "name": ref.uri, "pinned": ref.pinned, "where": ref.where}
        best = next(
            (item for item in found if item.observed),
            found[0] if found else Artifact(kind=ref.kind, name=ref.uri),
        )
        return best.model_copy(
            update={**ours, "digest": best.digest or ref.digest, "formats": _formats(best, found)}
        )

    async def _evidence(self, artifact: Artifact, now: datetime) -> tuple[Artifact, Evidence]:
        trust = self._trust.digest  # read before judging: what is revoked meanwhile is not said to be in it
        if artifact.digest is None:
            return artifact, Evidence(trust_policy=trust)
        accepted: list[AcceptedStatement] = []
        rejected: list[RejectedStatement] = []
        formats: set[str] = set(artifact.formats)
        revoked = self._trust.revocation(artifact)
        if revoked is not None:
            rejected.append(revoked)
        for bundle in await self._bundles(artifact):
            outcome = await self._verify(bundle, artifact, now)
            if isinstance(outcome, VerifiedStatement):
                judged = self._trust.judge(outcome, artifact, now)
                if isinstance(judged, AcceptedStatement):
                    accepted.append(judged)
                    formats.update(outcome.formats)
                    continue
                outcome = judged
            rejected.append(outcome)
        standing, fallen = self._trust.settle(accepted, artifact, now)
        lapses = [item.valid_until for item in standing if item.valid_until]
        return artifact.model_copy(update={"formats": tuple(sorted(formats))}), Evidence(
            subject=artifact.digest,
            accepted=standing,
            rejected=(*rejected, *fallen),
            trust_policy=trust,
            valid_until=min(lapses, default=None),
        )

    async def _bundles(self, artifact: Artifact) -> list[Bundle]:
        found: dict[bytes, Bundle] = {}
        for provider in self._providers("govkernel_attestation_sources"):
            bundles = await self._host.call(
                provider, lambda it: it.find(artifact), checks.sequence(Bundle, MAX_BUNDLES)
            )
            for bundle in bundles:
                found.setdefault(hashlib.sha256(bundle.content).digest(), bundle)
        if len(found) > MAX_BUNDLES:
            raise GovkernelError(
                "evidence.too-many",
                f"More than {MAX_BUNDLES} bundles speak about {artifact.name!r}.",
                remedy="Remove the bundles that are not needed from the attestation store.",
            )
        return list(found.values())

    async def _verify(
        self, bundle: Bundle, artifact: Artifact, now: datetime
    ) -> VerifiedStatement | RejectedStatement:
        for provider in self._providers("govkernel_evidence_verifiers"):
            outcome = await self._host.call(
                provider,
                lambda it: it.verify(bundle, artifact, now),
                checks.either(VerifiedStatement, RejectedStatement),
            )
            if isinstance(outcome, VerifiedStatement | RejectedStatement):
                return outcome
        return RejectedStatement(
            code="provenance.format-unknown",
            why="No verifier understands this bundle.",
            remedy="Sign with `govkernel sign` or `govkernel attest`, or install the plugin for this format.",
            source=bundle.source,
        )


def _formats(best: Artifact, found: Sequence[Artifact]) -> tuple[str, ...]:
    """What was seen in the files; else all that those say who know the same content: one may know its digest alone."""
    if best.observed:
        return best.formats
    return tuple(sorted({name for artifact in found for name in artifact.formats}))
