"""Models that ship with the guard: signed with govkernel, verified against a pinned key before a byte is parsed.

A model is a folder of ``runtime_guard/models`` with an OMS bundle and the public key beside it. The bytes that are
parsed are the bytes whose digest was compared, so that nothing can be exchanged in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from govkernel.errors import ConfigError, GovkernelError
from runtime_guard.signed import is_signed, signed_files

PINNED: Final = "ea1f960eddfbf83737282c56966809a9a53b4927a703281532c2a94a0e5090d4"
"""Key id (SHA-256 of the public key, DER) of the key that signed the models of this release; it exists no more."""

KEY: Final = "release.pub"
BUNDLE: Final = ".sigstore.json"
MAX_FILE: Final = 32 * 1024 * 1024


def shipped(name: str) -> Mapping[str, bytes]:
    """The files of a shipped model, verified.

    Args:
        name: folder in ``runtime_guard/models``.

    Raises:
        ConfigError: ``model.unverified``: it is not what was signed, or not by the pinned key; ``model.missing``.
    """
    return verified(files("runtime_guard").joinpath("models"), name, PINNED)


def verified(models: Traversable, name: str, pinned: str) -> Mapping[str, bytes]:
    """The files of ``models/NAME``, each compared with what the key ``pinned`` signed.

    Raises:
        ConfigError: ``model.unverified`` or ``model.missing``.
    """
    try:
        signed = signed_files(_read(models, f"{name}{BUNDLE}"), _read(models, KEY), pinned)
        content = {path: _read(models.joinpath(name), path) for path in signed}
    except OSError as error:
        raise ConfigError(
            "model.missing",
            f"The model {name!r} is not all there.",
            why=type(error).__name__,
            remedy="Install govkernel anew.",
        ) from None
    except GovkernelError as error:
        raise _unverified(name, f"{error.what} ({error.code})") from None
    changed = [path for path, digest in signed.items() if not is_signed(content[path], digest)]
    if changed:
        raise _unverified(name, f"{changed[0]!r} is not what was signed.")
    return content


def _read(folder: Traversable, name: str) -> bytes:
    place = folder
    for part in name.split("/"):
        place = place.joinpath(part)
    with place.open("rb") as stream:
        content = stream.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise ConfigError(
            "model.too-large", f"{name!r} is larger than {MAX_FILE} bytes.", remedy="Restore it."
        )
    return content


def _unverified(name: str, why: str) -> ConfigError:
    return ConfigError(
        "model.unverified",
        f"The model {name!r} is not the one that was released.",
        why=why,
        remedy="Install govkernel anew; a model of your own needs a signature and its key pinned.",
    )
