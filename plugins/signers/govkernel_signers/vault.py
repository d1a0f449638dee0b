"""Keys of the transit engine of HashiCorp Vault and OpenBao: ``vault://transit/NAME?version=N``."""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from govkernel_signers.keys import ED25519, Public, StoredKey
from govkernel_signers.problems import bad_setting, bad_uri, no_credentials, no_key, unsupported, wrong_answer
from govkernel_signers.settings import VaultTable
from govkernel_signers.web import Web, member, unpacked

STORE: Final = "Vault"
_PART: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_URI: Final = re.compile(rf"vault://((?:{_PART}/){{1,8}})({_PART})(?:\?version=([1-9][0-9]{{0,8}}))?")
_SIGNATURE: Final = re.compile(r"vault:v([1-9][0-9]{0,8}):([A-Za-z0-9+/=]+)")
_HASHES: Final = {"sha256": "sha2-256", "sha384": "sha2-384"}


@dataclass(frozen=True)
class _Name:
    """A key of a mount; version 0 is the latest."""

    mount: str
    name: str
    version: int


class VaultProvider:
    """Opens ``vault://`` keys; follows :class:`govkernel.hookspecs.SigningKeyProvider`."""

    schemes = frozenset({"vault"})

    def __init__(self, settings: VaultTable, timeout: float) -> None:
        self._settings = settings
        self._timeout = timeout

    def open(self, uri: str) -> StoredKey:
        """The key at ``vault://MOUNT/NAME``, in its latest version or the one that is given; pinned when opened.

        Raises:
            ConfigError: ``signer.*``.
        """
        asked = _parse(uri)
        web, headers = self._web(), self._headers()
        data = member(web.get(f"v1/{asked.mount}/keys/{asked.name}", headers), dict, "data", store=STORE)
        version = asked.version or member(data, int, "latest_version", store=STORE)
        public = _public(data, version)

        def signing(message: bytes) -> bytes:
            return _signed(web, headers, _Name(asked.mount, asked.name, version), public, message)

        return StoredKey(public, signing)

    def _web(self) -> Web:
        address = self._settings.address
        if address is None:
            try:
                address = VaultTable(address=os.environ.get("VAULT_ADDR", "")).address
            except ValidationError:
                raise bad_setting(
                    "There is no address of a Vault server that can be used.",
                    "Set [plugins.settings.signers.vault] address, or VAULT_ADDR, to an https URL.",
                ) from None
        return Web(STORE, str(address), self._timeout, self._settings.ca_bundle)

    def _headers(self) -> dict[str, str]:
        name = self._settings.token_env
        token = os.environ.get(name, "")
        if not token.isascii() or not token.isprintable() or not token:
            raise no_credentials(STORE, f"{name} holds no token.", f"Set {name}.")
        namespace = {"X-Vault-Namespace": self._settings.namespace} if self._settings.namespace else {}
        return {"X-Vault-Token": token, "X-Vault-Request": "true", **namespace}


def _parse(uri: str) -> _Name:
    found = _URI.fullmatch(uri)
    if found is None:
        raise bad_uri("It has another form.", "vault://MOUNT/NAME, e.g. vault://transit/release")
    mount, name, version = found.groups()
    return _Name(mount.rstrip("/"), name, int(version or 0))


def _public(data: dict[str, Any], version: int) -> Public:
    if data.get("derived"):
        raise unsupported(STORE, "It is derived anew for each context.")
    versions = member(data, dict, "keys", store=STORE)
    if str(version) not in versions:
        raise no_key(STORE, f"It has no version {version}.")
    if not isinstance(versions[str(version)], dict):  # symmetric keys list only times
        raise unsupported(STORE, "It has no public key.")
    text = member(versions, str, str(version), "public_key", store=STORE)
    if data.get("type") != ED25519:
        return Public.read(text.encode(), STORE)
    raw = unpacked(text, STORE)
    if len(raw) != 32:
        raise wrong_answer(STORE, "Its public key cannot be read.")
    return Public.of(Ed25519PublicKey.from_public_bytes(raw), STORE)


def _signed(web: Web, headers: dict[str, str], key: _Name, public: Public, message: bytes) -> bytes:
    path = f"v1/{key.mount}/sign/{key.name}"
    body: dict[str, Any] = {"input": base64.b64encode(message).decode(), "key_version": key.version}
    if public.hash:
        path = f"{path}/{_HASHES[public.hash]}"
        digest = base64.b64encode(public.digest(message)).decode()
        body |= {"input": digest, "prehashed": True, "marshaling_algorithm": "asn1"}
    said = member(web.post(path, headers, body), str, "data", "signature", store=STORE)
    found = _SIGNATURE.fullmatch(said)
    if found is None or int(found[1]) != key.version:
        raise wrong_answer(STORE, "It signed with another version of the key.")
    return unpacked(found[2], STORE)
