"""A real PKCS#11 token in a folder, by SoftHSM 2; who asks for it and has none is told what to install."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PIN, SO_PIN, LABEL = "very-secret-1234", "5678", "acme"
MODULES: Sequence[str] = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)


@dataclass(frozen=True)
class Token:
    """A token; keys are made in it and never leave it.

    Attributes:
        module: the PKCS#11 library.
        serial: of the token.
    """

    module: str
    serial: str

    @contextmanager
    def session(self) -> Iterator[Any]:
        """A session that may write."""
        import pkcs11

        token = pkcs11.lib(self.module).get_token(token_serial=self.serial.encode())
        with token.open(rw=True, user_pin=PIN) as opened:
            yield opened

    def generate(self, label: str, curve: str, key_id: bytes = b"", **templates: Any) -> None:
        """A key pair on ``secp256r1``, ``secp384r1`` or ``ed25519``."""
        from pkcs11 import Attribute, KeyType, Mechanism
        from pkcs11.util.ec import encode_named_curve_parameters

        edwards = curve == "ed25519"
        parameters = b"\x13\x0cedwards25519" if edwards else encode_named_curve_parameters(curve)
        kind = KeyType.EC_EDWARDS if edwards else KeyType.EC
        how = {"mechanism": Mechanism.EC_EDWARDS_KEY_PAIR_GEN} if edwards else {}
        with self.session() as session:
            domain = session.create_domain_parameters(kind, {Attribute.EC_PARAMS: parameters}, local=True)
            domain.generate_keypair(store=True, label=label, id=key_id, **how, **templates)


def make_token(folder: Path, monkeypatch: pytest.MonkeyPatch, label: str = LABEL) -> Token:
    """A fresh token, whose PIN is :data:`PIN`; skips the test where SoftHSM or python-pkcs11 is missing."""
    pkcs11 = pytest.importorskip("pkcs11", reason='pip install "govkernel-signers[pkcs11]"')
    module = next((path for path in MODULES if Path(path).exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("needs SoftHSM 2: apt-get install softhsm2")
    (folder / "tokens").mkdir(parents=True)
    config = folder / "softhsm2.conf"
    config.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    monkeypatch.setenv("SOFTHSM2_CONF", str(config))
    made = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", SO_PIN]
    subprocess.run(made, check=True, capture_output=True)
    pkcs11.unload(module)  # the library reads its configuration once
    [token] = [item for item in pkcs11.lib(module).get_tokens() if item.label == label]
    return Token(module, token.serial.decode())
