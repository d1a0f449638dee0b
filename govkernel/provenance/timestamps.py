"""Trusted timestamps (RFC 3161): when a signature existed, by an authority that somebody trusts for that. ADR 0023.

What the token says is checked by us, and the path to its authority too; the signature over it (CMS) by rfc3161-client.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from govkernel.errors import GovkernelError, InputError
from govkernel.provenance.timestamp_tokens import (
    check_imprint,
    check_purpose,
    distrust,
    nobody,
    read_token,
    reading,
    signer_of,
)
from govkernel.provenance.x509 import check_extensions, check_time, path_above

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse
    from rfc3161_client.tsp import Accuracy

MAX_TIMESTAMPS: Final = 32
"""Timestamps of one bundle, as Sigstore's clients bound them."""

MAX_SKEW: Final = timedelta(minutes=1)
"""How far an authority's clock may be ahead of ours, and how exact it must say it is."""

MAX_SPREAD: Final = timedelta(hours=1)
"""How far apart the timestamps of one signature may be: they are taken when it is made."""

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
            with reading():
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
        raise nobody()
    return found


def _moment(
    said: TimeStampResponse, signature: bytes, authorities: Sequence[TimeAuthority], now: datetime
) -> datetime:
    leaf, carried = signer_of(said, [item.only for item in authorities if item.only is not None])
    moment: datetime = said.tst_info.gen_time
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
    refused: GovkernelError = nobody()
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
    accuracy: Accuracy | None = said.tst_info.accuracy
    if accuracy is None:
        return
    told = timedelta(
        seconds=accuracy.seconds or 0, milliseconds=accuracy.millis or 0, microseconds=accuracy.micros or 0
    )
    if told > MAX_SKEW:
        raise distrust("inaccurate", f"The timestamp is exact to {told} only.")
