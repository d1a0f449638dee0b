"""Keys of Azure Key Vault and Managed HSM: ``azurekms://VAULT.vault.azure.net/NAME/VERSION``.

Credentials are azure-identity's; the two calls are the vault's REST interface, api-version 7.4.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from govkernel_signers.keys import P256, P384, Public, StoredKey, der
from govkernel_signers.problems import bad_uri, no_credentials, not_installed, unsupported, wrong_answer
from govkernel_signers.settings import AzureTable
from govkernel_signers.web import Web, member, unpacked

STORE: Final = "Azure Key Vault"
_API: Final = "api-version=7.4"
_CLOUDS: Final = ("azure.net", "azure.cn", "usgovcloudapi.net")
_URI: Final = re.compile(
    rf"azurekms://([a-z0-9][a-z0-9-]{{1,126}})\.((?:vault|managedhsm)\.(?:{'|'.join(map(re.escape, _CLOUDS))}))"
    r"/(?:keys/)?([A-Za-z0-9-]{1,127})(?:/([0-9a-f]{32}))?"
)
_CURVES: Final[dict[str, ec.EllipticCurve]] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
_ALGORITHMS: Final = {P256: "ES256", P384: "ES384"}


class AzureProvider:
    """Opens ``azurekms://`` keys; follows :class:`govkernel.hookspecs.SigningKeyProvider`."""

    schemes = frozenset({"azurekms"})

    def __init__(self, settings: AzureTable, timeout: float) -> None:
        self._settings = settings
        self._timeout = timeout

    def open(self, uri: str) -> StoredKey:
        """The key, in its current version or the one that is given; pinned when opened.

        Raises:
            ConfigError: ``signer.*``.
        """
        found = _URI.fullmatch(uri)
        if found is None:
            raise bad_uri(
                "It has another form, or its host is no vault of Azure's.",
                "azurekms://VAULT.vault.azure.net/NAME or azurekms://VAULT.vault.azure.net/NAME/VERSION",
            )
        vault, service, name, version = found.groups()
        web = Web(STORE, self._settings.endpoint or f"https://{vault}.{service}", self._timeout)
        token = _Token(f"https://{service}/.default")
        said = web.get("/".join(filter(None, ("keys", name, version))) + f"?{_API}", token.header())
        key = member(said, dict, "key", store=STORE)
        pinned = _version(member(key, str, "kid", store=STORE), name, version or "")
        public = _public(key)

        def signing(message: bytes) -> bytes:
            return _signed(web, token, f"keys/{name}/{pinned}", public, message)

        return StoredKey(public, signing)


def _version(kid: str, name: str, asked: str) -> str:
    found = re.fullmatch(rf"https://[^/]+/keys/{re.escape(name)}/([0-9a-f]{{32}})", kid)
    if found is None or (asked and found[1] != asked):
        raise wrong_answer(STORE, "It speaks of another key.")
    return found[1]


def _public(key: dict[str, Any]) -> Public:
    curve = _CURVES.get(str(key.get("crv")))
    if key.get("kty") not in {"EC", "EC-HSM"} or curve is None:
        raise unsupported(STORE, f"It is {str(key.get('kty'))[:20]} {str(key.get('crv'))[:20]}.")
    x, y = (
        int.from_bytes(unpacked(member(key, str, axis, store=STORE), STORE, url=True)) for axis in ("x", "y")
    )
    try:
        return Public.of(ec.EllipticCurvePublicNumbers(x, y, curve).public_key(), STORE)
    except ValueError:
        raise wrong_answer(STORE, "Its public key is no point of the curve.") from None


def _signed(web: Web, token: _Token, path: str, public: Public, message: bytes) -> bytes:
    value = base64.urlsafe_b64encode(public.digest(message)).decode().rstrip("=")
    body = {"alg": _ALGORITHMS[public.algorithm], "value": value}
    said = web.post(f"{path}/sign?{_API}", token.header(), body)
    if not str(said.get("kid")).endswith(f"/{path}"):
        raise wrong_answer(STORE, "It signed with another key.")
    return der(unpacked(member(said, str, "value", store=STORE), STORE, url=True), STORE)


class _Token:
    """A bearer token for one service, kept by azure-identity until it ends."""

    def __init__(self, scope: str) -> None:
        try:
            from azure.identity import DefaultAzureCredential  # noqa: PLC0415
        except ImportError:
            raise not_installed("azure") from None
        self._scope = scope
        self._credential = DefaultAzureCredential()

    def header(self) -> dict[str, str]:
        """The header that carries it.

        Raises:
            ConfigError: ``signer.credentials``.
        """
        from azure.core.exceptions import AzureError  # noqa: PLC0415

        try:
            return {"Authorization": f"Bearer {self._credential.get_token(self._scope).token}"}
        except AzureError as error:
            raise no_credentials(
                STORE,
                type(error).__name__,
                "Set AZURE_TENANT_ID, AZURE_CLIENT_ID and a secret, or use an identity.",
            ) from None
