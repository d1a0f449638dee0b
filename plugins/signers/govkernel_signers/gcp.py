"""Key versions of Google Cloud KMS: ``gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N``.

Credentials are google-auth's; the two calls are Cloud KMS's REST interface, v1.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final

from govkernel_signers.keys import ED25519, P256, P384, Public, StoredKey
from govkernel_signers.problems import bad_uri, no_credentials, not_installed, unsupported, wrong_answer
from govkernel_signers.settings import GcpTable
from govkernel_signers.web import Web, member, unpacked

STORE: Final = "Google Cloud KMS"
_SCOPE: Final = "https://www.googleapis.com/auth/cloudkms"
_PART: Final = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}"
_URI: Final = re.compile(
    rf"gcpkms://(projects/{_PART}/locations/{_PART}/keyRings/{_PART}/cryptoKeys/{_PART})"
    r"/(?:cryptoKeyVersions|versions)/([1-9][0-9]{0,8})"
)
_ALGORITHMS: Final = {
    P256: "EC_SIGN_P256_SHA256",
    P384: "EC_SIGN_P384_SHA384",
    ED25519: "EC_SIGN_ED25519",
}
_RENEW: Final = "Set GOOGLE_APPLICATION_CREDENTIALS, or run where a service account is attached."


class GcpProvider:
    """Opens ``gcpkms://`` keys; follows :class:`govkernel.hookspecs.SigningKeyProvider`."""

    schemes = frozenset({"gcpkms"})

    def __init__(self, settings: GcpTable, timeout: float) -> None:
        self._settings = settings
        self._timeout = timeout

    def open(self, uri: str) -> StoredKey:
        """The key version; another version is another key, so it has to be named.

        Raises:
            ConfigError: ``signer.*``.
        """
        found = _URI.fullmatch(uri)
        if found is None:
            raise bad_uri(
                "It has another form, or names no version.",
                "gcpkms://projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N",
            )
        name = f"{found[1]}/cryptoKeyVersions/{found[2]}"
        web, credentials = Web(STORE, self._settings.endpoint, self._timeout), _credentials()
        said = web.get(f"v1/{name}/publicKey", _bearer(credentials))
        if said.get("name") != name:
            raise wrong_answer(STORE, "It speaks of another key.")
        public = Public.read(member(said, str, "pem", store=STORE).encode(), STORE)
        if said.get("algorithm") != _ALGORITHMS[public.algorithm]:
            raise unsupported(STORE, f"Its algorithm is {str(said.get('algorithm'))[:60]}.")

        def signing(message: bytes) -> bytes:
            return _signed(web, credentials, name, public, message)

        return StoredKey(public, signing)


def _signed(web: Web, credentials: Any, name: str, public: Public, message: bytes) -> bytes:
    content = public.digest(message) if public.hash else message
    encoded = base64.b64encode(content).decode()
    body = {"digest": {public.hash: encoded}} if public.hash else {"data": encoded}
    said = web.post(f"v1/{name}:asymmetricSign", _bearer(credentials), body)
    if said.get("name") != name:
        raise wrong_answer(STORE, "It signed with another key.")
    return unpacked(member(said, str, "signature", store=STORE), STORE)


def _credentials() -> Any:
    try:
        import google.auth  # noqa: PLC0415
        import google.auth.transport.requests  # noqa: PLC0415
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    except ImportError:
        raise not_installed("gcp") from None
    try:
        return google.auth.default(scopes=[_SCOPE])[0]
    except (GoogleAuthError, ValueError, OSError) as error:
        raise no_credentials(STORE, type(error).__name__, _RENEW) from None


def _bearer(credentials: Any) -> dict[str, str]:
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from google.auth.transport.requests import Request  # noqa: PLC0415

    try:
        if not credentials.valid:
            credentials.refresh(Request())
    except GoogleAuthError as error:
        raise no_credentials(STORE, type(error).__name__, _RENEW) from None
    return {"Authorization": f"Bearer {credentials.token}"}
