"""Small packs for the tests of the OPA engine."""

from __future__ import annotations

import hashlib
from typing import Any

from govkernel.domain import Digest, EntityRef, PackManifest, PolicyFile, PolicyInput, PolicyPack

DECISION = 'decision := {"permit": permit, "forbid": forbid}\n'
PERMIT = 'permit contains {"id": "lies/open"} if input.action == "read"\n'
FORBID = 'forbid contains {"id": "lies/shut"} if input.context.shut == true\n'


def pack_of(*sources: str, parameters: dict[str, Any] | None = None) -> PolicyPack:
    """A pack ``lies`` of these sources; the package line is put before each."""
    files = tuple(
        PolicyFile(path=f"{chr(97 + index)}.rego", text=f"package govkernel.lies\n\n{text}")
        for index, text in enumerate(sources)
    )
    return raw_pack(*files, parameters=parameters)


def raw_pack(*files: PolicyFile, parameters: dict[str, Any] | None = None) -> PolicyPack:
    """A pack ``lies`` of these files as they are."""
    content = "\0".join(file.text for file in files) + repr(parameters)
    return PolicyPack(
        manifest=PackManifest(id="lies", version="1.0.0", engine="opa", owner="tests"),
        policies=files,
        parameters=parameters or {},
        digest=Digest.sha256(hashlib.sha256(content.encode()).hexdigest()),
    )


def question(**context: Any) -> PolicyInput:
    """May somebody read?"""
    return PolicyInput(
        principal=EntityRef(type="User", id="u"),
        action="read",
        resource=EntityRef(type="AuditLog", id="log"),
        context=context,
    )
