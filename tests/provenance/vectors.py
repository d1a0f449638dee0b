"""Strangers' test vectors against our verifiers: counts cases, expected verdicts, and explains every miss.

    python tests/provenance/vectors.py FOLDER

FOLDER holds checkouts, each looked for and skipped when absent: ``sigstore-conformance``, ``model-transparency``,
``model-signing-spec``, ``wycheproof``. Nothing of them is part of this project.
"""

from __future__ import annotations

import base64
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from govkernel.domain import RejectedStatement
from govkernel.domain.predicates import OMS_SIGNATURE
from govkernel.errors import GovkernelError
from govkernel.provenance.anchors import Anchor, CertificateAnchor, KeyAnchor
from govkernel.provenance.foreign import check_oms, parse_foreign
from govkernel.provenance.identity import identity_pattern
from govkernel.provenance.keyless import KeylessAnchor, read_trusted_root
from govkernel.provenance.oms import read_oms
from govkernel.provenance.signatures import holds, usable
from govkernel.provenance.statement import parse_statement
from govkernel.provenance.verify_foreign import verify_foreign
from govkernel.provenance.x509 import read_roots

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BEACON = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
GITHUB = "https://token.actions.githubusercontent.com"


@dataclass
class Tally:
    """Cases of one suite.

    Attributes:
        name: of the suite.
        cases: how many were run.
        misses: the case and what happened, where the verdict was not the expected one.
    """

    name: str
    cases: int = 0
    misses: dict[str, str] = field(default_factory=dict)

    def add(self, case: str, expected: bool, got: bool, why: str = "") -> None:
        self.cases += 1
        if expected != got:
            self.misses[case] = why or "verified"

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.cases - len(self.misses)} of {self.cases}"]
        return "\n".join([*lines, *(f"  miss {case}: {why}" for case, why in self.misses.items())])


def conformance(folder: Path) -> Tally:
    """sigstore-conformance, ``test/assets/bundle-verify``."""
    tally, assets = Tally("sigstore-conformance"), folder / "test" / "assets" / "bundle-verify"
    for case in sorted(path for path in assets.iterdir() if path.is_dir()):
        got, why = _conformance_case(case)
        tally.add(case.name, not case.name.endswith("_fail"), got, why)
    return tally


def _conformance_case(case: Path) -> tuple[bool, str]:
    artifact = case / "artifact" if (case / "artifact").exists() else case.parent / "a.txt"
    try:
        anchor = _conformance_anchor(case)
        return _outcome(
            verify_foreign(artifact, (case / "bundle.sigstore.json").read_bytes(), anchor, now=NOW)
        )
    except GovkernelError as error:
        return False, f"{error.code}: {error.why}"


def _conformance_anchor(case: Path) -> Anchor:
    if (case / "key.pub").exists():
        return KeyAnchor.from_pem((case / "key.pub").read_bytes())
    root = (
        (case / "trusted_root.json").read_bytes() if (case / "trusted_root.json").exists() else _production()
    )
    identity, issuer = _text(case / "identity", BEACON), _text(case / "issuer", GITHUB)
    return KeylessAnchor(read_trusted_root(root), identity_pattern(identity), identity_pattern(issuer))


def transparency(folder: Path) -> Tally:
    """model-transparency's historic signed models, ``scripts/tests``."""
    tally, base = Tally("model-transparency"), folder / "scripts" / "tests"
    for case in sorted(base.glob("v*-*")):
        for changed in (False, True):
            got, why = _historic(base, case, changed)
            tally.add(f"{case.name}{', a file changed' if changed else ''}", not changed, got, why)
    return tally


def _historic(base: Path, case: Path, changed: bool) -> tuple[bool, str]:
    with tempfile.TemporaryDirectory() as place:
        model = Path(place) / case.name
        shutil.copytree(case, model)
        (model / "ignore-me").unlink(missing_ok=True)
        raw = (model / "model.sig").read_bytes()
        (model / "model.sig").unlink()
        if changed:
            (model / "signme-1").write_text("changed")
        path = model / "signme-1" if b'"."' in _payload(raw).replace(b" ", b"") else model
        return _outcome(verify_foreign(path, raw, _historic_anchor(base, case), now=NOW))


def _historic_anchor(base: Path, case: Path) -> Anchor:
    keys = base / "keys" / "certificate"
    if case.name.endswith("certificate"):
        return CertificateAnchor(
            read_roots((keys / "ca-cert.pem").read_bytes()), identity_pattern("CN=intermediate-ca")
        )
    if case.name.endswith("key"):
        return KeyAnchor.from_pem((keys / "signing-key-pub.pem").read_bytes())
    issuer = "https://sigstore.verify.ibm.com/oauth2"
    return KeylessAnchor(
        read_trusted_root(_production()), identity_pattern("stefanb@us.ibm.com"), identity_pattern(issuer)
    )


def specification(folder: Path) -> Tally:
    """model-signing-spec, ``test-vectors``: which bundles are well-formed OMS bundles."""
    tally = Tally("model-signing-spec")
    for case in sorted((folder / "test-vectors").glob("v*/*/*.json")):
        try:
            bundle = parse_foreign(case.read_bytes())
            check_oms(bundle)
            statement = parse_statement(bundle.content.payload)  # type: ignore[union-attr]
            if statement.predicate_type != OMS_SIGNATURE:
                raise ValueError("not an OMS statement")
            read_oms(statement)
            got, why = True, ""
        except (GovkernelError, ValueError) as error:
            got, why = False, str(error)
        tally.add(f"{case.parent.name}/{case.name}", case.parent.name == "valid", got, why)
    return tally


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


def _outcome(result: object) -> tuple[bool, str]:
    if isinstance(result, RejectedStatement):
        return False, f"{result.code}: {result.why}"
    return True, ""


def _payload(raw: bytes) -> bytes:
    return base64.b64decode(json.loads(raw)["dsseEnvelope"]["payload"])


def _text(path: Path, default: str) -> str:
    return path.read_text().strip() if path.exists() else default


def _production() -> bytes:
    """The trusted root that sigstore-python ships."""
    store = files("sigstore") / "_store" / "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev"
    return (store / "trusted_root.json").read_bytes()


def run(folder: Path) -> list[Tally]:
    """Every suite that is there."""
    found: list[Tally] = []
    for name, suite in (
        ("sigstore-conformance", conformance),
        ("model-transparency", transparency),
        ("model-signing-spec", specification),
    ):
        if (folder / name).is_dir():
            found.append(suite(folder / name))
    return found + (list(wycheproof(folder / "wycheproof")) if (folder / "wycheproof").is_dir() else [])


if __name__ == "__main__":
    for tally in run(Path(sys.argv[1])):
        print(tally)
