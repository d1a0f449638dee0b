"""Bundles signed with certificates, as evidence: the authorities of the trust policy say whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from govkernel.domain import Artifact, RejectedStatement
from govkernel.errors import GovkernelError, ProvenanceError
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.provenance.attribution import Attribution, most_telling, together
from govkernel.provenance.authorities import Authority
from govkernel.provenance.bundle import is_bundle
from govkernel.provenance.dsse import Envelope, refuse
from govkernel.provenance.foreign import ForeignBundle, check_oms, parse_each
from govkernel.provenance.memory import ManifestMemory
from govkernel.provenance.verify import Opened, check_subject, read_payload, rejection, verified

_ELSEWHERE: Final = (
    "keyless.sct",
    "keyless.chain",
    "timestamp.untrusted",
    "timestamp.missing",
    "certificate.untrusted",
    "keyless.bundle",
)
"""Codes that only say that an authority did not issue the certificate, the most telling first."""


class CertificateVerifier:
    """Verifies bundles with certificates; follows :class:`govkernel.hookspecs.EvidenceVerifier`.

    Args:
        authorities: who may vouch for identities.
        memory: manifests of artifacts read before, to name the files that differ.
    """

    name = "sigstore-certificate"

    def __init__(self, authorities: Sequence[Authority], memory: ManifestMemory | None = None) -> None:
        self._authorities = tuple(authorities)
        self._memory = memory or ManifestMemory()

    def verify(
        self, bundle: Bundle, artifact: Artifact, now: datetime
    ) -> VerifiedStatement | RejectedStatement | None:
        """The verified statement, the reason for refusing it, or None when it carries no certificate."""
        if not is_bundle(bundle.content):
            return None
        claimed = ""
        try:
            parsed = [item for item in parse_each(bundle.content) if item.chain]
            if not parsed:
                return None
            opened = open_certified(parsed, self._authorities, now)
            claimed = opened.raw.predicate_type
            check_subject(opened, artifact, self._memory.recall(artifact))
            return verified(opened, artifact, bundle.source)
        except GovkernelError as error:
            return rejection(error, bundle.source, claimed)


def open_certified(
    parsed: Sequence[ForeignBundle], authorities: Sequence[Authority], now: datetime
) -> Opened:
    """Find the authority that vouches for whoever signed, check the signature, then read the payload.

    Args:
        parsed: a bundle once for each signature that carries a certificate; one that holds is enough.
        authorities: who may vouch for identities.
        now: aware, UTC.

    Raises:
        GovkernelError: the check that failed, by the authority that knows most about the certificate; or what is
            wrong with the payload.
    """
    envelope = parsed[0].content
    if not isinstance(envelope, Envelope):
        raise refuse("no-envelope", "The bundle carries no DSSE envelope, only a bare signature.")
    said: list[Attribution] = []
    refusals: list[GovkernelError] = []
    for item in parsed:
        try:
            said.append(_attributed(item, authorities, now))
        except GovkernelError as error:
            refusals.append(error)
    if not said:
        raise most_telling(refusals)
    opened = read_payload(envelope.payload, together(said))
    if opened.manifest is not None:
        check_oms(parsed[0])
    return opened


def _attributed(parsed: ForeignBundle, authorities: Sequence[Authority], now: datetime) -> Attribution:
    refusals: list[GovkernelError] = []
    for authority in authorities:
        try:
            said = authority.attribute(parsed, now)
        except GovkernelError as error:
            refusals.append(error)
            continue
        if said.signers:
            return said
        refusals.append(_nobody())
    if not refusals:
        raise _no_authority()
    raise min(refusals, key=_telling)


def _telling(error: GovkernelError) -> int:
    """How little a refusal says about what is wrong with the bundle; the others are other authorities' ones."""
    return 1 + _ELSEWHERE.index(error.code) if error.code in _ELSEWHERE else 0


def _no_authority() -> ProvenanceError:
    return ProvenanceError(
        "provenance.keyless",
        "The bundle was signed with a certificate, and the trust policy names nobody who may certify.",
        remedy="Name its certificate authority, or its Sigstore instance, under `authorities` in the trust policy.",
    )


def _nobody() -> ProvenanceError:
    return ProvenanceError(
        "identity.mismatch",
        "The certificate names nobody.",
        remedy="Sign with a certificate that has an e-mail address, URI, DNS name or subject.",
    )
