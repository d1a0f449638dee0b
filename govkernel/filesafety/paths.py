"""Files that a configuration names for a loader to open beside it: their names must stay inside the folder.

Sources: ``get_checkpoint_shard_files`` and ``PreTrainedTokenizerBase._from_pretrained`` of transformers,
``SentenceTransformer._load_sbert_model``, ``DiffusionPipeline.from_pretrained``, TorchServe's ``MANIFEST.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from govkernel.filesafety.names import names

_OUTSIDE: Final = re.compile(r"[\x00-\x1f\x7f\\:]|^/|^~|(?:^|/)\.\.(?:/|$)")
_FILES: Final = names(
    "vocab_file vocabulary_file merges_file tokenizer_file sp_model_file spm_file sentencepiece_model_file",
    "bpe_file bpe_codes_file emoji_file source_spm target_spm source_vocab_file target_vocab_file",
    "model_file model_filename model_file_name weights_file weights_filename params_file onnx_file",
    "cache_file covariance_file normalizer_file prompt_file lexicon_file speaker_file",
    "serializedFile modelFile requirementsFile",
)
"""Keys under which loaders look for a file's name, wherever they stand."""


def leaves_the_folder(path: str) -> bool:
    """Whether a path is absolute, climbs out, is a URL or a drive's, or is none at all."""
    return not path or _OUTSIDE.search(path) is not None


def named_files(item: dict[str, Any]) -> Iterator[str]:
    """What an object of a configuration names outside its folder: shards of an index, and files by their keys."""
    shards = item.get("weight_map")
    if isinstance(shards, dict):
        yield from (str(shard) for shard in shards.values() if not _stays(shard))
    for key in sorted(_FILES & item.keys()):
        if isinstance(item[key], str) and item[key] and leaves_the_folder(item[key]):
            yield f"{key} {item[key]}"


def named_folders(document: Any, base: str) -> Iterator[str]:
    """What ``modules.json`` and ``model_index.json`` name outside their folder.

    Args:
        document: parsed JSON.
        base: name of the file.
    """
    if base == "modules.json" and isinstance(document, list):
        parts = [item.get("path", "") for item in document if isinstance(item, dict)]
        yield from (str(part) for part in parts if part != "" and not _stays(part))
    elif base == "model_index.json" and isinstance(document, dict):
        yield from (name for name, part in document.items() if isinstance(part, list) and not _stays(name))


def _stays(path: object) -> bool:
    return isinstance(path, str) and not leaves_the_folder(path)
