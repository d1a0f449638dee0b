"""A certificate maker that issues whatever it is told to, sound or not (RFC 5280)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
CODE_SIGNING, TIME_STAMPING = ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.TIME_STAMPING
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Recipe:
    """What stands in a certificate; the default is an honest code-signing leaf.

    Attributes:
        name: common name; empty for an empty subject.
        identities: e-mail addresses, and URIs (recognised by a colon).
        start: valid from.
        end: valid to.
        authority: basicConstraints' cA; None leaves the extension out.
        path_length: basicConstraints' pathLenConstraint.
        usages: keyUsage bits that are set; None leaves the extension out.
        purposes: extended key usages; empty leaves the extension out.
        critical_purposes: the extended key usage is critical.
        extra: further extensions and whether they are critical.
        key: of the holder; a fresh one if there is none.
        digest: hash of the issuer's signature.
        serial: a random one if there is none.
    """

    name: str = "signer"
    identities: tuple[str, ...] = ()
    start: datetime = START
    end: datetime = END
    authority: bool | None = None
    path_length: int | None = None
    usages: tuple[str, ...] | None = ("digital_signature",)
    purposes: tuple[x509.ObjectIdentifier, ...] = (CODE_SIGNING,)
    critical_purposes: bool = False
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    key: PrivateKey = field(default_factory=p256)
    digest: hashes.HashAlgorithm | None = field(default_factory=hashes.SHA256)
    serial: int = 0

    def but(self, **changes: Any) -> Self:
        """The same, with some of it changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Held:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(self, recipe: Recipe) -> Held:
        """A certificate by the recipe, signed by this one."""
        return Held(build(recipe, recipe.key.public_key(), self), recipe.key)


def self_signed(recipe: Recipe) -> Held:
    return Held(build(recipe, recipe.key.public_key(), None), recipe.key)


def authority(name: str, issuer: Held | None = None, **changes: Any) -> Held:
    """A certificate authority; a root if nobody issues it."""
    ca = Recipe(name, authority=True, usages=("key_cert_sign", "crl_sign"), purposes=())
    recipe = ca.but(**changes)
    return issuer.issue(recipe) if issuer else self_signed(recipe)


def build(recipe: Recipe, holder: Any, issuer: Held | None) -> x509.Certificate:
    """A certificate over the public key ``holder``; self-signed with the recipe's key if nobody issues it."""
    issuer_name = issuer.certificate.subject if issuer else _name(recipe.name)
    signing = issuer.key if issuer else recipe.key
    builder = (
        x509.CertificateBuilder(
            issuer_name, _name(recipe.name), holder, recipe.serial or x509.random_serial_number()
        )
        .not_valid_before(recipe.start)
        .not_valid_after(recipe.end)
    )
    for extension, critical in (*_extensions(recipe, holder, signing), *recipe.extra):
        builder = builder.add_extension(extension, critical)
    digest = None if isinstance(signing, ed25519.Ed25519PrivateKey) else recipe.digest
    return builder.sign(signing, digest)  # type: ignore[arg-type]


def _extensions(
    recipe: Recipe, holder: Any, signing: PrivateKey
) -> Sequence[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectKeyIdentifier.from_public_key(holder), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), False),
    ]
    if recipe.authority is not None:
        found.append((x509.BasicConstraints(recipe.authority, recipe.path_length), True))
    if recipe.usages is not None:
        found.append((_usage(recipe.usages), True))
    if recipe.purposes:
        found.append((x509.ExtendedKeyUsage(recipe.purposes), recipe.critical_purposes))
    if recipe.identities:
        names = [
            x509.UniformResourceIdentifier(i) if ":" in i else x509.RFC822Name(i) for i in recipe.identities
        ]
        found.append((x509.SubjectAlternativeName(names), not recipe.name))
    return found


def _usage(usages: tuple[str, ...]) -> x509.KeyUsage:
    bits = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{bit: bit in usages for bit in bits})


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])


def hours(count: float) -> timedelta:
    return timedelta(hours=count)
