"""Models signed by model-signing 0.2, before the specification: read, never written.

It signed over a slip: ``DSSEV1`` and Python's ``repr`` of the payload, always hashed with SHA-256. Every file is a
subject. The form is as unambiguous as DSSE's, starts differently, and is tried for this one predicate type only.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives import hashes

from govkernel.domain import Subject
from govkernel.provenance.dsse import Envelope, refuse
from govkernel.provenance.manifest import ModelManifest
from govkernel.provenance.signatures import StrangerKey, holds
from govkernel.provenance.statement import RawStatement

DIGESTS_V01: Final = "https://model_signing/Digests/v0.1"


def holds_v02(key: StrangerKey, envelope: Envelope) -> bool:
    """Whether ``key`` signed the envelope the way version 0.2 did."""
    payload, kind = envelope.payload, envelope.payload_type
    if DIGESTS_V01.encode() not in payload:
        return False
    signed = f"DSSEV1 {len(kind)} {kind} {len(payload)} {payload!r}".encode()
    return holds(key, envelope.signature, signed, hashes.SHA256())


def read_v02(statement: RawStatement) -> ModelManifest:
    """The files that a verified statement lists.

    Raises:
        InputError: ``provenance.oms-malformed``.
        ProvenanceError: a path in it is unsafe or not distinct.
    """
    return ModelManifest.of((subject.name, _sha256(subject)) for subject in statement.subjects)


def _sha256(subject: Subject) -> str:
    for digest in subject.digests:
        if digest.algorithm == "sha256":
            return digest.hex
    raise refuse("oms-malformed", "A file has no SHA-256.")
