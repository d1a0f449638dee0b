"""Certificate paths for code and time (RFC 5280, section 6, the part that signing needs), walked and bounded by us.

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
UNREADABLE: Final = (
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
    except UNREADABLE as error:
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
    leaf, *others = (read_certificate(der) for der in chain)
    _check_leaf(leaf, at)
    root = path_above(leaf, others, roots, at)[-1]
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


def path_above(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    at: datetime,
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.CODE_SIGNING,
) -> list[x509.Certificate]:
    """The certificates above a leaf, up to a root; the leaf itself if it is one of the roots.

    Args:
        leaf: of the signer; its own purpose and time are for the caller to check.
        others: may help to reach a root and prove nothing.
        roots: authorities that are trusted.
        at: when each of them must be valid; aware.
        purpose: what each of them must be able to vouch for.

    Raises:
        InputError: a ``certificate.*`` code; the first reason of a refused issuer is the reason of the refusal.
    """
    path = [leaf]
    refused: GovkernelError = _refuse("untrusted", "No trusted authority vouches for the certificate.")
    if leaf in roots:
        return path
    for _ in range(MAX_CHAIN):
        found = _able(_issuers(path[-1], roots), len(path) - 1, at, purpose)
        if isinstance(found, x509.Certificate):
            return [*path[1:], found]
        refused = found or refused
        further = [item for item in _issuers(path[-1], others) if item not in path]
        found = _able(further, len(path) - 1, at, purpose)
        if not isinstance(found, x509.Certificate):
            raise found or refused
        path.append(found)
    raise refused


def _able(
    issuers: Iterable[x509.Certificate], below: int, at: datetime, purpose: x509.ObjectIdentifier
) -> x509.Certificate | GovkernelError | None:
    """The first that may issue, for renewed authorities keep their name and key; else why the first may not."""
    refused: GovkernelError | None = None
    for issuer in issuers:
        try:
            _check_issuer(issuer, below, at, purpose)
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
    except (*UNREADABLE, InvalidSignature, InputError):
        return False
    return True


def _check_leaf(leaf: x509.Certificate, at: datetime) -> None:
    check_extensions(leaf)
    check_time(leaf, at, "The signer's certificate")
    usage = _extension(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise _refuse("key-usage", "The certificate is not for digital signatures.")
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if purposes is None or ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        raise _refuse("not-code-signing", "The certificate is not for code signing.")


def _check_issuer(issuer: x509.Certificate, below: int, at: datetime, purpose: x509.ObjectIdentifier) -> None:
    """Whether it may issue, with ``below`` authorities between it and the signer's certificate."""
    check_extensions(issuer)
    check_time(issuer, at, "An authority's certificate")
    basic, usage = _extension(issuer, x509.BasicConstraints), _extension(issuer, x509.KeyUsage)
    if basic is None or not basic.ca or (usage is not None and not usage.key_cert_sign):
        raise _refuse("not-an-authority", "A certificate of the chain may not issue certificates.")
    if basic.path_length is not None and below > basic.path_length:
        raise _refuse("path-length", "An authority is further up the chain than it may be.")
    purposes = _extension(issuer, x509.ExtendedKeyUsage)
    allowed = {purpose, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and not allowed & set(purposes):
        raise _refuse("not-code-signing", "An authority of the chain may not vouch for this purpose.")


def check_extensions(certificate: x509.Certificate) -> None:
    """Refuse a certificate with an extension that limits it in a way that is not understood here.

    Raises:
        InputError: ``certificate.malformed`` or ``certificate.extension``.
    """
    try:
        extensions = list(certificate.extensions)
    except UNREADABLE:
        raise _refuse("malformed", "A certificate has extensions that cannot be read.") from None
    for item in extensions:
        # Name constraints limit whom an authority may name: not understood here, so refused, critical or not.
        if item.oid == ExtensionOID.NAME_CONSTRAINTS or (item.critical and item.oid not in _KNOWN):
            raise _refuse(
                "extension", f"A certificate has the extension {item.oid.dotted_string}, not supported here."
            )


def check_time(certificate: x509.Certificate, at: datetime, whose: str) -> None:
    """Refuse a certificate that is not valid at a moment.

    Raises:
        InputError: ``certificate.expired`` or ``certificate.not-yet-valid``.
    """
    if at > certificate.not_valid_after_utc:
        raise _refuse("expired", f"{whose} expired on {certificate.not_valid_after_utc:%Y-%m-%d}.")
    if at < certificate.not_valid_before_utc:
        raise _refuse("not-yet-valid", f"{whose} is valid from {certificate.not_valid_before_utc:%Y-%m-%d}.")


def extension(certificate: x509.Certificate, kind: type[E]) -> x509.Extension[E] | None:
    """An extension with whether it is critical; None when there is none.

    Raises:
        InputError: ``certificate.malformed``.
    """
    try:
        return certificate.extensions.get_extension_for_class(kind)
    except x509.ExtensionNotFound:
        return None
    except UNREADABLE:
        raise _refuse("malformed", "A certificate has extensions that cannot be read.") from None


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    found = extension(certificate, kind)
    return None if found is None else found.value


def read_certificate(der: bytes) -> x509.Certificate:
    """A stranger's certificate from DER.

    Raises:
        InputError: ``certificate.malformed``.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.subject.rfc4514_string()
    except UNREADABLE:
        raise _refuse("malformed", "A certificate of the bundle cannot be read.") from None
    return certificate


def _key_of(certificate: x509.Certificate) -> object:
    try:
        return certificate.public_key()
    except UNREADABLE:
        return None


def _refuse(problem: str, what: str) -> InputError:
    return InputError(
        f"certificate.{problem}",
        what,
        remedy="Sign with a valid code-signing certificate of the authority you trust.",
    )
