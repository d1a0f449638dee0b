"""Packs written to a folder, and the two engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

MANIFEST = "id: tiny\nversion: 1.0.0\nengine: cedar\nowner: tests\n"
POLICY = '@id("tiny/open")\n@reason("It is open.")\npermit (principal, action == Action::"read", resource);\n'

WritePack = Callable[..., Path]


@pytest.fixture
def write_pack(tmp_path: Path) -> WritePack:
    """Write a pack ``tiny``; files given replace or add, None leaves one out."""

    def write(files: Mapping[str, str | bytes | None] | None = None, *, name: str = "tiny") -> Path:
        folder = tmp_path / name
        chosen: dict[str, str | bytes | None] = {
            "pack.yaml": MANIFEST,
            "open.cedar": POLICY,
            **(files or {}),
        }
        for path, content in chosen.items():
            if content is None:
                continue
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    return write
