"""What ``govkernel verify`` asks about each bundle of a file, and what one that holds says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from govkernel.domain import ArtifactKind, RejectedStatement, Signer, Statement
    from govkernel.provenance import TrustPolicy
    from govkernel.provenance.anchors import Anchor
    from govkernel.provenance.digest import PathReader
    from govkernel.provenance.verify_foreign import VerifiedBundle

OTHER = "provenance.other-predicate"


@dataclass(frozen=True)
class Answer:
    """What a bundle that holds says."""

    statement: Statement | None
    signers: tuple[Signer, ...]
    document: dict[str, Any]
    notes: tuple[str, ...] = ()
    signed_at: datetime | None = None


@dataclass(frozen=True)
class Asked:
    """The question that each bundle of a file is an answer to."""

    path: Path
    reader: PathReader
    trusted: Anchor | TrustPolicy
    kind: ArtifactKind | None
    predicate_type: str
    ignore: frozenset[str]
    source: str
    now: datetime

    def judge(self, raw: bytes) -> Answer | RejectedStatement:
        """What one bundle says about the artifact, or why it does not count."""
        from govkernel.domain import RejectedStatement
        from govkernel.provenance import TrustPolicy

        trusted = self.trusted
        answer = (
            self._by_policy(raw, trusted)
            if isinstance(trusted, TrustPolicy)
            else self._by_anchor(raw, trusted)
        )
        if isinstance(answer, RejectedStatement) or not self.predicate_type:
            return answer
        said = answer.statement.predicate_type if answer.statement else "nothing"
        if said == self.predicate_type:
            return answer
        return RejectedStatement(
            code=OTHER,
            why=f"The bundle states {said}.",
            remedy="Give the bundle of the predicate you ask for.",
            source=self.source,
        )

    def _by_policy(self, raw: bytes, policy: TrustPolicy) -> Answer | RejectedStatement:
        from govkernel.hookspecs import VerifiedStatement
        from govkernel.provenance import verify_path

        found = verify_path(
            self.path, raw, policy, self.kind, now=self.now, source=self.source, reader=self.reader
        )
        if not isinstance(found, VerifiedStatement):
            return found
        document = found.model_dump(mode="json")
        return Answer(found.statement, found.signers, document, signed_at=found.signed_at)

    def _by_anchor(self, raw: bytes, anchor: Anchor) -> Answer | RejectedStatement:
        from govkernel.provenance.verify_foreign import VerifiedBundle, verify_foreign

        found = verify_foreign(
            self.path,
            raw,
            anchor,
            self.kind,
            now=self.now,
            source=self.source,
            ignore=self.ignore,
            reader=self.reader,
        )
        if not isinstance(found, VerifiedBundle):
            return found
        document = _document(found, self.source)
        return Answer(found.statement, (found.signer,), document, found.notes, found.signed_at)


def first(answers: Iterable[Answer | RejectedStatement]) -> Answer | RejectedStatement:
    """The first that holds; else the first refusal, of what was asked for if there is one."""
    refused: list[RejectedStatement] = []
    for answer in answers:
        if isinstance(answer, Answer):
            return answer
        refused.append(answer)
    return next((item for item in refused if item.code != OTHER), refused[0])


def _document(found: VerifiedBundle, source: str) -> dict[str, Any]:
    return {
        "statement": found.statement.model_dump(mode="json") if found.statement else None,
        "signers": [found.signer.model_dump(mode="json")],
        "source": source,
        "about": str(found.about),
        "notes": list(found.notes),
        "signed_at": found.signed_at.isoformat().replace("+00:00", "Z") if found.signed_at else None,
    }
