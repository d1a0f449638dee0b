"""What a trust policy and the lists in force take back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from govkernel.domain import Artifact, Digest, Signer
from govkernel.errors import ProvenanceError
from govkernel.provenance.revocation import Revocation
from govkernel.provenance.trust_signers import KnownSigner


@dataclass(frozen=True)
class Revoked:
    """Everything that is revoked.

    Attributes:
        keys: reason by key id, or by name of an identity; from the policy's file.
        digests: reason by digest of an artifact or a statement; from the policy's file.
        lists: what signed lists revoke, by target and value.
    """

    keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    digests: Mapping[Digest, str] = field(default_factory=lambda: MappingProxyType({}))
    lists: Mapping[tuple[str, str], tuple[Revocation, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )

    def check_artifact(self, artifact: Artifact) -> None:
        """Refuse an artifact that is revoked, under any of its digests.

        Raises:
            ProvenanceError: ``provenance.revoked``.
        """
        digests = [digest for digest in (artifact.digest, *artifact.aliases) if digest]
        for digest in digests:
            if digest in self.digests:
                raise revoked(str(digest), self.digests[digest])
        self._check([("artifact", str(digest)) for digest in digests], artifact)

    def check_statement(self, digest: Digest, artifact: Artifact) -> None:
        """Refuse a statement that is revoked, as far as that reaches the artifact.

        Raises:
            ProvenanceError: ``provenance.revoked``.
        """
        if digest in self.digests:
            raise revoked(str(digest), self.digests[digest])
        self._check([("statement", str(digest))], artifact)

    def signer(
        self, known: KnownSigner, signer: Signer, signed_at: datetime | None, artifact: Artifact
    ) -> ProvenanceError | None:
        """Why a signer must not be believed about an artifact any more; None when it may be.

        Args:
            known: the signer as the trust policy knows it.
            signer: the same as it was verified.
            signed_at: when it signed, if a time that was verified says so.
            artifact: what it speaks about.
        """
        reason = self.keys.get(known.key_id or known.name)
        if reason is not None:
            return revoked(f"the signer {known.name}", reason)
        place = ("key", signer.key_id) if signer.key_id else ("identity", signer.identity)
        for item in self.lists.get(place, ()):
            meant = item.issuer in ("", signer.issuer) and item.reaches(artifact)
            if meant and not item.spares(signed_at):
                return revoked(f"the signer {known.name}", _told(item))
        return None

    def _check(self, places: Sequence[tuple[str, str]], artifact: Artifact) -> None:
        for place in places:
            for item in self.lists.get(place, ()):
                if item.reaches(artifact):
                    raise revoked(f"the {item.target}", _told(item))


def revoked(what: str, reason: str) -> ProvenanceError:
    """The refusal of what is revoked."""
    return ProvenanceError(
        "provenance.revoked",
        f"The trust policy revokes {what}.",
        why=reason,
        remedy="Use another artifact, or sign again with a key that is not revoked.",
    )


def _told(item: Revocation) -> str:
    return f"{item.reason} (revoked by {item.by})"
