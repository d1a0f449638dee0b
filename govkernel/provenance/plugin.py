"""The provenance room as a plugin: the same hooks that strangers get."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from govkernel.hookspecs import (
    AttestationSource,
    EvidenceVerifier,
    ReferenceResolver,
    SigningKeyProvider,
    hookimpl,
)
from govkernel.provenance.adjacent import AdjacentFiles
from govkernel.provenance.digest import PathReader, read
from govkernel.provenance.keys import LocalKeyProvider
from govkernel.provenance.memory import ManifestMemory
from govkernel.provenance.resolvers import CatalogResolver, Clock, DigestResolver, FileResolver
from govkernel.provenance.store import BundleStore
from govkernel.provenance.trust import TrustPolicy
from govkernel.provenance.trust_current import CurrentTrust
from govkernel.provenance.verify import KeyVerifier
from govkernel.provenance.verify_certificate import CertificateVerifier


class ProvenancePlugin:
    """Offline provenance.

    Args:
        trust: whose keys to try, and who certifies identities.
        store: the bundle store.
        base: directory that relative ``file:`` names start from.
        roots: directories ``file:`` names may lie in; None for all, which only a command that a person runs
            on their own files should allow.
        adjacent: whether bundles beside local artifacts are looked at.
        passphrase: opens encrypted signing keys.
        reader: reads local artifacts; receipts may stand in for hashing.
        clock: the time at which signed names are judged.
    """

    def __init__(
        self,
        trust: TrustPolicy | CurrentTrust,
        store: BundleStore,
        *,
        base: Path = Path(),
        roots: Sequence[Path] | None = None,
        adjacent: bool = True,
        passphrase: bytes | None = None,
        reader: PathReader = read,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        memory = ManifestMemory()
        verifiers: list[EvidenceVerifier] = [
            KeyVerifier(lambda: trust.known_keys, memory, trust.times),
            CertificateVerifier(trust.authorities, memory),
        ]
        self._verifiers = verifiers
        self._sources: list[AttestationSource] = [store, *([AdjacentFiles()] if adjacent else [])]
        self._resolvers: list[ReferenceResolver] = [
            FileResolver(base, roots, memory, reader),
            DigestResolver(),
            CatalogResolver(store, trust, verifiers, clock),
        ]
        self._keys: list[SigningKeyProvider] = [LocalKeyProvider(base, passphrase)]

    @hookimpl
    def govkernel_attestation_sources(self) -> Sequence[AttestationSource]:
        """The bundle store, and the files beside a local artifact."""
        return self._sources

    @hookimpl
    def govkernel_reference_resolvers(self) -> Sequence[ReferenceResolver]:
        """Local files, digests in names, signed names."""
        return self._resolvers

    @hookimpl
    def govkernel_evidence_verifiers(self) -> Sequence[EvidenceVerifier]:
        """Sigstore bundles signed with keys, then those with certificates; OMS ones included."""
        return self._verifiers

    @hookimpl
    def govkernel_signing_keys(self) -> Sequence[SigningKeyProvider]:
        """``file:`` keys."""
        return self._keys
