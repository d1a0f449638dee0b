"""Every store signs what verifies with everything we have; each way in which one lies or fails has its own code."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from govkernel_signers import SignersPlugin, SignersSettings
from govkernel_signers.web import unpacked
from hypothesis import given, settings
from hypothesis import strategies as st
from opening import check, open_uri, refused
from pydantic import ValidationError

from govkernel.errors import ConfigError
from govkernel.hookspecs import SigningKey, SigningKeyProvider
from govkernel.provenance import PublicKey
from tests.simulators.key_stores import (
    AWS_ID,
    AZURE_VERSION,
    GCP_NAME,
    MSI_SECRET,
    VAULT_TOKEN,
    Aws,
    Azure,
    Gcp,
    Key,
    Store,
    Vault,
    key_id,
    serving,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
URIS = {
    Vault: "vault://transit/release",
    Aws: "awskms:///alias/release",
    Gcp: f"gcpkms://{GCP_NAME}",
    Azure: "azurekms://acme.vault.azure.net/release",
}
KEYS: dict[str, Callable[[], Key]] = {
    "P-256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}
STORES = (Vault, Aws, Gcp, Azure)
AWS = {
    "ACCESS_KEY_ID": "AKIASIMULATED",
    "SECRET_ACCESS_KEY": "aws-very-secret",
    "DEFAULT_REGION": "eu-central-1",
    "EC2_METADATA_DISABLED": "true",
    "SHARED_CREDENTIALS_FILE": "/nowhere",
    "CONFIG_FILE": "/nowhere",
}


@pytest.fixture(params=STORES, ids=lambda kind: kind.__name__)
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    with serving(request.param()) as running:
        _credentials(running, tmp_path, monkeypatch)
        yield running


def _credentials(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the store's own client library finds in its usual places."""
    if isinstance(store, Vault):
        monkeypatch.setenv("VAULT_TOKEN", VAULT_TOKEN)
    elif isinstance(store, Gcp):
        pytest.importorskip("google.auth", reason='pip install "govkernel-signers[gcp]"')
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(store.account(folder / "account.json")))
    elif isinstance(store, Aws):
        pytest.importorskip("boto3", reason='pip install "govkernel-signers[aws]"')
        for name, value in AWS.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
    else:
        pytest.importorskip("azure.identity", reason='pip install "govkernel-signers[azure]"')
        monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{store.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", MSI_SECRET)


def table(store: Store, **more: Any) -> dict[str, Any]:
    where = {"address" if isinstance(store, Vault) else "endpoint": store.url}
    return {type(store).__name__.lower(): where, **more}


def opened(store: Store, uri: str = "", **more: Any) -> SigningKey:
    return open_uri(uri or URIS[type(store)], table(store, **more))


def test_it_offers_what_the_hook_asks_for() -> None:
    offered = SignersPlugin({}).govkernel_signing_keys()
    assert all(isinstance(item, SigningKeyProvider) for item in offered)
    schemes = [scheme for item in offered for scheme in item.schemes]
    assert sorted(schemes) == ["awskms", "azurekms", "gcpkms", "pkcs11", "vault"]


@pytest.mark.parametrize("kind", KEYS)
def test_a_stored_key_signs_as_a_local_one_does(store: Store, kind: str, tmp_path: Path) -> None:
    store.key = KEYS[kind]()
    if isinstance(store, Aws | Azure) and kind == "Ed25519":  # not supported in these two, see README.md
        assert refused(lambda: opened(store)) == "signer.unsupported"
        return
    key = opened(store)
    assert key.key_id == key_id(store.key) == PublicKey.from_pem(key.public_key_pem()).key_id
    check(key, tmp_path)


def test_a_version_is_pinned_when_the_key_is_opened(store: Store) -> None:
    opened(store).sign(b"message")
    pinned = {
        Vault: "/sign/release/sha2-256",
        Aws: Aws.arn,
        Gcp: f"{GCP_NAME}:asymmetricSign",
        Azure: AZURE_VERSION,
    }
    assert pinned[type(store)] in store.asked[-1]


def test_a_version_can_be_named() -> None:
    with serving(Vault()) as vault, pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAULT_TOKEN", VAULT_TOKEN)
        first = opened(vault, "vault://transit/release?version=1")
        assert first.key_id != opened(vault).key_id
        assert refused(lambda: opened(vault, "vault://transit/release?version=9")) == "signer.no-key"
        assert refused(lambda: first.sign(b"message")) == "key.wrong-signature", "it lost its first version"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "signer.credentials"),
        (403, "signer.credentials"),
        (404, "signer.no-key"),
        (400, "signer.unavailable"),
        (429, "signer.unavailable"),
        (500, "signer.unavailable"),
        (503, "signer.unavailable"),
    ],
)
def test_a_store_that_says_no(store: Store, status: int, code: str) -> None:
    store.status = status
    assert refused(lambda: opened(store)) == code
    store.status = 200
    key = opened(store)
    store.status = status
    assert refused(lambda: key.sign(b"message")) == code


