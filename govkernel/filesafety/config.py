"""Configuration beside weights: JSON and YAML that ask a loader to import, fetch or run. Chat templates in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from govkernel.filesafety.interface import Finding, Place, Refused
from govkernel.filesafety.jinja import dangers
from govkernel.filesafety.json_text import MAX_BYTES, parse_json
from govkernel.filesafety.keras import is_keras_config, judge_keras
from govkernel.filesafety.source import Source, blocks

MAX_YAML: Final = 16 << 20

_REMOTE_KEYS: Final = frozenset({"auto_map", "custom_pipelines", "_target_", "_partial_", "custom_pipeline"})
_FLAGS: Final = frozenset({"trust_remote_code"})
_TEMPLATES: Final = frozenset({"chat_template", "chat_templates", "prompt_template"})
_MODULES: Final = re.compile(r"sentence_transformers(?:\.[a-z_]\w*)*\.[A-Z]\w*")
_YAML: Final = re.compile(
    rb"!!python|!<?tag:yaml\.org,2002:python|tag:yaml.org,2002:python|^%TAG|!py[:\w]", re.MULTILINE
)
_YAML_KEYS: Final = re.compile(
    rb"(?:^|[\s{,\"'-])(_target_|auto_map|trust_remote_code)[\"']?\s*:", re.MULTILINE
)


def examine_json(source: Source, place: Place) -> Iterator[Finding]:
    """A JSON document."""
    document = parse_json(source.read(0, MAX_BYTES + 1))
    yield from _remote(document, place)
    yield from _templates(document, place)
    if place.name.rpartition("/")[2] == "modules.json":
        yield from _modules(document, place)
    if is_keras_config(document):
        yield from judge_keras(document, place)


def examine_lines(source: Source, place: Place) -> Iterator[Finding]:
    """JSON lines are data: nothing loads them as more. Each must be a line of text."""
    for block in blocks(source):
        if b"\0" in block:
            yield place.finding("unknown-format", "called JSON lines, and is none")
            return


def examine_yaml(source: Source, place: Place) -> Iterator[Finding]:
    """YAML, searched and not parsed: its tags can call any function of a loader that is not the safe one."""
    if source.size > MAX_YAML:
        raise Refused("too-large", "YAML")
    text = source.read(0, source.size)
    if b"\0" in text:
        yield place.finding("unknown-format", "not UTF-8 text")
    elif match := _YAML.search(text) or _YAML_KEYS.search(text):
        yield place.finding("yaml-tag", match.group().decode("latin-1").strip())


def _remote(document: Any, place: Place) -> Iterator[Finding]:
    """Keys that a loader takes for code to fetch, wherever they stand."""
    waiting, seen = [document], set[str]()
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
            named = {
                key for key in value if (key in _REMOTE_KEYS and value[key]) or (key in _FLAGS and value[key])
            }
            seen |= named
        elif isinstance(value, list):
            waiting.extend(item for item in value if isinstance(item, dict | list))
    yield from (place.finding("remote-code", key) for key in sorted(seen))


def _templates(document: Any, place: Place) -> Iterator[Finding]:
    if not isinstance(document, dict):
        return
    for key in _TEMPLATES & document.keys():
        for text in _texts(document[key]):
            yield from (place.finding("template-danger", danger) for danger in dangers(text))


def _texts(value: Any) -> Iterator[str]:
    """A template, or several with names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value if isinstance(value, list) else value.values():
            if isinstance(item, str):
                yield item
            elif isinstance(item, dict) and isinstance(item.get("template"), str):
                yield item["template"]


def _modules(document: Any, place: Place) -> Iterator[Finding]:
    """``modules.json`` names the classes that sentence-transformers imports."""
    for item in document if isinstance(document, list) else ():
        kind = item.get("type") if isinstance(item, dict) else None
        if kind is not None and not (isinstance(kind, str) and _MODULES.fullmatch(kind)):
            yield place.finding("remote-code", f"module {kind}")
