"""What lies behind a path in a container: which volume is mounted there, and what that volume is."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from govkernel.domain import ArtifactKind, ArtifactRef
from govkernel.domain.artifact import MAX_URI
from govkernel.domain.names import image_uri, model_uri, unknown

BUCKET_DRIVER: Final = "gcsfuse.csi.storage.gke.io"
_EPHEMERAL: Final = frozenset({"emptyDir", "ephemeral"})


@dataclass(frozen=True)
class Volume:
    """A volume of a pod.

    Attributes:
        name: its name in the pod.
        source: the key that says what it is, e.g. ``emptyDir``.
        settings: what stands under that key.
        where: place in the manifest.
    """

    name: str
    source: str
    settings: Mapping[str, Any]
    where: str

    @property
    def filled_at_start(self) -> bool:
        """Whether it is empty until a container of the pod writes to it."""
        return self.source in _EPHEMERAL

    def artifact(self) -> ArtifactRef | None:
        """The model that the volume itself is: an OCI image, or an OCI artifact through a CSI driver."""
        if self.source == "image":
            reference = self.settings.get("reference")
            uri = image_uri(reference) if isinstance(reference, str) else unknown("image-reference")
            return ArtifactRef(uri=uri, kind=ArtifactKind.MODEL, where=f"{self.where}.image.reference")
        if self.source == "csi":
            attributes = self.settings.get("volumeAttributes")
            for key, value in attributes.items() if isinstance(attributes, Mapping) else ():
                if str(key).endswith("/reference") and isinstance(value, str):
                    place = f"{self.where}.csi.volumeAttributes"
                    return ArtifactRef(uri=image_uri(value), kind=ArtifactKind.MODEL, where=place)
        return None

    def uri(self, namespace: str, path: str) -> str:
        """The name of what lies under ``path`` in the volume.

        Persistent volumes are named ``pvc://NAMESPACE/CLAIM/PATH``, as KServe does, and paths of the node
        ``node:/PATH``: never ``file:``, which is a path on the machine that decides.
        """
        tail = f"/{path}" if path else ""
        match self.source:
            case "persistentVolumeClaim":
                claim = self.settings.get("claimName")
                return _bounded(f"pvc://{namespace or 'default'}/{claim}{tail}")
            case "hostPath":
                return _bounded(f"node:{posixpath.join('/', str(self.settings.get('path')), path)}")
            case "csi" if self.settings.get("driver") == BUCKET_DRIVER:
                attributes = self.settings.get("volumeAttributes")
                bucket = attributes.get("bucketName") if isinstance(attributes, Mapping) else None
                return model_uri(f"gs://{bucket}{tail}")
            case "nfs":
                return _bounded(f"nfs://{self.settings.get('server')}{self.settings.get('path')}{tail}")
            case _:
                return unknown(f"volume/{self.source[:60]}")


@dataclass(frozen=True)
class Mount:
    """A volume as one container sees it.

    Attributes:
        path: where it is mounted, normalised.
        volume: name of the volume.
        inside: path in the volume that is mounted, without slashes at the ends.
    """

    path: str
    volume: str
    inside: str = ""


def volumes_of(spec: Mapping[str, Any], where: str) -> dict[str, Volume]:
    """The volumes of a pod specification, by name."""
    found = {}
    listed = spec.get("volumes")
    for index, item in enumerate(listed if isinstance(listed, list | tuple) else ()):
        if not isinstance(item, Mapping):
            continue
        source = next((key for key in item if key != "name"), "emptyDir")
        settings = item.get(source)
        name = str(item.get("name"))
        place = f"{where}.volumes[{index}]"
        found[name] = Volume(name, str(source), settings if isinstance(settings, Mapping) else {}, place)
    return found


def mounts_of(container: Mapping[str, Any]) -> tuple[Mount, ...]:
    """The mounts of a container, longest path first."""
    listed = container.get("volumeMounts")
    items = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list | tuple) else []
    found = (
        Mount(
            normal(str(item.get("mountPath", ""))),
            str(item.get("name")),
            str(item.get("subPath") or item.get("subPathExpr") or "").strip("/"),
        )
        for item in items
    )
    return tuple(sorted(found, key=lambda mount: len(mount.path), reverse=True))


def mounted_at(mounts: Sequence[Mount], path: str) -> tuple[Mount, str] | None:
    """The mount a path leads into, with the path from its root; None when it is in the image."""
    for mount in mounts:
        prefix = mount.path.rstrip("/") + "/"
        if path == mount.path or path.startswith(prefix):
            return mount, "/".join(part for part in (mount.inside, path[len(prefix) :]) if part)
    return None


def normal(path: str) -> str:
    """An absolute path without dots; relative ones start from the root, since nothing says where they start."""
    return posixpath.normpath("/" + path.removeprefix("file:").lstrip("/"))


def _bounded(uri: str) -> str:
    printable = uri.isprintable() and " " not in uri
    return uri if printable and len(uri) <= MAX_URI else unknown("unreadable-name")
