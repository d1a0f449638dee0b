"""Asks every extractor about an object and puts their answers together; what only looks like AI is never skipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from govkernel import checks
from govkernel.admission.extractors.workloads import PodExtractor, workload_of
from govkernel.domain import ArtifactKind, ArtifactRef, Extraction
from govkernel.domain.names import unknown
from govkernel.domain.request import MAX_ARTIFACTS
from govkernel.errors import GovkernelError, InputError
from govkernel.plugins import PluginHost

HOOK: Final = "govkernel_artifact_extractors"
RISK_KEY: Final = "govkernel.dev/risk"
RISKS: Final = ("", "minimal", "limited", "high", "unacceptable")
"""From least to most."""

AI_GROUPS: Final = frozenset(
    {
        "apps.nvidia.com", "kaito.sh", "kubeai.org", "machinelearning.seldon.io", "mlops.seldon.io", "ome.io",
        "production-stack.vllm.ai", "serving.kserve.io", "serving.kubeflow.org",
    }
)  # fmt: skip
"""API groups whose objects serve models; one that no plugin understands is denied, not waved through."""
AI_KINDS: Final = frozenset({("ray.io", "RayService"), ("nvidia.com", "DynamoGraphDeployment")})


async def extract(manifest: Mapping[str, Any], host: PluginHost) -> Extraction:
    """The workload and every artifact that any extractor finds in an object.

    Raises:
        PluginError: an extractor failed; nothing is known then.
        InputError: ``admission.risk``: the object declares a risk class that does not exist;
            ``admission.too-many-artifacts``.
    """
    found: list[Extraction] = []
    understood = False
    for provider in host.providers(HOOK):
        answer = await host.call(provider, lambda it: it.extract(manifest), checks.either(Extraction))
        if isinstance(answer, Extraction):
            found.append(answer)
            understood = understood or not isinstance(provider.value, PodExtractor)
    merged = _merge(manifest, found)
    if _is_ai_kind(manifest) and not understood:
        ref = ArtifactRef(uri=unknown("kind-not-understood"), kind=ArtifactKind.MODEL, where="kind")
        merged = merged.model_copy(
            update={
                "workload": merged.workload.model_copy(update={"ai": True}),
                "artifacts": (*merged.artifacts, ref),
            }
        )
    return merged


def undone(manifest: Mapping[str, Any], error: GovkernelError) -> Extraction:
    """What is asked about an object that could not be read: something unknown is in it."""
    ref = ArtifactRef(uri=unknown(f"extraction/{error.code}"), kind=ArtifactKind.MODEL, where="object")
    return Extraction(workload=workload_of(manifest, ai=True), artifacts=(ref,))


def declared_risk(manifest: Mapping[str, Any]) -> str:
    """The highest risk class that an object or its pod templates declare; empty when none does.

    Raises:
        InputError: ``admission.risk``.
    """
    values = [value for metadata in _metadata(manifest) for value in _declared(metadata)]
    for value in values:
        if value not in RISKS:
            raise InputError(
                "admission.risk",
                f"The object declares a risk class that does not exist: {value[:40]!r}.",
                why=f"{RISK_KEY} is one of {', '.join(RISKS[1:])}.",
                remedy=f"Correct the label or annotation {RISK_KEY}.",
            )
    return max(values, key=RISKS.index, default="")


def _merge(manifest: Mapping[str, Any], found: list[Extraction]) -> Extraction:
    artifacts = tuple(dict.fromkeys(ref for item in found for ref in item.artifacts))
    if len(artifacts) > MAX_ARTIFACTS:
        raise InputError(
            "admission.too-many-artifacts",
            f"The object names {len(artifacts)} artifacts.",
            why=f"The limit is {MAX_ARTIFACTS}.",
            remedy="Split the workload.",
        )
    risks = [declared_risk(manifest), *(item.risk for item in found)]
    workload = workload_of(manifest, ai=any(item.workload.ai for item in found))
    return Extraction(workload=workload, artifacts=artifacts, risk=max(risks, key=RISKS.index))


def _is_ai_kind(manifest: Mapping[str, Any]) -> bool:
    group = str(manifest.get("apiVersion")).rpartition("/")[0]
    return group in AI_GROUPS or (group, manifest.get("kind")) in AI_KINDS


def _metadata(value: Any) -> list[Mapping[str, Any]]:
    """The metadata of an object and of the templates in it."""
    found: list[Mapping[str, Any]] = []
    pending = [value]
    while pending:
        item = pending.pop()
        if not isinstance(item, Mapping):
            continue
        metadata = item.get("metadata")
        if isinstance(metadata, Mapping):
            found.append(metadata)
        pending += [item.get(key) for key in ("spec", "template", "jobTemplate", "predictor", "workerSpec")]
    return found


def _declared(metadata: Mapping[str, Any]) -> list[str]:
    maps = [metadata.get(key) for key in ("labels", "annotations")]
    return [str(item[RISK_KEY]) for item in maps if isinstance(item, Mapping) and RISK_KEY in item]
