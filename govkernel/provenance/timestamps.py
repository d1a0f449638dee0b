"""Trusted timestamps (RFC 3161): when a signature existed, by an authority that somebody trusts for that. ADR 0023.

What the token says is checked by us, and the path to its authority too; the signature over it (CMS) by
rfc3161-client, which is imported when a timestamp is looked at, never before.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from govkernel.errors import ConfigError, GovkernelError, InputError
from govkernel.provenance.x509 import (
    MAX_CHAIN,
    check_extensions,
    check_time,
    extension,
    path_above,
    read_certificate,
)

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

MAX_TIMESTAMPS: Final = 32
"""Timestamps of one bundle, as Sigstore's clients bound them."""

MAX_TOKEN: Final = 64 * 1024
"""Bytes of one response; those with a chain of RSA certificates have about 10,000."""

MAX_SKEW: Final = timedelta(minutes=1)
"""How far an authority's clock may be ahead of ours, and how exact it must say it is."""

MAX_SPREAD: Final = timedelta(hours=1)
"""How far apart the timestamps of one signature may be: they are taken when it is made."""

_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_UNTRUSTED: Final = "timestamp.untrusted"
_LAPSED: Final = frozenset({"certificate.expired", "certificate.not-yet-valid"})


@dataclass(frozen=True)
class TimeAuthority:
    """Who may say when.

    Attributes:
        roots: certificates that its own leads to.
        others: certificates that help to reach a root.
        only: the one certificate that may sign; None for any below the roots.
        start: first moment that it may tell; None for no bound.
        end: last moment that it may tell; None for no bound.
    """

    roots: tuple[x509.Certificate, ...]
    others: tuple[x509.Certificate, ...] = ()
    only: x509.Certificate | None = None
    start: datetime | None = None
    end: datetime | None = None


def signing_time(
    tokens: Sequence[bytes], signature: bytes, authorities: Sequence[TimeAuthority], now: datetime
) -> datetime | None:
    """The earliest verified moment at which a signature existed; None when nobody who is trusted says one.

    Timestamps of authorities that nobody trusts here count for nothing. One by a trusted authority has to hold, or
    the bundle that carries it is refused.

    Args:
        tokens: RFC 3161 responses, DER.
        signature: what they should be over, raw.
        authorities: who is trusted.
        now: aware; nobody can tell a later time.

    Raises:
        GovkernelError: a ``timestamp.*`` code that names the check.
        ConfigError: ``timestamp.not-installed``.
    """
    if not tokens or not authorities:
        return None
    if len(tokens) > MAX_TIMESTAMPS or len(set(tokens)) < len(tokens):
        raise distrust(
            "many", f"The bundle carries {len(tokens)} timestamps, more than {MAX_TIMESTAMPS} or one twice."
        )
    moments = []
    for token in tokens:
        try:
            moments.append(_moment(read_token(token), signature, authorities, now))
        except InputError as error:
            if error.code != _UNTRUSTED:
                raise
    if moments and max(moments) - min(moments) > MAX_SPREAD:
        raise distrust("disagree", f"Its timestamps are from {min(moments)} to {max(moments)}.")
    return min(moments, default=None)


def demanded_time(
    tokens: Sequence[bytes], signature: bytes, authorities: Sequence[TimeAuthority], now: datetime
) -> datetime:
    """Like :func:`signing_time`, where a time is needed.

    Raises:
        GovkernelError: also ``timestamp.missing`` or ``timestamp.untrusted``.
    """
    if not tokens:
        raise distrust("missing", "The bundle carries no timestamp.")
    found = signing_time(tokens, signature, authorities, now)
    if found is None:
        raise _nobody()
    return found


