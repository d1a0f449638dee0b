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
from govkernel.domain.artifact import Digest

MANIFEST_TYPE: Final = "https://govkernel.dev/model-manifest/v1"
SIGNATURE_FILE: Final = "model.sig"
IGNORED: Final = (".git", ".gitattributes", ".github", ".gitignore", SIGNATURE_FILE)
"""Names at the top of a directory that are not part of the artifact; also written into OMS bundles."""

_HEX: Final = re.compile(r"[0-9a-f]{64}")


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
