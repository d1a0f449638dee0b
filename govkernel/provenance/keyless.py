"""Keyless bundles (Fulcio, Rekor, RFC 3161) against a trusted root file, offline, by sigstore-python.

sigstore is imported when a bundle is verified, never before: it belongs to the extra ``sigstore``. What it refuses
is told apart by its messages; one we do not know is still a refusal, ``keyless.refused``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509

from govkernel.domain import Signer, strict_json
from govkernel.errors import ConfigError, GovkernelError, InputError, ProvenanceError
from govkernel.provenance.anchors import Message, invalid, matching, signs
from govkernel.provenance.dsse import IN_TOTO, Envelope
from govkernel.provenance.foreign import ForeignBundle, Form
from govkernel.provenance.timestamps import TimeAuthority, demanded_time
from govkernel.provenance.trust_signers import Matcher
from govkernel.provenance.x509 import identities_of, read_certificate

if TYPE_CHECKING:
    from sigstore.models import Bundle, TrustedRoot

    from govkernel.provenance.keyless_verifier import KeylessVerifier

MAX_ROOT: Final = 1024 * 1024
"""Bytes of a trusted root file."""

_ISSUER_V2: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_ISSUER_V1: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_UTF8_STRING: Final = 0x0C
_LISTS: Final = ("tlogs", "ctlogs", "certificateAuthorities", "timestampAuthorities")
_UNKNOWN: Final = "keyless.refused"

_CHECKS: Final = (
    (r"\bSCT\b|CT |CTFE", "keyless.sct"),
    (r"inclusion proof (has wrong size|contains invalid root hash): ", "keyless.inclusion-proof"),
    (r"log entry: malformed intoto", "keyless.log-entry"),
    (
        r"[Nn]ote must|malformed (Note|LogCheckpoint)|checkpoint|root hash signature|Rekor keys|log instances",
        "keyless.checkpoint",
    ),
    (r"invalid log entry: .*SET|inclusion promise|for SET without", "keyless.promise"),
    (r"invalid log entry|inclusion proof", "keyless.inclusion-proof"),
    (
        r"verified time|[Tt]imestamp Response|signed timestamp|duplicate timestamp|Timestamp Auth",
        "keyless.time",
    ),
    (r"certificate chain|expired at time of signing|Fulcio certificates", "keyless.chain"),
    (r"[Kk]ey usage|Extended usage|KeyUsage", "keyless.usage"),
    (r"[Ss]ignature is invalid|DSSE: invalid signature", "keyless.signature"),
    (r"digest mismatch", "keyless.digest"),
    (r"log entry|inconsistent|Integrated time|hashedrekord|entry type", "keyless.log-entry"),
)


@dataclass(frozen=True)
class KeylessAnchor:
    """A Sigstore instance, and who must have identified themselves to it.

    Attributes:
        root: the instance's trusted root.
        identity: what one of the certificate's names must be.
        issuer: what the issuer of the identity must be.
    """

    root: TrustedRoot
    identity: Matcher
    issuer: Matcher

    def proven(self, bundle: ForeignBundle, message: Message, now: datetime) -> tuple[Signer, datetime]:
        """The identity, and the earliest moment at which, as was verified, the signature existed.

        See :meth:`govkernel.provenance.anchors.Anchor.proven`. The time is that of the log or of a timestamp; ``now``
        only bounds it.
        """
        if not bundle.chain:
            raise InputError(
                "certificate.missing",
                "The bundle was signed with a key, not with a certificate.",
                remedy="Verify it with --key and the signer's public key.",
            )
        try:
            if not self.root._inner.tlogs:
                return self._timestamped(bundle, message, now)
            if bundle.form is Form.ENVELOPE or (bundle.form is Form.COSIGN_V2 and bundle.unlogged):
                raise self._unlogged(bundle)
            return self._verified(bundle, message)
        except GovkernelError:
            raise
        except Exception as error:  # every way in which a stranger's bundle breaks a library is a refusal
            raise _refused(error) from None

    def _verified(self, bundle: ForeignBundle, message: Message) -> tuple[Signer, datetime]:
        from sigstore.models import Bundle  # noqa: PLC0415

        from govkernel.provenance.keyless_promised import Promised  # noqa: PLC0415

        parsed = _parsed(Promised if bundle.promised else Bundle, bundle.raw)
        verifier = self._verifier.fresh()  # it keeps what it found out about one bundle
        policy = _Policy(self.identity, self.issuer)
        if isinstance(bundle.content, Envelope):
            kind, payload = verifier.verify_dsse(parsed, policy)
            if kind != IN_TOTO or payload != bundle.content.payload:
                raise ProvenanceError(_UNKNOWN, "The bundle reads differently to different readers.")
        else:
            verifier.verify_artifact(message(), parsed, policy)
        return policy.found, verifier.signed_at

    def _timestamped(self, bundle: ForeignBundle, message: Message, now: datetime) -> tuple[Signer, datetime]:
        """Of an instance that has no log, as GitHub's for private repositories: the time is a timestamp's alone."""
        from govkernel.provenance.keyless_timestamped import certified_at  # noqa: PLC0415

        moment = demanded_time(bundle.timestamps, bundle.content.signature, self._times, now)
        certificate, key = certified_at(self.root, bundle.chain, moment)
        policy = _Policy(self.identity, self.issuer)
        policy.verify(certificate)
        if not signs(key, bundle, message):
            raise invalid()
        return policy.found, moment

    def _unlogged(self, bundle: ForeignBundle) -> ProvenanceError:
        """The refusal of what has no entry of the log, if it was this instance that certified its signer."""
        from govkernel.provenance.keyless_timestamped import certified_at  # noqa: PLC0415

        issued = read_certificate(bundle.chain[0]).not_valid_before_utc
        certified_at(self.root, bundle.chain, issued)
        return ProvenanceError(
            "keyless.no-log-entry",
            "The bundle does not carry the log's entry, which tells when it was signed.",
            why=f"Its certificate was valid for a moment on {issued:%Y-%m-%d}; who has its key could sign ever since.",
            remedy="Get the statement as a Sigstore bundle, which holds the entry of the log; "
            "e.g. with `gh attestation download`, or from who signed it.",
        )

    @cached_property
    def _times(self) -> tuple[TimeAuthority, ...]:
        from govkernel.provenance.time_authorities import time_authorities_of  # noqa: PLC0415

        return time_authorities_of(self.root)

    @cached_property
    def _verifier(self) -> KeylessVerifier:
        from govkernel.provenance.keyless_verifier import KeylessVerifier  # noqa: PLC0415

        return KeylessVerifier(trusted_root=self.root)


class _Policy:
    """Judges the certificate; follows sigstore's VerificationPolicy.

    Attributes:
        found: whom it names; set by judging.
    """

    found: Signer

    def __init__(self, identity: Matcher, issuer: Matcher) -> None:
        self._identity = identity
        self._issuer = issuer

    def verify(self, cert: x509.Certificate) -> None:
        """Raise unless the certificate names the identity and its issuer."""
        self.found = self._signer(cert)

    def _signer(self, cert: x509.Certificate) -> Signer:
        issuer = _issuer_of(cert)
        if not self._issuer.matches(issuer):
            raise ProvenanceError(
                "identity.issuer",
                "Another issuer vouches for the identity.",
                why=f"It is {issuer[:400] or 'not named'}.",
                remedy="If it should be trusted, give it with --issuer.",
            )
        named = matching(self._identity, identities_of(cert))
        return Signer(name=named, identity=named, issuer=issuer)


def read_trusted_root(content: bytes) -> TrustedRoot:
    """A Sigstore trusted root from its JSON.

    Raises:
        ConfigError: ``keyless.root``, or ``keyless.not-installed``.
    """
    try:
        from sigstore_models.trustroot import v1  # noqa: PLC0415

        from govkernel.provenance.keyless_verifier import Root  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            "keyless.not-installed",
            "Keyless bundles need sigstore, which is not installed.",
            remedy='pip install "govkernel[sigstore]"',
        ) from None
    try:
        document = strict_json.loads(content, max_bytes=MAX_ROOT)
        listed = {**{name: [] for name in _LISTS}, **document}  # protobuf's JSON leaves empty lists out
        root = Root(v1.TrustedRoot.from_json(json.dumps(listed)))
        root.get_fulcio_certs()
    except Exception as error:
        raise ConfigError(
            "keyless.root",
            "The trusted root cannot be used.",
            why=f"{type(error).__name__}: {str(error)[:200]}",
            remedy="Fetch the trusted_root.json of the Sigstore instance again.",
        ) from None
    return root


def _parsed(kind: type[Bundle], raw: bytes) -> Bundle:
    try:
        return kind.from_json(raw)
    except Exception as error:
        raise InputError(
            "keyless.bundle",
            "The bundle lacks what a keyless signature needs, or it is malformed.",
            why=str(error)[:300],
            remedy="Fetch the bundle again; a keyless bundle carries one log entry with its inclusion proof.",
        ) from None


def _issuer_of(certificate: x509.Certificate) -> str:
    extensions = certificate.extensions
    for oid in (_ISSUER_V2, _ISSUER_V1):
        try:
            value: Any = extensions.get_extension_for_oid(oid).value
        except x509.ExtensionNotFound:
            continue
        return _utf8_string(value.value) if oid == _ISSUER_V2 else value.value.decode("utf-8")
    return ""


def _utf8_string(der: bytes) -> str:
    """A DER UTF8String; lengths to 65,535."""
    if len(der) < 2 or der[0] != _UTF8_STRING:
        return ""
    extra = der[1] & 0x7F if der[1] & 0x80 else 0
    length = int.from_bytes(der[2 : 2 + extra]) if extra else der[1]
    text = der[2 + extra :]
    return text.decode("utf-8") if extra <= 2 and len(text) == length else ""


def _refused(error: Exception) -> ProvenanceError:
    message = str(error)
    code = next((code for pattern, code in _CHECKS if re.search(pattern, message)), _UNKNOWN)
    return ProvenanceError(
        code,
        "The keyless signature does not hold.",
        why=f"{type(error).__name__}: {message[:300]}",
        remedy="Fetch the bundle again; if it is another Sigstore instance's, give its trusted root.",
    )
