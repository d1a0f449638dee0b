"""Wycheproof's signature files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from govkernel.errors import GovkernelError
from govkernel.provenance.signatures import holds, usable
from strangers.tally import Tally


def wycheproof(folder: Path) -> Iterator[Tally]:
    """Wycheproof's ECDSA (DER), Ed25519 and RSA signature files; keys we do not accept must verify nothing."""
    for kind, pattern in (
        ("ECDSA", "ecdsa_*_test.json"),
        ("Ed25519", "ed25519_test.json"),
        ("RSA PKCS #1", "rsa_signature_*_test.json"),
        ("RSA PSS", "rsa_pss_*_test.json"),
    ):
        accepted, foreign = (
            Tally(f"wycheproof {kind}"),
            Tally(f"wycheproof {kind}, keys or hashes not accepted"),
        )
        for path in sorted((folder / "testvectors_v1").glob(pattern)):
            if "p1363" not in path.name and "webcrypto" not in path.name:
                _wycheproof_file(path, accepted, foreign)
        yield accepted
        yield foreign


def _wycheproof_file(path: Path, accepted: Tally, foreign: Tally) -> None:
    for group in json.loads(path.read_text())["testGroups"]:
        key = _wycheproof_key(group)
        algorithm = _hash(group.get("sha", ""))
        known = key is not None and (algorithm is not None or path.name.startswith("ed25519"))
        scheme = _padding(group, path.name)
        for test in group["tests"]:
            message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
            got = known and scheme is not False and holds(key, signature, message, algorithm, scheme)  # type: ignore[arg-type]
            expected = test["result"] == "valid" or (got and test["result"] == "acceptable")
            if known and scheme is not False:
                accepted.add(f"{path.stem}/{test['tcId']}", expected, got, test["comment"])
            else:
                foreign.add(f"{path.stem}/{test['tcId']}", False, got)


def _wycheproof_key(group: dict[str, Any]) -> Any:
    try:
        if pem := group.get("publicKeyPem"):
            return usable(load_pem_public_key(pem.encode()))
        return usable(load_der_public_key(bytes.fromhex(group["publicKeyDer"])))
    except (GovkernelError, ValueError, KeyError):
        return None
    except Exception as error:
        return None if "Unsupported" in type(error).__name__ else (_ for _ in ()).throw(error)


def _hash(name: str) -> Any:
    return {"SHA-256": hashes.SHA256(), "SHA-384": hashes.SHA384(), "SHA-512": hashes.SHA512()}.get(name)


def _padding(group: dict[str, Any], name: str) -> Any:
    """The padding, None for the default, False when the mask's hash is not accepted."""
    if not name.startswith("rsa_pss"):
        return None
    mask = _hash(group.get("mgfSha", ""))
    return padding.PSS(padding.MGF1(mask), group["sLen"]) if mask else False
