"""Choose a format, and say what is missing to write it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from govkernel.bom.inventory import Inventory
from govkernel.errors import ConfigError


def _cyclonedx(inventory: Inventory) -> str:
    from govkernel.bom.cyclonedx import to_cyclonedx  # noqa: PLC0415

    return to_cyclonedx(inventory)


def _spdx(inventory: Inventory) -> str:
    from govkernel.bom.spdx import to_spdx  # noqa: PLC0415

    return to_spdx(inventory)


FORMATS: Final[Mapping[str, Callable[[Inventory], str]]] = MappingProxyType(
    {"cyclonedx": _cyclonedx, "spdx": _spdx}
)
"""Writers by name: CycloneDX 1.6 JSON, SPDX 3.0.1 JSON-LD."""


def write(inventory: Inventory, form: str) -> str:
    """The bill as text, ending with a line feed.

    Args:
        inventory: what it says.
        form: one of :data:`FORMATS`.

    Raises:
        ConfigError: ``bom.not-installed``.
    """
    try:
        return FORMATS[form](inventory)
    except ImportError as error:
        raise ConfigError(
            "bom.not-installed",
            "Bills of materials need packages that are not installed.",
            why=str(error)[:200],
            remedy='pip install "govkernel[bom]"',
        ) from None
