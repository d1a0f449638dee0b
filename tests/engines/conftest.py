"""A real OPA for the tests that need one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

CACHED = Path.home() / ".cache" / "govkernel" / "bin" / "opa"


def real_opa() -> str | None:
    """The opa binary: on PATH, or the one built into the cache."""
    return shutil.which("opa") or (str(CACHED) if CACHED.is_file() else None)


@pytest.fixture(scope="session")
def opa_binary() -> str:
    found = real_opa()
    if found is None:
        pytest.skip(
            f"no OPA 1.x here: install opa on PATH or as {CACHED}; "
            "https://www.openpolicyagent.org/docs/latest/#running-opa"
        )
    return found
