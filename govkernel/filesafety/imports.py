"""Configurations that name modules for a loader to import. Each library's own modules are all that it may name.

Sources: ``SentenceTransformer._load_sbert_model`` of sentence-transformers, ``pipeline_loading_utils`` of diffusers,
``peft.auto._BaseAutoPeftModel.from_pretrained``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from govkernel.filesafety.names import names

_SENTENCES: Final = re.compile(r"sentence_transformers(?:\.[a-z_]\w*)*\.[A-Z]\w*")
_PARENTS: Final = re.compile(r"(?:transformers|diffusers)(?:\.[a-z_]\w*)*")
_COMPONENTS: Final = names(
    "diffusers transformers onnxruntime peft k_diffusion flax",
    # folders of diffusers.pipelines, which may stand in a library's place
    "stable_diffusion stable_diffusion_xl stable_diffusion_safe paint_by_example latent_diffusion unidiffuser",
    "kandinsky kandinsky2_2 deepfloyd_if audioldm audioldm2 musicldm wuerstchen unclip shap_e t5_film blip_diffusion",
    "spectrogram_diffusion versatile_diffusion semantic_stable_diffusion alt_diffusion vq_diffusion controlnet",
)


def foreign_imports(document: Any, base: str) -> Iterator[tuple[str, str]]:
    """Rule and detail of each import from outside.

    Args:
        document: parsed JSON.
        base: name of the file.
    """
    if base == "modules.json":
        yield from _modules(document)
    elif base == "model_index.json" and isinstance(document, dict):
        yield from _pipeline(document)
    elif base == "router_config.json" and isinstance(document, dict):
        yield from _router(document)
    mapping = document.get("auto_mapping") if isinstance(document, dict) else None
    if mapping is not None and not (
        isinstance(mapping, dict) and _PARENTS.fullmatch(str(mapping.get("parent_library")))
    ):
        yield "remote-code", f"auto_mapping {mapping}"


def _modules(document: Any) -> Iterator[tuple[str, str]]:
    """``modules.json`` names the classes that sentence-transformers imports."""
    for item in document if isinstance(document, list) else ():
        kind = item.get("type") if isinstance(item, dict) else None
        if kind is not None and not (isinstance(kind, str) and _SENTENCES.fullmatch(kind)):
            yield "remote-code", f"module {kind}"


def _router(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """``router_config.json`` names the classes of the parts that sentence-transformers chooses from."""
    types = document.get("types")
    for kind in types.values() if isinstance(types, dict) else ():
        if not (isinstance(kind, str) and _SENTENCES.fullmatch(kind)):
            yield "remote-code", f"module {kind}"


def _pipeline(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """``model_index.json``: the pipeline's class, and of each part its library and class."""
    if not isinstance(document.get("_class_name", ""), str):
        yield "remote-code", "a pipeline's own class"
    for name, part in document.items():
        if name.startswith("_") or not isinstance(part, list) or len(part) != 2:
            continue
        if part[0] is not None and part[0] not in _COMPONENTS:
            yield "remote-code", f"{name} from {part[0]}"
