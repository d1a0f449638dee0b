"""The canonical form of a prompt: what it says counts, how its file is laid out does not.

A YAML or JSON file is a mapping with ``template`` and optionally ``role``, ``variables``, ``model``, ``tools``
and more; every key is covered, none is ignored. Any other file is ``{"template": text}``. The canonical
form is JCS (RFC 8785), so that indentation, key order and quoting change nothing.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Final

from govkernel.domain import strict_json, strict_yaml
from govkernel.errors import InputError, ProvenanceError
from govkernel.provenance.limits import MAX_PROMPT, MAX_YAML_DEPTH

YAML_SUFFIXES: Final = frozenset({".yaml", ".yml"})
_REMEDY: Final = "Write a mapping with `template: …`, or save the prompt as a .txt file."


def canonical_prompt(name: str, content: bytes) -> bytes:
    """The canonical form of a prompt file.

    Args:
        name: file name; its suffix chooses the reader.
        content: its bytes.

    Raises:
        InputError: not UTF-8, not YAML or JSON though its name says so, or too large.
        ProvenanceError: ``provenance.prompt-malformed``: not a mapping with a text ``template``.
    """
    return strict_json.canonical(parse_prompt(name, content))


def parse_prompt(name: str, content: bytes) -> dict[str, Any]:
    """The prompt as a mapping with at least ``template``; raises like :func:`canonical_prompt`."""
    suffix = PurePath(name).suffix.lower()
    if suffix in YAML_SUFFIXES:
        return _structured(strict_yaml.load_with_lines(content, max_bytes=MAX_PROMPT)[0])
    if suffix == ".json":
        return _structured(strict_json.loads(content, max_bytes=MAX_PROMPT, max_depth=MAX_YAML_DEPTH))
    return {"template": _text(content)}


def _structured(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not isinstance(value.get("template"), str):
        raise ProvenanceError(
            "provenance.prompt-malformed",
            "The prompt file has no text under the key 'template'.",
            remedy=_REMEDY,
        )
    return value


def _text(content: bytes) -> str:
    if len(content) > MAX_PROMPT:
        raise InputError(
            "prompt.too-large", f"The prompt has {len(content)} bytes.", remedy=f"At most {MAX_PROMPT}."
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            "prompt.not-utf8", "The prompt is not UTF-8.", why=str(error), remedy=_REMEDY
        ) from None
