"""Keys of AWS KMS: ``awskms:///arn:aws:kms:…``, ``awskms:///alias/NAME`` or ``awskms:///KEY-ID``, by boto3."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from govkernel.errors import ConfigError
from govkernel_signers.keys import P256, P384, Public, StoredKey
from govkernel_signers.problems import (
    bad_uri,
    no_credentials,
    no_key,
    not_installed,
    unavailable,
    unsupported,
    wrong_answer,
)
from govkernel_signers.settings import AwsTable

STORE: Final = "AWS KMS"
_NAME: Final = r"[A-Za-z0-9/_-]{1,256}"
_ARN: Final = rf"arn:aws[a-z-]*:kms:([a-z0-9-]+):[0-9]{{12}}:(?:key|alias)/{_NAME}"
_URI: Final = re.compile(rf"awskms:///({_ARN}|alias/{_NAME}|(?:mrk-)?[0-9a-f-]{{32,36}})")
_ALGORITHMS: Final = {P256: "ECDSA_SHA_256", P384: "ECDSA_SHA_384"}
_REFUSED: Final = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "UnrecognizedClientException",
    }
)


class AwsProvider:
    """Opens ``awskms://`` keys; follows :class:`govkernel.hookspecs.SigningKeyProvider`."""

    schemes = frozenset({"awskms"})

    def __init__(self, settings: AwsTable, timeout: float) -> None:
        self._settings = settings
        self._timeout = timeout

    def open(self, uri: str) -> StoredKey:
        """The key; an alias is followed once, when it is opened.

        Raises:
            ConfigError: ``signer.*``.
        """
        found = _URI.fullmatch(uri)
        if found is None:
            raise bad_uri(
                "It has another form.",
                "awskms:///ARN, awskms:///alias/NAME or awskms:///KEY-ID (three slashes)",
            )
        name, region = found[1], found[2]
        client = self._client(region or self._settings.region)
        said = _asked(lambda: client.get_public_key(KeyId=name))
        usage, der, pinned = (said.get(part) for part in ("KeyUsage", "PublicKey", "KeyId"))
        if not isinstance(usage, str) or not isinstance(der, bytes) or not isinstance(pinned, str):
            raise wrong_answer(STORE, "It describes no key.")
        if usage != "SIGN_VERIFY":
            raise unsupported(STORE, f"Its usage is {usage[:40]}, not SIGN_VERIFY.")
        public = Public.read(der, STORE)
        if _ALGORITHMS.get(public.algorithm) not in said.get("SigningAlgorithms", ()):
            raise unsupported(STORE, "It does not sign with ECDSA and the hash of its curve.")

        def signing(message: bytes) -> bytes:
            return _signed(client, pinned, public, message)

        return StoredKey(public, signing)

    def _client(self, region: str) -> Any:
        try:
            import boto3  # noqa: PLC0415
            from botocore.config import Config  # noqa: PLC0415
        except ImportError:
            raise not_installed("aws") from None
        config = Config(
            connect_timeout=self._timeout,
            read_timeout=self._timeout,
            retries={"total_max_attempts": 2, "mode": "standard"},
        )

        def made() -> Any:
            session = boto3.session.Session(
                profile_name=self._settings.profile or None, region_name=region or None
            )
            return session.client("kms", endpoint_url=self._settings.endpoint, config=config)

        return _asked(made)


def _signed(client: Any, key: str, public: Public, message: bytes) -> bytes:
    said = _asked(
        lambda: client.sign(
            KeyId=key,
            Message=public.digest(message),
            MessageType="DIGEST",
            SigningAlgorithm=_ALGORITHMS[public.algorithm],
        )
    )
    if said.get("KeyId") != key or not isinstance(said.get("Signature"), bytes):
        raise wrong_answer(STORE, "It signed with another key.")
    signature: bytes = said["Signature"]
    return signature


def _asked(call: Callable[[], Any]) -> Any:
    """What boto3 answers, or what its error means."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # noqa: PLC0415

    try:
        return call()
    except NoCredentialsError:
        raise no_credentials(
            STORE, "There are none.", "Give boto3 some, e.g. AWS_PROFILE or a role."
        ) from None
    except ClientError as error:
        raise _meaning(error.response) from None
    except BotoCoreError as error:
        raise unavailable(STORE, type(error).__name__) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # an answer that botocore cannot read
        raise wrong_answer(STORE, type(error).__name__) from None


def _meaning(response: dict[str, Any]) -> ConfigError:
    code = re.sub(r"[^A-Za-z0-9.]", "", str(response.get("Error", {}).get("Code", "")))[:60]
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in _REFUSED or status in (401, 403):
        return no_credentials(
            STORE, f"It answered {code}.", "Allow kms:GetPublicKey and kms:Sign on the key."
        )
    if code in {"NotFoundException", "InvalidArnException"} or status == 404:
        return no_key(STORE, f"It answered {code}.")
    return unavailable(STORE, f"It answered {code}.")
