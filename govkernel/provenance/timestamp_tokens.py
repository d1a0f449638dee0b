"""One RFC 3161 timestamp: read, and held against what it should be over and who may have made it.

The library that reads it, rfc3161-client, is imported when a timestamp is looked at, never before. It reads fields when
they are asked for, and raises what it likes: :func:`reading` stands around all that looks at one.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from govkernel.errors import ConfigError, GovkernelError, InputError
from govkernel.provenance.x509 import MAX_CHAIN, extension, read_certificate

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

MAX_TOKEN: Final = 64 * 1024
"""Bytes of one response; those with a chain of RSA certificates have about 10,000."""

_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


@contextmanager
def reading() -> Iterator[None]:
    """What is not our own error is a timestamp that cannot be read: ``timestamp.malformed``."""
    try:
        yield
    except GovkernelError:
        raise
    except Exception as error:
        raise distrust("malformed", "A timestamp cannot be read.", type(error).__name__) from None


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
    with reading():
        if len(token) > MAX_TOKEN:
            raise ValueError(f"more than {MAX_TOKEN} bytes")
        said = decode_timestamp_response(token)
        if said.status != 0:
            what = f"The timestamp authority did not grant a timestamp: status {said.status}."
            raise distrust("not-granted", what)
        return said


def check_imprint(said: TimeStampResponse, signature: bytes) -> None:
    """Refuse a timestamp that is over something else, or over a hash that is not accepted.

    Raises:
        InputError: ``timestamp.hash``, ``timestamp.other-signature`` or ``timestamp.malformed``.
    """
    imprint = said.tst_info.message_imprint
    name = _HASHES.get(imprint.hash_algorithm.dotted_string)
    signed_with = {item.dotted_string for item in said.signed_data.digest_algorithms}
    if name is None or not signed_with <= set(_HASHES):
        raise distrust(
            "hash", "The timestamp is over a hash that is not accepted.", "Only SHA-256, -384, -512 are."
        )
    if not hmac.compare_digest(imprint.message, hashlib.new(name, signature).digest()):
        raise distrust("other-signature", "The timestamp is over something else.")


def signer_of(
    said: TimeStampResponse, known: Sequence[x509.Certificate] = ()
) -> tuple[x509.Certificate, list[x509.Certificate]]:
    """The certificate that signed a timestamp, and the others that it carries.

    Args:
        said: the response.
        known: of authorities; a token may leave its certificates out, as GitHub's do, then it is looked for here.

    Raises:
        InputError: ``timestamp.malformed``: not one signer, or it carries only others' certificates; or
            ``timestamp.untrusted``: it carries none, and it is not known.
    """
    signers = list(said.signed_data.signer_infos)
    carried = sorted(said.signed_data.certificates)
    if len(signers) != 1 or len(carried) > MAX_CHAIN:
        raise distrust(
            "malformed", f"A timestamp has {len(signers)} signers and {len(carried)} certificates."
        )
    certificates = [_certificate(der) for der in carried]
    named = (signers[0].issuer, signers[0].serial_number)
    found = {item for item in certificates or known if (item.issuer, item.serial_number) == named}
    if not certificates and not found:
        raise nobody()
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


def nobody() -> InputError:
    """The refusal of a timestamp by an authority that nobody trusts here."""
    return distrust("untrusted", "No timestamp authority that is trusted here says when it was signed.")


def _certificate(der: bytes) -> x509.Certificate:
    try:
        return read_certificate(der)
    except InputError as error:
        raise distrust("malformed", error.what) from None
