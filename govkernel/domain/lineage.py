"""What an artifact was made from, as it stands in a record: each ancestor with what is known about it."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

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
        vouched: each derivation up to it, on some way, was stated by somebody who may speak about the name of what was
            made; what is not vouched for may be a stranger's word, and can only deny.
    """

    digest: Digest
    name: str
    kind: ArtifactKind
    distance: int = Field(ge=1)
    signed: bool = False
    signers: tuple[str, ...] = ()
    license: str = ""
    rejections: tuple[str, ...] = ()
    vouched: bool = True

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without ``vouched`` where it is true, so that records and their digests stay what they were."""
        fields: dict[str, Any] = handler(self)
        if self.vouched:
            fields.pop("vouched", None)
        return fields
