"""From a path to an artifact identified by content: one digest per kind, and the formats found on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from govkernel.domain import Artifact, ArtifactKind, Digest
from govkernel.domain.formats import formats_of
from govkernel.domain.manifest import MANIFEST_END, MANIFEST_KINDS, MANIFEST_START
from govkernel.errors import ProvenanceError
from govkernel.provenance.files import HashedFile, Reader, hash_file, hash_open, hash_tree
from govkernel.provenance.limits import MAX_PROMPT
from govkernel.provenance.manifest import ModelManifest
from govkernel.provenance.prompt import canonical_prompt

PathReader = Callable[[Path], tuple[ModelManifest, list[HashedFile]]]
"""Reads an artifact completely; what :func:`read` does, and may do it by other means."""

_DATASET_SUFFIXES: Final = frozenset(
    {".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".arrow", ".avro", ".jsonl.gz", ".csv.gz"}
)
_PROMPT_SUFFIXES: Final = frozenset({".txt", ".md", ".prompt", ".yaml", ".yml", ".json", ".j2", ".jinja"})


def detect_kind(path: Path) -> ArtifactKind:
    """What kind of artifact a path most likely is.

    Raises:
        ProvenanceError: ``provenance.kind-unknown``, ``provenance.not-found``.
    """
    if path.is_dir():
        return ArtifactKind.DATASET if _only_data(path) else ArtifactKind.MODEL
    name = path.name.lower()
    if name.endswith(tuple(_DATASET_SUFFIXES)):
        return ArtifactKind.DATASET
    if name.endswith(tuple(_PROMPT_SUFFIXES)):
        return ArtifactKind.PROMPT
    if {"safetensors", "pickle", "gguf", "ggml", "onnx", "h5", "keras", "tflite"} & set(
        formats_of([(name, None)])
    ):
        return ArtifactKind.MODEL
    if not path.exists():
        raise _not_found(path)
    raise ProvenanceError(
        "provenance.kind-unknown",
        f"Cannot tell what kind of artifact {path.name!r} is.",
        remedy="Say it: model, prompt or dataset.",
    )


def describe(path: Path, kind: ArtifactKind, name: str | None = None) -> Artifact:
    """The artifact at a path, read completely.

    Args:
        path: a file or a directory.
        kind: decides which digest is its identity.
        name: what to call it; default ``file:`` and the path as given.

    Raises:
        ProvenanceError: nothing there, or it holds something that cannot be signed (links, unsafe names, …).
        InputError: a prompt that cannot be read.
    """
    manifest, files = read(path)
    return artifact_of(path, kind, name, manifest, files)


def read(path: Path, reader: Reader = hash_open) -> tuple[ModelManifest, list[HashedFile]]:
    """The manifest of a path and the files behind it, read completely; raises like :func:`describe`.

    Args:
        path: a file or a directory.
        reader: reads each file once it was opened.
    """
    if path.is_symlink():
        raise ProvenanceError(
            "provenance.symlink",
            f"{path.name!r} is a symbolic link.",
            why="Its target may change unnoticed.",
            remedy="Name the file or directory it points to.",
        )
    if path.is_dir():
        files = hash_tree(path, reader)
        return ModelManifest.of((item.path, item.sha256) for item in files), files
    if not path.exists():
        raise _not_found(path)
    file = hash_file(path, path.name, reader)
    return ModelManifest.of([(path.name, file.sha256)], single=True), [file]


def artifact_of(
    path: Path, kind: ArtifactKind, name: str | None, manifest: ModelManifest, files: list[HashedFile]
) -> Artifact:
    """The artifact from what :func:`read` returned."""
    digest = subject_digest(path, kind, manifest)
    plain = (Digest.sha256(files[0].sha256),) if manifest.single else ()
    return Artifact(
        kind=kind,
        name=name or f"file:{path}",
        digest=digest,
        aliases=tuple(item for item in (manifest.oms_root, *plain) if item != digest),
        pinned=True,
        observed=True,
        formats=formats_of((item.path, item.head) for item in files),
        location=str(path.absolute()),
    )


def subject_digest(path: Path, kind: ArtifactKind, manifest: ModelManifest) -> Digest:
    """The digest that identifies the content at ``path`` as an artifact of ``kind``.

    Raises:
        ProvenanceError: a directory where a file is needed, a prompt that is none, or a data file made up to
            have the digest of a model (``provenance.digest-confusion``).
    """
    if kind in MANIFEST_KINDS:
        return manifest.digest
    if kind is ArtifactKind.PROMPT:
        canonical = canonical_prompt(path.name, _small_file(path))
        return Digest.sha256(hashlib.sha256(canonical).hexdigest())
    if not manifest.single:
        return manifest.digest
    if _shaped_like_manifest(path):
        raise ProvenanceError(
            "provenance.digest-confusion",
            f"{path.name!r} is a model manifest posing as another kind of artifact.",
            why="A statement about it would also be a statement about the model it lists.",
            remedy="Keep manifests out of datasets.",
        )
    return Digest.sha256(manifest.files[0].sha256)


def _small_file(path: Path) -> bytes:
    if not path.is_file():
        raise ProvenanceError(
            "provenance.not-a-file",
            f"The prompt {path.name!r} is not a file.",
            remedy="A prompt is one file.",
        )
    with path.open("rb") as stream:
        return stream.read(MAX_PROMPT + 1)


def _shaped_like_manifest(path: Path) -> bool:
    with path.open("rb") as stream:
        if stream.read(len(MANIFEST_START)) != MANIFEST_START:
            return False
        stream.seek(max(0, path.stat().st_size - len(MANIFEST_END)))
        return stream.read(len(MANIFEST_END)) == MANIFEST_END


def _only_data(path: Path) -> bool:
    names = [item.name.lower() for item in path.rglob("*") if item.is_file()]
    data = [name for name in names if name.endswith(tuple(_DATASET_SUFFIXES))]
    rest = {name for name in names if name not in data} - {
        "readme.md",
        "license",
        "license.txt",
        ".gitattributes",
    }
    return bool(data) and not rest


def _not_found(path: Path) -> ProvenanceError:
    return ProvenanceError("provenance.not-found", f"There is no {str(path)!r}.", remedy="Check the path.")
