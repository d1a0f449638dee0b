"""Tell file formats by name and first bytes, so that policy can allow the safe ones.

A name is a claim; where the first bytes can contradict it they win, with one exception: what is called a pickle is
one, since a loader goes by the name and a pickle can be made to start like most other formats. A pickle that
says its protocol, and PyTorch's zip, are pickles under any name that does not say archive or text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

PICKLE: Final = "pickle"
UNKNOWN: Final = "unknown"

_BY_SUFFIX: Final = {
    **dict.fromkeys(
        (
            *(".bin", ".pt", ".pt2", ".ptl", ".pth", ".pkl", ".pickle", ".cloudpickle"),
            *(".ckpt", ".joblib", ".dill", ".th", ".mar"),
        ),
        PICKLE,
    ),
    ".safetensors": "safetensors",
    ".gguf": "gguf",
    ".ggml": "ggml",
    ".onnx": "onnx",
    **dict.fromkeys((".h5", ".hdf5", ".hdf"), "h5"),
    ".keras": "keras",
    **dict.fromkeys((".npy", ".npz"), "numpy"),
    **dict.fromkeys((".pb", ".pbtxt"), "tensorflow"),
    ".tflite": "tflite",
    ".msgpack": "msgpack",
    ".json": "json",
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    **dict.fromkeys((".yaml", ".yml"), "yaml"),
    **dict.fromkeys(
        (".txt", ".md", ".rst", ".prompt", ".jinja", ".j2", ".cfg", ".ini", ".toml", ".license"), "text"
    ),
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    ".parquet": "parquet",
    ".arrow": "arrow",
    **dict.fromkeys((".py", ".pyc", ".so", ".sh", ".js", ".dll", ".exe"), "code"),
    **dict.fromkeys((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".nemo"), "archive"),
    **dict.fromkeys((".xlsx", ".docx", ".pptx", ".odt", ".epub"), "archive"),
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".svg"), "image"),
    ".model": "sentencepiece",
}
_TEXT_NAMES: Final = frozenset({"license", "readme", "notice", "vocab", "merges", "version"})
_WRAPPERS: Final = frozenset({".gz", ".bz2", ".xz", ".zst", ".z", ".lzma", ".lz4", ".zip", ".tar"})
"""Suffixes that say how a file is packed: ``.pkl.gz`` is loaded as a pickle, and ``.pth.tar`` never was a tar."""

_MAGIC: Final = (
    (b"\x89HDF\r\n\x1a\n", "h5"),
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"\x93NUMPY", "numpy"),
    (b"\x1f\x8b", "archive"),
    (b"\x7fELF", "code"),
    (b"MZ", "code"),
)
_ZIP: Final = b"PK\x03\x04"
_CHECKED: Final = frozenset({"safetensors", "gguf", "h5", "parquet", "numpy"})
_NO_ZIP: Final = _CHECKED - {"numpy"} | {
    "ggml",
    "onnx",
    "tensorflow",
    "tflite",
    "msgpack",
    "sentencepiece",
    UNKNOWN,
}
"""Formats that are no zip: a zip that is called so is what PyTorch writes."""

_GGUF: Final = re.compile(rb"GGUF[\2\3]\0{3}.[\0-\x3f]\0{6}", re.DOTALL)
"""Magic, version and fewer than 16,384 tensors: bytes that no pickle starts with."""

_OLD_PICKLE: Final = re.compile(
    rb"\([dl]p\d+\n"
    rb"|c(?:os|posix|builtins|__builtin__|copy_?reg|_codecs|collections|numpy|torch|sklearn|subprocess)[.\n]"
)
"""How pickles of protocol 0 start that hold a dict, a list or an object of a usual module; a guess, as they have no
mark. Text may start so too, hence it counts only where the name says nothing better."""


def format_of(name: str, head: bytes | None = None) -> str:
    """The format of one file.

    Args:
        name: its path or base name.
        head: its first bytes (16 are enough), or None when only the name is known.

    Returns:
        A lower-case word such as ``safetensors``, ``pickle``, ``gguf``, ``json``; ``unknown`` when neither
        name nor content tells, or when the content is not what the name says.
    """
    named = _by_name(name)
    if not head:
        return named
    if named == PICKLE:
        return "gguf" if name.lower().endswith(".bin") and _GGUF.match(head) else PICKLE
    content = _by_content(head)
    if content == "zip":
        return PICKLE if named in _NO_ZIP else named if named in {"keras", "numpy"} else "archive"
    if content is None and named in _CHECKED | {UNKNOWN}:
        return PICKLE if _OLD_PICKLE.match(head) else UNKNOWN
    return content or named


def formats_of(files: Iterable[tuple[str, bytes | None]]) -> tuple[str, ...]:
    """The formats of several files, each once, sorted."""
    return tuple(sorted({format_of(name, head) for name, head in files}))


def _by_name(name: str) -> str:
    stem, suffix = _split(name.lower().rstrip("/. ").rpartition("/")[2])
    if suffix in _WRAPPERS and _BY_SUFFIX.get(_split(stem)[1]) == PICKLE:
        return PICKLE
    return _BY_SUFFIX.get(suffix, "text" if stem in _TEXT_NAMES else UNKNOWN)


def _split(base: str) -> tuple[str, str]:
    """Stem and suffix; a dot at the start begins no suffix."""
    dot = base.rfind(".")
    return (base[:dot], base[dot:]) if dot > 0 else (base, "")


def _by_content(head: bytes) -> str | None:
    # The third byte is an opcode, and none is zero; in the length of a safetensors header it mostly is.
    if head.startswith(b"\x80") and len(head) > 1 and head[1] <= 5 and head[2:3] != b"\0":
        return PICKLE
    if head.startswith(_ZIP):
        return "zip"
    if len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100_000_000:
        return "safetensors"
    if _GGUF.match(head):
        return "gguf"
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)
