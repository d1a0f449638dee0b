"""What manifests, servers and tools call models and images, as artifact URIs; ``unknown:`` what nobody understands.

No name from a manifest becomes a ``file:`` URI: a path in a container is not a path on the machine that decides.
"""

from __future__ import annotations

import re
from typing import Final

from govkernel.domain.artifact import MAX_URI

DOCKER_HUB: Final = "docker.io"
MODEL_SCHEMES: Final = frozenset(
    {
        "abfs", "abfss", "adl", "azureml", "gcs", "git", "gs", "hdfs", "hf", "mlflow", "modelscope",
        "oci", "ollama", "pvc", "runai", "s3", "sha256", "wasb", "wasbs",
    }
)  # fmt: skip
"""Schemes under which models are kept. ``https`` counts only for known hubs and files of weights."""

WEIGHT_SUFFIXES: Final = (
    ".safetensors", ".gguf", ".ggml", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".joblib", ".onnx", ".mar",
    ".nemo", ".engine", ".tflite", ".keras", ".h5",
)  # fmt: skip

MODEL_SUFFIXES: Final = (".safetensors", ".gguf", ".ggml", ".onnx", ".pt", ".pth", ".ckpt", ".nemo", ".keras")
"""Those that nothing but models have."""

_NAME: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST: Final = re.compile(
    r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:)|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
)
_REPOSITORY: Final = re.compile(rf"{_NAME}(?:/{_NAME})*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_HUB_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_REVISION: Final = re.compile(r"[A-Za-z0-9][\w./-]{0,199}", re.ASCII)
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://?")
_HUB_PAGE: Final = re.compile(
    r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/(?P<name>[^/?#@:]+/[^/?#@:]+?)(?:\.git)?"
    r"(?:/(?:tree|resolve|blob|raw)/(?P<revision>[^/?#]+)(?:/[^?#]*)?)?/?(?:[?#].*)?"
)
_MLFLOW: Final = re.compile(r"models:/+([^/@]+)([/@])([^/@]+)")
_PRINTABLE: Final = re.compile(r"[\x21-\x7e\u00a1-\U0010ffff]+")


def unknown(reason: str) -> str:
    """The URI of something that is there and cannot be understood; nothing resolves it."""
    return f"unknown:{reason}"


def image_uri(reference: str) -> str:
    """A container image reference, normalised as the container runtimes do (distribution reference grammar).

    ``nginx`` becomes ``oci://docker.io/library/nginx:latest``; with a digest the tag is dropped, since the
    digest is what counts.
    """
    name, at, digest = reference.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        return unknown("image-reference")
    head, slash, rest = name.partition("/")
    if not (slash and _HOST.fullmatch(head) and (head == "localhost" or set(head) & set(".:"))):
        head, rest = DOCKER_HUB, name
    repository, colon, tag = rest.partition(":")
    if not _REPOSITORY.fullmatch(repository) or (colon and not _TAG.fullmatch(tag)):
        return unknown("image-reference")
    host = DOCKER_HUB if head.lower() in {"index.docker.io", "registry-1.docker.io"} else head.lower()
    if host == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    suffix = f"@{digest}" if at else f":{tag or 'latest'}"
    return _bounded(f"oci://{host}/{repository}{suffix}")


def repository_of(uri: str) -> str:
    """The repository of a normalised image, without registry, tag and digest; lower case."""
    path = uri.removeprefix("oci://").partition("/")[2]
    return path.partition("@")[0].partition(":")[0].lower()


def is_path(value: str) -> bool:
    """Whether a server would read the value as a path in its file system."""
    return value.startswith(("/", "./", "../", "~", "file:")) or value in {".", ".."}


def model_uri(value: str, revision: str = "", *, hub: str = "hf") -> str:
    """A model, tokenizer or adapter as servers name it.

    Args:
        value: a URI, or ``org/name`` on the hub; paths are for the caller to place.
        revision: branch, tag or commit that was given beside it; empty for none.
        hub: scheme of names without one; empty when it is not known which hub they lead to.
    """
    if not _PRINTABLE.fullmatch(value) or (revision and not _REVISION.fullmatch(revision)):
        return unknown("unreadable-name")
    if page := _HUB_PAGE.fullmatch(value):
        return _on_hub(page["name"], revision or page["revision"] or "", hub)
    if registered := _MLFLOW.fullmatch(value):
        return _bounded(f"mlflow://models/{registered[1]}{registered[2]}{registered[3]}")
    scheme = _SCHEME.match(value)
    if scheme is None:
        return _on_hub(value, revision, hub)
    return _with_scheme(scheme[1].lower(), value[scheme.end() :].lstrip("/"), revision, hub)


def looks_like_model(value: str) -> bool:
    """Whether a value that any program could take is most likely a model."""
    scheme = _SCHEME.match(value)
    if scheme is not None:
        named = scheme[1].lower() in MODEL_SCHEMES | {"models"}
        return named or bool(_HUB_PAGE.fullmatch(value)) or _is_weights(value)
    if is_path(value):
        return _is_weights(value) or any("model" in part for part in value.lower().split("/"))
    return bool("/" in value and _HUB_NAME.fullmatch(value)) or _is_weights(value)


def is_model_uri(value: str) -> bool:
    """Whether a word of a command is a URI under which models are kept."""
    return _SCHEME.match(value) is not None and looks_like_model(value)


def is_model_file(uri: str) -> bool:
    """Whether a URI leads to a file that can be nothing but a model."""
    return uri.lower().partition("?")[0].partition("#")[0].endswith(MODEL_SUFFIXES)


def _with_scheme(scheme: str, rest: str, revision: str, hub: str) -> str:
    match scheme:
        case "hf" | "huggingface":
            name, _, inline = rest.replace("@", ":", 1).partition(":")
            return _on_hub(name, inline or revision, hub and "hf")
        case "oci" | "docker":
            return image_uri(rest)
        case "file":
            return _bounded(f"container:/{rest}")
        case _:
            return _bounded(f"{scheme}://{_without_secrets(rest)}" + (f"@{revision}" if revision else ""))


def _on_hub(name: str, revision: str, hub: str) -> str:
    if not hub:
        return unknown("other-hub")
    bare = name.partition(":")[0] if hub == "ollama" else name
    if not _HUB_NAME.fullmatch(bare) or (revision and not _REVISION.fullmatch(revision)):
        return unknown("unreadable-name")
    return _bounded(f"{hub}://{name}" + (f"@{revision}" if revision else ""))


def _without_secrets(rest: str) -> str:
    """Without user and password, and with any query hidden: it may be a signature that grants access."""
    rest, query, _ = rest.partition("?")
    authority, slash, path = rest.partition("/")
    return authority.rpartition("@")[2] + slash + path + ("?hidden" if query else "")


def _is_weights(value: str) -> bool:
    return value.lower().partition("?")[0].endswith(WEIGHT_SUFFIXES)


def _bounded(uri: str) -> str:
    return uri if len(uri) <= MAX_URI else unknown("name-too-long")
