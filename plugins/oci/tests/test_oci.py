"""A registry that tells the truth, and each way in which it may not."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from govkernel_oci import OciPlugin, OciSettings, Registry
from govkernel_oci.reference import parse
from govkernel_oci.tokens import challenge
from hypothesis import given
from hypothesis import strategies as st
from registry import BUNDLE, INDEX, Store, serving, sha256

from govkernel.domain import Artifact, ArtifactRef, Digest
from govkernel.errors import ConfigError, GovkernelError
from govkernel.hookspecs import AttestationSource, ReferenceResolver


@pytest.fixture
def store() -> Iterator[Store]:
    with serving(Store()) as running:
        yield running


def plugin(store: Store, **more: Any) -> OciPlugin:
    return OciPlugin({"registries": [store.host], "insecure": [store.host], **more})


def resolve(store: Store, name: str = "latest", **more: Any) -> Artifact | None:
    (resolver,) = plugin(store, **more).govkernel_reference_resolvers()
    ref = ArtifactRef(uri=f"oci://{store.host}/acme/helper:{name}", kind="model")
    return asyncio.run(resolver.resolve(ref))  # type: ignore[arg-type]


def pinned(store: Store, digest: str, kind: str = "model", tag: str = "") -> Artifact | None:
    (resolver,) = plugin(store).govkernel_reference_resolvers()
    ref = ArtifactRef(uri=f"oci://{store.host}/acme/helper{tag}@{digest}", kind=kind)  # type: ignore[arg-type]
    return asyncio.run(resolver.resolve(ref))  # type: ignore[arg-type]


def find(store: Store, digest: str, **more: Any) -> list[bytes]:
    (source,) = plugin(store, **more).govkernel_attestation_sources()
    name = f"oci://{store.host}/acme/helper:latest"
    artifact = Artifact(kind="model", name=name, digest=Digest.parse(digest))
    return [bundle.content for bundle in asyncio.run(source.find(artifact))]  # type: ignore[arg-type]


def refused(call: Any) -> str:
    with pytest.raises(GovkernelError) as caught:
        call()
    assert caught.value.remedy
    return caught.value.code


def test_it_offers_what_the_hooks_ask_for() -> None:
    offered = OciPlugin({})
    assert isinstance(offered.govkernel_reference_resolvers()[0], ReferenceResolver)
    assert isinstance(offered.govkernel_attestation_sources()[0], AttestationSource)


def test_a_tag_is_the_digest_of_its_manifest_with_the_formats_of_its_files(store: Store) -> None:
    digest = store.artifact("v1", "model.safetensors", "config.json", "old.bin")
    found = resolve(store, "v1")
    assert found is not None
    assert str(found.digest) == digest
    assert found.formats == ("json", "pickle", "safetensors")
    assert not found.observed


def test_an_index_is_one_artifact(store: Store) -> None:
    digest = store.put({"mediaType": INDEX, "manifests": []}, "latest")
    found = resolve(store)
    assert found is not None
    assert str(found.digest) == digest


def test_what_is_not_there_stays_unresolved(store: Store) -> None:
    assert resolve(store, "missing") is None


def test_only_registries_that_are_named_are_asked(store: Store) -> None:
    store.artifact()
    (resolver,) = OciPlugin({"insecure": [store.host]}).govkernel_reference_resolvers()
    ref = ArtifactRef(uri=f"oci://{store.host}/acme/helper:latest", kind="model")
    assert asyncio.run(resolver.resolve(ref)) is None  # type: ignore[arg-type]
    assert store.asked == []


@pytest.mark.parametrize("tag", ["", ":v1"])
def test_a_digest_has_the_formats_that_the_tag_has(store: Store, tag: str) -> None:
    digest = store.artifact("v1", "model.safetensors", "old.bin")
    found = pinned(store, digest, tag=tag)
    assert found is not None
    assert (str(found.digest), found.formats) == (digest, ("pickle", "safetensors"))
    assert found.formats == resolve(store, "v1").formats  # type: ignore[union-attr]


def test_a_digest_that_the_registry_does_not_have_is_left_to_others(store: Store) -> None:
    assert pinned(store, sha256(b"elsewhere")) is None


def test_another_content_for_a_digest_is_a_fault(store: Store) -> None:
    digest = store.artifact("v1", "old.bin")
    store.answers[f"manifests/{digest}"] = store.answers[f"manifests/{store.artifact('v2', 'a.safetensors')}"]
    assert refused(lambda: pinned(store, digest)) == "oci.wrong-answer"


def test_an_image_by_digest_needs_nobody(store: Store) -> None:
    assert pinned(store, store.artifact(), "image") is None
    assert store.asked == []


@pytest.mark.parametrize("api", [True, False])
def test_bundles_are_found_by_the_api_and_by_the_fallback_tag(store: Store, api: bool) -> None:
    store.referrers_api = api
    digest = store.artifact()
    store.refer(digest, b"{1}", b"{2}")
    assert sorted(find(store, digest)) == [b"{1}", b"{2}"]


def test_what_is_no_bundle_is_passed_over(store: Store) -> None:
    digest = store.artifact()
    store.refer(digest, b"sbom", kind="application/spdx+json")
    assert find(store, digest) == []


def test_nothing_refers_to_it(store: Store) -> None:
    assert find(store, store.artifact()) == []


def test_an_artifact_of_another_place_is_not_asked_about(store: Store) -> None:
    (source,) = plugin(store).govkernel_attestation_sources()
    for name in ("file:x", "oci://elsewhere.example/a/b:c", f"oci://{store.host}/a/../b:c"):
        artifact = Artifact(kind="model", name=name, digest=Digest.sha256("ab" * 32))
        assert list(asyncio.run(source.find(artifact))) == []  # type: ignore[arg-type]
    assert store.asked == []


def other(content: bytes) -> Any:
    return lambda _, answer: (answer[0], answer[1], content) if answer[0] == 200 else answer


def only(part: str, content: bytes) -> Any:
    return lambda name, answer: (200, {}, content) if name.startswith(part) else answer


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (lambda _, answer: (500, {}, b""), "oci.unavailable"),
        (lambda _, answer: (403, {}, b""), "oci.unavailable"),
        (lambda _, answer: (302, {"Location": "/v2/acme/helper/manifests/again"}, b""), "oci.unavailable"),
        (lambda _, answer: (302, {"Location": "file:///etc/passwd"}, b""), "oci.unavailable"),
        (lambda _, answer: (302, {"Location": "ftp://example.test/"}, b""), "oci.unavailable"),
        (other(b"[]"), "oci.wrong-answer"),
        (other(b"{"), "json.malformed"),
        (other(b'{"a": 1, "a": 2}'), "json.duplicate-key"),
        (other(b"x" * (4 * 1024 * 1024 + 1)), "oci.unavailable"),
    ],
)
def test_each_lie_about_a_tag_is_refused(store: Store, lie: Any, code: str) -> None:
    store.artifact()
    store.lie = lie
    assert refused(lambda: resolve(store)) == code


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        (only("manifests/sha256:", b"{}"), "oci.wrong-answer"),
        (only("blobs/", b"other"), "oci.wrong-answer"),
        (only("blobs/", b"x" * (32 * 1024 * 1024 + 1)), "oci.unavailable"),
        (only("referrers/", b"[]"), "oci.wrong-answer"),
        (only("referrers/", b'{"manifests": {}}'), "oci.referrers"),
        (only("referrers/", json.dumps({"manifests": [{}] * 201}).encode()), "oci.referrers"),
        (lambda name, answer: (404, {}, b"") if name.startswith("blobs/") else answer, "oci.wrong-answer"),
    ],
)
def test_each_lie_about_bundles_is_refused(store: Store, lie: Any, code: str) -> None:
    digest = store.artifact()
    store.refer(digest, b"{}")
    store.lie = lie
    assert refused(lambda: find(store, digest)) == code


def test_a_bundle_of_several_layers_is_none(store: Store) -> None:
    digest = store.artifact()
    odd = store.put({"layers": []})
    index = {"manifests": [{"artifactType": BUNDLE, "digest": odd}]}
    store.answers[f"referrers/{digest}"] = json.dumps(index).encode()
    assert refused(lambda: find(store, digest)) == "oci.referrers"


def test_a_token_is_fetched_with_the_secret_and_sent_to_the_registry_only(
    store: Store, tmp_path: Path
) -> None:
    store.token = "t0ken"
    digest = store.artifact()
    secret = base64.b64encode(b"me:secret").decode()
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"auths": {f"https://{store.host}/v2/": {"auth": secret}}}))
    elsewhere = Store(answers={})
    with serving(elsewhere):
        blob = b"{}"
        elsewhere.lie = lambda _, answer: (200, {}, blob)
        store.refer(digest, blob)
        store.lie = lambda name, answer: (
            (307, {"Location": f"http://{elsewhere.host}/blob"}, b"") if name.startswith("blobs/") else answer
        )
        assert find(store, digest, docker_config=str(config)) == [blob]
        assert elsewhere.asked == [("/blob", "")]
    tokens = [item for item in store.asked if item[0].startswith("/token")]
    assert tokens[0] == (
        "/token?service=registry&scope=repository%3Aacme%2Fhelper%3Apull",
        f"Basic {secret}",
    )


def test_a_registry_that_sends_us_elsewhere_for_tokens_is_refused(store: Store) -> None:
    store.artifact()
    store.token = "t"
    store.realm = "http://169.254.169.254/latest/meta-data"
    assert refused(lambda: resolve(store)) == "oci.token-host"


def test_nobody_there_is_a_typed_error() -> None:
    with serving(Store()) as gone:
        host = gone.host
    store = Store(host=host)
    assert refused(lambda: resolve(store)) == "oci.unavailable"


@pytest.mark.parametrize(
    ("realm", "registry", "allowed"),
    [
        ("https://auth.docker.io/token", "registry-1.docker.io", True),
        ("https://ghcr.io/token", "ghcr.io", True),
        ("https://ghcr.io.evil.example/token", "ghcr.io", False),
        ("https://evil.example/token", "ghcr.io", False),
        ("http://ghcr.io/token", "ghcr.io", False),
        ("https://user@ghcr.io/token", "ghcr.io", False),
        ("https://10.0.0.2/token", "10.0.0.1", False),
        ("https://x.0.1/token", "10.0.0.1", False),
        ("https://other/token", "localhost:5000", False),
        ("", "ghcr.io", False),
    ],
)
def test_who_may_issue_tokens(realm: str, registry: str, allowed: bool) -> None:
    header = f'Bearer realm="{realm}",service="s"'
    try:
        found = challenge(header, registry, insecure=False, trusted=frozenset())
    except GovkernelError as error:
        assert not allowed
        assert error.code == "oci.token-host"
    else:
        assert allowed
        assert found is not None


@pytest.mark.parametrize("content", ["", "[]", '{"auths": {"a": {"auth": "%%"}}}', '{"auths": 1}'])
def test_a_docker_configuration_that_cannot_be_used_is_refused_without_its_content(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "config.json"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        Registry(OciSettings(docker_config=path))
    assert caught.value.code == "oci.credentials"
    assert "%%" not in str(caught.value)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="registry"):
        OciPlugin({"registry": "ghcr.io"})


@given(st.text(max_size=60))
def test_any_name_is_parsed_or_none(text: str) -> None:
    found = parse(f"oci://{text}")
    if found is not None:
        assert ".." not in found.repository.split("/")
        assert not set(found.host) & set("/@ ?#")


def test_the_hub_has_another_server() -> None:
    found = parse("oci://docker.io/library/nginx:1")
    assert found is not None
    assert found.server == "registry-1.docker.io"


def test_the_simulator_is_honest_by_default() -> None:
    assert sha256(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
