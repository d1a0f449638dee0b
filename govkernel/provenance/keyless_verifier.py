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
from typing import Any, Final, TypeVar

from cryptography.x509 import Certificate, load_pem_x509_certificate
from sigstore import dsse
from sigstore._internal.timestamp import TimestampSource, TimestampVerificationResult
from sigstore._internal.trust import CertificateAuthority, CTKeyring, KeyringPurpose, RekorKeyring
from sigstore.errors import VerificationError
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier
from sigstore.verify.policy import VerificationPolicy
from sigstore_models.common.v1 import TimeRange
from sigstore_models.trustroot import v1

from govkernel.domain import strict_json
from govkernel.provenance.limits import MAX_BUNDLE

T = TypeVar("T")

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
        envelope = bundle._dsse_envelope
        if envelope is None or _kind(bundle) != _INTOTO:
            return super().verify_dsse(bundle, policy)
        self._verify_common_signing_cert(bundle, policy)
        dsse._verify(bundle.signing_certificate.public_key(), envelope)  # type: ignore[arg-type]
        _check_body(bundle, envelope)
        return envelope._inner.payload_type, envelope._inner.payload

    def __init__(self, *, trusted_root: TrustedRoot) -> None:
        super().__init__(trusted_root=trusted_root)
        self._whole_root, self._whole_chain = trusted_root, self._fulcio_certificate_chain

    def _establish_time(self, bundle: Bundle) -> list[TimestampVerificationResult]:
        """When the bundle was signed; from here on only those count who were trusted then."""
        times = self._times(bundle)
        moments = [result.time for result in times]
        self.signed_at = min(moments, default=datetime.max.replace(tzinfo=UTC))
        issued = bundle.signing_certificate.not_valid_before_utc
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


def _within(period: TimeRange | None, moments: Sequence[datetime]) -> bool:
    if period is None:
        return True
    return all(period.start <= moment and (period.end is None or moment <= period.end) for moment in moments)


def _kind(bundle: Bundle) -> tuple[str, str]:
    version = bundle.log_entry._inner.kind_version
    return version.kind, version.version


def _check_body(bundle: Bundle, envelope: dsse.Envelope) -> None:
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
