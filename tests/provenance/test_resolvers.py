import asyncio
import json
from importlib.resources import files as package_files
from pathlib import Path

import pytest

from govkernel.domain import ArtifactKind, ArtifactRef, Digest
from govkernel.errors import GovkernelError
from govkernel.hookspecs import ReferenceResolver
from govkernel.provenance import (
    BundleStore,
    CatalogResolver,
    DigestResolver,
    FileResolver,
    KeyVerifier,
    LocalKey,
    TrustPolicy,
    attest,
    describe,
    sign_artifact,
)
from govkernel.provenance.digest import read
from govkernel.provenance.oms import oms_payload
from tests.provenance.conftest import NOW, policy
from tests.simulators.lying_signer import signed, statement

NAME = "mlflow://models/minilm/1"
MODEL = ArtifactKind.MODEL


def ref(uri: str, kind: ArtifactKind = MODEL) -> ArtifactRef:
    return ArtifactRef(uri=uri, kind=kind, where="test")


def catalog(store: BundleStore, trust: TrustPolicy) -> CatalogResolver:
    return CatalogResolver(store, trust, [KeyVerifier(trust.keys)], lambda: NOW)


def test_local_files_are_read(model: Path) -> None:
    for resolver, uri in (
        (FileResolver(), f"file:{model}"),
        (FileResolver(), f"file://{model}"),
        (FileResolver(model.parent), "file:minilm"),
    ):
        assert isinstance(resolver, ReferenceResolver)
        artifact = asyncio.run(resolver.resolve(ref(uri)))
        assert artifact is not None
        assert artifact.digest == describe(model, MODEL).digest
        assert (artifact.observed, artifact.name, artifact.where) == (True, uri, "test")
        assert artifact.formats == ("json", "onnx", "safetensors", "text")
        assert artifact.location == str(model)


def test_what_is_not_there_or_not_allowed_is_not_known(model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "link").symlink_to(model)
    walled = FileResolver(tmp_path, [other])
    for uri in ("file:none", "file:minilm", "file:other/../minilm", "file:other/link", "file:/etc/passwd"):
        assert asyncio.run(walled.resolve(ref(uri))) is None
    assert asyncio.run(FileResolver(tmp_path, [tmp_path]).resolve(ref("file:minilm"))) is not None


def test_digests_in_names_are_taken() -> None:
    found = DigestResolver().resolve(ref(f"oci://registry/chat@sha256:{'ab' * 32}", ArtifactKind.IMAGE))
    assert found is not None
    assert (found.digest, found.pinned, found.observed) == (Digest.sha256("ab" * 32), True, False)
    assert DigestResolver().resolve(ref("oci://registry/chat:latest", ArtifactKind.IMAGE)) is None


def test_a_signed_name_resolves_and_brings_formats(
    tmp_path: Path, model: Path, key: LocalKey, trust: TrustPolicy
) -> None:
    store = BundleStore(tmp_path / "store")
    assert catalog(store, trust).resolve(ref(NAME)) is None
    made = sign_artifact(model, MODEL, key, NAME)
    for bundle in made.bundles:
        store.add(bundle.content)
    found = catalog(store, trust).resolve(ref(NAME))
    assert found is not None
    assert found.digest == made.artifact.digest
    assert (found.observed, found.pinned) == (False, True)
    assert found.formats == ("json", "onnx", "safetensors", "text")
    assert catalog(store, trust).resolve(ref("mlflow://models/minilm/2")) is None


def test_only_trusted_signers_bind_names(
    tmp_path: Path, model: Path, key: LocalKey, stranger: LocalKey, trust: TrustPolicy
) -> None:
    store = BundleStore(tmp_path / "store")
    made = sign_artifact(model, MODEL, stranger, NAME)
    for bundle in made.bundles:
        store.add(bundle.content)
    assert catalog(store, trust).resolve(ref(NAME)) is None
    # A trusted signature of the content, without the name, does not make the stranger's name true.
    store.add(sign_artifact(model, MODEL, key).bundles[0].content)
    assert catalog(store, trust).resolve(ref(NAME)) is None
    narrow = policy(
        'rules: [{signers: [b], may: ["*"], about: {names: ["mlflow://models/other/*"]}}]', b=stranger
    )
    assert catalog(store, narrow).resolve(ref(NAME)) is None
    wide = policy(
        'rules: [{signers: [b], may: ["*"], about: {names: ["mlflow://models/minilm/*"]}}]', b=stranger
    )
    assert catalog(store, wide).resolve(ref(NAME)) is not None
    assert catalog(store, wide).resolve(ref(NAME, ArtifactKind.PROMPT)) is None