def read_token(token: bytes) -> TimeStampResponse:
    """A response that grants a timestamp.

    Raises:
        InputError: ``timestamp.malformed`` or ``timestamp.not-granted``.
        ConfigError: ``timestamp.not-installed``.
    """
    try:
        from rfc3161_client import decode_timestamp_response  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            "timestamp.not-installed",
            "Timestamps need rfc3161-client, which is not installed.",
            remedy='pip install "govkernel[timestamps]"',
        ) from None
    try:
        if len(token) > MAX_TOKEN:
            raise ValueError(f"more than {MAX_TOKEN} bytes")
        said = decode_timestamp_response(token)
        status = said.status
    except Exception as error:  # the library reads strangers' bytes, and raises what it likes
        raise distrust("malformed", "A timestamp cannot be read.", type(error).__name__) from None
    if status != 0:
        raise distrust("not-granted", f"The timestamp authority did not grant a timestamp: status {status}.")
    return said


def check_imprint(said: TimeStampResponse, signature: bytes) -> None:
    """Refuse a timestamp that is over something else, or over a hash that is not accepted.

    Raises:
        InputError: ``timestamp.hash``, ``timestamp.other-signature`` or ``timestamp.malformed``.
    """
    imprint = _read(lambda: said.tst_info.message_imprint)
    name = _HASHES.get(_read(lambda: imprint.hash_algorithm.dotted_string))
    signed_with = _read(lambda: {item.dotted_string for item in said.signed_data.digest_algorithms})
    if name is None or not signed_with <= set(_HASHES):
        raise distrust(
            "hash", "The timestamp is over a hash that is not accepted.", "Only SHA-256, -384, -512 are."
        )
    if not hmac.compare_digest(_read(lambda: bytes(imprint.message)), hashlib.new(name, signature).digest()):
        raise distrust("other-signature", "The timestamp is over something else.")


def signer_of(
    said: TimeStampResponse, authorities: Sequence[TimeAuthority] = ()
) -> tuple[x509.Certificate, list[x509.Certificate]]:
    """The certificate that signed a timestamp, and the others that it carries.

    A token may leave its certificates out, as GitHub's do; then an authority's own is looked for.

    Raises:
        InputError: ``timestamp.malformed``: not one signer, or it carries only others' certificates; or
            ``timestamp.untrusted``: it carries none, and no authority has it.
    """
    signers = _read(lambda: list(said.signed_data.signer_infos))
    carried = _read(lambda: sorted(said.signed_data.certificates))
    if len(signers) != 1 or len(carried) > MAX_CHAIN:
        raise distrust(
            "malformed", f"A timestamp has {len(signers)} signers and {len(carried)} certificates."
        )
    certificates = [_certificate(der) for der in carried]
    named = _read(lambda: (signers[0].issuer, signers[0].serial_number))
    known = certificates or [item.only for item in authorities if item.only is not None]
    found = {item for item in known if (item.issuer, item.serial_number) == named}
    if not certificates and not found:
        raise _nobody()
    if len(found) != 1:
        raise distrust("malformed", "A timestamp does not carry the certificate of its signer.")
    leaf = found.pop()
    return leaf, [item for item in certificates if item != leaf]


