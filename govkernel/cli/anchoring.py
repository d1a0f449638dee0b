"""Whom ``govkernel verify`` was told to trust: a key, certificate authorities, or a Sigstore instance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from govkernel.cli.doors import read_key
from govkernel.cli.output import read_named
from govkernel.errors import InputError

if TYPE_CHECKING:
    from govkernel.provenance.anchors import Anchor

MAX_ANCHOR = 1024 * 1024


def choose_anchor(
    *,
    key: Path | None,
    ca: Path | None,
    trusted_root: Path | None,
    identity: str,
    issuer: str,
    tsa_ca: Path | None = None,
    trust: Path | None = None,
) -> Anchor | None:
    """The anchor the options name; None when they name none, so that the trust policy decides.

    Raises:
        InputError: ``cli.anchor``: options that do not go together; or a file or pattern that cannot be used.
        ConfigError: the key, authorities or trusted root cannot be used.
    """
    from govkernel.provenance.anchors import CertificateAnchor, KeyAnchor
    from govkernel.provenance.identity import identity_pattern
    from govkernel.provenance.keyless import KeylessAnchor, read_trusted_root
    from govkernel.provenance.time_authorities import read_time_authorities
    from govkernel.provenance.x509 import read_roots

    _check(
        sum(item is not None for item in (key, ca, trusted_root)),
        bool(identity),
        bool(issuer),
        trusted_root,
        ca,
    )
    if trust and (key or ca or trusted_root):
        raise _usage("A trust policy was given, and a key or authority that is to decide instead.")
    if tsa_ca and not (key or ca):
        raise _usage("A timestamp was asked for, and no key or authority that signed.")
    times = read_time_authorities(read_anchor(tsa_ca)) if tsa_ca else ()
    if key:
        return KeyAnchor.from_pem(read_key(key), str(key), times)
    if ca:
        return CertificateAnchor(read_roots(read_anchor(ca)), identity_pattern(identity), times)
    if trusted_root:
        root = read_trusted_root(read_anchor(trusted_root))
        return KeylessAnchor(root, identity_pattern(identity), identity_pattern(issuer))
    return None


def _check(anchors: int, identity: bool, issuer: bool, trusted_root: Path | None, ca: Path | None) -> None:
    if anchors > 1:
        raise _usage("More than one of --key, --ca and --trusted-root was given.")
    if (ca or trusted_root) and not identity:
        raise _usage("A certificate was asked for, and nobody whose it should be.")
    if trusted_root and not issuer:
        raise _usage("A keyless identity was asked for, and not who vouches for it.")
    if identity and not (ca or trusted_root):
        raise _usage("An identity was given, and no authority that vouches for it.")
    if issuer and not trusted_root:
        raise _usage("An issuer was given, and no trusted root.")


def _usage(what: str) -> InputError:
    return InputError(
        "cli.anchor",
        what,
        remedy="Give --key K [--tsa-ca T], --ca C --identity I [--tsa-ca T], or --trusted-root R --identity I "
        "--issuer J, or --trust P.",
    )


def read_anchor(path: Path) -> bytes:
    """The content of a file that says whom to trust, at most :data:`MAX_ANCHOR` bytes.

    Raises:
        InputError: ``cli.unreadable``.
    """
    return read_named(path, MAX_ANCHOR)
