"""What a person trusts for one question. An anchor answers one thing: who signed these bytes. See ADR 0008."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from govkernel.domain import Signer
from govkernel.errors import GovkernelError, InputError, ProvenanceError
from govkernel.provenance.attribution import most_telling
from govkernel.provenance.dsse import Envelope, encode
from govkernel.provenance.foreign import ForeignBundle, Form
from govkernel.provenance.keys import PublicKey
from govkernel.provenance.oms_v02 import holds_v02
from govkernel.provenance.signatures import StrangerKey, holds, usable
from govkernel.provenance.timestamps import TimeAuthority, demanded_time
from govkernel.provenance.trust_signers import Matcher
from govkernel.provenance.x509 import certify

Message = Callable[[], bytes]
"""Reads the bytes a bare signature should be over; raises ProvenanceError when there are none."""


class Anchor(Protocol):
    """Somebody who may have signed."""

    def proven(
        self, bundle: ForeignBundle, message: Message, now: datetime
    ) -> tuple[Signer, datetime | None]:
        """Who signed the content of a bundle, and when, if somebody who is trusted for that says so.

        Args:
            bundle: the bundle.
            message: reads the file, if the content is a bare signature.
            now: aware, UTC.

        Raises:
            GovkernelError: the check that failed.
        """


@dataclass(frozen=True)
class KeyAnchor:
    """A public key.

    Attributes:
        key: verifies.
        key_id: SHA-256 hex of its SubjectPublicKeyInfo DER.
        pem_hint: SHA-256 hex of its PEM, which model-signing writes as the hint.
        times: one of whom must say when it signed; empty asks for no time.
    """

    key: StrangerKey
    key_id: str
    pem_hint: str
    times: tuple[TimeAuthority, ...] = ()

    @classmethod
    def from_pem(cls, pem: bytes, source: str = "the key", times: tuple[TimeAuthority, ...] = ()) -> Self:
        """Read PEM SubjectPublicKeyInfo.

        Raises:
            ConfigError: ``key.malformed``, ``key.unsupported`` or ``key.private``.
            InputError: ``certificate.key-unsupported``.
        """
        try:
            key = usable(serialization.load_pem_public_key(pem))
        except (ValueError, UnsupportedAlgorithm, InputError):
            PublicKey.from_pem(pem, source)  # says what is wrong with it
            raise
        spki, pem_form = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.Encoding.PEM
        der = key.public_bytes(serialization.Encoding.DER, spki)
        text = key.public_bytes(pem_form, spki)
        return cls(key, hashlib.sha256(der).hexdigest(), hashlib.sha256(text).hexdigest(), times)

    @property
    def _hints(self) -> frozenset[str]:
        """What bundles call it: we and model-signing in hex, cosign in base64."""
        return frozenset({self.key_id, self.pem_hint, encode(bytes.fromhex(self.key_id))})

    def proven(
        self, bundle: ForeignBundle, message: Message, now: datetime
    ) -> tuple[Signer, datetime | None]:
        """The key, if it signed; see :meth:`Anchor.proven`."""
        if bundle.chain and bundle.form is not Form.ENVELOPE:
            raise certified(_BY_ANCHOR)
        if not signs(self.key, bundle, message):
            if bundle.hint in self._hints:
                raise invalid()
            raise certified(_BY_ANCHOR) if bundle.chain else _another_key()
        return Signer(name=self.key_id[:16], key_id=self.key_id), _asked_time(self.times, bundle, now)


@dataclass(frozen=True)
class CertificateAnchor:
    """Certificate authorities, and the identity they must vouch for.

    Attributes:
        roots: the authorities.
        identity: what one of the certificate's names must be.
        times: one of whom must say when it signed; empty asks for no time.
    """

    roots: Sequence[x509.Certificate]
    identity: Matcher
    times: tuple[TimeAuthority, ...] = ()

    def proven(
        self, bundle: ForeignBundle, message: Message, now: datetime
    ) -> tuple[Signer, datetime | None]:
        """The identity, if its certificate was valid when it signed, or is now; see :meth:`Anchor.proven`."""
        if not bundle.chain:
            raise _no_certificate()
        moment = _asked_time(self.times, bundle, now)
        certified = certify(bundle.chain, self.roots, moment or now)
        named = matching(self.identity, certified.identities)
        if not signs(certified.key, bundle, message):
            raise invalid()
        return Signer(name=named, identity=named, issuer=certified.issuer), moment


def _asked_time(times: tuple[TimeAuthority, ...], bundle: ForeignBundle, now: datetime) -> datetime | None:
    return demanded_time(bundle.timestamps, bundle.content.signature, times, now) if times else None


def proven_by_any(
    anchor: Anchor, signatures: Sequence[ForeignBundle], message: Message, now: datetime
) -> tuple[ForeignBundle, Signer, datetime | None]:
    """The first signature that the anchor proves, by whom, and when; one is enough (DSSE v1.0, protocol).

    Raises:
        GovkernelError: none does; the most telling reason.
    """
    refusals: list[GovkernelError] = []
    for item in signatures:
        try:
            return item, *anchor.proven(item, message, now)
        except GovkernelError as error:
            refusals.append(error)
    raise most_telling(refusals)


def matching(pattern: Matcher, identities: Sequence[str]) -> str:
    """The first identity that fits.

    Raises:
        ProvenanceError: ``identity.mismatch``.
    """
    for identity in identities:
        if pattern.matches(identity):
            return identity
    raise ProvenanceError(
        "identity.mismatch",
        "The certificate is somebody else's.",
        why=f"It names {', '.join(identities)[:400] or 'nobody'}.",
        remedy="If they should be trusted, give their identity with --identity.",
    )


def signs(key: StrangerKey, bundle: ForeignBundle, message: Message) -> bool:
    """Whether a key signed the content of a bundle."""
    content = bundle.content
    if not isinstance(content, Envelope):
        return holds(key, content.signature, message())
    return holds(key, content.signature, content.signed) or holds_v02(key, content)


def invalid() -> ProvenanceError:
    """The refusal of a signature that does not hold."""
    return ProvenanceError(
        "provenance.signature-invalid",
        "The signature does not hold.",
        why="What was signed, or the signature, was changed.",
        remedy="Fetch the artifact and the bundle again.",
    )


_BY_ANCHOR: Final = "Verify it with --ca or --trusted-root, and the identity."


def certified(remedy: str) -> InputError:
    """The refusal by a key of what a certificate signed."""
    return InputError(
        "provenance.keyless", "The bundle was signed with a certificate, not with a key.", remedy=remedy
    )


def _another_key() -> ProvenanceError:
    return ProvenanceError(
        "provenance.signer-not-trusted",
        "The key does not verify the signature.",
        why="It was signed with another key, or changed after signing.",
        remedy="Ask the signer for the public key, and fetch the bundle again.",
    )


def _no_certificate() -> InputError:
    return InputError(
        "certificate.missing",
        "The bundle was signed with a key, not with a certificate.",
        remedy="Verify it with --key and the signer's public key.",
    )
