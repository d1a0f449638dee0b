"""The webhook's certificates: a CA of our own, a short-lived server certificate, renewed and reloaded while serving.

Profile after RFC 5280: P-256, a critical basic constraint on the CA, names only as subject alternative names. A folder
that holds ``tls.crt`` and ``tls.key`` but no ``ca.key`` is somebody else's (cert-manager, a mounted Secret): it
is used as it is and never written to.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from govkernel.errors import ConfigError
from govkernel.files import read_file, replace_file

CA_LIFE: Final = timedelta(days=3650)
SERVER_LIFE: Final = timedelta(days=90)
RENEW_BEFORE: Final = timedelta(days=30)
SKEW: Final = timedelta(minutes=10)
"""How far the clocks of others may be behind ours."""
MAX_PEM: Final = 256 * 1024
MAX_NAME: Final = 253

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DNS_NAME: Final = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*", re.ASCII)


@dataclass(frozen=True)
class Certificates:
    """Where the webhook's certificates are.

    Attributes:
        ca_path: PEM of the CA, empty path when somebody else keeps it.
        certificate_path: PEM of the server certificate, followed by its chain if it has one.
        key_path: PEM of its private key, mode 0600.
        expires_at: when the server certificate lapses, UTC.
        external: somebody else renews them.
    """

    ca_path: Path
    certificate_path: Path
    key_path: Path
    expires_at: datetime
    external: bool = False

    @property
    def ca_bundle(self) -> str:
        """The ``caBundle`` of a webhook configuration: the CA's PEM in base64; empty when it is not here."""
        return base64.b64encode(_read(self.ca_path)).decode() if self.ca_path.is_file() else ""


@dataclass(frozen=True)
class _Issuer:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ensure_certificates(folder: Path, names: Sequence[str], *, now: datetime | None = None) -> Certificates:
    """The certificates in a folder, created or renewed as needed.

    Args:
        folder: created with mode 0700 when it is not there.
        names: DNS names and IP addresses the server certificate is for; at least one.
        now: the time; default: the current time.

    Raises:
        ConfigError: ``certificates.names``, ``certificates.unreadable``, ``certificates.unwritable`` or
            ``certificates.expired`` (only for certificates that are somebody else's to renew).
    """
    moment = now or datetime.now(UTC)
    paths = folder / "ca.crt", folder / "tls.crt", folder / "tls.key"
    if paths[1].exists() and paths[2].exists() and not (folder / "ca.key").exists():
        return _external(paths, moment)
    wanted = _names(names)
    issuer = _read_issuer(folder, moment)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if issuer is None:
            issuer = _new_issuer(folder, moment)
        expires_at = _current(folder, issuer, wanted, moment)
        if expires_at is None:
            expires_at = _new_server(folder, issuer, wanted, moment)
    except OSError as error:
        raise _refuse("unwritable", folder, str(error), "Make the folder writable.") from None
    return Certificates(*paths, expires_at)


def _external(paths: tuple[Path, Path, Path], now: datetime) -> Certificates:
    certificate = _load_certificate(paths[1])
    if certificate.not_valid_after_utc <= now:
        why = f"It expired on {certificate.not_valid_after_utc:%Y-%m-%d}."
        raise _refuse("expired", paths[1], why, "Have it renewed by whoever issued it.")
    return Certificates(*paths, certificate.not_valid_after_utc, external=True)


def _current(
    folder: Path, issuer: _Issuer, names: x509.SubjectAlternativeName, now: datetime
) -> datetime | None:
    """When the server certificate lapses; None when there is none that will do."""
    try:
        certificate = _load_certificate(folder / "tls.crt")
        key = _load_key(folder / "tls.key")
        certificate.verify_directly_issued_by(issuer.certificate)
        present = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ConfigError, InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return None
    fits = certificate.public_key() == key.public_key() and present == names
    fresh = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_BEFORE
    return certificate.not_valid_after_utc if fits and fresh else None


def _read_issuer(folder: Path, now: datetime) -> _Issuer | None:
    """The CA; None when there is none, or it would lapse before a certificate it issues now."""
    if not (folder / "ca.key").exists() or not (folder / "ca.crt").exists():
        return None
    issuer = _Issuer(_load_certificate(folder / "ca.crt"), _load_key(folder / "ca.key"))
    if issuer.certificate.public_key() != issuer.key.public_key():
        why = "ca.key is not the key of ca.crt."
        raise _refuse("unreadable", folder / "ca.key", why, "Remove both to start anew.")
    return issuer if now + SERVER_LIFE < issuer.certificate.not_valid_after_utc else None


def _new_issuer(folder: Path, now: datetime) -> _Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"govkernel webhook CA {uuid4().hex[:8]}")])
    usage = {"key_cert_sign": True, "crl_sign": True}
    certificate = (
        _builder(name, name, key.public_key(), now, CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    replace_file(folder / "ca.key", _private_pem(key), 0o600)
    replace_file(folder / "ca.crt", certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return _Issuer(certificate, key)


def _new_server(folder: Path, issuer: _Issuer, names: x509.SubjectAlternativeName, now: datetime) -> datetime:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "govkernel webhook")])
    authority = issuer.certificate.public_key()
    if not isinstance(authority, ec.EllipticCurvePublicKey):
        raise _refuse(
            "unreadable", folder / "ca.crt", "Its key is not an EC key.", "Remove ca.crt and ca.key."
        )
    certificate = (
        _builder(subject, issuer.certificate.subject, key.public_key(), now, SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority), critical=False)
        .sign(issuer.key, hashes.SHA256())
    )
    replace_file(folder / "tls.key", _private_pem(key), 0o600)
    replace_file(folder / "tls.crt", certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return certificate.not_valid_after_utc


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + life)
    )


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _names(names: Sequence[str]) -> x509.SubjectAlternativeName:
    if not names:
        raise _refuse("names", "[admission] names", "It is empty.", "Name the webhook's service.")
    return x509.SubjectAlternativeName([_name(name) for name in names])


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        found = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError as error:
        raise _refuse("names", name[:80], str(error), "Write a DNS name or an IP address.") from None
    if len(found) > MAX_NAME or not _DNS_NAME.fullmatch(found):
        why = "It is neither a DNS name nor an IP address."
        raise _refuse("names", repr(name[:80]), why, "Correct [admission] names.")
    return x509.DNSName(found)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError:
        raise _refuse("unreadable", path, "It is no PEM certificate.", "Remove it, or replace it.") from None


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(_read(path), None)
    except (ValueError, TypeError):
        raise _refuse("unreadable", path, "It is no PEM private key.", "Remove it, or replace it.") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _refuse("unreadable", path, "It is no EC key.", "Remove it, or replace it.")
    return key


def _read(path: Path) -> bytes:
    try:
        return read_file(path, MAX_PEM)
    except OSError as error:
        raise _refuse("unreadable", path, str(error), "Make the file readable.") from None


def _refuse(problem: str, about: Path | str, why: str, remedy: str) -> ConfigError:
    what = f"The webhook's certificates cannot be used: {about}."
    return ConfigError(f"certificates.{problem}", what, why=why, remedy=remedy)
