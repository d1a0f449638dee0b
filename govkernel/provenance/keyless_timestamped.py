"""Certificates of Sigstore instances that keep no log: GitHub's for private repositories, and private ones like it.

sigstore-python demands a log entry of every bundle, so the path is ours. What the trusted root lists decides what is
demanded: an instance that lists a log is never verified without its entries. ADR 0023.

Imported only by :mod:`govkernel.provenance.keyless`, since it imports sigstore.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from cryptography import x509
from sigstore._internal.sct import verify_sct
from sigstore._internal.trust import KeyringPurpose
from sigstore.errors import VerificationError
from sigstore.models import TrustedRoot

from govkernel.errors import GovkernelError, ProvenanceError
from govkernel.provenance.signatures import StrangerKey
from govkernel.provenance.x509 import certify, path_above, read_certificate


def certified_at(
    root: TrustedRoot, chain: Sequence[bytes], at: datetime
) -> tuple[x509.Certificate, StrangerKey]:
    """The signer's certificate and key, if one of the instance's authorities vouched for them at a moment.

    Args:
        root: of the instance.
        chain: DER certificates of the bundle, the signer's first.
        at: when it signed, verified.

    Raises:
        InputError: a ``certificate.*`` code that names the check.
        ProvenanceError: ``keyless.chain`` or ``keyless.sct``.
    """
    leaf = read_certificate(chain[0])
    refused: GovkernelError = _no_authority()
    for top, between in _authorities(root, at):
        try:
            key = certify([chain[0], *between], [top], at).key
        except GovkernelError as error:
            refused = _more_telling(refused, error)
            continue
        if root._inner.ctlogs:
            _check_sct(root, leaf, path_above(leaf, [read_certificate(der) for der in between], [top], at))
        return leaf, key
    raise refused


def _authorities(root: TrustedRoot, at: datetime) -> Iterator[tuple[x509.Certificate, list[bytes]]]:
    """Each authority that the trusted root vouches for at a moment: its root, and what lies below."""
    for item in root._inner.certificate_authorities:
        if _within(item.valid_for, at):
            *between, top = (entry.raw_bytes for entry in item.cert_chain.certificates)
            yield read_certificate(top), between


def _more_telling(refused: GovkernelError, error: GovkernelError) -> GovkernelError:
    """That another authority issued it says the least."""
    return refused if error.code == "certificate.untrusted" and refused.code != "keyless.chain" else error


def _check_sct(root: TrustedRoot, leaf: x509.Certificate, above: list[x509.Certificate]) -> None:
    try:
        verify_sct(leaf, above, root.ct_keyring(KeyringPurpose.VERIFY))
    except VerificationError as error:
        raise ProvenanceError(
            "keyless.sct",
            "No certificate transparency log of the instance has seen the certificate.",
            why=str(error)[:300],
            remedy="Give the trusted root of the instance that issued the certificate.",
        ) from None


def _no_authority() -> ProvenanceError:
    return ProvenanceError(
        "keyless.chain",
        "The instance had no authority when it was signed.",
        remedy="Give the trusted root of the instance that issued the certificate.",
    )


def _within(period: Any, at: datetime) -> bool:
    if period is None:
        return True
    return bool(period.start <= at and (period.end is None or at <= period.end))
