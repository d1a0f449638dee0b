"""What KServe calls the place of a model, as an artifact URI (https://kserve.github.io/website, "Model Storage")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from govkernel.domain.names import model_uri, unknown

_PVC = "pvc://"


def storage_uri(uri: str, namespace: str) -> str:
    """A ``storageUri``.

    ``hf://org/model:revision`` becomes ``hf://org/model@revision``; ``pvc://claim/path`` gets its namespace, since
    claims of the same name in other namespaces are other claims; what is no URI cannot be known.
    """
    if "://" not in uri:
        return unknown("not-a-storage-uri")
    if uri.startswith(_PVC):
        return model_uri(f"{_PVC}{namespace or 'default'}/{uri.removeprefix(_PVC)}")
    return model_uri(uri)


def storages(value: Mapping[str, Any], where: str, namespace: str) -> Iterator[tuple[str, str]]:
    """Where something with the fields of KServe's storage specification loads models from.

    Args:
        value: a mapping that may have ``storageUri``, ``storageUris`` and ``storage``.
        where: its place in the manifest.
        namespace: of the object.

    Yields:
        URI and place in the manifest.
    """
    single = value.get("storageUri")
    if single is not None:
        yield _uri(single, namespace), f"{where}.storageUri"
    several = value.get("storageUris")
    for index, item in enumerate(several if isinstance(several, list | tuple) else ()):
        uri = item.get("uri") if isinstance(item, Mapping) else item
        yield _uri(uri, namespace), f"{where}.storageUris[{index}].uri"
    storage = value.get("storage")
    if isinstance(storage, Mapping):
        yield _in_bucket(storage), f"{where}.storage"


def _uri(value: Any, namespace: str) -> str:
    return storage_uri(value, namespace) if isinstance(value, str) else unknown("not-a-storage-uri")


def _in_bucket(storage: Mapping[str, Any]) -> str:
    """A path in a bucket that is named here, or, if not, only in a Secret."""
    parameters = storage.get("parameters")
    known = parameters if isinstance(parameters, Mapping) else {}
    kind, bucket, path = known.get("type"), known.get("bucket"), storage.get("path")
    if not all(isinstance(part, str) and part for part in (kind, bucket, path)):
        return unknown("place-in-a-secret")
    return model_uri(f"{kind}://{bucket}/{str(path).lstrip('/')}")
