"""Who signs a statement, and what the bundle around it proves: a key, a certificate, or an identity (keyless).

A sealer turns the exact bytes of an in-toto Statement into a Sigstore bundle v0.3. ADR 0020.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, runtime_checkable

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from govkernel.errors import ConfigError, GovkernelError
from govkernel.hookspecs import SigningKey
from govkernel.provenance.bundle import Stamper, sign_bundle, sign_bundle_certified
from govkernel.provenance.deadline import within
from govkernel.provenance.keys import PublicKey
from govkernel.provenance.x509 import MAX_CHAIN, check_signer, read_roots

KEYLESS_SECONDS: Final = 60.0
"""Signing without a key asks an authority, a log and perhaps a timestamp authority."""


@runtime_checkable
class Sealer(Protocol):
    """Signs statements."""

    def seal(self, payload: bytes, *, oms: bool = False) -> bytes:
        """A bundle around a statement.

        Args:
            payload: the statement's exact bytes.
            oms: it is an OMS signature, whose bundles hint at keys by the SHA-256 of their PEM.
        """


@dataclass(frozen=True)
class KeySealer:
    """A bare key: verifiers must know it.

    Attributes:
        key: signs.
        stamper: says when; None leaves that out.
    """

    key: SigningKey
    stamper: Stamper | None = None

    def seal(self, payload: bytes, *, oms: bool = False) -> bytes:
        """A bundle with the key's hint."""
        public = PublicKey.from_pem(self.key.public_key_pem())
        return sign_bundle(payload, self.key, public.pem_hint if oms else public.key_id, self.stamper)


@dataclass(frozen=True)
class CertificateSealer:
    """A key with a certificate: verifiers must know an authority above it.

    Attributes:
        key: signs.
        chain: DER certificates, the key's first.
        stamper: says when; None leaves that out, and the bundle holds only as long as the certificate.
    """

    key: SigningKey
    chain: Sequence[bytes]
    stamper: Stamper | None = None

    @classmethod
    def of(
        cls, key: SigningKey, pem: bytes, now: datetime, stamper: Stamper | None = None
    ) -> CertificateSealer:
        """With a chain from PEM, whose first certificate must be the key's, and good for signing now.

        Raises:
            ConfigError: ``certificate.other-key``, ``certificate.roots``.
            InputError: ``certificate.*``: it may not sign, or not now.
        """
        certificates = read_roots(pem)
        if not certificates or len(certificates) > MAX_CHAIN:
            raise ConfigError(
                "certificate.roots",
                "The certificate file cannot be used.",
                why=f"It holds {len(certificates)} certificates; 1 to {MAX_CHAIN} make a chain.",
                remedy="Give the signer's certificate first, then those between it and the root.",
            )
        if _spki(certificates[0].public_key()) != _spki(load_pem_public_key(key.public_key_pem())):
            raise ConfigError(
                "certificate.other-key",
                "The first certificate is another key's.",
                remedy="Give the certificate of the signing key first.",
            )
        check_signer(certificates[0], now)
        return cls(key, tuple(item.public_bytes(Encoding.DER) for item in certificates), stamper)

    def seal(self, payload: bytes, *, oms: bool = False) -> bytes:
        """A bundle with the chain, as model-signing writes it."""
        return sign_bundle_certified(payload, self.key, self.chain, self.stamper)


@dataclass(frozen=True)
class KeylessSealer:
    """An identity that a Sigstore instance certifies for a moment, and logs.

    Attributes:
        config: of the instance (ClientTrustConfig JSON); None is the public one, whose root is then fetched.
        token: OpenID Connect identity token; it is sent to the instance's authority, and nowhere else.
    """

    config: bytes | None
    token: str

    def __repr__(self) -> str:
        """Without the token."""
        return "KeylessSealer()"

    def seal(self, payload: bytes, *, oms: bool = False) -> bytes:
        """A bundle with the certificate, the log's entry, and timestamps where the instance has an authority.

        Raises:
            ConfigError: ``keyless.not-installed``, ``keyless.config``.
            GovkernelError: ``keyless.sign``, ``keyless.timeout``.
        """
        late = GovkernelError(
            "keyless.timeout",
            f"The Sigstore instance did not sign within {KEYLESS_SECONDS:.0f} seconds.",
            remedy="Check that it can be reached, and try again.",
        )
        return within(KEYLESS_SECONDS, lambda: self._seal(payload), late)

    def _seal(self, payload: bytes) -> bytes:
        try:
            from sigstore.dsse import Statement  # noqa: PLC0415
            from sigstore.models import ClientTrustConfig  # noqa: PLC0415
            from sigstore.oidc import IdentityToken  # noqa: PLC0415
            from sigstore.sign import SigningContext  # noqa: PLC0415
        except ImportError:
            raise ConfigError(
                "keyless.not-installed",
                "Keyless signing needs sigstore, which is not installed.",
                remedy='pip install "govkernel[sigstore]"',
            ) from None
        try:
            config = (
                ClientTrustConfig.production()
                if self.config is None
                else ClientTrustConfig.from_json(self.config.decode("utf-8"))
            )
            context = SigningContext.from_trust_config(config)
        except Exception as error:
            raise ConfigError(
                "keyless.config",
                "The trust configuration cannot be used.",
                why=type(error).__name__,
                remedy="Give the ClientTrustConfig JSON of the Sigstore instance with --trust-config.",
            ) from None
        try:
            with context.signer(IdentityToken(self.token)) as signer:
                return signer.sign_dsse(Statement(payload)).to_json().encode()
        except Exception as error:  # its messages may quote what was sent, so only their kind is told
            raise GovkernelError(
                "keyless.sign",
                "The Sigstore instance did not sign.",
                why=type(error).__name__,
                remedy="Check that the identity token is fresh, and that the instance can be reached.",
            ) from None


def sealer_of(signer: SigningKey | Sealer) -> Sealer:
    """A key as one that seals with it; a sealer as it is."""
    return signer if isinstance(signer, Sealer) else KeySealer(signer)


def _spki(key: Any) -> bytes:
    found: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found
