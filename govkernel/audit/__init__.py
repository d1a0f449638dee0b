"""Audit: every decision in a Merkle log, signed, queryable, verifiable.

The public surface of the room; docs/reference/audit-log.md describes the log for people who will not use it.
"""

from govkernel.audit.checkpoint import Checkpoint, CheckpointSigner, Verifier
from govkernel.audit.findings import AuditFinding, VerificationReport
from govkernel.audit.keys import load_or_create_key, verifier_for
from govkernel.audit.log import AuditLog
from govkernel.audit.migrate import upgrade
from govkernel.audit.reader import AuditRow, ConsistencyProof, InclusionProof, open_reader
from govkernel.audit.verification import verify, verify_log
from govkernel.audit.writer import Receipt

__all__ = [
    "AuditFinding",
    "AuditLog",
    "AuditRow",
    "Checkpoint",
    "CheckpointSigner",
    "ConsistencyProof",
    "InclusionProof",
    "Receipt",
    "VerificationReport",
    "Verifier",
    "load_or_create_key",
    "open_reader",
    "upgrade",
    "verifier_for",
    "verify",
    "verify_log",
]
