"""sigstore-python's verifier, with what Sigstore's other clients accept or refuse and it does not.

It also accepts log entries of type ``intoto`` 0.0.2, which cosign wrote until 2023, and a timestamp at the very end of
its authority's time, which the trusted root counts in. It refuses what an authority or a log signed outside the time
for which the trusted root vouches for it, so that a retired key that leaks proves nothing new.

Imported only by :mod:`govkernel.provenance.keyless`, since it imports sigstore; it builds on parts of it that are
private, so the extra ``sigstore`` pins the minor version.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self, TypeVar

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import (
    Certificate,
    ExtendedKeyUsage,
    UnsupportedGeneralNameType,
    load_pem_x509_certificate,
)
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store
from cryptography.x509.verification import VerificationError as X509VerificationError
from sigstore import dsse
from sigstore._internal.timestamp import TimestampSource, TimestampVerificationResult
from sigstore._internal.trust import CertificateAuthority, CTKeyring, KeyringPurpose, RekorKeyring
from sigstore.errors import CertValidationError, VerificationError
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import VerificationPolicy
from sigstore_models.common.v1 import TimeRange
from sigstore_models.trustroot import v1

from govkernel.domain import strict_json
from govkernel.errors import GovkernelError
from govkernel.provenance.limits import MAX_BUNDLE

T = TypeVar("T")

_DSSE: Final = ("dsse", "0.0.1")
_INTOTO: Final = ("intoto", "0.0.2")
_INSTANT: Final = timedelta(microseconds=1)


class Root(TrustedRoot):
    """A trusted root that counts in the end of a timestamp authority's time.

    It reads its keys and certificates once, not for every bundle.
    """

    def __init__(self, inner: v1.TrustedRoot) -> None:
        for authority in inner.timestamp_authorities:
            if authority.valid_for is not None and authority.valid_for.end is not None:
                authority.valid_for.end += _INSTANT
        super().__init__(inner)
        self._read: dict[object, Any] = {}

    def rekor_keyring(self, purpose: KeyringPurpose) -> RekorKeyring:
        """Keys of the logs."""
        return self._once(("rekor", purpose), lambda: super(Root, self).rekor_keyring(purpose))

    def ct_keyring(self, purpose: KeyringPurpose) -> CTKeyring:
        """Keys of the certificate transparency logs."""
        return self._once(("ct", purpose), lambda: super(Root, self).ct_keyring(purpose))

    def get_timestamp_authorities(self) -> list[CertificateAuthority]:
        """The timestamp authorities."""
        return self._once("timestamps", super().get_timestamp_authorities)

    def _once(self, what: object, read: Callable[[], T]) -> T:
        if what not in self._read:
            self._read[what] = read()
        found: T = self._read[what]
        return found


class KeylessVerifier(Verifier):
    """Verifies one bundle, with exactly one log entry, against a trusted root.

    Attributes:
        signed_at: the earliest verified moment at which the signature existed; set by verifying.
    """

    signed_at: datetime

    def verify_dsse(self, bundle: Bundle, policy: VerificationPolicy) -> tuple[str, bytes]:
        """Payload type and payload of an envelope whose signature, certificate and log entry hold.

        Raises:
            sigstore.errors.VerificationError: the check that failed.
        """
        envelope, check = bundle._dsse_envelope, _BODIES.get(_kind(bundle))
        if envelope is None or check is None:
            return super().verify_dsse(bundle, policy)
        self._verify_common_signing_cert(bundle, policy)
        dsse._verify(bundle.signing_certificate.public_key(), envelope)  # type: ignore[arg-type]
        check(bundle, envelope)
        return envelope._inner.payload_type, envelope._inner.payload

    def __init__(self, *, trusted_root: TrustedRoot) -> None:
        super().__init__(trusted_root=trusted_root)
        self._whole_root, self._whole_chain = trusted_root, self._fulcio_certificate_chain
        self._whole_paths, self._whole_span = _paths(self._whole_chain), _span(trusted_root)
        self._own = {item: item for item in self._whole_chain}

    def fresh(self) -> Self:
        """One for the next bundle: what depends on the trusted root alone is shared."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made

    def _verify_chain_at_time(
        self, certificate: Certificate, timestamp_result: TimestampVerificationResult
    ) -> list[Certificate]:
        """As sigstore-python does it, with the store and the policies made once for a trusted root.

        What comes back are the trusted root's own certificates, whose keys and extensions were read before.
        """
        whole = self._fulcio_certificate_chain is self._whole_chain
        paths = self._whole_paths if whole else _paths(self._fulcio_certificate_chain)
        verifier = paths.time(timestamp_result.time).build_client_verifier()
        try:
            found = verifier.verify(certificate, []).chain[1:]
        except (X509VerificationError, UnsupportedGeneralNameType) as error:
            raise CertValidationError(f"failed to build timestamp certificate chain: {error}") from None
        return [self._own.get(item, item) for item in found]

    def _establish_time(self, bundle: Bundle) -> list[TimestampVerificationResult]:
        """When the bundle was signed; from here on only those count who were trusted then."""
        times = self._times(bundle)
        moments = [result.time for result in times]
        self.signed_at = min(moments, default=datetime.max.replace(tzinfo=UTC))
        issued = bundle.signing_certificate.not_valid_before_utc
        start, end = self._whole_span
        if all(start <= moment <= end for moment in (*moments, issued)):  # whoever it is, was trusted then
            return times
        self._trusted_root = _trusted_then(self._whole_root, moments, issued)
        whole = self._trusted_root is self._whole_root
        self._fulcio_certificate_chain = self._whole_chain if whole else self._trusted_root.get_fulcio_certs()
        return times

    def _times(self, bundle: Bundle) -> list[TimestampVerificationResult]:
        if _kind(bundle) != _INTOTO:
            return super()._establish_time(bundle)
        times = []
        if bundle.verification_material.timestamp_verification_data:
            times += self._verify_timestamp_authority(bundle)
        entry = bundle.log_entry._inner
        if entry.integrated_time and entry.inclusion_promise:
            moment = datetime.fromtimestamp(entry.integrated_time, tz=UTC)
            times.append(TimestampVerificationResult(TimestampSource.TRANSPARENCY_SERVICE, moment))
        return times


