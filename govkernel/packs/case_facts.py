"""What an example case may say about an artifact, its evidence, the workload and a chat; every default is here.

The facts are those of ``govkernel/engines/govkernel.cedarschema``. They are built by the same functions that the
kernel uses (:mod:`govkernel.facts`), so a case cannot describe a world the kernel would never show a policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import Field, JsonValue

from govkernel.domain import (
    AcceptedStatement,
    Ancestor,
    Artifact,
    ArtifactKind,
    Digest,
    Evidence,
    JsonObject,
    RejectedStatement,
    Signer,
    Statement,
    Subject,
    predicates,
)
from govkernel.facts import artifact_facts, evidence_facts, statements
from govkernel.lineage.facts import lineage_facts
from govkernel.lineage.graph import REVOKED
from govkernel.packs.case_base import Facts
from govkernel.packs.case_more_facts import (
    AttributesCase,
    BillsCase,
    DatasetCardCase,
    ProvenanceCase,
    RedTeamCase,
    SummaryCase,
    TestResultCase,
    TrainingRunCase,
    VulnerabilitiesCase,
)

EXAMPLE_DIGEST: Final = Digest.sha256(hashlib.sha256(b"example").hexdigest())


class ArtifactCase(Facts):
    """The artifact of a case; by default resolved, pinned and read by us."""

    name: str = "file:example"
    resolved: bool = True
    pinned: bool = True
    observed: bool = True
    formats: tuple[str, ...] = ()

    def artifact(self, kind: ArtifactKind) -> Artifact:
        """The artifact it describes."""
        digest = EXAMPLE_DIGEST if self.resolved else None
        return Artifact(kind=kind, digest=digest, **self.model_dump(exclude={"resolved"}))


class EvaluationCase(Facts):
    """``EvaluationFacts``; by default passed with full score."""

    suites: tuple[str, ...] = ("example",)
    score: float = Field(1.0, ge=0, le=1)
    passed: bool = True


class PiiScanCase(Facts):
    """``PiiScanFacts``; by default complete and clean."""

    records: int = Field(1, ge=0)
    findings: int = Field(0, ge=0)
    entity_types: tuple[str, ...] = ()
    complete: bool = True


class FileSafetyCase(Facts):
    """``FileSafetyFacts``; by default everything was judged and is safe."""

    verdict: str = Field("safe", pattern="^(safe|unknown|unsafe)$")
    complete: bool = True
    findings: int = Field(0, ge=0)
    rules: tuple[str, ...] = ()
    checked: tuple[str, ...] = (str(EXAMPLE_DIGEST),)


class ModelCardCase(Facts):
    """``ModelCardFacts``; by default of minimal risk."""

    license: str = "Apache-2.0"
    risk: str = Field("minimal", pattern="^(minimal|limited|high|unacceptable)$")
    intended_use: str = "example"


class PromptReleaseCase(Facts):
    """``PromptReleaseFacts``."""

    version: str = "1"
    environments: tuple[str, ...] = ()


class DerivationCase(Facts):
    """``DerivationFacts``."""

    methods: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()


class StatementCase(Facts):
    """An accepted statement, for cases that give the claim itself instead of the facts made of it."""

    type: str
    predicate: dict[str, JsonValue] = Field(default_factory=dict)
    signers: tuple[str, ...] = Field(("example",), min_length=1)

    def accepted(self) -> AcceptedStatement:
        """The statement as the kernel would hold it."""
        return AcceptedStatement(
            statement=Statement(
                subjects=(Subject(digests=(EXAMPLE_DIGEST,)),),
                predicate_type=predicates.SHORT_NAMES.get(self.type, self.type),
                predicate=self.predicate,
                digest=EXAMPLE_DIGEST,
            ),
            signers=tuple(Signer(name=name) for name in self.signers),
        )


class EvidenceCase(Facts):
    """The evidence of a case: statements, or the facts directly, which win. By default there is none."""

    statements: tuple[StatementCase, ...] = ()
    signed: bool = False
    signers: tuple[str, ...] = ()
    predicate_types: tuple[str, ...] = ()
    rejections: tuple[str, ...] = ()
    approvals: int = Field(0, ge=0)
    approver_roles: tuple[str, ...] = ()
    evaluation: EvaluationCase | None = None
    pii_scan: PiiScanCase | None = None
    file_safety: FileSafetyCase | None = None
    model_card: ModelCardCase | None = None
    prompt_release: PromptReleaseCase | None = None
    derivation: DerivationCase | None = None
    provenance: ProvenanceCase | None = None
    summary: SummaryCase | None = None
    test_result: TestResultCase | None = None
    vulnerabilities: VulnerabilitiesCase | None = None
    bills: BillsCase | None = None
    attributes: AttributesCase | None = None
    red_team: RedTeamCase | None = None
    dataset_card: DatasetCardCase | None = None
    training_run: TrainingRunCase | None = None

    def facts(self, now: datetime) -> dict[str, Any]:
        """``EvidenceFacts`` and ``statements`` of the context. Any fact implies that something was signed."""
        accepted = tuple(item.accepted() for item in self.statements)
        rejected = tuple(RejectedStatement(code=code, why="example") for code in self.rejections)
        evidence = Evidence(subject=EXAMPLE_DIGEST, accepted=accepted, rejected=rejected)
        facts = evidence_facts(evidence, now, kind=None)
        given = self.model_dump(
            by_alias=True, include=self.model_fields_set, exclude={"statements"}, exclude_none=True
        )
        facts["signed"] = bool(accepted) or bool(given.keys() - {"rejections", "signed"})
        return {"evidence": facts | given, "statements": statements(accepted)}


class AncestorCase(Facts):
    """What an artifact was made from; by default a signed model without a stated licence."""

    kind: ArtifactKind = ArtifactKind.MODEL
    name: str = "ancestor"
    signed: bool = True
    license: str = ""
    revoked: bool = False

    def ancestor(self, number: int) -> Ancestor:
        """The ancestor it describes; its digest is made up from its number."""
        return Ancestor(
            digest=Digest.sha256(f"{number:064x}"),
            distance=1,
            rejections=(REVOKED,) if self.revoked else (),
            **self.model_dump(exclude={"revoked"}),
        )


def lineage_context(ancestry: Sequence[AncestorCase] | None) -> JsonObject:
    """``LineageFacts`` of the context; nothing when no statement says what the artifact was made from."""
    if ancestry is None:
        return {}
    return {"lineage": lineage_facts([item.ancestor(number) for number, item in enumerate(ancestry)])}


def artifact_context(kind: ArtifactKind | None, artifact: ArtifactCase) -> JsonObject:
    """``ArtifactFacts`` of the context; of none when the resource is no artifact."""
    return {"artifact": artifact_facts(artifact.artifact(kind) if kind else None)}
