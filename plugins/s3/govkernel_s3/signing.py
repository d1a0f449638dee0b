"""Credentials, and requests signed with them (AWS Signature Version 4) by botocore. Nothing is looked up unasked.

botocore is imported when there is something to sign. Its client is not used: it reads listings of any length, follows a
store to other hosts, and takes addresses, proxies and certificates from the environment.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from govkernel.errors import ConfigError
from govkernel_s3.settings import Place

MAX_FILE: Final = 1024 * 1024
"""Characters of a credentials file."""


class Signer:
    """Signs the requests to one store.

    Args:
        place: whose credentials to use.
        timeout: seconds for each exchange with a metadata or token service, where those are asked.
    """

    def __init__(self, place: Place, timeout: float) -> None:
        self._place = place
        self._timeout = timeout
        self._ambient: Any = None

    def headers(self, url: str) -> dict[str, str]:
        """The headers that a GET of the URL needs; none without credentials.

        Raises:
            ConfigError: ``s3.credentials``; never with a secret in it.
        """
        secrets = self._secrets()
        if secrets is None:
            return {}
        from botocore.auth import S3SigV4Auth  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        request = AWSRequest(method="GET", url=url)
        S3SigV4Auth(secrets, "s3", self._place.region).add_auth(request)
        return dict(request.headers)

    def _secrets(self) -> Any:
        if self._place.ambient:
            return self._found()
        if self._place.credentials is None:
            return None
        from botocore.credentials import Credentials  # noqa: PLC0415

        profile = _profile(self._place.credentials, self._place.profile)
        key, secret = profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")
        if not key or not secret:
            raise _unusable(f"The profile {self._place.profile!r} of {self._place.credentials} has no key.")
        return Credentials(key, secret, profile.get("aws_session_token"))

    def _found(self) -> Any:
        """What botocore finds, kept and renewed by it."""
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415
        from botocore.session import Session  # noqa: PLC0415

        try:
            if self._ambient is None:
                session = Session()
                limits = {"connect_timeout": self._timeout, "read_timeout": self._timeout}
                session.set_default_client_config(Config(retries={"total_max_attempts": 1}, **limits))
                self._ambient = session.get_credentials()
            if self._ambient is not None:
                return self._ambient.get_frozen_credentials()
        except BotoCoreError as error:
            raise _unusable(f"They cannot be had: {type(error).__name__}.") from None
        raise _unusable("There are none: no variables, no file, no web identity, no metadata service.")


def _profile(path: Path, name: str) -> Mapping[str, str]:
    """A section of a file, read each time: what rotates credentials writes a new file."""
    parser = configparser.RawConfigParser()
    try:
        with path.open(encoding="utf-8") as stream:
            parser.read_string(stream.read(MAX_FILE))
        return parser[name]
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError):
        raise _unusable(f"{path} cannot be read, or has no profile {name!r}.") from None


def _unusable(why: str) -> ConfigError:
    return ConfigError(
        "s3.credentials",
        "The credentials for a store cannot be used.",
        why=why,
        remedy="Check `credentials`, `profile` and `ambient` in [[plugins.settings.s3.places]].",
    )
