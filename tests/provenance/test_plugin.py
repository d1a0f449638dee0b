"""The room through the kernel's eyes: registered like any plugin, gathering evidence about real files."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from govkernel.domain import ArtifactKind, ArtifactRef, Judged
from govkernel.domain.predicates import MODEL_CARD, OMS_SIGNATURE
from govkernel.gather import EvidenceGatherer
from govkernel.plugins import PluginHost
from govkernel.provenance import BundleStore, LocalKey, ProvenancePlugin, TrustPolicy, attest, sign_artifact
from tests.provenance.conftest import NOW

NAME = "mlflow://models/minilm/1"
CARD = {"license": "Apache-2.0", "riskClass": "limited", "intendedUse": "Search."}


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    return BundleStore(tmp_path / "store")


@pytest.fixture
def gatherer(trust: TrustPolicy, store: BundleStore) -> EvidenceGatherer:
    host = PluginHost()
    host.register("provenance", ProvenancePlugin(trust, store, clock=lambda: NOW), builtin=True)
    assert not host.broken()
    return EvidenceGatherer(host, trust)


def gather(gatherer: EvidenceGatherer, uri: str) -> Judged:
    (found,) = asyncio.run(gatherer.gather([ArtifactRef(uri=uri, kind=ArtifactKind.MODEL)], NOW))
    return found.judged


def test_evidence_about_a_signed_model_by_path_and_by_name(
    gatherer: EvidenceGatherer, store: BundleStore, model: Path, key: LocalKey
) -> None:
    made = sign_artifact(model, ArtifactKind.MODEL, key, NAME)
    for bundle in made.bundles:
        store.add(bundle.content)
    store.add(attest(made.artifact, "model-card", CARD, key))
    for uri in (f"file:{model}", NAME):
        judged = gather(gatherer, uri)
        assert judged.artifact.digest == made.artifact.digest
        assert judged.evidence.rejected == ()
        assert {item.statement.predicate_type for item in judged.evidence.accepted} >= {
            OMS_SIGNATURE,
            MODEL_CARD,
        }
        assert judged.artifact.formats == ("json", "onnx", "safetensors", "text")


def test_a_flipped_byte_leaves_no_evidence_and_names_the_file(
    gatherer: EvidenceGatherer, model: Path, key: LocalKey
) -> None:
    signed = sign_artifact(model, ArtifactKind.MODEL, key)
    (model.parent / f"minilm{signed.bundles[0].suffix}").write_bytes(signed.bundles[0].content)
    assert len(gather(gatherer, f"file:{model}").evidence.accepted) == 1
    data = bytearray((model / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (model / "model.safetensors").write_bytes(data)
    judged = gather(gatherer, f"file:{model}")
    assert judged.evidence.accepted == ()
    assert [item.code for item in judged.evidence.rejected] == ["provenance.files-changed"]
    assert "changed: model.safetensors" in judged.evidence.rejected[0].why


def test_an_unknown_name_has_no_digest(gatherer: EvidenceGatherer) -> None:
    judged = gather(gatherer, "hf://someone/something@main")
    assert judged.artifact.digest is None
    assert judged.evidence.accepted == ()
