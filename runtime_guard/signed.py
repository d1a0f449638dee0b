"""Files of a model that a key signed (an OMS bundle) or a digest stands for: their list, and whether bytes are in it.

Whoever loads a model reads each file once, asks here about those bytes, and parses those bytes: nothing can be
exchanged in between. Only this module of the guard knows govkernel's provenance.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from govkernel.errors import ConfigError
from govkernel.provenance.bundle import parse_bundle
from govkernel.provenance.digest import read
from govkernel.provenance.keys import PublicKey
from govkernel.provenance.verify import TrustedKey, open_bundle


def signed_files(bundle: bytes, pem: bytes, pinned: str = "") -> Mapping[str, str]:
    """What a bundle signs: path of each file, with ``/``, to the SHA-256 of its bytes in hex.

    Args:
        bundle: bytes of a Sigstore bundle, bounded by whoever read them.
        pem: the public key that must have signed it.
        pinned: key id (SHA-256 of the public key, DER) that the key must have; empty for any.

    Raises:
        ConfigError: ``model.other-key`` or ``model.no-signature``.
        GovkernelError: ``provenance.*``: the signature does not hold, or the key cannot be used.
    """
    key = PublicKey.from_pem(pem)
    if pinned and key.key_id != pinned:
        raise ConfigError(
            "model.other-key", f"The key {key.key_id[:16]}… is not the pinned one.", remedy="Restore it."
        )
    opened = open_bundle(parse_bundle(bundle), (TrustedKey(key.key_id[:16], key),))
    if opened.manifest is None:
        raise ConfigError(
            "model.no-signature",
            "The bundle does not sign a model.",
            why=f"It is a statement of type {opened.raw.predicate_type[:200]!r}.",
            remedy="Sign the model with `govkernel sign model`.",
        )
    return {entry.path: entry.sha256 for entry in opened.manifest.files}


def pinned_files(root: Path, digest: str) -> Mapping[str, str]:
    """What a folder holds that a digest stands for: path of each file, with ``/``, to the SHA-256 of its bytes in hex.

    Args:
        root: the folder; read completely.
        digest: the subject digest of the model, as govkernel prints it: ``sha256:`` and hex.

    Raises:
        ConfigError: ``model.other-digest``.
        GovkernelError: ``provenance.*``: it holds something that has no digest, e.g. a link.
    """
    manifest, _ = read(root)
    if not hmac.compare_digest(str(manifest.digest), digest):
        raise ConfigError(
            "model.other-digest",
            "The digest of the model is not the pinned one.",
            why=f"It is {manifest.digest}.",
            remedy="Restore the files, or pin that digest if they are meant.",
        )
    return {entry.path: entry.sha256 for entry in manifest.files}


def is_signed(content: bytes, digest: str) -> bool:
    """Whether bytes are those that were signed.

    Args:
        content: all bytes of a file.
        digest: what :func:`signed_files` or :func:`pinned_files` says of it.
    """
    return hmac.compare_digest(hashlib.sha256(content).hexdigest(), digest)
