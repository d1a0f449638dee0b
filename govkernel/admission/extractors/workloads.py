"""Any object that holds pod specifications, wherever they are: Pods, Deployments, Jobs and kinds we never heard of.

Instead of a list of kinds with their paths, the whole object is walked: whatever has a list of containers is a pod
specification, and whatever has an image with a command, or a command that starts a model server, is read like a
container. A kind that is new tomorrow is read today.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from govkernel.admission.extractors.containers import Container, read_container
from govkernel.admission.extractors.pods import CONTAINER_LISTS, Reading, read_containers, read_pod
from govkernel.admission.extractors.servers import CONTROLLERS
from govkernel.domain import Extraction, Workload

MAX_LABELS: Final = 64
_SKIPPED: Final = frozenset({"metadata", "status"})
_LIKE_CONTAINER: Final = frozenset({"command", "args", "env", "script"})


class PodExtractor:
    """Reads every pod specification in an object; follows :class:`govkernel.hookspecs.ArtifactExtractor`."""

    name = "pods"

    def extract(self, manifest: Mapping[str, Any]) -> Extraction | None:
        """The workload with what its pods name; None when there is nothing like a pod in it."""
        namespace = workload_of(manifest).namespace
        group = str(manifest.get("apiVersion")).rpartition("/")[0]
        readings = list(_readings(manifest, namespace, CONTROLLERS.get(group)))
        if not readings:
            return None
        artifacts = dict.fromkeys(ref for reading in readings for ref in reading.artifacts)
        ai = any(reading.ai for reading in readings)
        return Extraction(workload=workload_of(manifest, ai=ai), artifacts=tuple(artifacts))


def workload_of(manifest: Mapping[str, Any], *, ai: bool = False) -> Workload:
    """Kind, namespace, name and labels of an object."""
    metadata = manifest.get("metadata")
    known = metadata if isinstance(metadata, Mapping) else {}
    labels = known.get("labels")
    pairs = labels.items() if isinstance(labels, Mapping) else ()
    name = known.get("name") or known.get("generateName")
    return Workload(
        kind=_text(manifest.get("kind"), 63),
        namespace=_text(known.get("namespace"), 253),
        name=_text(name, 253),
        ai=ai,
        labels=tuple(sorted(f"{str(key)[:320]}={str(value)[:64]}" for key, value in pairs)[:MAX_LABELS]),
    )


def _readings(manifest: Mapping[str, Any], namespace: str, provided: str | None) -> Iterator[Reading]:
    pending = [(key, value) for key, value in _children(manifest, "") if key not in _SKIPPED]
    while pending:
        where, value = pending.pop()
        if not isinstance(value, Mapping):
            pending += _children(value, where)
        elif any(isinstance(value.get(key), list | tuple) for key in CONTAINER_LISTS):
            yield read_pod(value, where, namespace, provided)
            pending += [
                (place, item) for place, item in _children(value, where) if not _lists_containers(place)
            ]
            pending += _inside_containers(value, where)
        else:
            reading = _like_container(value, where, namespace, provided)
            if reading is not None:
                yield reading
            pending += _children(value, where)


def _children(value: Any, where: str) -> list[tuple[str, Any]]:
    """Places and values below a value, last first."""
    if isinstance(value, Mapping):
        prefix = f"{where}." if where else ""
        return [(f"{prefix}{key}", item) for key, item in reversed(list(value.items()))]
    if isinstance(value, list | tuple):
        return [(f"{where}[{index}]", item) for index, item in reversed(list(enumerate(value)))]
    return []


def _lists_containers(place: str) -> bool:
    return place.endswith(tuple(f".{key}" for key in CONTAINER_LISTS)) or place in CONTAINER_LISTS


def _inside_containers(spec: Mapping[str, Any], where: str) -> list[tuple[str, Any]]:
    """What hangs below containers: probes and hooks run commands too."""
    containers = [
        child
        for key in CONTAINER_LISTS
        for child in _children(spec.get(key), f"{where}.{key}")
        if isinstance(child[1], Mapping)
    ]
    return [
        below
        for place, value in containers
        for below in _children(value, place)
        if isinstance(below[1], Mapping)
    ]


def _like_container(
    value: Mapping[str, Any], where: str, namespace: str, provided: str | None
) -> Reading | None:
    """Reads an object with an image and a command; without an image, only if it says something about models."""
    if not _LIKE_CONTAINER & value.keys():
        return None
    container: Container = read_container(value, where)
    if container.image is None and not container.uses_models:
        return None
    return read_containers([container], {}, namespace, provided)


def _text(value: Any, limit: int) -> str:
    return value[:limit] if isinstance(value, str) else ""
