"""The nouns of govkernel: frozen values, no I/O. Imports nothing of ours but the error type."""

from govkernel.domain.artifact import Artifact, ArtifactKind, ArtifactRef, Digest
from govkernel.domain.base import Frozen, FrozenDict, JsonObject, freeze, thaw
from govkernel.domain.decision import Decision, Fault, Judged, Record
from govkernel.domain.evidence import (
    AcceptedStatement,
    Evidence,
    RejectedStatement,
    Signer,
    Statement,
    Subject,
)
from govkernel.domain.finding import Finding
from govkernel.domain.lineage import Ancestor
from govkernel.domain.policy import (
    OBLIGATIONS,
    Control,
    Effect,
    Obligation,
    PackManifest,
    PackMode,
    PolicyFile,
    PolicyInput,
    PolicyPack,
    Reason,
    Verdict,
)
from govkernel.domain.report import Report, ReportEntry
from govkernel.domain.request import (
    Action,
    Door,
    EntityRef,
    Extraction,
    Request,
    Screening,
    Workload,
)
from govkernel.domain.voices import voices

__all__ = [
    "OBLIGATIONS",
    "AcceptedStatement",
    "Action",
    "Ancestor",
    "Artifact",
    "ArtifactKind",
    "ArtifactRef",
    "Control",
    "Decision",
    "Digest",
    "Door",
    "Effect",
    "EntityRef",
    "Evidence",
    "Extraction",
    "Fault",
    "Finding",
    "Frozen",
    "FrozenDict",
    "JsonObject",
    "Judged",
    "Obligation",
    "PackManifest",
    "PackMode",
    "PolicyFile",
    "PolicyInput",
    "PolicyPack",
    "Reason",
    "Record",
    "RejectedStatement",
    "Report",
    "ReportEntry",
    "Request",
    "Screening",
    "Signer",
    "Statement",
    "Subject",
    "Verdict",
    "Workload",
    "freeze",
    "thaw",
    "voices",
]
