"""Configuration beside weights: JSON and YAML that ask a loader to import, fetch or run. Chat templates in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from govkernel.filesafety.imports import foreign_imports
from govkernel.filesafety.interface import Finding, Place, Refused
from govkernel.filesafety.jinja import dangers
from govkernel.filesafety.json_text import MAX_BYTES, parse_json
from govkernel.filesafety.keras import is_keras_config, judge_keras
from govkernel.filesafety.paths import named_files, named_folders
from govkernel.filesafety.plain import examine_lines
from govkernel.filesafety.skops import is_skops, judge_skops
from govkernel.filesafety.source import Source

MAX_YAML: Final = 16 << 20

_REMOTE_KEYS: Final = frozenset(
    {"auto_map", "custom_pipelines", "_target_", "_partial_", "custom_pipeline", "trust_remote_code"}
)
_TEMPLATES: Final = frozenset({"chat_template", "chat_templates", "prompt_template"})
_YAML: Final = re.compile(
    rb"!!python|!<?tag:yaml\.org,2002:python|tag:yaml.org,2002:python|^%TAG|!py[:\w]", re.MULTILINE
)
_YAML_KEYS: Final = re.compile(
    rb"(?:^|[\s{,\"'-])(?:_target_|auto_map|trust_remote_code)[\"']?\s*:"
    rb"|&\S+\s+[\"']?(?:_target_|auto_map|trust_remote_code)\b",
    re.MULTILINE,
)
_YAML_TEMPLATES: Final = re.compile(rb"(?:chat|prompt)_template")
_ESCAPE: Final = re.compile(
    rb"\\(?:x([0-9a-fA-F]{2})|u00([0-9a-fA-F]{2})|U000000([0-9a-fA-F]{2})|\r?\n[ \t]*)"
)


def examine_json(source: Source, place: Place) -> Iterator[Finding]:
    """A JSON document."""
    document = parse_json(source.read(0, MAX_BYTES + 1))
    found: dict[tuple[str, str], None] = {}
    for item in _objects(document):
        found |= dict.fromkeys(
            ("remote-code", key) for key in sorted(_REMOTE_KEYS & item.keys()) if item[key]
        )
        for key in sorted(_TEMPLATES & item.keys()):
            for text in _texts(item[key]):
                found |= dict.fromkeys(("template-danger", danger) for danger in dangers(text))
        found |= dict.fromkeys(("config-path", path) for path in named_files(item))
        if is_skops(item):
            found |= dict.fromkeys(judge_skops(item))
    base = place.name.rpartition("/")[2]
    found |= dict.fromkeys(foreign_imports(document, base))
    found |= dict.fromkeys(("config-path", path) for path in named_folders(document, base))
    yield from (place.finding(rule, detail) for rule, detail in found)
    if is_keras_config(document):
        yield from judge_keras(document, place)


def examine_yaml(source: Source, place: Place) -> Iterator[Finding]:
    """YAML, searched and not parsed: its tags can call any function of a loader that is not the safe one."""
    if source.size > MAX_YAML:
        raise Refused("too-large", "YAML")
    text = source.read(0, source.size)
    plain = _ESCAPE.sub(_character, text)
    if match := _YAML.search(plain) or _YAML_KEYS.search(plain):
        yield place.finding("yaml-tag", match.group().decode("latin-1").strip())
    if _YAML_TEMPLATES.search(plain):
        said = plain.decode("utf-8", "replace")
        yield from (place.finding("template-danger", danger) for danger in dangers(said))
    yield from examine_lines(source, place)


def _character(match: re.Match[bytes]) -> bytes:
    """What an escape of a quoted text stands for; a line that goes on leaves nothing."""
    digits = next((group for group in match.groups() if group), b"")
    return bytes([int(digits, 16)]) if digits else b""


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    """Every object of a document, wherever it stands."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(item for item in value.values() if isinstance(item, dict | list))
        elif isinstance(value, list):
            waiting.extend(item for item in value if isinstance(item, dict | list))


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
