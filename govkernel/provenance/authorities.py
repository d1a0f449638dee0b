"""Who may vouch for identities, as a trust policy names them: certificate authorities and Sigstore instances.

An authority says whose certificate signed a bundle. Whether that identity may say anything is for rules.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from cryptography import x509

from govkernel.domain import Digest, Signer
from govkernel.errors import ConfigError, ProvenanceError
from govkernel.files import read_file
from govkernel.provenance.anchors import invalid, signs
from govkernel.provenance.attribution import Attribution
from govkernel.provenance.foreign import ForeignBundle
from govkernel.provenance.keyless import MAX_ROOT, KeylessAnchor, read_trusted_root
from govkernel.provenance.time_authorities import read_time_authorities
from govkernel.provenance.timestamps import TimeAuthority, signing_time
from govkernel.provenance.trust_entries import AuthorityEntry
from govkernel.provenance.trust_signers import Matcher
from govkernel.provenance.x509 import MAX_PEM, certify, read_roots

if TYPE_CHECKING:
    from sigstore.models import TrustedRoot

_ANYBODY: Final = Matcher("regex", "(?s).+")


class Authority(Protocol):
    """Somebody who certifies identities."""

    @property
    def name(self) -> str:
        """Its name in the trust policy."""

    @property
    def digest(self) -> Digest:
        """SHA-256 of its certificates or trusted root, as they were read."""

    def attribute(self, bundle: ForeignBundle, now: datetime) -> Attribution:
        """Whose certificate signed an envelope.

        Args:
            bundle: has a certificate and an envelope.
            now: aware, UTC.

        Raises:
            GovkernelError: the check that failed.
        """


@dataclass(frozen=True)
class CertificateAuthority:
    """Root certificates; a signer's certificate below them must be valid when it signed, if that is verified, or now.

    Attributes:
        times: who may say when it signed.
    """

    name: str
    digest: Digest
    roots: Sequence[x509.Certificate]
    times: Sequence[TimeAuthority] = ()

    def attribute(self, bundle: ForeignBundle, now: datetime) -> Attribution:
        """The identities of the certificate; see :meth:`Authority.attribute`."""
        moment = signing_time(bundle.timestamps, bundle.content.signature, self.times, now)
        certified = certify(bundle.chain, self.roots, moment or now)
        if not signs(certified.key, bundle, _no_message):
            raise invalid()
        return Attribution(
            tuple(
                Signer(name=named, identity=named, issuer=certified.issuer, authority=self.name)
                for named in certified.identities
            ),
            moment,
        )


@dataclass(frozen=True)
class SigstoreInstance:
    """A Sigstore instance by its trusted root; the certificate must have been valid when it signed."""

    name: str
    digest: Digest
    root: TrustedRoot

    def attribute(self, bundle: ForeignBundle, now: datetime) -> Attribution:
        """The identity of the certificate; see :meth:`Authority.attribute`."""
        signer, moment = self._anchor.proven(bundle, _no_message, now)
        return Attribution((signer.model_copy(update={"authority": self.name}),), moment)

    @cached_property
    def _anchor(self) -> KeylessAnchor:
        return KeylessAnchor(self.root, _ANYBODY, _ANYBODY)


@dataclass(frozen=True)
class Clock:
    """Timestamp authorities of a trust policy.

    Attributes:
        name: in the trust policy.
        digest: SHA-256 of their certificates or trusted root, as they were read.
        trusted: who may say when a signature existed.
    """

    name: str
    digest: Digest
    trusted: tuple[TimeAuthority, ...]


def read_clock(entry: AuthorityEntry, base: Path) -> Clock:
    """The timestamp authorities of an entry that has some; paths are relative to ``base``.

    Raises:
        ConfigError: ``trust.unreadable``, or as :func:`govkernel.provenance.time_authorities.read_time_authorities`.
    """
    content = _pem_or_file(str(entry.timestamps), base)
    return Clock(entry.name, _digest(content), read_time_authorities(content))


def read_authority(entry: AuthorityEntry, base: Path, times: Sequence[TimeAuthority] = ()) -> Authority:
    """The authority of an entry; paths are relative to ``base``.

    Args:
        entry: names certificates or a trusted root.
        base: folder of the trust policy.
        times: who may say when a certificate signed.

    Raises:
        ConfigError: ``trust.unreadable``, ``certificate.roots``, ``keyless.root`` or ``keyless.not-installed``.
    """
    if entry.trusted_root is not None:
        content = _read(base / entry.trusted_root, MAX_ROOT)
        return SigstoreInstance(entry.name, _digest(content), read_trusted_root(content))
    pem = _pem_or_file(str(entry.certificates), base)
    return CertificateAuthority(entry.name, _digest(pem), read_roots(pem), times)


def _pem_or_file(text: str, base: Path) -> bytes:
    return text.encode() if text.lstrip().startswith("-----BEGIN") else _read(base / text, MAX_PEM)


def _read(path: Path, limit: int) -> bytes:
    try:
        return read_file(path, limit)
    except OSError as error:
        raise ConfigError(
            "trust.unreadable",
            f"{str(path)!r}, which the trust policy names, cannot be read.",
            why=error.strerror or str(error),
            remedy="Check the path; it is relative to the trust policy.",
        ) from None


def _digest(content: bytes) -> Digest:
    return Digest.sha256(hashlib.sha256(content).hexdigest())


def _no_message() -> bytes:
    raise ProvenanceError(
        "provenance.no-envelope",
        "The bundle carries no DSSE envelope, only a signature over unknown bytes.",
        remedy="Attest it: a statement in an envelope says what is signed.",
    )
