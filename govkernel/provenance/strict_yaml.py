"""Read YAML from people: bounded, no aliases, no duplicate keys, no tags, times stay text (YAML 1.1, safe subset)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from govkernel.errors import InputError
from govkernel.provenance.limits import MAX_YAML_DEPTH

Lines = dict[tuple[str | int, ...], int]
"""Line (from 1) of each value, by its path in the document."""

_REMEDY: Final = "Write one plain YAML document: no anchors, no tags, each key once."
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
_MERGE: Final = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """SafeLoader without aliases, merge keys and timestamps, and with a limit on depth."""

    depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refuse("alias", "An alias is not allowed.", event.start_mark)
        self.depth += 1
        if self.depth > MAX_YAML_DEPTH:
            raise _refuse("too-deep", "The document is nested too deep.", event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_scalar(self, node: ScalarNode | MappingNode) -> Any:
        text = super().construct_scalar(node)
        if isinstance(text, str) and not text.isascii():
            # JSON text escapes astral characters as surrogate pairs, which YAML 1.1 does not join.
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        return text

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise _refuse("key", "A key must be a plain string.", key.start_mark)
            if key.value in seen:
                raise _refuse("duplicate-key", f"The key {key.value[:80]!r} stands twice.", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in {_TIMESTAMP, _MERGE}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def loads(data: bytes, *, max_bytes: int) -> tuple[Any, Lines]:
    """Parse one YAML document into plain JSON-like values, with the line of each.

    Raises:
        InputError: ``yaml.too-large``, ``yaml.not-utf8``, ``yaml.too-deep``, ``yaml.alias``, ``yaml.key``,
            ``yaml.duplicate-key`` or ``yaml.malformed``; ``why`` names the line.
    """
    if len(data) > max_bytes:
        raise InputError(
            "yaml.too-large", f"The document has {len(data)} bytes.", remedy=f"At most {max_bytes}."
        )
    try:
        loader = _Loader(data.decode("utf-8"))
        node = loader.get_single_node()
        value = loader.construct_document(node) if node is not None else None
    except UnicodeDecodeError as error:
        raise InputError(
            "yaml.not-utf8", "The document is not UTF-8.", why=str(error), remedy=_REMEDY
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())[:300]
        raise InputError(
            "yaml.malformed", "The document is not valid YAML.", why=why, remedy=_REMEDY
        ) from None
    return value, _lines(node)


def _lines(node: Node | None) -> Lines:
    found: Lines = {}
    pending: list[tuple[tuple[str | int, ...], Node | None]] = [((), node)]
    while pending:
        path, item = pending.pop()
        if item is None:
            continue
        found[path] = item.start_mark.line + 1
        if isinstance(item, MappingNode):
            pending += [((*path, key.value), value) for key, value in item.value]
        elif isinstance(item, SequenceNode):
            pending += [((*path, index), value) for index, value in enumerate(item.value)]
    return found


def _refuse(problem: str, what: str, mark: Any) -> InputError:
    return InputError(f"yaml.{problem}", what, why=f"line {mark.line + 1}", remedy=_REMEDY)
