"""Where packs are: a path, a folder of the workspace's ``.govkernel/packs``, or a pack that ships with govkernel."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Final

from govkernel.errors import ConfigError

MANIFEST: Final = "pack.yaml"
WORKSPACE_PACKS: Final = Path(".govkernel") / "packs"
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")


def find_pack(source: str, root: Path | None = None) -> Path:
    """The folder of a pack.

    A bare name means the workspace's own pack of that name, if it has one, and else the shipped one; anything
    else, such as ``./baseline``, is a path.

    Args:
        source: name or path.
        root: the workspace; relative paths are relative to it. Default is the working directory.

    Raises:
        ConfigError: ``pack.missing``.
    """
    base = root or Path.cwd()
    if _NAME.fullmatch(source):
        candidates = [base / WORKSPACE_PACKS / source, _shipped_root() / source, base / source]
    else:
        candidates = [base / Path(source).expanduser()]
    for folder in candidates:
        if (folder / MANIFEST).is_file():
            return folder
    raise ConfigError(
        "pack.missing",
        f"There is no policy pack {source!r}.",
        why=f"No {MANIFEST} in {', '.join(str(folder) for folder in candidates)}.",
        remedy=f"Name a folder with a {MANIFEST}, or a shipped pack: {', '.join(shipped_packs())}.",
    )


def shipped_packs() -> tuple[str, ...]:
    """Names of the packs that ship with govkernel."""
    return tuple(sorted(path.parent.name for path in _shipped_root().glob(f"*/{MANIFEST}")))


def _shipped_root() -> Path:
    return Path(str(files("govkernel_policies")))
