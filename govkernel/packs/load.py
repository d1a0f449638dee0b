"""From a folder to a :class:`PolicyPack`: everything is checked here once, before any engine sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from govkernel.domain import Digest, PackManifest, PackMode, PolicyFile, PolicyPack, strict_json, strict_yaml
from govkernel.errors import InputError
from govkernel.packs.files import MAX_FILE_BYTES, PackFolder, refuse
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
    value, lines = read_yaml(folder, MANIFEST)
    try:
        return PackManifest.model_validate(value)
    except ValidationError as error:
        raise refuse(
            "manifest",
            path,
            first_problem(error, lines),
            "Correct it; docs/reference/policy-packs.md lists the fields.",
        ) from None


def read_yaml(folder: PackFolder, name: str) -> tuple[Any, strict_yaml.Lines]:
    """The value in one of the pack's YAML files, and the line of each part of it.

    Raises:
        ConfigError: ``pack.syntax`` with the parser's reason.
    """
    try:
        return strict_yaml.load_with_lines(folder.content(name), max_bytes=MAX_FILE_BYTES)
    except InputError as error:
        why = f"{error.what} {error.why}".strip()
        raise refuse("syntax", folder.root / name, why, error.remedy) from None


def first_problem(error: ValidationError, lines: strict_yaml.Lines, at: tuple[str | int, ...] = ()) -> str:
    """The first thing a model refused, with the line of the nearest part of the document that is there.

    Args:
        error: what the model refused.
        lines: lines of the document's parts.
        at: where in the document the model's own part is.
    """
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = (*at, *first["loc"])
    known = [lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines]
    line = f"line {known[0]}: " if known else ""
    return f"{line}{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


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
