"""Sign the root of a dataset's tree, and read signed roots back, once the signature was verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from govkernel.domain import Artifact, ArtifactKind, Digest, RejectedStatement, Signer
from govkernel.domain.predicates import DATASET_TREE
from govkernel.errors import InputError, ProvenanceError
from govkernel.hookspecs import Bundle, SigningKey
from govkernel.provenance.anchors import Anchor
from govkernel.provenance.dataset_tree import DatasetTree, Root, grew, predicate
from govkernel.provenance.dsse import Envelope
from govkernel.provenance.foreign import parse_foreign
from govkernel.provenance.predicates import check_predicate
from govkernel.provenance.sign import attest
from govkernel.provenance.statement import RawStatement, parse_statement
from govkernel.provenance.trust import TrustPolicy
from govkernel.provenance.verify import KeyVerifier


@dataclass(frozen=True)
class SignedRoot:
    """A root that somebody trusted has signed.

    Attributes:
        root: size and hash.
        previous: the root it was proven to have grown from; None if it names none.
        digest: the dataset's subject digest that the signer binds the root to.
        signer: who.
    """

    root: Root
    previous: Root | None
    digest: Digest
    signer: Signer


def sign_tree(
    tree: DatasetTree, name: str, key: SigningKey, before: DatasetTree | None = None
) -> tuple[Artifact, bytes]:
    """The dataset, and a bundle with the root of its tree and, where it grew, the proof of it.

    Raises:
        ProvenanceError: as :func:`govkernel.provenance.sign.attest`.
    """
    artifact = Artifact(kind=ArtifactKind.DATASET, name=name, digest=tree.digest, pinned=True, observed=True)
    return artifact, attest(artifact, DATASET_TREE, predicate(tree, before), key)


def signed_root(raw: bytes, trust: Anchor | TrustPolicy, now: datetime) -> SignedRoot:
    """The root a bundle states, by someone who is trusted to have signed it.

    Args:
        raw: bytes of the bundle.
        trust: who must have signed it; or the trust policy, which says who may.
        now: aware, UTC.

    Raises:
        InputError: the bundle or the claim cannot be read.
        ProvenanceError: the signature does not hold, the signer is not trusted, it states something else
            (``provenance.other-predicate``), or ``dataset.inconsistent``.
    """
    bundle = parse_foreign(raw)
    if not isinstance(bundle.content, Envelope):
        raise _other("a bare signature")
    if isinstance(trust, TrustPolicy):
        claimed = parse_statement(bundle.content.payload)
        signer = _judged(raw, claimed, trust, now)
    else:
        signer, _ = trust.proven(bundle, lambda: b"", now)
        claimed = parse_statement(bundle.content.payload)
    if claimed.predicate_type != DATASET_TREE:
        raise _other(claimed.predicate_type)
    check_predicate(claimed.predicate_type, claimed.predicate)
    return SignedRoot(Root.parse(claimed.predicate), grew(claimed.predicate), _subject(claimed), signer)


def _judged(raw: bytes, claimed: RawStatement, trust: TrustPolicy, now: datetime) -> Signer:
    # The artifact is not here: what it is, is what the statement says, and the policy judges who says it.
    name = f"file:{claimed.subjects[0].name}"
    artifact = Artifact(kind=ArtifactKind.DATASET, name=name, digest=_subject(claimed))
    found = KeyVerifier(trust.known_keys, times=trust.times).verify(
        Bundle(content=raw, source="bundle"), artifact, now
    )
    if found is None:
        raise InputError(
            "provenance.format-unknown",
            "The trust policy verifies key-based bundles only.",
            remedy="Give --ca.",
        )
    judged = found if isinstance(found, RejectedStatement) else trust.judge(found, artifact, now)
    if not isinstance(judged, RejectedStatement):
        standing, fallen = trust.settle([judged], artifact, now)
        if standing:
            return standing[0].signers[0]
        judged = fallen[0]
    raise ProvenanceError(
        judged.code, "The signed root is not trusted.", why=judged.why, remedy=judged.remedy
    )


def _subject(statement: RawStatement) -> Digest:
    digests = [item for item in statement.subjects[0].digests if item.algorithm == "sha256"]
    if len(statement.subjects) != 1 or not digests:
        raise _other("not one dataset with a SHA-256 digest")
    return digests[0]


def _other(what: str) -> ProvenanceError:
    return ProvenanceError(
        "provenance.other-predicate",
        "The bundle does not state the root of a dataset.",
        why=f"It states {what}.",
        remedy="Give the bundle that `govkernel dataset tree` or `append` wrote.",
    )
