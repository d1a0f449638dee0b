import os
from pathlib import Path

import pytest

from govkernel.domain import Artifact, ArtifactKind, Digest
from govkernel.errors import GovkernelError
from govkernel.hookspecs import AttestationSource
from govkernel.provenance import AdjacentFiles, BundleStore, LocalKey, attest, describe, sign_artifact
from tests.simulators.lying_signer import signed, statement

CARD = {"license": "MIT", "riskClass": "minimal", "intendedUse": "Greeting."}


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    return BundleStore(tmp_path / "attestations")


def test_what_is_added_is_found_by_digest(
    store: BundleStore, model: Path, prompt: Path, key: LocalKey
) -> None:
    assert isinstance(store, AttestationSource)
    made = [
        sign_artifact(model, ArtifactKind.MODEL, key, "mlflow://models/m/1"),
        sign_artifact(prompt, ArtifactKind.PROMPT, key),
    ]
    for artifact in made:
        assert store.find(artifact.artifact) == []
        for bundle in artifact.bundles:
            path = store.add(bundle.content)
            assert artifact.artifact.digest is not None
            assert path.parent.name == artifact.artifact.digest.hex
    for artifact in made:
        assert {item.content for item in store.find(artifact.artifact)} == {
            item.content for item in artifact.bundles
        }


def test_adding_again_changes_nothing(store: BundleStore, prompt: Path, key: LocalKey) -> None:
    signed_prompt = sign_artifact(prompt, ArtifactKind.PROMPT, key)
    assert store.add(signed_prompt.bundles[0].content) == store.add(signed_prompt.bundles[0].content)
    assert len(store.find(signed_prompt.artifact)) == 1


def test_two_signers_of_one_statement_are_both_kept(
    store: BundleStore, prompt: Path, key: LocalKey, stranger: LocalKey
) -> None:
    artifact = describe(prompt, ArtifactKind.PROMPT)
    for signer in (key, stranger):
        store.add(attest(artifact, "model-card", CARD, signer))
    assert len(store.find(artifact)) == 2


def test_every_subject_leads_to_the_bundle(store: BundleStore, key: LocalKey) -> None:
    digests = ["11" * 32, "22" * 32]
    subjects = [{"name": f"mlflow://models/m/{value[0]}", "digest": {"sha256": value}} for value in digests]
    content = signed(statement("", "https://e.org/x", {}, subject=subjects), key)
    store.add(content)
    for value in digests:
        artifact = Artifact(kind=ArtifactKind.MODEL, name="x:y", digest=Digest.sha256(value))
        assert [item.content for item in store.find(artifact)] == [content]
        assert store.candidates(f"mlflow://models/m/{value[0]}") == (Digest.sha256(value),)
    alias = Artifact(
        kind=ArtifactKind.MODEL,
        name="x:y",
        digest=Digest.sha256("33" * 32),
        aliases=(Digest.sha256(digests[0]),),
    )
    assert len(store.find(alias)) == 1


def test_what_is_no_bundle_is_not_kept(store: BundleStore, key: LocalKey) -> None:
    only_commit = [{"name": "x", "digest": {"gitCommit": "00" * 20}}]
    cases = {
        b"{": "json.malformed",
        b"{}": "provenance.format-unknown",
        signed(b"{}", key): "provenance.statement-type",
        signed(statement("", "https://e.org/x", {}, subject=only_commit), key): "provenance.no-subject",
    }
    for content, code in cases.items():
        with pytest.raises(GovkernelError) as caught:
            store.add(content)
        assert caught.value.code == code


def test_a_hostile_name_stays_inside_the_store(store: BundleStore, tmp_path: Path, key: LocalKey) -> None:
    store.add(signed(statement("11" * 32, "https://e.org/x", {}, name="file:../../../../escape"), key))
    inside = tmp_path / "attestations"
    assert all(path.is_relative_to(inside) for path in tmp_path.rglob("*") if path != inside)


def test_derivations_are_found_among_more_artifacts_than_one_may_have_bundles(
    store: BundleStore, key: LocalKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = {"method": "merge", "bases": [], "datasets": []}
    for number in range(5):
        made = Artifact(kind=ArtifactKind.MODEL, name="m", digest=Digest.sha256(f"{number:064x}"))
        store.add(attest(made, "derivation", claim, key))
    monkeypatch.setattr("govkernel.provenance.store.MAX_BUNDLES", 2)
    assert len(list(store.derivations())) == 5


def test_limits(store: BundleStore, prompt: Path, key: LocalKey, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = describe(prompt, ArtifactKind.PROMPT)
    for _ in range(3):
        store.add(attest(artifact, "model-card", CARD, key))
    monkeypatch.setattr("govkernel.provenance.store.MAX_BUNDLES", 2)
    with pytest.raises(GovkernelError) as caught:
        store.find(artifact)
    assert caught.value.code == "evidence.too-many"
    monkeypatch.setattr("govkernel.provenance.store.MAX_BUNDLES", 3)
    monkeypatch.setattr("govkernel.provenance.store.MAX_BUNDLE", 100)
    with pytest.raises(GovkernelError) as caught:
        store.find(artifact)
    assert caught.value.code == "provenance.bundle-too-large"


def test_a_store_that_cannot_be_used_says_so(tmp_path: Path, prompt: Path, key: LocalKey) -> None:
    (tmp_path / "file").write_text("")
    broken = BundleStore(tmp_path / "file")
    bundle = sign_artifact(prompt, ArtifactKind.PROMPT, key)
    with pytest.raises(GovkernelError) as caught:
        broken.add(bundle.bundles[0].content)
    assert caught.value.code == "store.unwritable"
    with pytest.raises(GovkernelError) as caught:
        broken.find(bundle.artifact)
    assert caught.value.code == "store.unreadable"


def test_a_failed_write_leaves_nothing(
    store: BundleStore, prompt: Path, key: LocalKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(GovkernelError) as caught:
        store.add(sign_artifact(prompt, ArtifactKind.PROMPT, key).bundles[0].content)
    assert "No space" in caught.value.why
    assert not [path for path in (tmp_path / "attestations").rglob("*") if path.is_file()]


def test_bundles_beside_an_artifact(model: Path, prompt: Path, key: LocalKey) -> None:
    source = AdjacentFiles()
    assert isinstance(source, AttestationSource)
    artifact = describe(model, ArtifactKind.MODEL)
    assert source.find(artifact) == []
    for name in ("minilm.sigstore.json", "minilm.names.sigstore.json", "minilm/model.sig"):
        (model.parent / name).write_text(name)
    for name in ("minilmx.sigstore.json", "minilm.txt", "minilm.a.b.sigstore.json"):
        (model.parent / name).write_text("not ours")
    found = {Path(item.source).name for item in source.find(artifact)}
    assert found == {"minilm.sigstore.json", "minilm.names.sigstore.json", "model.sig"}
    assert source.find(Artifact(kind=ArtifactKind.MODEL, name="hf://a/b")) == []


def test_a_longer_name_keeps_its_own_bundle(tmp_path: Path) -> None:
    for name in ("a", "a.v2", "a.v2.sigstore.json", "a.card.sigstore.json"):
        (tmp_path / name).write_text("text")
    artifact = Artifact(kind=ArtifactKind.PROMPT, name="file:a", location=str(tmp_path / "a"))
    assert [Path(item.source).name for item in AdjacentFiles().find(artifact)] == ["a.card.sigstore.json"]
