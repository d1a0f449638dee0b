"""Every KServe kind of the README, what is read out of it, and how names are written."""

from __future__ import annotations

from typing import Any

import pytest
from govkernel_kserve import KServeExtractor, KServePlugin
from hypothesis import given
from hypothesis import strategies as st

CLAIMED = "unknown:place-in-a-secret"


def read(kind: str, spec: Any, version: str = "serving.kserve.io/v1beta1") -> Any:
    metadata = {"name": "chat", "namespace": "prod"}
    return KServeExtractor().extract(
        {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
    )


def places(kind: str, spec: Any) -> dict[str, str]:
    return {ref.where: ref.uri for ref in read(kind, spec).artifacts}


def predictor(**fields: Any) -> dict[str, Any]:
    return {"predictor": fields}


SERVICES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "model": (
        predictor(model={"modelFormat": {"name": "onnx"}, "storageUri": "s3://b/m"}),
        {"spec.predictor.model.storageUri": "s3://b/m"},
    ),
    "framework": (
        predictor(sklearn={"storageUri": "gs://b/m"}),
        {"spec.predictor.sklearn.storageUri": "gs://b/m"},
    ),
    "several": (
        predictor(model={"storageUris": [{"uri": "hf://a/b:v1"}, {"uri": "hf://c/d"}]}),
        {
            "spec.predictor.model.storageUris[0].uri": "hf://a/b@v1",
            "spec.predictor.model.storageUris[1].uri": "hf://c/d",
        },
    ),
    "claim": (
        predictor(model={"storageUri": "pvc://models/m"}),
        {"spec.predictor.model.storageUri": "pvc://prod/models/m"},
    ),
    "bucket": (
        predictor(model={"storage": {"path": "/m", "parameters": {"type": "s3", "bucket": "b"}}}),
        {"spec.predictor.model.storage": "s3://b/m"},
    ),
    "bucket in a secret": (
        predictor(model={"storage": {"path": "m", "key": "k"}}),
        {"spec.predictor.model.storage": CLAIMED},
    ),
    "image": (
        predictor(model={"storageUri": "oci://registry.example/m:1"}),
        {"spec.predictor.model.storageUri": "oci://registry.example/m:1"},
    ),
    "registry": (
        predictor(model={"storageUri": "models://m/1"}),
        {"spec.predictor.model.storageUri": "mlflow://models/m/1"},
    ),
    "workers": (
        predictor(model={"storageUri": "hf://a/b"}, workerSpec={"model": {"storageUri": "hf://c/d"}}),
        {
            "spec.predictor.model.storageUri": "hf://a/b",
            "spec.predictor.workerSpec.model.storageUri": "hf://c/d",
        },
    ),
    "explainer": (
        {**predictor(model={"storageUri": "hf://a/b"}), "explainer": {"art": {"storageUri": "gs://b/e"}}},
        {"spec.predictor.model.storageUri": "hf://a/b", "spec.explainer.art.storageUri": "gs://b/e"},
    ),
    "nothing": (
        predictor(model={"modelFormat": {"name": "onnx"}}),
        {"spec.predictor": "unknown:no-model-named"},
    ),
    "no predictor": ({}, {"spec.predictor": "unknown:no-model-named"}),
    "no URI": (
        predictor(model={"storageUri": "org/m"}),
        {"spec.predictor.model.storageUri": "unknown:not-a-storage-uri"},
    ),
    "its own flag, which govkernel reads": (predictor(model={"args": ["--model_id=org/m"]}), {}),
    "a flag for a place": (
        predictor(model={"args": ["--model_id", "/mnt/models"]}),
        {"spec.predictor": "unknown:no-model-named"},
    ),
    "containers, which govkernel reads": (predictor(containers=[{"image": "x"}]), {}),
}


@pytest.mark.parametrize("name", SERVICES)
def test_an_inference_service(name: str) -> None:
    spec, expected = SERVICES[name]
    assert places("InferenceService", spec) == expected


OTHERS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "LLMInferenceService": (
        {"model": {"uri": "hf://a/b", "lora": {"adapters": [{"uri": "hf://c/l"}, {"name": "n"}]}}},
        {
            "spec.model.uri": "hf://a/b",
            "spec.model.lora.adapters[0].uri": "hf://c/l",
            "spec.model.lora.adapters[1].uri": "unknown:not-a-storage-uri",
        },
    ),
    "LLMInferenceServiceConfig": ({"model": {"uri": "hf://a/b"}}, {"spec.model.uri": "hf://a/b"}),
    "TrainedModel": (
        {"model": {"storageUri": "s3://b/m"}},
        {"spec.model.storageUri": "s3://b/m"},
    ),
    "LocalModelCache": ({"sourceModelUri": "hf://a/b"}, {"spec.sourceModelUri": "hf://a/b"}),
    "LocalModelNamespaceCache": ({"sourceModelUri": "hf://a/b"}, {"spec.sourceModelUri": "hf://a/b"}),
    "LocalModelNode": (
        {"localModels": [{"sourceModelUri": "hf://a/b"}]},
        {"spec.localModels": "hf://a/b"},
    ),
    "ServingRuntime": ({"containers": []}, {}),
    "ClusterServingRuntime": ({"containers": []}, {}),
    "InferenceGraph": ({"nodes": {}}, {}),
    "SomethingNew": ({}, {"kind": "unknown:kind-not-understood"}),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_its_relatives(kind: str) -> None:
    spec, expected = OTHERS[kind]
    assert places(kind, spec) == expected


def test_an_llm_service_without_a_model_has_one_nobody_knows() -> None:
    assert places("LLMInferenceService", {}) == {"spec.model": "unknown:no-model-named"}
    inherited = places("LLMInferenceService", {"baseRefs": [{"name": "b"}]})
    assert inherited == {"spec.model": "unknown:in-a-base-configuration"}


def test_a_trained_model_without_a_place_has_one_nobody_knows() -> None:
    assert places("TrainedModel", {"model": {"framework": "onnx"}}) == {
        "spec.model": "unknown:no-model-named"
    }


def test_objects_of_others_are_left_to_others() -> None:
    assert read("InferenceService", {}, version="other.example/v1") is None
    assert KServeExtractor().extract({"kind": "Pod", "apiVersion": "v1"}) is None


def test_the_workload_is_named_and_ai() -> None:
    workload = read("InferenceService", {}).workload
    assert (workload.kind, workload.namespace, workload.name, workload.ai) == (
        "InferenceService",
        "prod",
        "chat",
        True,
    )


def test_there_is_nothing_to_set() -> None:
    assert [item.name for item in KServePlugin({}).govkernel_artifact_extractors()] == ["kserve"]
    with pytest.raises(ValueError, match="colour"):
        KServePlugin({"colour": 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["predictor", "model", "storageUri", "storageUris", "storage", "uri", "args", "lora"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=15,
)


@given(st.sampled_from(["InferenceService", *OTHERS]), JSON)
def test_any_specification_is_read(kind: str, spec: Any) -> None:
    assert read(kind, spec).workload.kind == kind
