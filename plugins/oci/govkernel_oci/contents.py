"""Which files an artifact holds, as far as its manifests say; the digest covers what they say.

ORAS artifacts, CNCF ModelPacks and what podman mounts name the file of each layer; a KitOps ModelKit names them in its
Kitfile, which is the config. The layers of an image, and so of a ModelCar, are tarballs that nobody names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from govkernel.domain import strict_json
from govkernel.domain.formats import UNKNOWN, formats_of
from govkernel_oci.client import MAX_MANIFEST, Registry
from govkernel_oci.reference import Reference, is_digest

MAX_LAYERS: Final = 1000
MAX_CHILDREN: Final = 32
"""Manifests of an index that are asked for."""

_TITLES: Final = ("org.opencontainers.image.title", "org.cncf.model.filepath", "org.cnai.model.filepath")
"""Annotations that name the file in a layer: ORAS and podman, and the CNCF model specification, now and before."""

_UNPACKED: Final = "io.deis.oras.content.unpack"
"""ORAS's annotation of a layer that is a whole folder, packed."""

_DOCKER: Final = "vnd.docker.reference.type"
"""Buildkit's annotation of manifests in an index that hold attestations of the others."""

_KITFILE: Final = "application/vnd.kitops.modelkit.config."
_SECTIONS: Final = ("datasets", "code", "docs", "prompts")


async def formats_in(registry: Registry, reference: Reference, document: dict[str, Any]) -> tuple[str, ...]:
    """Formats of the files in an artifact, sorted; ``unknown`` among them where something has no name.

    Args:
        registry: has the manifests of an index, and the config of a ModelKit.
        reference: where.
        document: a manifest or index.

    Raises:
        GovkernelError: ``oci.*``.
    """
    names = await _names(registry, reference, document) or [""]
    named = formats_of((name, None) for name in names if name)
    return tuple(sorted({*named, *([] if all(names) else [UNKNOWN])}))


async def _names(registry: Registry, reference: Reference, document: dict[str, Any]) -> list[str]:
    """Names of files, empty for what has none; of an index, of all its manifests."""
    if "manifests" not in document:
        return await _in_layers(registry, reference, document)
    listed = document["manifests"]
    children = [item for item in listed if not _attests(item)] if isinstance(listed, list) else []
    names = [] if 0 < len(children) <= MAX_CHILDREN else [""]
    for item in children[:MAX_CHILDREN]:
        names += await _in_child(registry, reference, item)
    return names


async def _in_child(registry: Registry, reference: Reference, item: Any) -> list[str]:
    """Names in one manifest of an index; that of an index in an index is not followed."""
    digest = item.get("digest") if isinstance(item, dict) else None
    child = await registry.manifest(reference, digest) if is_digest(digest) else None
    if child is None or "manifests" in child.document:
        return [""]
    return await _in_layers(registry, reference, child.document)


def _attests(item: Any) -> bool:
    """Whether it is buildkit's: said to be an attestation, and for no platform, so that nothing runs it."""
    if not isinstance(item, dict):
        return False
    notes, platform = item.get("annotations"), item.get("platform")
    said = isinstance(notes, dict) and notes.get(_DOCKER) == "attestation-manifest"
    return said and isinstance(platform, dict) and platform.get("os") == "unknown"


async def _in_layers(registry: Registry, reference: Reference, manifest: dict[str, Any]) -> list[str]:
    layers = manifest.get("layers")
    if not isinstance(layers, list) or not 0 < len(layers) <= MAX_LAYERS:
        return [""]
    names = [_title(layer) for layer in layers]
    if all(names):
        return names
    told = await _kitfile(registry, reference, manifest.get("config"))
    return [*filter(None, names), *told] if len(told) >= names.count("") else [*names, *told]


def _title(layer: Any) -> str:
    """The name of the one file in a layer; empty for a folder, and where nobody says."""
    notes = layer.get("annotations") if isinstance(layer, dict) else None
    if not isinstance(notes, dict) or notes.get(_UNPACKED) == "true":
        return ""
    said = (notes.get(title) for title in _TITLES)
    return next((name for name in said if isinstance(name, str) and name), "")


async def _kitfile(registry: Registry, reference: Reference, config: Any) -> list[str]:
    """Paths that the Kitfile of a ModelKit names; none for anything else."""
    kind, digest = (config.get("mediaType"), config.get("digest")) if isinstance(config, dict) else ("", "")
    if not isinstance(kind, str) or not kind.startswith(_KITFILE) or not is_digest(digest):
        return []
    content = await registry.blob(reference, digest)
    document = strict_json.loads(content, max_bytes=MAX_MANIFEST)
    return list(_paths(document))[:MAX_LAYERS] if isinstance(document, dict) else []


def _paths(kitfile: dict[str, Any]) -> Iterator[str]:
    model = kitfile.get("model")
    parts = model.get("parts") if isinstance(model, dict) else None
    for section in ([model], parts, *(kitfile.get(name) for name in _SECTIONS)):
        for item in section if isinstance(section, list) else ():
            path = item.get("path") if isinstance(item, dict) else None
            if isinstance(path, str) and path:
                yield path
