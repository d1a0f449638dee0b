"""docs/reference/resolvers.md knows every scheme that a resolver of ours resolves, and its example runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from govkernel.assemble import load_trust, plugin_host
from govkernel.config import load_settings
from govkernel.domain import ArtifactKind, ArtifactRef
from govkernel.domain.readings import MAX_READS
from govkernel.provenance import describe
from govkernel.workspace import create_workspace
from tests.simulators.admitting import model_files, write_files

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "reference" / "resolvers.md").read_text(encoding="utf-8")
PLUGINS = {path.parent.name for path in (ROOT / "plugins").glob("*/pyproject.toml")}


def schemes(root: Path) -> set[str]:
    """Those of the core and of every plugin of this repository that is installed."""
    settings = load_settings(create_workspace(root, key_name="release").config)
    host = plugin_host(settings, load_trust(settings))
    assert host.broken() == ()
    providers = host.providers("govkernel_reference_resolvers")
    ours = [provider for provider in providers if provider.builtin or provider.plugin in PLUGINS]
    return {scheme for provider in ours for scheme in provider.value.schemes}


def test_every_scheme_stands_on_the_page(tmp_path: Path) -> None:
    found = schemes(tmp_path)
    assert {"file", "oci", "hf", "s3", "mlflow", "git+https"} <= found
    rows = [row for row in PAGE.splitlines() if row.startswith("| ")]
    assert [name for name in sorted(found) if not any(f"`{name}" in row for row in rows)] == []


def test_every_plugin_that_resolves_is_linked() -> None:
    resolving = [
        path.parts[-3]
        for path in (ROOT / "plugins").glob("*/govkernel_*/__init__.py")
        if "govkernel_reference_resolvers" in path.read_text(encoding="utf-8")
    ]
    assert len(resolving) >= 5
    assert [name for name in resolving if f"plugins/{name}/README.md" not in PAGE] == []


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    assert f"{MAX_READS} of one plugin at most" in PAGE


def test_the_example_runs_and_its_digest_is_that_of_the_folder(tmp_path: Path) -> None:
    (code,) = [part.partition("```")[0] for part in PAGE.split("```python\n")[1:]]
    space: dict[str, Any] = {}
    exec(compile(code, "resolvers.md", "exec"), space)
    flat = {name: content for name, content in model_files().items() if "/" not in name}
    folder = write_files(tmp_path / "shelf", flat)
    resolver = space["ShelfResolver"](folder)
    found = asyncio.run(resolver.resolve(ArtifactRef(uri="shelf:x", kind=ArtifactKind.MODEL)))
    assert found.digest == describe(folder, ArtifactKind.MODEL).digest
