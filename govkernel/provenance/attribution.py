"""Who signed an envelope, and when, as was verified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from govkernel.domain import Signer
from govkernel.errors import GovkernelError

_ANOTHER: Final = frozenset(
    {
        "certificate.missing",
        "certificate.untrusted",
        "identity.mismatch",
        "provenance.keyless",
        "provenance.signer-not-trusted",
    }
)
"""Codes that only say that a signature is somebody else's."""


@dataclass(frozen=True)
class Attribution:
    """Whose key or certificate signed a bundle.

    Attributes:
        signers: each key that signed, or identity that the certificate names.
        signed_at: when, by a verified time; None when nobody but the signer says so.
    """

    signers: tuple[Signer, ...]
    signed_at: datetime | None = None


def together(said: Sequence[Attribution]) -> Attribution:
    """Everybody whose signature of one envelope holds, each once, and a time by which all of them had signed.

    None, if that of one signature is not known: no signer may be judged by a time that another one's timestamp tells.
    """
    signers = tuple(dict.fromkeys(signer for item in said for signer in item.signers))
    moments = [item.signed_at for item in said]
    known = [moment for moment in moments if moment is not None]
    return Attribution(signers, max(known) if len(known) == len(moments) else None)


def most_telling(refusals: Sequence[GovkernelError]) -> GovkernelError:
    """Of the refusals of one envelope's signatures, the first by somebody who should have been believed."""
    return min(refusals, key=lambda error: error.code in _ANOTHER)
