"""From a folder to a :class:`PolicyPack`: everything is checked here once, before any engine sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from govkernel.domain import Digest, PackManifest, PackMode, PolicyFile, PolicyPack, strict_json
from govkernel.errors import InputError
from govkernel.packs import yaml_tmp as strict_yaml
from govkernel.packs.files import PackFolder, refuse
from govkernel.packs.find import MANIFEST
from govkernel.packs.parameters import chosen_values

SUFFIXES: Final[Mapping[str, str]] = {"cedar": ".cedar", "opa": ".rego"}
"""Suffix of policy files by engine; a plugin's engine ``x`` reads ``*.x``."""


def load_pack(
    directory: Path,
    *,
    parameters: Mapping[str, Any] | None = None,
    mode: PackMode | None = None,
) -> PolicyPack:
    """Read a pack.

    Args:
        directory: the folder with ``pack.yaml``; see :func:`govkernel.packs.find_pack`.
        parameters: values that override the defaults of the manifest.
        mode: overrides the manifest's mode.

    Raises:
        ConfigError: ``pack.*``: it is missing, too large, malformed, or a parameter has no valid value.
    """
    folder = PackFolder(directory)
    manifest = read_manifest(folder)
    if mode is not None:
        manifest = manifest.model_copy(update={"mode": mode})
    policies = _policies(folder, manifest)
    values = chosen_values(manifest.parameters, parameters or {}, MANIFEST)
    return PolicyPack(
        manifest=manifest,
        policies=policies,
        parameters=values,
        digest=_digest(manifest, policies, values),
    )


def read_manifest(folder: PackFolder) -> PackManifest:
    """The pack's manifest.

    Raises:
        ConfigError: ``pack.missing``, ``pack.syntax`` or ``pack.manifest``.
    """
    path = folder.root / MANIFEST
    if MANIFEST not in folder:
        raise refuse("missing", path, "There is no such file.", f"Add a {MANIFEST} to the folder.")
    try:
        return PackManifest.model_validate(read_yaml(folder, MANIFEST))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise refuse(
            "manifest",
            path,
            f"{where}: {first['msg']}",
            "Correct it; docs/reference/policy-packs.md lists the fields.",
        ) from None


def read_yaml(folder: PackFolder, name: str) -> Any:
    """The value in one of the pack's YAML files.

    Raises:
        ConfigError: ``pack.syntax`` with the parser's reason.
    """
    try:
        return strict_yaml.loads(folder.text(name))
    except InputError as error:
        raise refuse(
            "syntax", folder.root / name, f"{error.what} {error.why}".strip(), error.remedy
        ) from None


def _policies(folder: PackFolder, manifest: PackManifest) -> tuple[PolicyFile, ...]:
    suffix = SUFFIXES.get(manifest.engine, f".{manifest.engine}")
    names = folder.names(suffix)
    if not names:
        raise refuse(
            "no-policies",
            folder.root,
            f"The engine is {manifest.engine}, and there is no *{suffix} file.",
            "Add policies, or correct `engine` in the manifest.",
        )
    return tuple(PolicyFile(path=name, text=folder.text(name)) for name in names)


def _digest(manifest: PackManifest, policies: tuple[PolicyFile, ...], values: Mapping[str, Any]) -> Digest:
    document = {
        "manifest": manifest.model_dump(mode="json"),
        "policies": [policy.model_dump() for policy in policies],
        "parameters": values,
    }
    try:
        return Digest.sha256(hashlib.sha256(strict_json.canonical(document)).hexdigest())
    except InputError as error:
        raise refuse(
            "manifest", MANIFEST, error.why, "Use numbers up to 2**53 and well-formed text."
        ) from None
