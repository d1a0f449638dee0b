"""What a registry may answer about an OCI artifact; its plugin must be installed."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Any, Final

from govkernel_oci.client import Registry
from govkernel_oci.reference import Reference, parse
from govkernel_oci.referrers import ReferrersSource
from govkernel_oci.resolver import OciResolver
from govkernel_oci.settings import OciSettings
from govkernel_oci.tokens import challenge

from govkernel.domain import Artifact, ArtifactKind, ArtifactRef, Digest
from tests.provenance.fuzz_target import Target

HEX: Final = "ab" * 32
REF: Final = ArtifactRef(uri="oci://r.example/acme/m:v1", kind=ArtifactKind.MODEL)
ARTIFACT: Final = Artifact(
    kind=ArtifactKind.MODEL, name="oci://r.example/acme/m:v1", digest=Digest.sha256(HEX)
)


class Answers(Registry):
    """A registry that says one thing, whatever it is asked for."""

    def __init__(self, content: bytes) -> None:
        super().__init__(OciSettings(registries=frozenset({"r.example"})))
        self._content = content

    async def _get(self, reference: Reference, path: str, accept: str, limit: int) -> bytes | None:
        return self._content


def _now(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run what waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


def _manifest(data: bytes) -> None:
    _now(OciResolver(Answers(data)).resolve(REF))


def _referrers(data: bytes) -> None:
    _now(ReferrersSource(Answers(data)).find(ARTIFACT))


def _challenge(data: bytes) -> None:
    challenge(data.decode("latin-1"), "r.example", insecure=False, trusted=frozenset({"auth.example"}))


def _reference(data: bytes) -> None:
    parse(data.decode("utf-8", "surrogateescape"))


BLOB: Final = {"mediaType": "application/octet-stream", "digest": f"sha256:{HEX}", "size": 1}
MANIFEST: Final = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": BLOB,
    "layers": [{**BLOB, "annotations": {"org.opencontainers.image.title": "a.safetensors"}}],
}
INDEX: Final = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.index.v1+json",
    "manifests": [{**BLOB, "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json"}],
}

TARGETS: Final = {
    "oci-manifest": Target(_manifest, [json.dumps(item).encode() for item in (MANIFEST, INDEX)]),
    "oci-index": Target(_referrers, [json.dumps(item).encode() for item in (INDEX, MANIFEST)]),
    "oci-challenge": Target(
        _challenge, [b'Bearer realm="https://auth.example/token",service="r",scope="repository:a/b:pull"']
    ),
    "oci-reference": Target(
        _reference, [b"oci://r.example:5000/acme/m:v1", f"oci://r/m@sha256:{HEX}".encode()]
    ),
}
