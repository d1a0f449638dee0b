"""The subject digest of a model or dataset directory, from the digests of its files.

SHA-256 of the JCS form (RFC 8785) of ``{"files": [{"path", "sha256"}, …], "type": MANIFEST_TYPE}``. It binds names
as well as contents, and follows from any verified OMS manifest. Here, because plugins that read models from
caches and registries must arrive at the same digest as the provenance room.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from govkernel.domain import strict_json
from govkernel.domain.artifact import ArtifactKind, Digest

MANIFEST_TYPE: Final = "https://govkernel.dev/model-manifest/v1"
MANIFEST_KINDS: Final = frozenset({ArtifactKind.MODEL, ArtifactKind.ADAPTER, ArtifactKind.TOKENIZER})
"""Kinds whose digest is that of a manifest even for a single file."""

MANIFEST_START: Final = b'{"files":['
MANIFEST_END: Final = f'"type":"{MANIFEST_TYPE}"}}'.encode()
"""How every manifest in its JCS form starts and ends; a data file that does both poses as one."""

SIGNATURE_FILE: Final = "model.sig"
IGNORED: Final = (".git", ".gitattributes", ".github", ".gitignore", SIGNATURE_FILE)
"""Names at the top of a directory that are not part of the artifact; also written into OMS bundles."""

IGNORED_FOLDERS: Final = frozenset({".git", ".github"})
"""Those of them that may be folders. A folder called like one of the others is part of the artifact: it could hold
anything, unsigned."""

_HEX: Final = re.compile(r"[0-9a-f]{64}")


def is_ignored(path: str) -> bool:
    """Whether a file, named by its path from the root, is not part of the artifact."""
    top, folder, _ = path.partition("/")
    return top in (IGNORED_FOLDERS if folder else IGNORED)


def model_manifest_digest(files: Mapping[str, str]) -> Digest:
    """The digest of a model or dataset.

    Args:
        files: path relative to the root, ``/``-separated, to the SHA-256 of the file's bytes in hex. A single-file
            model is one entry under its base name. The order does not matter: files are listed in code point
            order of their paths.

    Raises:
        ValueError: there is no file, or a digest that is not 64 lower-case hex digits.
    """
    if not files:
        raise ValueError("a model without files has no digest")
    if not all(_HEX.fullmatch(digest) for digest in files.values()):
        raise ValueError("a file's digest must be 64 lower-case hex digits")
    listed = [{"path": path, "sha256": files[path]} for path in sorted(files)]
    document = strict_json.canonical({"files": listed, "type": MANIFEST_TYPE})
    return Digest.sha256(hashlib.sha256(document).hexdigest())


def oms_root(files: Mapping[str, str]) -> Digest:
    """The root digest that OMS writes: SHA-256 over the digests of the files, ordered by path component.

    It does not bind names, so it serves to look things up and never as an identity.

    Args:
        files: as :func:`model_manifest_digest` takes them.
    """
    ordered = sorted(files, key=lambda path: path.split("/"))
    return Digest.sha256(hashlib.sha256(b"".join(bytes.fromhex(files[path]) for path in ordered)).hexdigest())
