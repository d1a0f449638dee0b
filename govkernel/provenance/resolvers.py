"""From names to digests: local files are read, digests in names are taken, other names need a signed statement."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from govkernel.domain import AcceptedStatement, Artifact, ArtifactRef, Digest, RejectedStatement, Statement
from govkernel.domain.manifest import MANIFEST_KINDS
from govkernel.domain.predicates import OMS_SIGNATURE, SIGNATURE
from govkernel.errors import GovkernelError
from govkernel.hookspecs import Bundle, EvidenceVerifier, VerifiedStatement
from govkernel.provenance.digest import PathReader, artifact_of, read
from govkernel.provenance.memory import ManifestMemory
from govkernel.provenance.store import BundleStore

ANY_SCHEME: Final = "*"


class Clock(Protocol):
    """Returns the current time, aware, UTC."""

    def __call__(self) -> datetime:
        """Now."""


class Judge(Protocol):
    """The trust policy, as a resolver sees it."""

    def judge(
        self, verified: VerifiedStatement, artifact: Artifact, now: datetime
    ) -> AcceptedStatement | RejectedStatement:
        """Whether the statement is evidence."""

    def settle(
        self, accepted: Sequence[AcceptedStatement], artifact: Artifact, now: datetime
    ) -> tuple[tuple[AcceptedStatement, ...], tuple[RejectedStatement, ...]]:
        """Which of the accepted statements stand together."""


class FileResolver:
    """Reads local artifacts named ``file:PATH``; follows :class:`govkernel.hookspecs.ReferenceResolver`.

    Args:
        base: directory that relative paths start from.
        roots: directories that may be read; None for all. A server should name them: the paths in what it is
            asked about come from strangers.
        memory: remembers manifests, so that a verifier can name files that differ.
        reader: reads an artifact; receipts may stand in for hashing.
    """

    schemes = frozenset({"file"})

    def __init__(
        self,
        base: Path = Path(),
        roots: Sequence[Path] | None = None,
        memory: ManifestMemory | None = None,
        reader: PathReader = read,
    ) -> None:
        self._reader = reader
        self._base = base
        self._roots = None if roots is None else tuple(root.resolve() for root in roots)
        self._memory = memory or ManifestMemory()

    async def resolve(self, ref: ArtifactRef) -> Artifact | None:
        """The artifact, read completely in a thread; None when nothing is there or it may not be read.

        Raises:
            GovkernelError: it is there and cannot be an artifact (links, unsafe names, no prompt, …).
        """
        return await asyncio.to_thread(self.read, ref)

    def read(self, ref: ArtifactRef) -> Artifact | None:
        """Like :meth:`resolve`, in this thread."""
        text = ref.uri.removeprefix("file:")
        path = self._base / (text[2:] if text.startswith("///") else text)
        if not path.exists() or not self._allowed(path):
            return None
        manifest, files = self._reader(path)
        artifact = artifact_of(path, ref.kind, ref.uri, manifest, files)
        self._memory.remember(artifact, manifest)
        return artifact.model_copy(update={"where": ref.where})

    def _allowed(self, path: Path) -> bool:
        real = path.resolve()
        return self._roots is None or any(real.is_relative_to(root) for root in self._roots)


class DigestResolver:
    """Takes the digest that an OCI reference carries; follows :class:`govkernel.hookspecs.ReferenceResolver`."""

    schemes = frozenset({"oci"})

    def resolve(self, ref: ArtifactRef) -> Artifact | None:
        """The artifact of ``oci://…@sha256:…``; None for a tag."""
        if ref.digest is None:
            return None
        return Artifact(kind=ref.kind, name=ref.uri, digest=ref.digest, pinned=True, where=ref.where)


class CatalogResolver:
    """Resolves names that trusted signers bound to digests; follows :class:`govkernel.hookspecs.ReferenceResolver`.

    Args:
        store: where signed statements lie; its index of names only proposes.
        trust: judges who may bind which name.
        verifiers: verify the statements.
        clock: the time to judge at.
    """

    schemes = frozenset({ANY_SCHEME})

    def __init__(
        self, store: BundleStore, trust: Judge, verifiers: Sequence[EvidenceVerifier], clock: Clock
    ) -> None:
        self._store = store
        self._trust = trust
        self._verifiers = tuple(verifiers)
        self._clock = clock

    def resolve(self, ref: ArtifactRef) -> Artifact | None:
        """The artifact a trusted signature names so; None when there is none, or no signed list of a model's files.

        Raises:
            GovkernelError: ``resolve.ambiguous``: trusted statements bind the name to different digests.
        """
        if ref.scheme == "file" or ref.digest is not None:
            return None
        now = self._clock()
        proposed = (self._bound(ref, digest, now) for digest in self._store.candidates(ref.uri))
        found = [artifact for artifact in proposed if artifact is not None]
        if len(found) > 1:
            raise GovkernelError(
                "resolve.ambiguous",
                f"Trusted statements bind the name {ref.uri!r} to different contents.",
                why=", ".join(sorted(str(artifact.digest) for artifact in found)),
                remedy="Revoke the digest that is wrong in the trust policy, or name the artifact by digest.",
            )
        # Without the signed list of its files a model's formats are unknown, and whoever can take a bundle out of
        # the store could hide a pickle so.
        return found[0] if found and (found[0].formats or ref.kind not in MANIFEST_KINDS) else None

    def _bound(self, ref: ArtifactRef, digest: Digest, now: datetime) -> Artifact | None:
        """The artifact, if an accepted signature says that this digest has this name."""
        artifact = Artifact(kind=ref.kind, name=ref.uri, digest=digest, pinned=ref.pinned, where=ref.where)
        formats: set[str] = set()
        naming: list[AcceptedStatement] = []
        for bundle in self._store.find(artifact):
            verified = self._verify(bundle, artifact, now)
            judged = self._trust.judge(verified, artifact, now) if verified else None
            if verified is None or not isinstance(judged, AcceptedStatement):
                continue
            formats.update(verified.formats)
            if _binds(verified.statement, ref.uri, digest):
                naming.append(judged)
        # Where a rule demands two for a signature, two must have signed this name, not only this content.
        named, _ = self._trust.settle(naming, artifact, now)
        return artifact.model_copy(update={"formats": tuple(sorted(formats))}) if named else None

    def _verify(self, bundle: Bundle, artifact: Artifact, now: datetime) -> VerifiedStatement | None:
        outcomes = (verifier.verify(bundle, artifact, now) for verifier in self._verifiers)
        outcome = next((item for item in outcomes if item is not None), None)
        return outcome if isinstance(outcome, VerifiedStatement) else None


def _binds(statement: Statement, name: str, digest: Digest) -> bool:
    """Whether it is a signature that gives the name to the digest; whoever states anything else only uses a name."""
    return statement.predicate_type in (SIGNATURE, OMS_SIGNATURE) and any(
        subject.name == name and digest in subject.digests for subject in statement.subjects
    )
