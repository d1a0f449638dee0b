"""Reads KServe objects. Containers and images in them are read by govkernel itself, as in any other object."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from govkernel.domain import ArtifactKind, ArtifactRef, Extraction, Workload
from govkernel.domain.names import unknown
from govkernel_kserve.storage import storage_uri, storages

GROUPS: Final = ("serving.kserve.io", "serving.kubeflow.org")
COMPONENTS: Final = ("predictor", "transformer", "explainer")

_MODEL_FLAGS: Final = ("--model_id", "--model-id", "--model", "--model_name_or_path")
_MODEL_VARIABLES: Final = frozenset({"MODEL_ID", "HF_MODEL_ID", "STORAGE_URI"})
_NO_FRAMEWORK: Final = frozenset(
    {"containers", "initContainers", "volumes", "workerSpec", "logger", "batcher"}
)

_Found = Iterator[ArtifactRef]


class KServeExtractor:
    """Follows :class:`govkernel.hookspecs.ArtifactExtractor`."""

    name = "kserve"

    def extract(self, manifest: Mapping[str, Any]) -> Extraction | None:
        """The workload and its models; None when the object is not KServe's."""
        kind, group = manifest.get("kind"), str(manifest.get("apiVersion")).rpartition("/")[0]
        if group not in GROUPS or not isinstance(kind, str):
            return None
        workload = _workload(manifest, kind)
        spec = manifest.get("spec")
        read = _READERS.get(kind, _not_understood)
        found = read(spec if isinstance(spec, Mapping) else {}, workload.namespace)
        return Extraction(workload=workload, artifacts=tuple(dict.fromkeys(found)))


def _workload(manifest: Mapping[str, Any], kind: str) -> Workload:
    metadata = manifest.get("metadata")
    known = metadata if isinstance(metadata, Mapping) else {}
    namespace, name = str(known.get("namespace") or ""), str(known.get("name") or "")
    return Workload(kind=kind[:63], namespace=namespace[:253], name=name[:253], ai=True)


def _inference_service(spec: Mapping[str, Any], namespace: str) -> _Found:
    for name in COMPONENTS:
        component = spec.get(name)
        if isinstance(component, Mapping):
            yield from _component(component, f"spec.{name}", namespace, must_name=name == "predictor")
        elif name == "predictor":
            yield _model(unknown("no-model-named"), "spec.predictor")


def _component(component: Mapping[str, Any], where: str, namespace: str, *, must_name: bool) -> _Found:
    """The framework's entry (``model``, ``sklearn``, …), the component itself, and its workers."""
    named = False
    for uri, place in storages(component, where, namespace):
        named = True
        yield _model(uri, place)
    for key, value in component.items():
        if isinstance(value, Mapping) and key not in _NO_FRAMEWORK:
            for uri, place in storages(value, f"{where}.{key}", namespace):
                named = True
                yield _model(uri, place)
            named = named or _names_model_itself(value)
    workers = component.get("workerSpec")
    if isinstance(workers, Mapping):
        yield from _component(workers, f"{where}.workerSpec", namespace, must_name=False)
    if must_name and not named and not component.get("containers"):
        yield _model(unknown("no-model-named"), where)


def _names_model_itself(container: Mapping[str, Any]) -> bool:
    """Whether arguments or variables name a model, which govkernel then reads there."""
    arguments = container.get("args")
    words = [str(word) for word in arguments] if isinstance(arguments, list | tuple) else []
    for index, word in enumerate(words):
        flag, equals, value = word.partition("=")
        following = value if equals else next(iter(words[index + 1 : index + 2]), "")
        if flag in _MODEL_FLAGS and following and not following.startswith("/"):
            return True
    variables = container.get("env")
    items = variables if isinstance(variables, list | tuple) else ()
    return any(isinstance(item, Mapping) and item.get("name") in _MODEL_VARIABLES for item in items)


def _llm_inference_service(spec: Mapping[str, Any], namespace: str) -> _Found:
    yield from _llm_config(spec, namespace)
    model = spec.get("model")
    if not (isinstance(model, Mapping) and model.get("uri")):
        yield _model(
            unknown("in-a-base-configuration" if spec.get("baseRefs") else "no-model-named"), "spec.model"
        )


def _llm_config(spec: Mapping[str, Any], namespace: str) -> _Found:
    model = spec.get("model")
    known = model if isinstance(model, Mapping) else {}
    if isinstance(known.get("uri"), str):
        yield _model(storage_uri(known["uri"], namespace), "spec.model.uri")
    lora = known.get("lora")
    adapters = lora.get("adapters") if isinstance(lora, Mapping) else None
    for index, adapter in enumerate(adapters if isinstance(adapters, list | tuple) else ()):
        uri = adapter.get("uri") if isinstance(adapter, Mapping) else None
        name = storage_uri(uri, namespace) if isinstance(uri, str) else unknown("not-a-storage-uri")
        where = f"spec.model.lora.adapters[{index}].uri"
        yield ArtifactRef(uri=name, kind=ArtifactKind.ADAPTER, where=where)


def _trained_model(spec: Mapping[str, Any], namespace: str) -> _Found:
    model = spec.get("model")
    found = list(storages(model, "spec.model", namespace)) if isinstance(model, Mapping) else []
    yield from (_model(uri, where) for uri, where in found or [(unknown("no-model-named"), "spec.model")])


def _local_model(spec: Mapping[str, Any], namespace: str) -> _Found:
    listed = spec.get("localModels")
    items = [spec] if listed is None else listed if isinstance(listed, list | tuple) else ()
    for item in items:
        uri = item.get("sourceModelUri") if isinstance(item, Mapping) else None
        name = storage_uri(uri, namespace) if isinstance(uri, str) else unknown("no-model-named")
        yield _model(name, "spec.sourceModelUri" if listed is None else "spec.localModels")


def _names_no_model(_spec: Mapping[str, Any], _namespace: str) -> _Found:
    """Templates and wiring: the models are named by the objects that use them."""
    return iter(())


def _not_understood(_spec: Mapping[str, Any], _namespace: str) -> _Found:
    yield _model(unknown("kind-not-understood"), "kind")


def _model(uri: str, where: str) -> ArtifactRef:
    return ArtifactRef(uri=uri, kind=ArtifactKind.MODEL, where=where)


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], str], _Found]]] = {
    "InferenceService": _inference_service,
    "LLMInferenceService": _llm_inference_service,
    "LLMInferenceServiceConfig": _llm_config,
    "TrainedModel": _trained_model,
    "LocalModelCache": _local_model,
    "LocalModelNamespaceCache": _local_model,
    "LocalModelNode": _local_model,
    "ServingRuntime": _names_no_model,
    "ClusterServingRuntime": _names_no_model,
    "ClusterStorageContainer": _names_no_model,
    "InferenceGraph": _names_no_model,
    "LocalModelNodeGroup": _names_no_model,
}