def test_a_model_whose_files_are_not_listed_is_not_known_by_name(
    tmp_path: Path, model: Path, key: LocalKey, trust: TrustPolicy
) -> None:
    """Its formats would be unknown, hence none of them a denied one."""
    store = BundleStore(tmp_path / "store")
    files, names = sign_artifact(model, MODEL, key, NAME).bundles
    store.add(names.content)
    assert catalog(store, trust).resolve(ref(NAME)) is None
    store.add(files.content)
    assert catalog(store, trust).resolve(ref(NAME)) is not None


def test_a_model_signature_gives_a_dataset_no_name(
    tmp_path: Path, model: Path, key: LocalKey, trust: TrustPolicy
) -> None:
    store = BundleStore(tmp_path / "store")
    renamed = json.loads(oms_payload(read(model)[0], NAME))
    store.add(signed(renamed, key))
    digest = describe(model, MODEL).digest
    store.add(signed(statement(str(digest).partition(":")[2], "https://e.org/x", {}, name=NAME), key))
    assert store.candidates(NAME) == (digest,)
    assert catalog(store, trust).resolve(ref(NAME)) is not None
    assert catalog(store, trust).resolve(ref(NAME, ArtifactKind.DATASET)) is None


def test_only_a_signature_binds_a_name(tmp_path: Path, prompt: Path, key: LocalKey) -> None:
    """Who may only evaluate can neither give a name to a content nor make a given one ambiguous."""
    store = BundleStore(tmp_path / "store")
    name = "prompt://team/greeting@v1"
    card = json.loads(
        package_files("govkernel_attestations").joinpath("model-card", "example.json").read_bytes()
    )
    artifact = describe(prompt, ArtifactKind.PROMPT)
    store.add(attest(artifact, "model-card", card, key, [name]))
    trust = policy('rules: [{signers: [alice], may: ["*"]}]', alice=key)
    assert catalog(store, trust).resolve(ref(name, ArtifactKind.PROMPT)) is None


def test_a_name_with_two_meanings_is_an_error(
    tmp_path: Path, model: Path, key: LocalKey, trust: TrustPolicy
) -> None:
    store = BundleStore(tmp_path / "store")
    first = sign_artifact(model, MODEL, key, NAME)
    (model / "config.json").write_text('{"changed": true}')
    second = sign_artifact(model, MODEL, key, NAME)
    for made in (first, second):
        for bundle in made.bundles:
            store.add(bundle.content)
    with pytest.raises(GovkernelError) as caught:
        catalog(store, trust).resolve(ref(NAME))
    assert caught.value.code == "resolve.ambiguous"
    assert str(first.artifact.digest) in caught.value.why
    revoking = policy(
        f"rules: [{{signers: [alice], may: ['*']}}]\nrevoked: {{digests: ['{second.artifact.digest}']}}",
        alice=key,
    )
    found = catalog(store, revoking).resolve(ref(NAME))
    assert found is not None
    assert found.digest == first.artifact.digest


def test_names_that_say_what_they_are_are_not_looked_up(
    tmp_path: Path, key: LocalKey, trust: TrustPolicy
) -> None:
    store = BundleStore(tmp_path / "store")
    pinned = f"oci://r/m@sha256:{'ab' * 32}"
    for name in (pinned, "file:minilm"):
        store.add(signed(statement("11" * 32, "https://e.org/x", {}, name=name), key))
        assert store.candidates(name)
        assert catalog(store, trust).resolve(ref(name)) is None