RAW = {
    "nothing": b"",
    "no JSON": b"<html>",
    "a list": b"[]",
    "an empty object": b"{}",
    "two of one member": b'{"a": 1, "a": 2}',
}


@pytest.mark.parametrize("name", RAW)
def test_an_answer_that_cannot_be(store: Store, name: str) -> None:
    key = opened(store)
    store.raw = RAW[name]
    assert refused(lambda: opened(store)) == "signer.wrong-answer"
    assert refused(lambda: key.sign(b"message")) == "signer.wrong-answer"


def test_an_answer_without_end_is_not_read(store: Store) -> None:
    store.raw = b" " * (2 << 20)
    expected = "signer.wrong-answer" if isinstance(store, Aws) else "signer.unavailable"  # boto3 has no bound
    assert refused(lambda: opened(store)) == expected


def test_a_redirect_is_not_followed_so_that_the_token_stays(store: Store) -> None:
    with serving(Store()) as thief:
        key = opened(store)
        store.location = f"{thief.url}/steal"
        assert refused(lambda: key.sign(b"message")) == "signer.unavailable"
        assert thief.asked == []


def test_a_store_that_hangs_costs_its_timeout(store: Store) -> None:
    key = opened(store, timeout=0.2)
    store.hangs = Event()
    assert refused(lambda: key.sign(b"message")) == "signer.unavailable"


def test_another_key_signs_and_nothing_comes_of_it(store: Store) -> None:
    key = opened(store)
    store.other = KEYS["P-256"]()
    assert refused(lambda: key.sign(b"message")) == "key.wrong-signature"


def _set(*path: str, to: Any) -> Callable[[dict[str, Any]], None]:
    def lie(answer: dict[str, Any]) -> None:
        place: Any = answer
        for name in path[:-1]:
            place = place.get(name, {})
        if path[-1] in place:
            place[path[-1]] = to

    return lie


PEM_384 = "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"
OPENING: dict[str, tuple[type[Store], Callable[[dict[str, Any]], None], str]] = {
    "Vault derives it": (Vault, _set("data", "derived", to=True), "signer.unsupported"),
    "Vault lists times only": (Vault, _set("data", "keys", to={"2": 1700000000}), "signer.unsupported"),
    "Vault has no latest": (Vault, _set("data", "latest_version", to="2"), "signer.wrong-answer"),
    "Vault says true": (Vault, _set("data", "latest_version", to=True), "signer.wrong-answer"),
    "Vault's key is none": (
        Vault,
        _set("data", "keys", "2", "public_key", to=PEM_384),
        "signer.wrong-answer",
    ),
    "Vault's key is short": (Vault, _set("data", "type", to="ed25519"), "signer.wrong-answer"),
    "AWS's is none": (Aws, _set("PublicKey", to="MAA="), "signer.wrong-answer"),
    "AWS signs otherwise": (Aws, _set("SigningAlgorithms", to=["ECDSA_SHA_384"]), "signer.unsupported"),
    "Google's is another": (Gcp, _set("name", to="projects/x"), "signer.wrong-answer"),
    "Google's is of RSA": (Gcp, _set("algorithm", to="RSA_SIGN_PSS_2048_SHA256"), "signer.unsupported"),
    "Google's is none": (Gcp, _set("pem", to="x"), "signer.wrong-answer"),
    "Azure's is another": (Azure, _set("key", "kid", to="https://x/keys/other/1"), "signer.wrong-answer"),
    "Azure's is symmetric": (Azure, _set("key", "kty", to="oct"), "signer.unsupported"),
    "Azure's curve is Bitcoin's": (Azure, _set("key", "crv", to="P-256K"), "signer.unsupported"),
    "Azure's point is on no curve": (Azure, _set("key", "x", to="AQAB"), "signer.wrong-answer"),
    "Azure's point is no base64": (Azure, _set("key", "x", to="!"), "signer.wrong-answer"),
}


