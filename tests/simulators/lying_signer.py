"""A signer that signs whatever it is told to, well-formed or not, and bundles that lie in every way."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from govkernel.hookspecs import SigningKey
from govkernel.provenance.bundle import MEDIA_TYPE
from govkernel.provenance.dsse import IN_TOTO, pae

Edit = Callable[[dict[str, Any]], None]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def signed(payload: bytes | dict[str, Any], key: SigningKey, edit: Edit = lambda bundle: None) -> bytes:
    """A bundle with a valid signature over any payload, then edited."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signature = {"sig": b64(key.sign(pae(IN_TOTO, content))), "keyid": ""}
    bundle: dict[str, Any] = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": ""}, "tlogEntries": []},
        "dsseEnvelope": {"payload": b64(content), "payloadType": IN_TOTO, "signatures": [signature]},
    }
    edit(bundle)
    return json.dumps(bundle).encode()


def statement(
    digest: str, predicate_type: str, predicate: dict[str, Any], name: str = "thing", **changes: Any
) -> dict[str, Any]:
    """An in-toto Statement about one SHA-256 digest (hex), with any field replaced."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest}}],
        "predicateType": predicate_type,
        "predicate": predicate,
        **changes,
    }


def oms(files: list[tuple[str, str]], root: str, **changes: Any) -> dict[str, Any]:
    """An OMS v1.0 statement over (name, SHA-256 hex) pairs, with fields of the serialization replaced."""
    resources = [{"name": name, "algorithm": "sha256", "digest": digest} for name, digest in files]
    serialization = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, **changes}
    predicate = {"serialization": serialization, "resources": resources}
    return statement(root, "https://model_signing/signature/v1.0", predicate)
