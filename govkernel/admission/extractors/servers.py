"""What is known about model servers: their images and programs, and where they are told which model to load.

Plain data, gathered from the servers' own documentation; docs/reference/admission.md shows it as tables. One table
of flags serves all of them: no two give the same flag another meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from govkernel.domain import ArtifactKind

IMAGES: Final = (
    "vllm", "sglang", "text-generation-inference", "text-embeddings-inference", "tritonserver", "llama.cpp",
    "llama-cpp", "llamafile", "ollama", "lmdeploy", "huggingfaceserver", "huggingface-server", "torchserve",
    "tensorflow/serving", "mlserver", "sklearnserver", "xgbserver", "lgbserver", "paddleserver", "djl-serving",
    "openvino/model_server", "localai", "michaelf34/infinity", "tensorrt-llm", "tensorrt_llm", "tensorrtllm",
    "nim/", "ray-llm", "xinference", "kaito/workspace", "deepspeed-mii", "aphrodite-engine", "ramalama",
)  # fmt: skip
"""Parts of the repository names of images that serve models."""

PROGRAMS: Final = frozenset(
    {
        "vllm", "sglang", "text-generation-launcher", "text-generation-server", "text-embeddings-router",
        "tritonserver", "llama-server", "llama-cli", "llamafile", "ollama", "lmdeploy", "huggingfaceserver",
        "torchserve", "tensorflow_model_server", "mlserver", "trtllm-serve", "xinference-local", "infinity_emb",
        "ramalama", "local-ai", "ovms", "aphrodite",
    }
)  # fmt: skip
"""Programs that serve models, by base name."""

MODULES: Final = (
    "vllm.", "sglang", "huggingfaceserver", "llama_cpp.server", "lmdeploy", "mlserver", "sklearnserver", "xgbserver",
    "lgbserver", "paddleserver", "tensorrt_llm", "fastchat.serve", "aphrodite.",
)  # fmt: skip
"""Python modules that serve models, as given to ``python -m``."""

ON_REQUEST: Final = frozenset({"ollama", "localai", "local-ai", "xinference", "xinference-local"})
"""Servers that load whatever model a client asks for, so that a manifest cannot say which."""

HARMLESS: Final = frozenset(
    {
        "[", "aws", "az", "azcopy", "cat", "chmod", "chown", "cp", "curl", "echo", "false", "find", "gcloud", "git",
        "gsutil", "hf", "huggingface-cli", "ln", "ls", "mc", "mkdir", "modelscope", "mv", "nc", "printf", "rclone",
        "rm", "s5cmd", "set", "sleep", "sync", "tar", "test", "touch", "true", "unzip", "wget", "wait",
    }
)  # fmt: skip
"""Programs that serve nothing, even in an image that could."""

POSITIONAL: Final = (
    ("vllm", "serve"),
    ("aphrodite", "run"),
    ("lmdeploy", "serve", "api_server"),
    ("trtllm-serve",),
    ("ollama", "run"),
    ("ollama", "pull"),
    ("ramalama", "serve"),
    ("ramalama", "run"),
    ("ramalama", "pull"),
    ("huggingface-cli", "download"),
    ("hf", "download"),
)
"""Programs, with sub-commands, that the name of a model follows."""

DOWNLOADERS: Final = ("storage-initializer", "model-downloader", "model-loader")
"""Parts of the repository names of images whose arguments are where to load models from."""

CONTROLLERS: Final[Mapping[str, str]] = MappingProxyType(
    {"serving.kserve.io": "/mnt/models", "serving.kubeflow.org": "/mnt/models"}
)
"""API groups whose controller puts a model, named elsewhere in the object, under a path of its containers."""

CODE: Final = r"from_pretrained|snapshot_download|hf_hub_download|vllm\.LLM|torch\.load|\bLLM\("
"""Program text that loads models."""

HUB_SWITCHES: Final = ("VLLM_USE_MODELSCOPE", "SGLANG_USE_MODELSCOPE")
HUB_ENDPOINT: Final = "HF_ENDPOINT"
RUNTIME_ADAPTERS: Final = "VLLM_ALLOW_RUNTIME_LORA_UPDATING"


@dataclass(frozen=True)
class Place:
    """A flag or variable that names artifacts.

    Attributes:
        kind: what it names.
        strong: it means a model whatever program it is given to, provided that its value looks like one.
        listed: it takes ``name=value``, lists, or JSON.
        quantised: a ``:`` in its value starts the name of a quantisation.
    """

    kind: ArtifactKind
    strong: bool = False
    listed: bool = False
    quantised: bool = False


def _each(names: str, place: Place) -> dict[str, Place]:
    return dict.fromkeys(names.split(), place)


_STRONG: Final = Place(ArtifactKind.MODEL, strong=True)
_MODEL: Final = Place(ArtifactKind.MODEL)
_MODELS: Final = Place(ArtifactKind.MODEL, listed=True)
_QUANTISED: Final = Place(ArtifactKind.MODEL, strong=True, quantised=True)
_TOKENIZER: Final = Place(ArtifactKind.TOKENIZER)
_ADAPTERS: Final = Place(ArtifactKind.ADAPTER, listed=True)
_STRONG_ADAPTERS: Final = Place(ArtifactKind.ADAPTER, strong=True, listed=True)

FLAGS: Final[Mapping[str, Place]] = MappingProxyType(
    _each("--model --model-id --model-path --model-name-or-path --model-repository", _STRONG)
    | _each("--hf-repo --hf-repo-draft", _QUANTISED)
    | _each("--model-uri --model-url --model-store --model-base-path --model-dir --models-dir", _MODEL)
    | _each("--base-model --draft-model --speculative-model --speculative-draft-model-path", _MODEL)
    | _each("--model-draft --hf-config-path --mmproj --mmproj-url", _MODEL)
    | _each("--models --speculative-config", _MODELS)
    | _each("--tokenizer --tokenizer-path --tokenizer-id --tokenizer-dir", _TOKENIZER)
    | _each("--lora-modules", _STRONG_ADAPTERS)
    | _each("--lora-paths --lora --lora-scaled --lora-adapters --lora-dir --prompt-adapters", _ADAPTERS)
)
"""Flags, written with hyphens; servers take underscores as well."""

SHORT_FLAGS: Final[Mapping[str, Place]] = MappingProxyType(
    _each("-m -mu -md", _MODEL) | _each("-hf -hfr -hfd", _QUANTISED)
)
"""Flags of llama.cpp; other programs give them other meanings."""

REVISIONS: Final[Mapping[ArtifactKind, tuple[str, ...]]] = MappingProxyType(
    {
        ArtifactKind.MODEL: ("--revision", "--model-revision"),
        ArtifactKind.TOKENIZER: ("--tokenizer-revision", "--revision"),
        ArtifactKind.ADAPTER: (),
        ArtifactKind.DATASET: ("--revision",),
    }
)

CONFIG_FLAGS: Final = frozenset({"--config", "--model-config-file", "--config-path", "--models-config-file"})
"""Files of settings, which may name a model; a manifest does not show them."""

VARIABLES: Final[Mapping[str, Place]] = MappingProxyType(
    _each("HF_MODEL_ID HF_MODEL VLLM_MODEL MODEL_URI STORAGE_URI MLSERVER_MODEL_URI OPTION_MODEL_ID", _STRONG)
    | _each("LLAMA_ARG_MODEL LLAMA_ARG_MODEL_URL NIM_MODEL_NAME TRITON_MODEL_REPOSITORY", _STRONG)
    | _each("LLAMA_ARG_HF_REPO", _QUANTISED)
    | _each("MODEL_ID MODEL MODEL_PATH MODEL_BASE_PATH MODEL_DIR SPECULATOR", _MODEL)
    | _each("TOKENIZER TOKENIZER_ID", _TOKENIZER)
    | _each("LORA_ADAPTERS LORA_MODULES NIM_PEFT_SOURCE LLAMA_ARG_LORA", _ADAPTERS)
)
"""Variables that name artifacts."""

REVISION_VARIABLES: Final = (
    "REVISION",
    "MODEL_REVISION",
    "HF_REVISION",
    "HF_MODEL_REVISION",
    "OPTION_REVISION",
)

ACCELERATORS: Final = ("gpu", "tpu", "neuron", "gaudi", "npu", "/mig-")
"""Parts of the names of resources that hardly anything but a model asks for."""


def serves(repository: str) -> str:
    """The part of :data:`IMAGES` that a repository name holds; empty when it holds none."""
    return next((part for part in IMAGES if part in f"{repository}/"), "")


def downloads(repository: str) -> bool:
    """Whether an image of that repository loads models into a volume."""
    return any(part in repository for part in DOWNLOADERS)
