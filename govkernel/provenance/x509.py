"""Certificate paths for code signing (RFC 5280, section 6, the part that signing needs), walked and bounded by us.

cryptography checks each signature; we decide who may issue. What is not understood is refused. ADR 0008 says why
the web's verifier does not do here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from govkernel.errors import ConfigError, GovkernelError, InputError
from govkernel.provenance.signatures import StrangerKey, usable

E = TypeVar("E", bound=x509.ExtensionType)

MAX_CHAIN: Final = 10
"""Certificates of one bundle, and of one path."""

MAX_ROOTS: Final = 100
MAX_PEM: Final = 1024 * 1024

_KNOWN: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    }
)
_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What reading a field of a stranger's certificate may raise; cryptography reads most of them late."""

_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512, type(None))


@dataclass(frozen=True)
class CertifiedKey:
    """A key and whose it is, by a certificate path that was checked.

    Attributes:
        key: verifies what they signed.
        identities: e-mail addresses, URIs and DNS names of the certificate; its subject's name (RFC 4514) if it
            has none of them.
        issuer: name (RFC 4514) of the root that vouches for it.
    """

    key: StrangerKey
    identities: tuple[str, ...]
    issuer: str


def read_roots(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Certificate authorities to trust, from PEM.

    Raises:
        ConfigError: ``certificate.roots``.
    """
    try:
        if len(pem) > MAX_PEM:
            raise ValueError("the file is too large")
        roots = tuple(x509.load_pem_x509_certificates(pem))
        for root in roots:
            root.subject.rfc4514_string()
        if len(roots) > MAX_ROOTS:
            raise ValueError(f"{len(roots)} certificates, at most {MAX_ROOTS}")
    except _UNREADABLE as error:
        raise ConfigError(
            "certificate.roots",
            "The file of certificate authorities cannot be used.",
            why=str(error)[:200],
            remedy="Give one or more certificates in PEM.",
        ) from None
    return roots


def certify(chain: Sequence[bytes], roots: Sequence[x509.Certificate], at: datetime) -> CertifiedKey:
    """Whose key the first certificate of a bundle holds.

    Args:
        chain: DER certificates, the signer's first; the rest may help to reach a root and prove nothing.
        roots: authorities that are trusted.
        at: when the signature was made, as far as known; aware.

    Raises:
        InputError: a ``certificate.*`` code that names the check.
    """
    if not chain or len(chain) > MAX_CHAIN:
        raise _refuse(
            "chain-length", f"The bundle carries {len(chain)} certificates; 1 to {MAX_CHAIN} make a chain."
        )
    leaf, *others = (_parse(der) for der in chain)
    _check_leaf(leaf, at)
    root = _walk(leaf, others, roots, at)
    return CertifiedKey(usable(_key_of(leaf)), identities_of(leaf), root.subject.rfc4514_string())


def check_signer(certificate: x509.Certificate, at: datetime) -> None:
    """Refuse a certificate that may not sign, or not at that moment.

    Raises:
        InputError: a ``certificate.*`` code that names the check.
    """
    _check_leaf(certificate, at)
    usable(_key_of(certificate))


def identities_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Names a certificate gives its holder, as :class:`CertifiedKey` describes them.

    Raises:
        InputError: ``certificate.malformed``.
    """
    names = _extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        subject = certificate.subject.rfc4514_string()
        return (subject,) if subject else ()
    kinds = (x509.RFC822Name, x509.UniformResourceIdentifier, x509.DNSName)
    return tuple(item.value for item in names if isinstance(item, kinds))


def _walk(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    at: datetime,
) -> x509.Certificate:
    """The root that a path leads to; the first reason of a refused issuer is the reason of the refusal."""
    path = [leaf]
    refused: GovkernelError = _refuse("untrusted", "No trusted authority vouches for the certificate.")
    if leaf in roots:
        return leaf
    for _ in range(MAX_CHAIN):
        found = _able(_issuers(path[-1], roots), len(path) - 1, at)
        if isinstance(found, x509.Certificate):
            return found
        refused = found or refused
        found = _able([item for item in _issuers(path[-1], others) if item not in path], len(path) - 1, at)
        if not isinstance(found, x509.Certificate):
            raise found or refused
        path.append(found)
    raise refused


def _able(
    issuers: Iterable[x509.Certificate], below: int, at: datetime
) -> x509.Certificate | GovkernelError | None:
    """The first that may issue, for renewed authorities keep their name and key; else why the first may not."""
    refused: GovkernelError | None = None
    for issuer in issuers:
        try:
            _check_issuer(issuer, below, at)
        except GovkernelError as error:
            refused = refused or error
        else:
            return issuer
    return refused


def _issuers(certificate: x509.Certificate, candidates: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    return [item for item in candidates if _issued(certificate, item)]


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        if not isinstance(certificate.signature_hash_algorithm, _HASHES):  # no hash: Ed25519
            return False
        usable(_key_of(issuer))
        certificate.verify_directly_issued_by(issuer)
    except (*_UNREADABLE, InvalidSignature, InputError):
        return False
    return True


def _check_leaf(leaf: x509.Certificate, at: datetime) -> None:
    _check_known(leaf)
    _check_time(leaf, at, "The signer's certificate")
    usage = _extension(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise _refuse("key-usage", "The certificate is not for digital signatures.")
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if purposes is None or ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        raise _refuse("not-code-signing", "The certificate is not for code signing.")


def _check_issuer(issuer: x509.Certificate, below: int, at: datetime) -> None:
    """Whether it may issue, with ``below`` authorities between it and the signer's certificate."""
    _check_known(issuer)
    _check_time(issuer, at, "An authority's certificate")
    basic, usage = _extension(issuer, x509.BasicConstraints), _extension(issuer, x509.KeyUsage)
    if basic is None or not basic.ca or (usage is not None and not usage.key_cert_sign):
        raise _refuse("not-an-authority", "A certificate of the chain may not issue certificates.")
    if basic.path_length is not None and below > basic.path_length:
        raise _refuse("path-length", "An authority is further up the chain than it may be.")
    purposes = _extension(issuer, x509.ExtendedKeyUsage)
    allowed = {ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and not allowed & set(purposes):
        raise _refuse("not-code-signing", "An authority of the chain may not vouch for code signing.")


def _check_known(certificate: x509.Certificate) -> None:
    try:
        extensions = list(certificate.extensions)
    except _UNREADABLE:
        raise _refuse("malformed", "A certificate has extensions that cannot be read.") from None
    for item in extensions:
        # Name constraints limit whom an authority may name: not understood here, so refused, critical or not.
        if item.oid == ExtensionOID.NAME_CONSTRAINTS or (item.critical and item.oid not in _KNOWN):
            raise _refuse(
                "extension", f"A certificate has the extension {item.oid.dotted_string}, not supported here."
            )


def _check_time(certificate: x509.Certificate, at: datetime, whose: str) -> None:
    if at > certificate.not_valid_after_utc:
        raise _refuse("expired", f"{whose} expired on {certificate.not_valid_after_utc:%Y-%m-%d}.")
    if at < certificate.not_valid_before_utc:
        raise _refuse("not-yet-valid", f"{whose} is valid from {certificate.not_valid_before_utc:%Y-%m-%d}.")


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except _UNREADABLE:
        raise _refuse("malformed", "A certificate has extensions that cannot be read.") from None


def _parse(der: bytes) -> x509.Certificate:
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.subject.rfc4514_string()
    except _UNREADABLE:
        raise _refuse("malformed", "A certificate of the bundle cannot be read.") from None
    return certificate


def _key_of(certificate: x509.Certificate) -> object:
    try:
        return certificate.public_key()
    except _UNREADABLE:
        return None


def _refuse(problem: str, what: str) -> InputError:
    return InputError(
        f"certificate.{problem}",
        what,
        remedy="Sign with a valid code-signing certificate of the authority you trust.",
    )
