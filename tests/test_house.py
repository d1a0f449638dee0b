"""The house holds: packages, arrows, light imports, documented names."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]
FOLDERS = {"govkernel": "govkernel", "runtime_guard": "runtime_guard", **SETUPTOOLS["package-dir"]}
HEAVY = (
    "torch",
    "presidio_analyzer",
    "ray",
    "fastapi",
    "aiohttp",
    "transformers",
    "uvicorn",
    "sigstore",
    "model_signing",
)
MAX_IMPORT_SECONDS = 0.5
SOURCES = sorted(path for name in ("govkernel", "runtime_guard") for path in (ROOT / name).rglob("*.py"))


def test_packages_in_pyproject_equal_the_tree() -> None:
    found = {
        ".".join((name, *path.parent.relative_to(ROOT / folder).parts))
        for name, folder in FOLDERS.items()
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert set(SETUPTOOLS["packages"]) == found
    assert len(SETUPTOOLS["packages"]) == len(found)


@pytest.mark.parametrize("package", FOLDERS)
def test_every_file_of_a_package_is_installed_with_it(package: str) -> None:
    folder = ROOT / FOLDERS[package]
    patterns = SETUPTOOLS["package-data"].get(package, [])
    shipped = {path for pattern in patterns for path in folder.glob(pattern)}
    inside = {path.parent for path in folder.rglob("__init__.py")}
    left = [
        path.relative_to(ROOT).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path not in shipped
        if not (path.suffix == ".py" and path.parent in inside)
    ]
    assert left == []


def test_every_folder_with_code_is_a_package() -> None:
    data = ROOT / "govkernel" / "audit" / "migrations"  # alembic runs these files, nobody imports them
    folders = {path.parent for path in SOURCES if not path.is_relative_to(data)}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


@pytest.mark.parametrize(
    "module",
    [
        "govkernel",
        "govkernel.kernel",
        "govkernel.cli.main",
        "govkernel.assemble",
        "govkernel.gate.plugin",
        "govkernel.hookspecs",
        "runtime_guard",
        "runtime_guard.encoder",
    ],
)
def test_an_import_pulls_in_nothing_heavy(module: str) -> None:
    _, loaded = import_cost(module)
    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.parametrize("module", ["govkernel", "govkernel.kernel", "govkernel.cli.main"])
def test_an_import_is_quick(module: str) -> None:
    assert min(import_cost(module)[0] for _ in range(3)) < MAX_IMPORT_SECONDS


def test_the_command_line_imports_a_room_when_a_command_needs_it() -> None:
    _, loaded = import_cost("govkernel.cli.main")
    rooms = ("govkernel.provenance", "govkernel.audit.log", "govkernel.engines", "jsonschema", "sqlalchemy")
    assert [name for name in rooms if name in loaded] == []


def test_the_core_needs_none_of_the_extras() -> None:
    """Importing every module of the core works where no extra is installed."""
    core = [
        "govkernel.kernel",
        "govkernel.assemble",
        "govkernel.provenance",
        "govkernel.packs",
        "govkernel.audit.log",
        "govkernel.gate.service",
        "govkernel.cli.main",
    ]
    absent = [*HEAVY, "opa_client", "psycopg", "safetensors", "tokenizers", "in_toto_attestation"]
    code = f"import sys\nfor name in {absent!r}: sys.modules[name] = None\nimport " + ", ".join(core)
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_arrows_between_rooms_hold() -> None:
    pytest.importorskip("importlinter", reason='pip install "govkernel[dev]"')
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-3000:]


def test_plugins_import_only_what_a_stranger_may() -> None:
    allowed = {"hookspecs", "domain", "errors"}
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "plugins").glob("*/govkernel_*/**/*.py")
        for name in imported(path)
        if name.startswith("govkernel.") and name.split(".")[1] not in allowed
    ]
    assert wrong == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_public_names_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = [name for name, node in public(tree, "module") if not ast.get_docstring(node)]
    assert bare == []


def import_cost(module: str) -> tuple[float, set[str]]:
    """CPU seconds that importing takes in a new process, and the modules it loads."""
    code = (
        "import json, sys, time; start = time.process_time(); "
        f"import {module}; spent = time.process_time() - start; "
        "print(json.dumps([spent, list(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    spent, loaded = json.loads(done.stdout)
    return spent, set(loaded)


def imported(path: Path) -> Iterator[str]:
    """Full names of the modules a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "govkernel")


def public(node: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Names and nodes that need a docstring: modules, public classes, functions and methods."""
    yield name, node
    for child in node.body:
        if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if child.name.startswith("_"):
            continue
        if isinstance(child, ast.ClassDef):
            yield from public(child, child.name)
        else:
            yield f"{name}.{child.name}", child
