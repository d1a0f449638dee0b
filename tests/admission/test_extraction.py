"""What is read out of manifests: every model that would be loaded, and something unknown where that cannot be told."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.admission.extract import extract
from govkernel.admission.plugin import WorkloadsPlugin
from govkernel.domain import Extraction
from govkernel.errors import GovkernelError
from govkernel.plugins import PluginHost
from tests.admission.conftest import pod

VLLM = "docker.io/vllm/vllm-openai@sha256:" + "a" * 64
OTHER = "registry.example/acme/app@sha256:" + "b" * 64
CONFIG_MAP = {"valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}


def read(manifest: Any) -> Extraction:
    host = PluginHost()
    host.register("workloads", WorkloadsPlugin(), builtin=True)
    return asyncio.run(extract(manifest, host))


def named(manifest: Any, kind: str = "model") -> list[str]:
    return [ref.uri for ref in read(manifest).artifacts if ref.kind == kind]


def vllm(*args: str, **rest: Any) -> dict[str, Any]:
    return pod(image=VLLM, args=list(args), **rest)


SERVERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "flag": (vllm("--model", "org/m"), ["hf://org/m"]),
    "flag with =": (vllm("--model=org/m"), ["hf://org/m"]),
    "revision": (vllm("--model", "org/m", "--revision", "abc"), ["hf://org/m@abc"]),
    "serve": (pod(image=VLLM, command=["vllm", "serve", "org/m"]), ["hf://org/m"]),
    "module": (
        pod(image=OTHER, command=["python3", "-m", "vllm.entrypoints.openai.api_server", "--model", "org/m"]),
        ["hf://org/m"],
    ),
    "shell": (pod(image=OTHER, command=["sh", "-c", "exec vllm serve org/m --port 80"]), ["hf://org/m"]),
    "shell, several": (
        pod(image=OTHER, command=["bash", "-c"], args=["cd /x && vllm serve org/m; echo done"]),
        ["hf://org/m"],
    ),
    "shell variable": (pod(image=OTHER, command=["sh", "-c", "M=org/m; vllm serve $M"]), ["hf://org/m"]),
    "shell, computed": (
        pod(image=OTHER, command=["sh", "-c", "vllm serve $(cat /name)"]),
        ["unknown:not-in-manifest"],
    ),
    "variable": (vllm("--model", "$(M)", env=[{"name": "M", "value": "org/m"}]), ["hf://org/m"]),
    "variable from a config map": (
        vllm("--model", "$(M)", env=[{"name": "M", **CONFIG_MAP}]),
        ["unknown:not-in-manifest"],
    ),
    "variables from a config map": (
        vllm("--model", "$(M)", envFrom=[{"configMapRef": {"name": "c"}}]),
        ["unknown:not-in-manifest"],
    ),
    "no model": (vllm(), ["unknown:no-model-named"]),
    "config file": (vllm("--config", "/etc/vllm.yaml"), ["unknown:config-file"]),
    "two models": (vllm("--model", "a/b", "--model", "c/d"), ["hf://a/b", "hf://c/d"]),
    "draft model": (
        vllm("--model", "a/b", "--speculative-config", '{"model": "c/draft"}'),
        ["hf://a/b", "hf://c/draft"],
    ),
    "a path in the image": (vllm("--model", "/models/../srv/m"), ["container:/srv/m"]),
    "another hub": (
        vllm("--model", "org/m", env=[{"name": "HF_ENDPOINT", "value": "https://hub.example"}]),
        ["unknown:other-hub"],
    ),
    "modelscope": (
        vllm("--model", "org/m", env=[{"name": "VLLM_USE_MODELSCOPE", "value": "True"}]),
        ["modelscope://org/m"],
    ),
    "TGI": (
        pod(image="ghcr.io/huggingface/text-generation-inference:2", args=["--model-id", "org/m"]),
        ["hf://org/m"],
    ),
    "TGI by variable": (
        pod(
            image="ghcr.io/huggingface/text-generation-inference:2",
            env=[{"name": "MODEL_ID", "value": "org/m"}],
        ),
        ["hf://org/m"],
    ),
    "Triton": (
        pod(
            image="nvcr.io/nvidia/tritonserver:24.08-py3",
            args=["tritonserver", "--model-repository=s3://b/r"],
        ),
        ["s3://b/r"],
    ),
    "SGLang": (
        pod(image=OTHER, command=["python", "-m", "sglang.launch_server", "--model-path", "org/m"]),
        ["hf://org/m"],
    ),
    "llama.cpp, from the hub": (
        pod(image="ghcr.io/ggml-org/llama.cpp:server", args=["-hf", "org/m:Q4_K_M"]),
        ["hf://org/m"],
    ),
    "llama.cpp, a file": (
        pod(image="ghcr.io/ggml-org/llama.cpp:server", args=["-m", "/m/x.gguf"]),
        ["container:/m/x.gguf"],
    ),
    "Ollama": (
        pod(image="docker.io/ollama/ollama:0.5"),
        ["unknown:models-on-request"],
    ),
    "anyone's server, by flag": (
        pod(image=OTHER, command=["python", "serve.py", "--model", "org/m"]),
        ["hf://org/m"],
    ),
    "anyone's server, by variable": (
        pod(image=OTHER, env=[{"name": "HF_MODEL_ID", "value": "org/m"}]),
        ["hf://org/m"],
    ),
    "a download from the hub": (
        pod(image=OTHER, command=["huggingface-cli", "download", "org/m"]),
        ["hf://org/m"],
    ),
    "a download of weights": (
        pod(image=OTHER, command=["curl", "-LO", "https://files.example/x/m.safetensors?sig=secret"]),
        ["https://files.example/x/m.safetensors?hidden"],
    ),
    "program text": (
        pod(image=OTHER, command=["python", "-c", "AutoModel.from_pretrained('org/m')"]),
        ["unknown:program-text"],
    ),
}


@pytest.mark.parametrize("name", SERVERS)
def test_the_models_of_a_container(name: str) -> None:
    manifest, expected = SERVERS[name]
    extraction = read(manifest)
    assert list(dict.fromkeys(named(manifest))) == expected
    assert extraction.workload.ai
    assert all(ref.where.startswith("spec.containers[0]") for ref in extraction.artifacts)


@pytest.mark.parametrize(
    "container",
    [
        {},
        {"command": ["nginx", "-g", "daemon off;"]},
        {"args": ["--config", "/etc/app.yaml"]},
        {"env": [{"name": "DATABASE", "value": "postgres://db/x"}]},
        {"command": ["wget", "https://files.example/page.html"]},
    ],
)
def test_what_has_nothing_to_do_with_models_is_not_ai(container: dict[str, Any]) -> None:
    extraction = read(pod(**container))
    assert not extraction.workload.ai
    assert [ref.kind.value for ref in extraction.artifacts] == ["image"]


def test_adapters_and_tokenizers_are_artifacts_too() -> None:
    manifest = vllm("--model", "a/b", "--lora-modules", "x=o/l1", "y=o/l2", "--tokenizer", "o/t")
    assert named(manifest, "adapter") == ["hf://o/l1", "hf://o/l2"]
    assert named(manifest, "tokenizer") == ["hf://o/t"]


def test_a_gpu_makes_a_pod_ai_and_its_image_one_of_a_model_server() -> None:
    manifest = pod(image=OTHER, resources={"limits": {"nvidia.com/gpu": "1"}})
    assert read(manifest).workload.ai


def template(**spec: Any) -> dict[str, Any]:
    return {"metadata": {}, "spec": {"containers": [vllm("--model", "a/b")["spec"]["containers"][0]], **spec}}


KINDS = {
    "apps/v1 Deployment": {"template": template()},
    "apps/v1 StatefulSet": {"template": template()},
    "apps/v1 DaemonSet": {"template": template()},
    "apps/v1 ReplicaSet": {"template": template()},
    "v1 ReplicationController": {"template": template()},
    "batch/v1 Job": {"template": template()},
    "batch/v1 CronJob": {"jobTemplate": {"spec": {"template": template()}}},
    "leaderworkerset.x-k8s.io/v1 LeaderWorkerSet": {
        "leaderWorkerTemplate": {"leaderTemplate": template(), "workerTemplate": template()}
    },
    "argoproj.io/v1alpha1 Rollout": {"template": template()},
    "nobody.example/v1 Thing": {"parts": [{"deep": {"template": template()}}]},
}


@pytest.mark.parametrize("name", KINDS)
def test_a_pod_specification_is_found_wherever_it_is(name: str) -> None:
    version, kind = name.split()
    manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": KINDS[name]}
    assert "hf://a/b" in named(manifest)
    assert f"oci://{VLLM}" in named(manifest, "image")


@pytest.mark.parametrize("field", ["initContainers", "containers", "ephemeralContainers"])
def test_every_container_of_a_pod_is_read(field: str) -> None:
    manifest = pod()
    container = vllm("--model", "a/b")["spec"]["containers"][0]
    manifest["spec"][field] = [*manifest["spec"].get(field, []), {**container, "name": "other"}]
    assert named(manifest) == ["hf://a/b"]


def test_a_list_is_read_item_by_item() -> None:
    manifest = {"apiVersion": "v1", "kind": "List", "items": [pod(), vllm("--model", "a/b")]}
    assert named(manifest) == ["hf://a/b"]


def test_an_image_volume_is_a_model_and_a_server_that_reads_it_names_no_other() -> None:
    manifest = vllm("--model", "/models/m", volumeMounts=[{"name": "v", "mountPath": "/models"}])
    reference = "quay.io/org/model@sha256:" + "c" * 64
    manifest["spec"]["volumes"] = [{"name": "v", "image": {"reference": reference}}]
    assert named(manifest) == [f"oci://{reference}"]


def test_a_claim_is_a_place_in_its_namespace() -> None:
    manifest = vllm("--model", "/models/a", volumeMounts=[{"name": "v", "mountPath": "/models"}])
    manifest["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    assert named(manifest) == ["pvc://prod/c/a"]


@pytest.mark.parametrize(
    ("version", "kind"),
    [("ray.io/v1", "RayService"), ("kaito.sh/v1", "Workspace"), ("serving.kserve.io/v1", "Anything")],
)
def test_a_kind_that_serves_models_and_nobody_understands_is_unknown(version: str, kind: str) -> None:
    manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": {}}
    assert named(manifest) == ["unknown:kind-not-understood"]


@pytest.mark.parametrize(
    ("declared", "risk"),
    [
        ({"labels": {"govkernel.dev/risk": "high"}}, "high"),
        ({"annotations": {"govkernel.dev/risk": "minimal"}}, "minimal"),
    ],
)
def test_the_declared_risk_is_read(declared: dict[str, Any], risk: str) -> None:
    manifest = pod()
    manifest["metadata"] |= declared
    assert read(manifest).risk == risk


def test_the_higher_of_two_risks_counts_and_a_risk_that_does_not_exist_is_refused() -> None:
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"labels": {"govkernel.dev/risk": "limited"}},
    }
    made = template()
    made["metadata"] = {"labels": {"govkernel.dev/risk": "high"}}
    manifest["spec"] = {"template": made}
    assert read(manifest).risk == "high"
    made["metadata"] = {"labels": {"govkernel.dev/risk": "none at all"}}
    with pytest.raises(GovkernelError) as caught:
        read(manifest)
    assert caught.value.code == "admission.risk"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=10)
    | st.sampled_from(["org/m", "--model", "vllm", "serve", "sh", "-c", "$(M)", "hf://a/b", "s3://b/c"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "spec",
                    "template",
                    "containers",
                    "image",
                    "args",
                    "command",
                    "env",
                    "name",
                    "value",
                    "volumes",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(JSON)
def test_any_specification_is_read_or_refused(spec: Any) -> None:
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": spec}
    try:
        extraction = read(manifest)
    except GovkernelError as error:
        assert error.remedy
    else:
        assert extraction.workload.kind == "Pod"
