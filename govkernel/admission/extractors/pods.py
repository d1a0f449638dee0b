"""One pod specification: images, models, tokenizers and adapters, paths traced to the volumes they lead into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from govkernel.admission.extractors.containers import NO_MODEL, Container, read_container
from govkernel.admission.extractors.mentions import Mention
from govkernel.admission.extractors.volumes import Volume, mounted_at, normal, volumes_of
from govkernel.domain import ArtifactKind, ArtifactRef
from govkernel.domain.names import is_path, model_uri, unknown

CONTAINER_LISTS: Final = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True)
class Reading:
    """What was read of a pod.

    Attributes:
        ai: it serves, loads or names a model, or asks for an accelerator.
        artifacts: what it names, in order of appearance, each once.
    """

    ai: bool = False
    artifacts: tuple[ArtifactRef, ...] = ()


def read_pod(spec: Mapping[str, Any], where: str, namespace: str, provided: str | None = None) -> Reading:
    """Read a pod specification.

    Args:
        spec: the object that holds the lists of containers.
        where: its place in the manifest.
        namespace: for the names of persistent volumes.
        provided: path under which a controller puts a model that is named elsewhere in the object.
    """
    return read_containers(_containers(spec, where), volumes_of(spec, where), namespace, provided)


def read_containers(
    containers: Sequence[Container],
    volumes: Mapping[str, Volume],
    namespace: str,
    provided: str | None = None,
) -> Reading:
    """Read containers that share volumes."""
    models = [ref for volume in volumes.values() if (ref := volume.artifact())]
    uses = bool(models) or any(container.uses_models for container in containers)
    filled = frozenset(_filled(containers, uses=uses))
    refs = [
        ArtifactRef(uri=container.image, kind=ArtifactKind.IMAGE, where=f"{container.where}.image")
        for container in containers
        if container.image
    ]
    refs += models
    for container in containers:
        for mention in (*container.mentions, *(container.sources if uses else ())):
            if provided and _is_provided(mention, provided):
                continue
            uri = _uri(mention, container, volumes, filled, namespace)
            if uri is not None:
                refs.append(ArtifactRef(uri=uri, kind=mention.kind, where=mention.where))
    ai = uses or any(container.accelerated for container in containers)
    return Reading(ai, tuple(dict.fromkeys(refs)))


def _containers(spec: Mapping[str, Any], where: str) -> list[Container]:
    return [
        read_container(item, f"{where}.{key}[{index}]")
        for key in CONTAINER_LISTS
        for index, item in enumerate(_listed(spec.get(key)))
        if isinstance(item, Mapping)
    ]


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _filled(containers: Sequence[Container], *, uses: bool) -> Iterator[str]:
    """Volumes that a container may write a model to whose name is known from that container."""
    for container in containers:
        named = [*container.mentions, *(container.sources if uses else ())]
        if any(mention.kind is ArtifactKind.MODEL and not is_path(mention.value) for mention in named):
            yield from (mount.volume for mount in container.mounts)


def _is_provided(mention: Mention, path: str) -> bool:
    if mention.problem:
        return mention.problem == NO_MODEL
    return is_path(mention.value) and f"{normal(mention.value)}/".startswith(f"{path}/")


def _uri(
    mention: Mention,
    container: Container,
    volumes: Mapping[str, Volume],
    filled: frozenset[str],
    namespace: str,
) -> str | None:
    """The URI of what is mentioned; None when something else in the pod names it already."""
    if mention.problem:
        return unknown(mention.problem)
    if not is_path(mention.value):
        return model_uri(mention.value, mention.revision, hub=mention.hub)
    path = normal(mention.value)
    mounted = mounted_at(container.mounts, path)
    if mounted is None:
        return model_uri(f"file:/{path}")
    mount, inside = mounted
    volume = volumes.get(mount.volume)
    if volume is None:
        return unknown("volume/missing")
    if volume.artifact() is not None or (volume.filled_at_start and mount.volume in filled):
        return None
    return volume.uri(namespace, inside)