def _trusted_then(root: TrustedRoot, moments: Sequence[datetime], issued: datetime) -> TrustedRoot:
    """The root with only those logs and authorities that were valid at every moment, or when the certificate was."""
    inner = root._inner
    logs = [log for log in inner.tlogs if _within(log.public_key.valid_for, moments)]
    certificate_logs = [log for log in inner.ctlogs if _within(log.public_key.valid_for, [issued])]
    authorities = [item for item in inner.certificate_authorities if _within(item.valid_for, moments)]
    kept: dict[str, Sequence[object]] = {
        "tlogs": logs,
        "ctlogs": certificate_logs,
        "certificate_authorities": authorities,
    }
    if all(len(items) == len(getattr(inner, name)) for name, items in kept.items()):
        return root
    return TrustedRoot(inner.model_copy(update=kept))


def _paths(authorities: list[Certificate]) -> PolicyBuilder:
    """What a path to one of the authorities has to satisfy: the web's rules, without its purpose (sigstore 4.5)."""
    kinds = (ExtensionPolicy.webpki_defaults_ca(), ExtensionPolicy.webpki_defaults_ee())
    ca, ee = (item.may_be_present(ExtendedKeyUsage, Criticality.NON_CRITICAL, None) for item in kinds)
    return PolicyBuilder().store(Store(authorities)).extension_policies(ca_policy=ca, ee_policy=ee)


def _span(root: TrustedRoot) -> tuple[datetime, datetime]:
    """The time for which the root vouches for all that it lists; empty if there is none."""
    inner = root._inner
    periods = [
        *(log.public_key.valid_for for log in (*inner.tlogs, *inner.ctlogs)),
        *(item.valid_for for item in inner.certificate_authorities),
    ]
    known = [period for period in periods if period is not None]
    start = max((period.start for period in known), default=datetime.min.replace(tzinfo=UTC))
    ends = (period.end for period in known if period.end is not None)
    return start, min(ends, default=datetime.max.replace(tzinfo=UTC))


def _within(period: TimeRange | None, moments: Sequence[datetime]) -> bool:
    if period is None:
        return True
    return all(period.start <= moment and (period.end is None or moment <= period.end) for moment in moments)


def _kind(bundle: Bundle) -> tuple[str, str]:
    version = bundle.log_entry._inner.kind_version
    return version.kind, version.version


def _check_dsse(bundle: Bundle, envelope: dsse.Envelope) -> None:
    """The entry is about this payload, this signature and this certificate, as sigstore-python checks it too.

    It also holds a hash of the envelope's JSON, which is not canonical and cannot be checked.
    """
    inner = envelope._inner
    try:
        body = strict_json.loads(bundle.log_entry._inner.canonicalized_body, max_bytes=MAX_BUNDLE)
        kind, hashed, logged = (body["kind"], body["apiVersion"]), *_hashed(body["spec"])
    except (GovkernelError, KeyError, TypeError) as error:
        raise VerificationError(f"malformed dsse log entry: {error}") from None
    if kind != _DSSE or hashed != {"algorithm": "sha256", "value": hashlib.sha256(inner.payload).hexdigest()}:
        raise VerificationError("log entry payload hash does not match bundle")
    verifier = _encoded(bundle.signing_certificate.public_bytes(Encoding.PEM))
    if logged != [{"signature": _encoded(item.sig), "verifier": verifier} for item in inner.signatures]:
        raise VerificationError("log entry signatures do not match bundle")


def _hashed(spec: Any) -> tuple[Any, Any]:
    return spec["payloadHash"], spec["signatures"]


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _check_intoto(bundle: Bundle, envelope: dsse.Envelope) -> None:
    """The entry is about this payload, this signature and this certificate.

    It also holds a hash of the envelope's JSON, which is not canonical and cannot be checked.
    """
    inner = envelope._inner
    try:
        body = strict_json.loads(bundle.log_entry._inner.canonicalized_body, max_bytes=MAX_BUNDLE)
        logged, payload_hash = _logged(body)
    except (KeyError, TypeError, ValueError) as error:
        raise VerificationError(f"invalid log entry: malformed intoto body: {error}") from None
    if payload_hash != hashlib.sha256(inner.payload).hexdigest():
        raise VerificationError("log entry payload hash does not match bundle")
    if logged != [(signature.sig, bundle.signing_certificate) for signature in inner.signatures]:
        raise VerificationError("log entry signatures do not match bundle")


def _logged(body: Any) -> tuple[list[tuple[bytes, Certificate]], str]:
    content: Mapping[str, Any] = body["spec"]["content"]
    if (body["kind"], body["apiVersion"]) != _INTOTO or content["payloadHash"]["algorithm"] != "sha256":
        raise ValueError("another kind, version or hash")
    signatures = [
        (_decoded(_decoded(item["sig"])), load_pem_x509_certificate(_decoded(item["publicKey"])))
        for item in content["envelope"]["signatures"]
    ]
    return signatures, content["payloadHash"]["value"]


def _decoded(text: str | bytes) -> bytes:
    return base64.b64decode(text, validate=True)


_BODIES: Final = {_DSSE: _check_dsse, _INTOTO: _check_intoto}
"""Entries whose bodies are held against the bundle here; sigstore-python does the rest."""
