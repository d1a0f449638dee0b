"""A pack's Rego files as the one module that is uploaded, and what such a module may not do.

All files of a pack are of one package, so they are joined: the pack is replaced whole or not at all, and files may
refer to each other. The package is renamed after the pack's digest, so that two versions can live in one server.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from govkernel.domain import PolicyPack
from govkernel.engines.opa.errors import compile_error

MAX_FILES: Final = 64
ROOT: Final = "govkernel"
STORE: Final = "govkernel_packs"

IMPURE: Final = frozenset(
    {
        "http.send",
        "net.lookup_ip_addr",
        "opa.runtime",
        "time.now_ns",
        "rand.intn",
        "uuid.rfc4122",
        "io.jwt.decode_verify",
        "rego.parse_module",
    }
)
"""Built-ins whose result depends on more than the input: a decision could not be computed again from its record."""

_COMMENT: Final = re.compile(r"\s*(#.*)?")
_PACKAGE: Final = re.compile(r"package\s+([A-Za-z_][\w.]*)\s*(#.*)?")


@dataclass(frozen=True)
class Module:
    """The module of one pack.

    Attributes:
        pack: id of the pack.
        text: the source to upload.
        path: its package as segments below ``data``.
        endpoint: its id in OPA's policy API.
        files: path of each file of the pack, with the line of ``text`` it begins at, from 1.
    """

    pack: str
    text: str
    path: tuple[str, ...]
    endpoint: str
    files: tuple[tuple[int, str], ...]

    def place(self, line: int) -> str:
        """``file:line`` in the pack for a line of the module."""
        index = max(bisect_right([start for start, _ in self.files], line) - 1, 0)
        start, name = self.files[index]
        return f"{name}:{line - start + 1}"


def package_of(pack: str) -> str:
    """The package that the files of a pack must declare, e.g. ``govkernel.my_pack``."""
    return f"{ROOT}.{pack.replace('-', '_')}"


def module_of(pack: PolicyPack) -> Module:
    """The module to upload for a pack.

    Raises:
        PolicyError: ``opa.compile`` when a file declares another package, or there are too many files.
    """
    identity = pack.manifest.id
    if len(pack.policies) > MAX_FILES:
        raise compile_error(identity, f"{len(pack.policies)} Rego files, at most {MAX_FILES}")
    path = (STORE, identity.replace("-", "_"), f"sha256_{pack.digest.hex}")
    lines, files = [f"package {'.'.join(path)}"], []
    for source in pack.policies:
        files.append((len(lines) + 1, source.path))
        lines.extend(_without_package(source.text, source.path, identity))
    return Module(
        pack=identity,
        text="\n".join(lines) + "\n",
        path=path,
        endpoint=f"{ROOT}/{identity}/{pack.digest.hex}",
        files=tuple(files),
    )


def _without_package(text: str, name: str, pack: str) -> list[str]:
    """The lines of a file, with everything up to and including its package line blanked."""
    lines = text.replace("\r\n", "\n").split("\n")
    for index, line in enumerate(lines):
        if _COMMENT.fullmatch(line):
            continue
        found = _PACKAGE.fullmatch(line.strip())
        if found is None or found.group(1) != package_of(pack):
            why = f"{name}:{index + 1}: the file must begin with `package {package_of(pack)}`"
            raise compile_error(pack, why)
        return [""] * (index + 1) + lines[index + 1 :]
    raise compile_error(pack, f"{name}:1: the file is empty")


def check_syntax_tree(module: Module, tree: Any) -> tuple[str, ...]:
    """Refuse a compiled module that looks beyond its input, and list the policy ids it mentions.

    Args:
        module: what was uploaded.
        tree: OPA's compiled syntax tree of it, in which every reference is absolute.

    Raises:
        PolicyError: ``opa.compile`` for data outside the pack, an impure built-in, or no ``decision``.
    """
    ids: set[str] = set()
    named = False
    for node in _nodes(tree):
        kind, value = node.get("type"), node.get("value")
        if kind == "ref" and isinstance(value, list):
            _check_reference(module, [item.get("value") for item in value if isinstance(item, Mapping)])
        elif kind == "string" and isinstance(value, str) and value.startswith(f"{module.pack}/"):
            ids.add(value)
        named = named or node.get("name") == "decision"
    if not named:
        raise compile_error(module.pack, "no rule is called `decision`")
    return tuple(sorted(ids))


def _check_reference(module: Module, parts: list[Any]) -> None:
    if parts[:1] == ["data"] and tuple(parts[1 : 1 + len(module.path)]) != module.path:
        name = ".".join(str(part) for part in parts)
        raise compile_error(
            module.pack, f"{name}: policies see `input` and the rules of their own pack, no other data"
        )
    name = ".".join(part for part in parts if isinstance(part, str))
    if name in IMPURE:
        raise compile_error(module.pack, f"{name}: its result depends on more than the input")


def _nodes(tree: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in the tree, without recursion."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
