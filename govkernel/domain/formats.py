"""Tell file formats by name and first bytes, so that policy can allow the safe ones.

A name is a claim; where the first bytes can contradict it they win, and a pickle is a pickle under any name.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

PICKLE: Final = "pickle"
UNKNOWN: Final = "unknown"

_BY_SUFFIX: Final = {
    **dict.fromkeys(
        (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".dill", ".th", ".mar"), PICKLE
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
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg"), "image"),
    ".model": "sentencepiece",
}
_TEXT_NAMES: Final = frozenset({"license", "readme", "notice", "vocab", "merges", "version"})
_MAGIC: Final = (
    (b"GGUF", "gguf"),
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


def format_of(name: str, head: bytes | None = None) -> str:
    """The format of one file.

    Args:
        name: its path or base name.
        head: its first bytes (16 are enough), or None when only the name is known.

    Returns:
        A lower-case word such as ``safetensors``, ``pickle``, ``gguf``, ``json``; ``unknown`` when neither
        name nor content tells, or when the content is not what the name says.
    """
    path = PurePosixPath(name.lower())
    named = _BY_SUFFIX.get(path.suffix, "text" if path.stem in _TEXT_NAMES else UNKNOWN)
    if not head:
        return named
    content = _by_content(head)
    if content is None:
        return UNKNOWN if named in _CHECKED else named
    return named if content == "zip" and named in {PICKLE, "keras", "numpy"} else _unzipped(content)


def formats_of(files: Iterable[tuple[str, bytes | None]]) -> tuple[str, ...]:
    """The formats of several files, each once, sorted."""
    return tuple(sorted({format_of(name, head) for name, head in files}))


def _unzipped(content: str) -> str:
    return "archive" if content == "zip" else content


def _by_content(head: bytes) -> str | None:
    if head.startswith(b"\x80") and len(head) > 1 and 2 <= head[1] <= 5:
        return PICKLE
    if head.startswith(_ZIP):
        return "zip"
    if len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 100_000_000:
        return "safetensors"
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)
