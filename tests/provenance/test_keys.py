from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from govkernel.errors import ConfigError
from govkernel.hookspecs import SigningKey, SigningKeyProvider
from govkernel.provenance import LocalKey, LocalKeyProvider, PublicKey
from govkernel.provenance.keys import ALGORITHMS


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_a_key_signs_only_its_public_key_verifies(algorithm: str) -> None:
    ours, theirs = LocalKey.generate(algorithm), LocalKey.generate(algorithm)
    signature = ours.sign(b"message")
    assert PublicKey.from_pem(ours.public_key_pem()).verify(signature, b"message")
    assert not ours.public.verify(signature, b"massage")
    assert not ours.public.verify(signature[:-1], b"message")
    assert not ours.public.verify(b"", b"message")
    assert not theirs.public.verify(signature, b"message")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_a_written_key_is_private_and_loads_again(
    algorithm: str, passphrase: bytes | None, tmp_path: Path
) -> None:
    key = LocalKey.generate(algorithm)
    path = tmp_path / "release.key"
    public = key.write(path, passphrase)
    assert path.stat().st_mode & 0o777 == 0o600
    assert LocalKey.load(path, passphrase).key_id == key.key_id
    assert PublicKey.from_pem(public.read_bytes()).key_id == key.key_id


def test_a_key_is_never_overwritten(tmp_path: Path, key: LocalKey) -> None:
    key.write(tmp_path / "a.key")
    with pytest.raises(ConfigError) as caught:
        LocalKey.generate().write(tmp_path / "a.key")
    assert caught.value.code == "key.exists"
    assert LocalKey.load(tmp_path / "a.key").key_id == key.key_id


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (b"{}", "-----BEGIN"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate"),
        (b"-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n", "between its BEGIN and END"),
    ],
)
def test_what_is_no_key_is_told_apart(pem: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "a.key").write_bytes(pem)
    for read in (lambda: PublicKey.from_pem(pem), lambda: LocalKey.load(tmp_path / "a.key")):
        with pytest.raises(ConfigError) as caught:
            read()
        assert caught.value.code == "key.malformed"
        assert why in caught.value.why


@pytest.mark.parametrize("passphrase", [None, b"wrong"])
def test_an_encrypted_key_needs_its_passphrase(passphrase: bytes | None, tmp_path: Path) -> None:
    LocalKey.generate().write(tmp_path / "a.key", b"right")
    with pytest.raises(ConfigError) as caught:
        LocalKey.load(tmp_path / "a.key", passphrase)
    assert caught.value.code == "key.passphrase"
    assert "GOVKERNEL_KEY_PASSPHRASE" in caught.value.remedy


def test_a_passphrase_that_is_not_needed_is_no_error(tmp_path: Path, key: LocalKey) -> None:
    key.write(tmp_path / "a.key")
    assert LocalKey.load(tmp_path / "a.key", b"not needed").key_id == key.key_id


def test_unusable_keys_say_why(tmp_path: Path, key: LocalKey) -> None:
    private = rsa.generate_private_key(65537, 2048)
    rsa_pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key.write(tmp_path / "a.key")
    codes = {
        b"-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n": "key.malformed",
        b"": "key.malformed",
        rsa_pem: "key.unsupported",
        (tmp_path / "a.key").read_bytes(): "key.private",
    }
    for pem, code in codes.items():
        with pytest.raises(ConfigError) as caught:
            PublicKey.from_pem(pem)
        assert caught.value.code == code
        assert caught.value.remedy
    (tmp_path / "big").write_bytes(b"x" * 70_000)
    (tmp_path / "rsa.key").write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    for name, code in {
        "none": "key.unreadable",
        "big": "key.unreadable",
        "rsa.key": "key.unsupported",
    }.items():
        with pytest.raises(ConfigError) as caught:
            LocalKey.load(tmp_path / name)
        assert caught.value.code == code
    with pytest.raises(ConfigError) as caught:
        LocalKey.generate("dsa")
    assert caught.value.code == "key.unsupported"


def test_the_provider_opens_file_uris(tmp_path: Path, key: LocalKey) -> None:
    key.write(tmp_path / "a.key")
    provider = LocalKeyProvider(tmp_path)
    assert isinstance(provider, SigningKeyProvider)
    assert isinstance(key, SigningKey)
    for uri in ("file:a.key", f"file:{tmp_path}/a.key", f"file://{tmp_path}/a.key"):
        assert provider.open(uri).key_id == key.key_id