def check_purpose(certificate: x509.Certificate) -> None:
    """Refuse a certificate that is not for time stamping and nothing else (RFC 3161, section 2.3).

    Raises:
        InputError: ``timestamp.purpose``, ``timestamp.purpose-not-critical`` or ``timestamp.authority``.
    """
    try:
        purposes = extension(certificate, x509.ExtendedKeyUsage)
        usage = extension(certificate, x509.KeyUsage)
    except InputError as error:
        raise distrust("authority", error.what) from None
    if purposes is None or list(purposes.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise distrust("purpose", "The authority's certificate is not for time stamping alone.")
    if not purposes.critical:
        raise distrust(
            "purpose-not-critical", "The authority's certificate does not insist on being for time only."
        )
    if usage is not None and not (usage.value.digital_signature or usage.value.content_commitment):
        raise distrust("purpose", "The authority's certificate is not for signatures.")


def distrust(problem: str, what: str, why: str = "") -> InputError:
    """The error for a timestamp that does not hold."""
    return InputError(
        f"timestamp.{problem}",
        what,
        why=why,
        remedy="Sign again with a timestamp of an authority that is trusted, or fetch the bundle again.",
    )


def _moment(
    said: TimeStampResponse, signature: bytes, authorities: Sequence[TimeAuthority], now: datetime
) -> datetime:
    leaf, carried = signer_of(said, authorities)
    moment: datetime = _read(lambda: said.tst_info.gen_time)
    path = _path(leaf, carried, authorities, moment)
    check_purpose(leaf)
    check_imprint(said, signature)
    _check_signature(said, leaf, path, signature)
    if moment > now + MAX_SKEW:
        raise distrust("future", f"The timestamp says {moment}, which is still to come.")
    _check_accuracy(said)
    return moment


def _path(
    leaf: x509.Certificate,
    carried: Sequence[x509.Certificate],
    authorities: Sequence[TimeAuthority],
    moment: datetime,
) -> list[x509.Certificate]:
    """The path above the authority's certificate; its reason if one of them nearly vouches for it."""
    refused: GovkernelError = _nobody()
    for authority in authorities:
        if authority.only is not None and authority.only != leaf:
            continue
        try:
            return _path_to(authority, leaf, carried, moment)
        except GovkernelError as error:
            refused = _more_telling(refused, error)
    raise refused


def _more_telling(refused: GovkernelError, error: GovkernelError) -> GovkernelError:
    if error.code == "certificate.untrusted":
        return refused
    if error.code in _LAPSED:
        return distrust("authority-expired", error.what)
    return error if error.code.startswith("timestamp.") else distrust("authority", error.what)


def _path_to(
    authority: TimeAuthority, leaf: x509.Certificate, carried: Sequence[x509.Certificate], moment: datetime
) -> list[x509.Certificate]:
    others = [*authority.others, *carried]
    path = path_above(leaf, others, authority.roots, moment, ExtendedKeyUsageOID.TIME_STAMPING)
    check_extensions(leaf)
    check_time(leaf, moment, "The timestamp authority's certificate")
    early = authority.start is not None and moment < authority.start
    if early or (authority.end is not None and moment > authority.end):
        raise distrust("authority-expired", "The authority was not trusted at the time that it tells.")
    return path


def _check_signature(
    said: TimeStampResponse, leaf: x509.Certificate, path: list[x509.Certificate], signature: bytes
) -> None:
    from rfc3161_client import VerificationError, VerifierBuilder  # noqa: PLC0415

    verifier = VerifierBuilder(tsa_certificate=leaf, roots=path[-1:], intermediates=path[:-1]).build()
    try:
        verifier.verify_message(said, signature)
    except (VerificationError, ValueError, TypeError) as error:
        raise distrust(
            "signature", "The signature of the timestamp does not hold.", str(error)[:200]
        ) from None


def _check_accuracy(said: TimeStampResponse) -> None:
    accuracy = _read(lambda: said.tst_info.accuracy)
    if accuracy is None:
        return
    told = _read(
        lambda: timedelta(
            seconds=accuracy.seconds or 0,
            milliseconds=accuracy.millis or 0,
            microseconds=accuracy.micros or 0,
        )
    )
    if told > MAX_SKEW:
        raise distrust("inaccurate", f"The timestamp is exact to {told} only.")


def _certificate(der: bytes) -> x509.Certificate:
    try:
        return read_certificate(der)
    except InputError as error:
        raise distrust("malformed", error.what) from None


def _read(field: Any) -> Any:
    """A field of a response, which the library parses when it is asked for."""
    try:
        return field()
    except Exception as error:
        raise distrust("malformed", "A timestamp cannot be read.", type(error).__name__) from None


def _nobody() -> InputError:
    return distrust("untrusted", "No timestamp authority that is trusted here says when it was signed.")
