"""What kind of artifact a signature says that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from govkernel.domain import ArtifactKind
from govkernel.domain.manifest import MANIFEST_KINDS
from govkernel.domain.predicates import OMS_SIGNATURE, SIGNATURE
from govkernel.errors import ProvenanceError
from govkernel.provenance.oms_v02 import DIGESTS_V01

_OMS: Final = frozenset({OMS_SIGNATURE, DIGESTS_V01})


def said_kind(predicate_type: str, predicate: Mapping[str, Any]) -> ArtifactKind | None:
    """The kind that a signature names; None where a statement names none, as most do."""
    if predicate_type in _OMS:
        return ArtifactKind.MODEL
    said = predicate.get("kind") if predicate_type == SIGNATURE else None
    return ArtifactKind(said) if said in list(ArtifactKind) else None


def check_kind(predicate_type: str, predicate: Mapping[str, Any], kind: ArtifactKind | None) -> None:
    """Refuse a signature of another kind of artifact than the one that is asked about, if one is.

    OMS knows models only, and signs the adapters and tokenizers that are listed like them too.

    Raises:
        ProvenanceError: ``provenance.kind-mismatch``.
    """
    said = said_kind(predicate_type, predicate)
    if kind is None or said in (None, kind) or (predicate_type in _OMS and kind in MANIFEST_KINDS):
        return
    raise ProvenanceError(
        "provenance.kind-mismatch",
        f"It was signed as a {said.value}, not as a {kind.value}.",
        remedy="Sign it again as what it is.",
    )
