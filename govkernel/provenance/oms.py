"""OpenSSF Model Signing v1.0 statements, as model-signing 1.1 writes and reads them.

The statement lists every file with its SHA-256, so that our subject digest, which binds names, follows from it.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from govkernel.domain import Digest, Subject
from govkernel.domain.manifest import IGNORED
from govkernel.domain.paths import MAX_FILES
from govkernel.domain.predicates import OMS_SIGNATURE
from govkernel.errors import InputError, ProvenanceError
from govkernel.provenance.dsse import refuse
from govkernel.provenance.manifest import ModelManifest
from govkernel.provenance.statement import RawStatement, statement_bytes

WHOLE: Final = "."
"""The name OMS gives to the one file of a single-file model."""

_HEX: Final = re.compile(r"[0-9a-f]{64}")


def oms_payload(manifest: ModelManifest, name: str) -> bytes:
    """The statement that signs a model.

    Args:
        manifest: its files.
        name: its base name, informative only for directories.
    """
    resources = [
        {"name": WHOLE if manifest.single else entry.path, "algorithm": "sha256", "digest": entry.sha256}
        for entry in manifest.oms_order()
    ]
    serialization = {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": sorted(IGNORED),
    }
    predicate = {"serialization": serialization, "resources": resources}
    return statement_bytes([(name, {"sha256": manifest.oms_root.hex})], OMS_SIGNATURE, predicate)


def read_oms(statement: RawStatement) -> ModelManifest:
    """The manifest that a verified OMS statement lists.

    Raises:
        InputError: ``provenance.oms-malformed``, ``provenance.oms-unsupported`` (shards, or hashes other than
            SHA-256, from which our digest cannot be derived), ``provenance.oms-hash-mixed``,
            ``provenance.oms-empty`` or ``provenance.oms-root``.
        ProvenanceError: a path in it is unsafe or not distinct.
    """
    serialization, resources = statement.predicate.get("serialization"), statement.predicate.get("resources")
    if not isinstance(serialization, dict) or not isinstance(resources, list) or len(statement.subjects) != 1:
        raise refuse("oms-malformed", "It is not one model with a list of resources.")
    if not resources:
        raise refuse("oms-empty", "It signs a model without files, which the specification forbids.")
    if len(resources) > MAX_FILES:
        raise refuse("oms-malformed", f"It lists {len(resources)} files; at most {MAX_FILES}.")
    if serialization.get("method") != "files" or serialization.get("hash_type") != "sha256":
        raise InputError(
            "provenance.oms-unsupported",
            "It hashes shards, or with another algorithm than SHA-256.",
            remedy="Sign the model again, file by file with SHA-256, the default.",
        )
    subject = statement.subjects[0]
    pairs = [_resource(item) for item in resources]
    manifest = _manifest(pairs, subject)
    # The listed order is the signed one; ours is only checked to be the same set.
    if _root(pairs) not in subject.digests:
        raise refuse("oms-root", "The files it lists do not add up to the digest it signs.")
    return manifest


def with_our_digest(statement: RawStatement, manifest: ModelManifest) -> RawStatement:
    """The statement about our subject digest instead of the OMS root, its list of files replaced by their number.

    The statement's own digest still identifies the payload with the full list.
    """
    name = statement.subjects[0].name
    subject = Subject(name=name, digests=(manifest.digest,))
    summary = {"serialization": {"method": "files", "hash_type": "sha256"}, "files": len(manifest.files)}
    return RawStatement((subject,), statement.predicate_type, summary, statement.digest)


def _resource(value: Any) -> tuple[str, str]:
    item = value if isinstance(value, dict) else {}
    name, algorithm, digest = item.get("name"), item.get("algorithm"), item.get("digest")
    if not (isinstance(name, str) and isinstance(algorithm, str) and isinstance(digest, str)):
        raise refuse("oms-malformed", "A resource is not a name with an algorithm and a digest.")
    if algorithm != "sha256":
        raise refuse("oms-hash-mixed", "A file is hashed with another algorithm than the list says.")
    if not _HEX.fullmatch(digest):
        raise refuse("oms-malformed", "A file has a digest that is none.")
    return name, digest


def _manifest(pairs: list[tuple[str, str]], subject: Subject) -> ModelManifest:
    if len(pairs) == 1 and pairs[0][0] == WHOLE:
        return ModelManifest.of([(subject.name, pairs[0][1])], single=True)
    try:
        return ModelManifest.of(pairs)
    except ProvenanceError as error:
        raise ProvenanceError(
            error.code, error.what, why="The bundle lists it.", remedy=error.remedy
        ) from None


def _root(pairs: list[tuple[str, str]]) -> Digest:
    return Digest.sha256(hashlib.sha256(b"".join(bytes.fromhex(digest) for _, digest in pairs)).hexdigest())
