"""Reading who may say when: root certificates in PEM, or the timestamp authorities of a Sigstore trusted root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from govkernel.errors import ConfigError, InputError
from govkernel.provenance.keyless import read_trusted_root
from govkernel.provenance.timestamps import TimeAuthority
from govkernel.provenance.x509 import read_certificate, read_roots

if TYPE_CHECKING:
    from sigstore.models import TrustedRoot


def read_time_authorities(content: bytes) -> tuple[TimeAuthority, ...]:
    """The timestamp authorities in a file.

    Args:
        content: root certificates in PEM, or a ``trusted_root.json``.

    Raises:
        ConfigError: ``certificate.roots``, ``keyless.root``, ``keyless.not-installed``, or ``timestamp.none``.
    """
    if content.lstrip().startswith(b"{"):
        found = time_authorities_of(read_trusted_root(content))
    else:
        roots = read_roots(content)
        found = (TimeAuthority(roots),) if roots else ()
    if not found:
        raise ConfigError(
            "timestamp.none",
            "The file names no timestamp authority.",
            remedy="Give root certificates in PEM, or the trusted_root.json of an instance that has one.",
        )
    return found


def time_authorities_of(root: TrustedRoot) -> tuple[TimeAuthority, ...]:
    """The timestamp authorities of a trusted root, each for the time that the root vouches for it.

    Raises:
        ConfigError: ``keyless.root``: one has no certificates, or some that cannot be read.
    """
    return tuple(_authority(item) for item in root._inner.timestamp_authorities)


def _authority(item: object) -> TimeAuthority:
    try:
        listed = item.cert_chain.certificates  # type: ignore[attr-defined]
        leaf, *above = (read_certificate(entry.raw_bytes) for entry in listed)
    except (ValueError, InputError) as error:
        raise ConfigError(
            "keyless.root",
            "The trusted root has a timestamp authority whose certificates cannot be read.",
            why=str(error)[:200],
            remedy="Fetch the trusted_root.json of the Sigstore instance again.",
        ) from None
    valid = item.valid_for  # type: ignore[attr-defined]
    start, end = (valid.start, valid.end) if valid is not None else (None, None)
    if not above:  # a root alone: whoever it certifies
        return TimeAuthority((leaf,), start=start, end=end)
    return TimeAuthority((above[-1],), tuple(above[:-1]), leaf, start, end)
