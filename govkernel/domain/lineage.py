"""What an artifact was made from, as it stands in a record: each ancestor with what is known about it."""

from __future__ import annotations

from pydantic import Field

from govkernel.domain.artifact import ArtifactKind, Digest
from govkernel.domain.base import Frozen


class Ancestor(Frozen):
    """An artifact that another was made from, directly or not, by accepted derivation statements.

    Attributes:
        digest: its subject digest.
        name: what the derivation statement calls it.
        kind: what it was used as: ``model`` for a base, ``dataset`` for data.
        distance: derivations between it and the artifact, at least 1; the shortest way.
        signed: an accepted signature says whose it is.
        signers: who made accepted statements about it.
        license: its licences by accepted cards, joined by ``AND``; empty when none says so.
        rejections: codes of what was refused about it, ``provenance.revoked`` when it is revoked.
    """

    digest: Digest
    name: str
    kind: ArtifactKind
    distance: int = Field(ge=1)
    signed: bool = False
    signers: tuple[str, ...] = ()
    license: str = ""
    rejections: tuple[str, ...] = ()
