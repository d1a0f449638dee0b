"""The plugin's table in govkernel.toml. It names variables that hold secrets, and holds none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _address(text: str) -> str:
    """A base URL: HTTPS, or plain HTTP to this machine."""
    parts = urlsplit(text)
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be a URL without credentials, query or fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ValueError("must be HTTPS, or plain HTTP to this machine")
    return text.rstrip("/")


Address = Annotated[str, AfterValidator(_address)]
Variable = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]{0,127}$")]
"""Name of an environment variable."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pkcs11Table(_Table):
    """PKCS#11.

    Attributes:
        module: the library that talks to the token. It is code, so a URI cannot name it.
        pin_env: variable that holds the user PIN.
    """

    module: Path | None = None
    pin_env: Variable = "PKCS11_PIN"


class VaultTable(_Table):
    """HashiCorp Vault or OpenBao.

    Attributes:
        address: of the server; default is what VAULT_ADDR says.
        token_env: variable that holds the token.
        namespace: of the mount; empty for none.
        ca_bundle: certificate authorities (PEM) instead of the system's.
    """

    address: Address | None = None
    token_env: Variable = "VAULT_TOKEN"  # noqa: S105
    namespace: str = Field(default="", max_length=512, pattern=r"^[A-Za-z0-9/_.-]*$")
    ca_bundle: Path | None = None


class AwsTable(_Table):
    """AWS KMS; credentials are those boto3 finds.

    Attributes:
        region: where keys are that are not named by ARN; default is boto3's.
        profile: of the AWS configuration; empty is the default one.
        endpoint: instead of AWS's own, e.g. a VPC endpoint.
    """

    region: str = ""
    profile: str = ""
    endpoint: Address | None = None


class GcpTable(_Table):
    """Google Cloud KMS; credentials are Application Default Credentials.

    Attributes:
        endpoint: instead of Google's own, e.g. a regional or private one.
    """

    endpoint: Address = "https://cloudkms.googleapis.com"


class AzureTable(_Table):
    """Azure Key Vault and Managed HSM; credentials are those of azure-identity's default chain.

    Attributes:
        endpoint: where requests go instead of the vault that the URI names, e.g. a gateway in front of it.
    """

    endpoint: Address | None = None


class SignersSettings(_Table):
    """All of it.

    Attributes:
        timeout: seconds for each network exchange; the host bounds the whole call.
    """

    timeout: float = Field(default=10.0, gt=0, le=60)
    pkcs11: Pkcs11Table = Pkcs11Table()
    vault: VaultTable = VaultTable()
    aws: AwsTable = AwsTable()
    gcp: GcpTable = GcpTable()
    azure: AzureTable = AzureTable()
