"""model-transparency's historic signed models, and model-signing-spec's bundles."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
from pathlib import Path

from govkernel.domain.predicates import OMS_SIGNATURE
from govkernel.errors import GovkernelError
from govkernel.provenance.anchors import Anchor, CertificateAnchor, KeyAnchor
from govkernel.provenance.foreign import check_oms, parse_foreign
from govkernel.provenance.identity import identity_pattern
from govkernel.provenance.oms import read_oms
from govkernel.provenance.statement import parse_statement
from govkernel.provenance.x509 import read_roots
from strangers.tally import Tally, Verdict, judged, keyless, trusted_root


def transparency(folder: Path) -> Tally:
    """model-transparency's historic signed models, ``scripts/tests``."""
    tally, base = Tally("model-transparency"), folder / "scripts" / "tests"
    for case in sorted(base.glob("v*-*")):
        for changed in (False, True):
            verdict = _historic(base, case, changed)
            tally.add(
                f"{case.name}{', a file changed' if changed else ''}",
                not changed,
                not verdict.code,
                str(verdict),
            )
    return tally


def _historic(base: Path, case: Path, changed: bool) -> Verdict:
    with tempfile.TemporaryDirectory() as place:
        model = Path(place) / case.name
        shutil.copytree(case, model)
        (model / "ignore-me").unlink(missing_ok=True)
        raw = (model / "model.sig").read_bytes()
        (model / "model.sig").unlink()
        if changed:
            (model / "signme-1").write_text("changed")
        path = model / "signme-1" if b'"."' in _payload(raw).replace(b" ", b"") else model
        return judged(path, raw, _historic_anchor(base, case))


def _historic_anchor(base: Path, case: Path) -> Anchor:
    keys = base / "keys" / "certificate"
    if case.name.endswith("certificate"):
        return CertificateAnchor(
            read_roots((keys / "ca-cert.pem").read_bytes()), identity_pattern("CN=intermediate-ca")
        )
    if case.name.endswith("key"):
        return KeyAnchor.from_pem((keys / "signing-key-pub.pem").read_bytes())
    return keyless(trusted_root(), "stefanb@us.ibm.com", "https://sigstore.verify.ibm.com/oauth2")


def _payload(raw: bytes) -> bytes:
    return base64.b64decode(json.loads(raw)["dsseEnvelope"]["payload"])


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
