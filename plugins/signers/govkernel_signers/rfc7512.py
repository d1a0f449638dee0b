"""PKCS #11 URIs (RFC 7512), the part that names one private key: ``pkcs11:token=acme;object=release``.

A URI chooses a key, nothing else: query attributes would carry a PIN or name a library to load, and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from govkernel_signers.problems import bad_uri

FORM: Final = (
    "pkcs11:token=LABEL;object=NAME (also serial=, id=; RFC 7512), without ?pin-value or ?module-path"
)
_ATTRIBUTES: Final = frozenset({"token", "serial", "object", "id", "type"})
_VALUE: Final = re.compile(r"(?:[A-Za-z0-9._~:\[\]@!$'()*+,=&-]|%[0-9A-Fa-f]{2}){1,512}")


@dataclass(frozen=True)
class Pkcs11Uri:
    """Which private key of which token; empty attributes are not asked for.

    Attributes:
        token: label of the token.
        serial: serial number of the token.
        label: CKA_LABEL of the key (``object``).
        key_id: CKA_ID of the key (``id``).
    """

    token: str
    serial: str
    label: str
    key_id: bytes


def parse(uri: str) -> Pkcs11Uri:
    """Read a URI.

    Raises:
        ConfigError: ``signer.uri``; its text is not told, since it may hold a PIN.
    """
    path, query, _ = uri.removeprefix("pkcs11:").partition("?")
    if query or not uri.startswith("pkcs11:"):
        raise bad_uri("A query attribute would carry a PIN, or name a library.", FORM)
    found: dict[str, bytes] = {}
    for item in path.split(";"):
        name, _, value = item.partition("=")
        if name not in _ATTRIBUTES or name in found or not _VALUE.fullmatch(value):
            raise bad_uri("An attribute is not known here, stands twice, or is not percent-encoded.", FORM)
        found[name] = unquote_to_bytes(value)
    if found.get("type", b"private") != b"private":
        raise bad_uri("It names an object that is no private key.", FORM)
    if not {"object", "id"} & set(found):
        raise bad_uri("It names no key: object and id are missing.", FORM)
    return Pkcs11Uri(
        _text(found, "token"), _text(found, "serial"), _text(found, "object"), found.get("id", b"")
    )


def _text(found: Mapping[str, bytes], name: str) -> str:
    try:
        return found.get(name, b"").decode("utf-8")
    except UnicodeDecodeError:
        raise bad_uri("An attribute is not UTF-8.", FORM) from None