@pytest.mark.parametrize("name", OPENING)
def test_a_key_that_cannot_be(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, lie, code = OPENING[name]
    with serving(kind()) as store:
        _credentials(store, tmp_path, monkeypatch)
        store.lie = lie
        assert refused(lambda: opened(store)) == code


SIGNING: dict[str, tuple[type[Store], Callable[[dict[str, Any]], None], str]] = {
    "Vault signs with version 1": (
        Vault,
        _set("data", "signature", to="vault:v1:AAAA"),
        "signer.wrong-answer",
    ),
    "Vault's signature is none": (Vault, _set("data", "signature", to="AAAA"), "signer.wrong-answer"),
    "Vault's signature is empty": (
        Vault,
        _set("data", "signature", to="vault:v2:AA=="),
        "key.wrong-signature",
    ),
    "AWS signs with another": (Aws, _set("KeyId", to="other"), "signer.wrong-answer"),
    "AWS's signature is none": (Aws, _set("Signature", to="AAAA"), "key.wrong-signature"),
    "Google signs with another": (Gcp, _set("name", to="projects/x"), "signer.wrong-answer"),
    "Google's signature is none": (Gcp, _set("signature", to="!"), "signer.wrong-answer"),
    "Azure signs with another": (Azure, _set("kid", to="https://x/keys/release/1"), "signer.wrong-answer"),
    "Azure's signature is short": (Azure, _set("value", to="AAAA"), "signer.wrong-answer"),
    "Azure's signature is nought": (Azure, _set("value", to="A" * 86), "key.wrong-signature"),
}


@pytest.mark.parametrize("name", SIGNING)
def test_a_signature_that_cannot_be(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, lie, code = SIGNING[name]
    with serving(kind()) as store:
        _credentials(store, tmp_path, monkeypatch)
        key = opened(store)
        store.lie = lie
        assert refused(lambda: key.sign(b"message")) == code


def test_a_key_of_rsa_is_refused(store: Store) -> None:
    store.key = rsa.generate_private_key(65537, 2048)
    assert refused(lambda: opened(store)) == "signer.unsupported"


WRONG_URIS = (
    "vault://transit",
    "vault://transit/",
    "vault:///release",
    "vault://transit/../sys/release",
    "vault://transit/release?token=x",
    "vault://transit/release?version=0",
    "vault://transit/a%2Fb",
    "vault://tran sit/release",
    "awskms://alias/release",
    "awskms:///",
    "awskms:///arn:aws:s3:::bucket",
    "awskms:///arn:aws:kms:eu:12:key/x",
    "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k",
    f"gcpkms://{GCP_NAME}/../x",
    f"gcpkms://{GCP_NAME}?x",
    "azurekms://evil.example/release",
    "azurekms://acme.vault.azure.net.evil.example/release",
    "azurekms://evil.example/.vault.azure.net/release",
    "azurekms://acme.vault.azure.net/release/1",
    "azurekms://acme.vault.azure.net",
    "pkcs11:",
    "pkcs11:token=acme",
    "pkcs11:object=a;object=b",
    "pkcs11:object=a;type=public",
    "pkcs11:object=a?pin-value=very-secret-1234",
    "pkcs11:object=a?module-path=/tmp/evil.so",
    "pkcs11:object=a;x-vendor=1",
    "pkcs11:object=%FF",
    "pkcs11:object=a b",
    "pkcs11:object=",
)


@pytest.mark.parametrize("uri", WRONG_URIS)
def test_a_uri_that_names_no_key(uri: str) -> None:
    assert refused(lambda: open_uri(uri, {})) == "signer.uri"


@settings(deadline=None)
@given(st.sampled_from(["vault://", "awskms:///", "gcpkms://projects/", "azurekms://", "pkcs11:"]), st.text())
def test_whatever_a_uri_says_it_is_refused_or_asked_for(prefix: str, rest: str) -> None:
    plugin = SignersPlugin({})
    [provider] = [
        item for item in plugin.govkernel_signing_keys() if prefix.partition(":")[0] in item.schemes
    ]
    with pytest.raises(ConfigError):
        provider.open(prefix + rest + "\n")


@pytest.mark.parametrize(
    "config",
    [
        {"vault": {"address": "http://vault.acme.example"}},
        {"vault": {"address": "https://user:secret@vault.acme.example"}},
        {"vault": {"address": "vault.acme.example"}},
        {"vault": {"token": "x"}},
        {"vault": {"token_env": "not a variable"}},
        {"gcp": {"endpoint": "http://127.0.0.1.evil.example"}},
        {"azure": {"endpoint": "ftp://x"}},
        {"pkcs11": {"pin": "1234"}},
        {"timeout": 0},
        {"timeout": 3600},
    ],
)
def test_settings_that_cannot_be(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SignersSettings.model_validate(config)


@pytest.mark.parametrize("token", ["", "with\nnewline", "söcret"])
def test_a_token_that_is_none(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", token)
    config = {"vault": {"address": "https://127.0.0.1:9"}}
    assert refused(lambda: open_uri(URIS[Vault], config)) == "signer.credentials"


def test_vault_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_ADDR", "http://vault.acme.example")
    assert refused(lambda: open_uri(URIS[Vault], {})) == "signer.settings"


def test_nobody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_TOKEN", VAULT_TOKEN)
    config = {"vault": {"address": "http://127.0.0.1:9"}}
    assert refused(lambda: open_uri(URIS[Vault], config)) == "signer.unavailable"


def test_authorities_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VAULT_TOKEN", VAULT_TOKEN)
    config = {"vault": {"address": "https://127.0.0.1:9", "ca_bundle": str(tmp_path / "none.pem")}}
    assert refused(lambda: open_uri(URIS[Vault], config)) == "signer.settings"


@pytest.mark.parametrize("kind", [Gcp, Azure])
def test_credentials_that_are_not_taken(
    kind: type[Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(kind()) as store:
        _credentials(store, tmp_path, monkeypatch)
        if kind is Gcp:
            (tmp_path / "account.json").write_text("{}")
        else:
            monkeypatch.setenv("IDENTITY_HEADER", "wrong")
        assert refused(lambda: opened(store)) == "signer.credentials"


class TestAwsKms:
    """What only AWS has: names of four forms, usages, profiles."""

    @pytest.fixture
    def kms(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
        with serving(Aws()) as running:
            _credentials(running, tmp_path, monkeypatch)
            yield running

    @pytest.mark.parametrize(
        "name", [Aws.arn, AWS_ID, "alias/release", Aws.arn.rpartition(":")[0] + ":alias/release"]
    )
    def test_each_form_of_a_name_and_the_key_is_pinned(self, kms: Aws, name: str, tmp_path: Path) -> None:
        key = opened(kms, f"awskms:///{name}")
        assert kms.asked[-1].endswith(name)
        check(key, tmp_path)
        assert kms.asked[-1] == f"TrentService.Sign {Aws.arn}"

    def test_a_key_for_something_else(self, kms: Aws) -> None:
        kms.usage = "ENCRYPT_DECRYPT"
        assert refused(lambda: opened(kms)) == "signer.unsupported"
        assert refused(lambda: opened(kms, "awskms:///alias/none")) == "signer.no-key"

    def test_without_credentials(self, kms: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASTRANGER")
        assert refused(lambda: opened(kms)) == "signer.credentials"
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        assert refused(lambda: opened(kms)) == "signer.credentials"
        config = {"aws": {"endpoint": kms.url, "profile": "none"}}
        assert refused(lambda: open_uri(URIS[Aws], config)) == "signer.unavailable"


def test_base64_of_urls_is_read_as_it_is_written() -> None:
    for size in range(70):
        data = bytes(range(size))
        text = base64.urlsafe_b64encode(data).decode().rstrip("=")
        assert unpacked(text, "x", url=True) == data
