"""What each kind of artifact in a registry says about the files it holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from govkernel_oci import OciPlugin
from govkernel_oci.contents import MAX_CHILDREN, MAX_LAYERS
from registry import INDEX, MANIFEST, Store, serving, sha256

from govkernel.domain import Artifact, ArtifactRef
from govkernel.errors import GovkernelError

TAR = "application/vnd.oci.image.layer.v1.tar+gzip"
KITFILE = "application/vnd.kitops.modelkit.config.v1+json"


@pytest.fixture
def store() -> Iterator[Store]:
    with serving(Store()) as running:
        yield running


def resolve(store: Store) -> Artifact:
    offered = OciPlugin({"registries": [store.host], "insecure": [store.host]})
    (resolver,) = offered.govkernel_reference_resolvers()
    ref = ArtifactRef(uri=f"oci://{store.host}/acme/helper:latest", kind="model")
    found = asyncio.run(resolver.resolve(ref))  # type: ignore[arg-type]
    assert found is not None
    return found


def titled(name: str, key: str = "org.opencontainers.image.title", **more: str) -> dict[str, Any]:
    return {"mediaType": "application/octet-stream", "annotations": {key: name, **more}}


def image(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"mediaType": MANIFEST, "layers": list(layers)}


def child(digest: str, architecture: str = "amd64", **more: Any) -> dict[str, Any]:
    platform = {"os": "linux", "architecture": architecture}
    return {"mediaType": MANIFEST, "digest": digest, "platform": platform, **more}


def test_an_oras_artifact_names_the_file_of_each_layer(store: Store) -> None:
    store.put(image(titled("model.safetensors"), titled("README.md")), "latest")
    assert resolve(store).formats == ("safetensors", "text")


def test_a_folder_that_oras_packed_may_hold_anything(store: Store) -> None:
    packed = titled("weights.safetensors", **{"io.deis.oras.content.unpack": "true"})
    store.put(image(packed, titled("config.json")), "latest")
    assert resolve(store).formats == ("json", "unknown")


@pytest.mark.parametrize("key", ["org.cncf.model.filepath", "org.cnai.model.filepath"])
def test_a_model_pack_names_paths(store: Store, key: str) -> None:
    store.put(image(titled("weights/a.gguf", key), titled("weights/old.bin", key)), "latest")
    assert resolve(store).formats == ("gguf", "pickle")


def test_layers_of_a_modelcar_are_tarballs_that_nobody_names(store: Store) -> None:
    store.put(image({"mediaType": TAR}, {"mediaType": TAR}), "latest")
    assert resolve(store).formats == ("unknown",)


def test_one_layer_without_a_name_is_told_beside_the_others(store: Store) -> None:
    store.put(image(titled("model.safetensors"), {"mediaType": TAR}), "latest")
    assert resolve(store).formats == ("safetensors", "unknown")


def model_kit(store: Store, kitfile: Any, layers: int) -> None:
    content = json.dumps(kitfile).encode()
    store.answers[f"blobs/{sha256(content)}"] = content
    kind = {"mediaType": "application/vnd.kitops.modelkit.model.v1.tar"}
    config = {"mediaType": KITFILE, "digest": sha256(content)}
    store.put({**image(*[kind] * layers), "config": config}, "latest")


def test_a_modelkit_names_paths_in_its_kitfile(store: Store) -> None:
    kitfile = {
        "manifestVersion": "1.0.0",
        "model": {"path": "./film.gguf", "parts": [{"path": "adapter.safetensors"}]},
        "datasets": [{"path": "train.csv"}],
        "code": [{"path": "run.py"}],
        "docs": [{"path": "README.md"}],
    }
    model_kit(store, kitfile, layers=5)
    assert resolve(store).formats == ("code", "csv", "gguf", "safetensors", "text")


@pytest.mark.parametrize(
    ("kitfile", "formats"),
    [
        ({"model": {"path": "a.gguf"}}, ("gguf", "unknown")),
        ({"model": {"path": "."}, "docs": [{"path": "README.md"}]}, ("text", "unknown")),
        ({"model": [], "docs": {"path": "x"}, "code": [1, {"path": 2}]}, ("unknown",)),
        ([], ("unknown",)),
    ],
)
def test_what_a_kitfile_leaves_out_is_unknown(store: Store, kitfile: Any, formats: tuple[str, ...]) -> None:
    model_kit(store, kitfile, layers=2)
    assert resolve(store).formats == formats


def test_a_kitfile_is_held_to_its_digest(store: Store) -> None:
    model_kit(store, {"model": {"path": "a.gguf"}}, layers=1)
    store.lie = lambda name, answer: (200, {}, b"{}") if name.startswith("blobs/") else answer
    with pytest.raises(GovkernelError) as caught:
        resolve(store)
    assert caught.value.code == "oci.wrong-answer"


def test_an_index_holds_what_its_manifests_hold(store: Store) -> None:
    one = store.put(image(titled("model.safetensors")))
    other = store.put(image(titled("model.bin")))
    digest = store.put({"mediaType": INDEX, "manifests": [child(one), child(other, "arm64")]}, "latest")
    found = resolve(store)
    assert str(found.digest) == digest
    assert found.formats == ("pickle", "safetensors")


def attestation(digest: str, system: str) -> dict[str, Any]:
    notes = {"vnd.docker.reference.type": "attestation-manifest"}
    return {"digest": digest, "platform": {"os": system, "architecture": system}, "annotations": notes}


@pytest.mark.parametrize(
    ("system", "formats"), [("unknown", ("safetensors",)), ("linux", ("safetensors", "unknown"))]
)
def test_attestations_of_buildkit_are_no_files_unless_something_would_run_them(
    store: Store, system: str, formats: tuple[str, ...]
) -> None:
    one = store.put(image(titled("model.safetensors")))
    other = store.put(image({"mediaType": "application/vnd.in-toto+json"}))
    store.put({"mediaType": INDEX, "manifests": [child(one), attestation(other, system)]}, "latest")
    assert resolve(store).formats == formats


def test_what_an_index_lists_and_nobody_can_read_is_unknown(store: Store) -> None:
    one = store.put(image(titled("model.safetensors")))
    nested = store.put({"mediaType": INDEX, "manifests": [child(one)]})
    for item in (child(nested), child(sha256(b"gone")), child("latest"), {}, 1):
        store.put({"mediaType": INDEX, "manifests": [child(one), item]}, "latest")
        assert resolve(store).formats == ("safetensors", "unknown")


@pytest.mark.parametrize("listed", [[], None, {}, "latest"])
def test_an_index_of_nothing_says_nothing(store: Store, listed: Any) -> None:
    store.put({"mediaType": INDEX, "manifests": listed}, "latest")
    assert resolve(store).formats == ("unknown",)


def test_an_index_is_followed_so_far_and_no_further(store: Store) -> None:
    one = store.put(image(titled("model.safetensors")))
    store.put({"mediaType": INDEX, "manifests": [child(one)] * (MAX_CHILDREN + 1)}, "latest")
    assert resolve(store).formats == ("safetensors", "unknown")
    assert len(store.asked) == 1 + MAX_CHILDREN


@pytest.mark.parametrize("layers", [[], {}, [titled("a.safetensors")] * (MAX_LAYERS + 1)])
def test_layers_that_are_none_or_too_many_say_nothing(store: Store, layers: Any) -> None:
    store.put({"mediaType": MANIFEST, "layers": layers}, "latest")
    assert resolve(store).formats == ("unknown",)


def test_what_reads_as_a_manifest_and_as_an_index_is_refused(store: Store) -> None:
    one = store.put(image(titled("model.safetensors")))
    store.put({**image(titled("a.bin")), "manifests": [child(one)]}, "latest")
    with pytest.raises(GovkernelError) as caught:
        resolve(store)
    assert caught.value.code == "oci.wrong-answer"
