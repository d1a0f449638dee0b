"""Finds every error code in the source, without running it.

An *area* is the first part of a code given literally to an error class or as ``code=``. A code is then any string
literal ``area.problem`` outside docstrings, or what becomes of ``f"area.{problem}"`` inside a helper for every literal
the helper is called with. A placeholder that cannot be followed to literals is an error of the collector.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CODE: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+(?<!-)")
PACKAGES: Final = ("govkernel", "runtime_guard")
FILE: Final = re.compile(
    r".*\.(yaml|yml|json|jsonl|toml|txt|md|db|sock|sig|crt|py|cedar|rego|html|css|js|svc|safetensors|h5)"
)
NOT_CODES: Final = frozenset(
    {
        "config.settings",
        "govkernel.engines",
        "govkernel.gate.plugin",
        "guard.tenants",  # settings, not codes
        "opa.runtime",  # a built-in of Rego
        "plugins.settings",
    }
)


class Untraceable(Exception):
    """A code is put together from something other than literals."""


@dataclass
class Module:
    """One parsed file: its name, its tree, and for each node the function around it."""

    place: str
    tree: ast.Module
    around: dict[int, ast.FunctionDef | ast.AsyncFunctionDef] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Dotted name to import it by; plugins' folders are left out."""
        parts = self.place.removesuffix(".py").removesuffix("/__init__").split("/")
        return ".".join(parts[2:] if parts[0] == "plugins" else parts)

    def __post_init__(self) -> None:
        for node in ast.walk(self.tree):  # breadth first, so that the innermost function is noted last
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for child in ast.walk(node):
                    if child is not node:
                        self.around[id(child)] = node


def collect(root: Path) -> dict[str, list[str]]:
    """Code to the files it is in, over all our packages and plugins."""
    folders = [*(root / name for name in PACKAGES), *sorted(root.glob("plugins/*/govkernel_*"))]
    paths = sorted(path for folder in folders for path in folder.rglob("*.py"))
    modules = [
        Module(path.relative_to(root).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
        for path in paths
    ]
    return _collect(modules)


def codes_in(source: str) -> list[str]:
    """The codes in one piece of source."""
    return list(_collect([Module("source", ast.parse(source))]))


def _collect(modules: list[Module]) -> dict[str, list[str]]:
    errors = _error_classes(modules)
    areas = {code.split(".")[0] for module in modules for code in _given(module, modules, errors)}
    found: dict[str, list[str]] = {}
    for module in modules:
        for code in (*_literals(module), *_joined(module, modules, areas)):
            if CODE.fullmatch(code) and code.split(".")[0] in areas and not _other(code):
                found.setdefault(code, []).append(module.place)
    return found


def _other(text: str) -> bool:
    return text in NOT_CODES or FILE.fullmatch(text) is not None or text.startswith("govkernel.")


def _given(module: Module, modules: list[Module], errors: set[str]) -> Iterator[str]:
    """Literal (starts of) codes given to an error class or as ``code=``, directly or through a helper."""
    for call in _calls(module):
        arguments = call.args[:1] if _name(call) in errors else []
        arguments += [item.value for item in call.keywords if item.arg == "code"]
        for argument in arguments:
            texts: list[str] = []
            if isinstance(argument, ast.Constant | ast.Name | ast.IfExp):
                with suppress(Untraceable):  # other things are called code too, such as an HTTP status
                    texts = list(_values(argument, module, modules))
            elif isinstance(argument, ast.JoinedStr) and isinstance(argument.values[0], ast.Constant):
                texts = [str(argument.values[0].value)]
            yield from (text for text in texts if re.match(r"[a-z][a-z0-9-]*\.[a-z0-9-]*$", text))


def _error_classes(modules: list[Module]) -> set[str]:
    """Names of GovkernelError and everything derived from it."""
    classes = [node for module in modules for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]
    found = {"GovkernelError", "InputError", "ConfigError", "PolicyError"}
    while more := {
        node.name
        for node in classes
        if node.name not in found
        and any(isinstance(base, ast.Name) and base.id in found for base in node.bases)
    }:
        found |= more
    return found


def _literals(module: Module) -> Iterator[str]:
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


def _joined(module: Module, modules: list[Module], areas: set[str]) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.JoinedStr) or len(node.values) not in (2, 3):
            continue
        start, hole, *rest = node.values
        if not (isinstance(start, ast.Constant) and isinstance(hole, ast.FormattedValue)):
            continue
        prefix = str(start.value)
        suffix = str(rest[0].value) if rest and isinstance(rest[0], ast.Constant) else ""
        if re.fullmatch(r"[a-z][a-z0-9-]*\.[a-z0-9-]*", prefix) and prefix.split(".", maxsplit=1)[0] in areas:
            if suffix and not re.fullmatch(r"[a-z0-9-]+", suffix):
                continue
            for value in _values(hole.value, module, modules):
                yield f"{prefix}{value}{suffix}"


def _values(node: ast.expr, module: Module, modules: list[Module]) -> Iterator[str]:
    """The literals an expression can be: itself, either branch, or whatever callers give for a parameter."""
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.IfExp):
        yield from _values(node.body, module, modules)
        yield from _values(node.orelse, module, modules)
    elif isinstance(node, ast.Name):
        yield from _named(node, module, modules)
    else:
        raise Untraceable(f"{module.place}:{node.lineno}: a code is made in a way that cannot be followed")


def _named(node: ast.Name, module: Module, modules: list[Module]) -> Iterator[str]:
    function = module.around.get(id(node))
    assigned = [
        item.value
        for item in ast.walk(function or module.tree)
        if isinstance(item, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == node.id for target in item.targets)
    ]
    for value in assigned:
        yield from _values(value, module, modules)
    if assigned or function is None:
        return
    yield from _looped(node, function, module, modules)
    names = [item.arg for item in (*function.args.posonlyargs, *function.args.args)]
    keywords = [item.arg for item in function.args.kwonlyargs]
    if node.id not in (*names, *keywords):
        return
    method = names[:1] in (["self"], ["cls"])
    position = names.index(node.id) - method if node.id in names else None
    for other in modules:
        if other is not module and not _imports(other, function.name, module.name):
            continue
        for call in _calls(other):
            if _name(call) == function.name:
                given = [item.value for item in call.keywords if item.arg == node.id]
                if not given and position is not None and position < len(call.args):
                    given = [call.args[position]]
                for value in given:
                    yield from _values(value, other, modules)


def _looped(node: ast.Name, function: ast.AST, module: Module, modules: list[Module]) -> Iterator[str]:
    """Literals of ``for name in ("a", "b")``."""
    for loop in ast.walk(function):
        if not (isinstance(loop, ast.For) and isinstance(loop.iter, ast.Tuple | ast.List)):
            continue
        if isinstance(loop.target, ast.Name) and loop.target.id == node.id:
            for item in loop.iter.elts:
                yield from _values(item, module, modules)


def _imports(module: Module, name: str, source: str) -> bool:
    return any(
        alias.name == name and source == node.module
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    )


def _calls(module: Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""
