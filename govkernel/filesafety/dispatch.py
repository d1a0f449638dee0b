"""Choose the examiner of a file: what its name and its first bytes say it could be loaded as."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from govkernel.domain.formats import PICKLE, UNKNOWN, format_of
from govkernel.filesafety.archives import examine_zip
from govkernel.filesafety.arrays import examine_numpy
from govkernel.filesafety.columnar import examine_columnar
from govkernel.filesafety.config import examine_json, examine_yaml
from govkernel.filesafety.disguise import pickle_in_bytes
from govkernel.filesafety.gguf import examine_gguf
from govkernel.filesafety.hdf5 import examine_hdf5
from govkernel.filesafety.interface import Finding, Place, Refused
from govkernel.filesafety.onnx import examine_onnx
from govkernel.filesafety.pickles import examine_pickles
from govkernel.filesafety.pictures import examine_image
from govkernel.filesafety.plain import examine_lines, examine_sentencepiece, examine_text
from govkernel.filesafety.safetensors import examine_safetensors
from govkernel.filesafety.source import Source, Truncated
from govkernel.filesafety.tar_reader import examine_tar, is_tar
from govkernel.filesafety.tensorflow import examine_tensorflow
from govkernel.filesafety.unpack import closed_container, compression_of, unpacked

Examiner = Callable[[Source, Place], Iterator[Finding]]

HEAD: Final = 512
_PACKED_NAMES: Final = (".gz", ".tgz", ".bz2", ".xz", ".z", ".lzma", ".zlib")
_ARCHIVE_NAMES: Final = re.compile(
    r"\.(zip|tar|gz|tgz|bz2|xz|zst|7z|rar|lz4|nemo|mar|whl|jar|pt2)$|\.tar\.[a-z0-9]+$"
)
_SCRIPT: Final = re.compile(rb"#!|<\?php|@echo off", re.IGNORECASE)
_CODE_NAMES: Final = re.compile(
    r"\.(pyw|pyx|pyi|pyd|pyo|ipynb|bash|zsh|bat|cmd|ps1|vbs|rb|pl|php|jar|class|dylib|msi|com|scr|lnk|ts|mjs|wasm"
    r"|llamafile|cu|cpp|cc|c|ptx|cubin)$|(^|/)(makefile|dockerfile|setup\.cfg|pyproject\.toml|conftest\.py)$"
)


def examine(source: Source, place: Place) -> Iterator[Finding]:
    """Judge one file or member. Nothing it holds can make this raise."""
    try:
        yield from _examine(source, place)
    except Refused as refused:
        yield place.finding(refused.rule, refused.detail)
    except Truncated:
        yield place.finding("unreadable-structure", "it breaks off")
    except Exception as error:
        yield place.finding("examiner-failed", type(error).__name__)


def _examine(source: Source, place: Place) -> Iterator[Finding]:
    head = source.read(0, HEAD)
    name = place.name.lower()
    kind = format_of(place.name, head[:16] or None)
    if kind == UNKNOWN:  # the content is not what the name says: whoever goes by the name finds out why
        kind = format_of(place.name)
    if _CODE_NAMES.search(name) or _SCRIPT.match(head):
        yield place.finding("code", place.name.rpartition("/")[2])
        return
    if container := closed_container(head):
        rule = "unknown-container" if kind == "archive" or _ARCHIVE_NAMES.search(name) else "name-mismatch"
        yield place.finding(rule, container)
        return
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        yield from _zip(source, place, kind)
    elif (packed := compression_of(head)) and _may_be_packed(name, kind):
        yield from _packed(source, place, packed[1])
    elif is_tar(source) and kind in {PICKLE, UNKNOWN, "archive", "text"}:
        yield from _tar(source, place, kind)
    else:
        yield from _by_kind(source, place, kind, head)


def _zip(source: Source, place: Place, kind: str) -> Iterator[Finding]:
    if format_of(place.name) not in {PICKLE, UNKNOWN, "archive", "numpy", "keras"}:
        yield place.finding("name-mismatch", f"a zip called {kind}")
    yield from examine_zip(source, place)


def _may_be_packed(name: str, kind: str) -> bool:
    return kind in {PICKLE, "archive", UNKNOWN} or name.endswith(_PACKED_NAMES)


def _packed(source: Source, place: Place, make: Callable[[], object]) -> Iterator[Finding]:
    """Compressed: joblib and others load what is inside, so that is judged, under the name without the suffix."""
    stem, dot, suffix = place.name.rpartition(".")
    name = place.name
    if dot and f".{suffix.lower()}" in _PACKED_NAMES:
        name = f"{stem}.tar" if suffix.lower() == "tgz" else stem
    elif format_of(name) not in {PICKLE, UNKNOWN} and not _ARCHIVE_NAMES.search(name.lower()):
        yield place.finding("name-mismatch", "compressed")
    with unpacked(source, make, place) as content:
        inside = replace(place.inside("unpacked"), name=name)
        yield from place.judge(content, inside)


def _tar(source: Source, place: Place, kind: str) -> Iterator[Finding]:
    if kind == PICKLE and not place.name.lower().endswith(".tar"):
        yield place.finding("torch-tar")
    yield from examine_tar(source, place)


def _by_kind(source: Source, place: Place, kind: str, head: bytes) -> Iterator[Finding]:
    if kind == "code":
        yield place.finding("code", place.name.rpartition("/")[2])
    elif kind == "archive":
        yield place.finding("unknown-container", place.name.rpartition("/")[2])
    elif kind in _EXAMINERS:
        if kind in _BYTES:
            yield from pickle_in_bytes(source, place)
        yield from _EXAMINERS[kind](source, place)
    else:
        yield from _unknown(source, place, head)


_INERT_NAMES: Final = re.compile(
    r"(^|/)(\.gitattributes|\.gitignore|\.gitkeep|\.dockerignore|\.metadata|notice|copying|authors|checksum[s]?|sha256sums?)$"
    r"|\.(sha256|sha512|md5|vocab|merges|bpe|tiktoken|tokens|lst|tex|bib|cff|log|sig|asc|srt)$"
)


def _unknown(source: Source, place: Place, head: bytes) -> Iterator[Finding]:
    """Raw bytes that another file of the artifact explains, or text that nothing loads; the rest cannot be told."""
    name = place.name.lower()
    if "!/" not in place.path and place.name in place.beside and _explained(place):
        yield from pickle_in_bytes(source, place)
        return
    if _INERT_NAMES.search(name):
        yield from examine_text(source, place)
    else:
        yield place.finding("unknown-format", place.name.rpartition("/")[2] if head else "an empty file")


_VARIABLES: Final = re.compile(r"variables/variables\.(index|data-\d{5}-of-\d{5})|fingerprint\.pb")


def _explained(place: Place) -> bool:
    """External data of an ONNX model beside it, or the variables of a TensorFlow SavedModel."""
    folder, _, base = place.name.rpartition("/")
    prefix = f"{folder}/" if folder else ""
    if re.search(r"\.onnx[._]data(_\d+)?$", base):
        return re.split(r"[._]data", base)[0] in {name.removeprefix(prefix) for name in place.beside}
    top = place.name[: place.name.rfind("variables/")] if "variables/" in place.name else prefix
    return (
        _VARIABLES.fullmatch(place.name.removeprefix(top)) is not None
        and f"{top}saved_model.pb" in place.beside
    )


_EXAMINERS: Final[Mapping[str, Examiner]] = {
    PICKLE: examine_pickles,
    "safetensors": examine_safetensors,
    "gguf": examine_gguf,
    "onnx": examine_onnx,
    "numpy": examine_numpy,
    "h5": examine_hdf5,
    "tensorflow": examine_tensorflow,
    "json": examine_json,
    "jsonl": examine_lines,
    "yaml": examine_yaml,
    "text": examine_text,
    "csv": examine_text,
    "parquet": examine_columnar,
    "arrow": examine_columnar,
    "image": examine_image,
    "sentencepiece": examine_sentencepiece,
}

_BYTES: Final = frozenset(
    {
        *("safetensors", "gguf", "onnx", "numpy", "h5", "tensorflow", "parquet", "arrow", "image"),
        "sentencepiece",
    }
)
"""Formats whose first bytes may be opcodes as well; text is told otherwise, since prose names things too."""
