"""sigstore-python, ``test/assets``; its tests say what must come out.

Not run: what it tests by replacing parts of itself (thresholds of verified times, its policies' other extensions).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from govkernel.provenance.keyless import read_trusted_root
from govkernel.provenance.x509 import certify
from strangers.tally import NOW, Tally, attempt, judged, keyless, signed, trusted_root

LOGIN = "https://github.com/login/oauth"
GOOGLE = "https://accounts.google.com"
RELEASE = "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2"

BUNDLES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("bundle.txt.sigstore", "a@tny.town", LOGIN, ()),
    ("bundle_v3.txt.sigstore", "william@yossarian.net", LOGIN, ()),
    ("bundle_v3_alt.txt.sigstore", "william@yossarian.net", LOGIN, ()),
    ("integration/bundle_v3.txt.sigstore", "william@yossarian.net", LOGIN, ()),
    ("staging-rekor-v2.txt.sigstore.json", "jku@goto.fi", LOGIN, ()),
    ("bundle_v3.txt.sigstore", "william@yossarian.ne", LOGIN, ("identity.mismatch",)),
    ("bundle_v3.txt.sigstore", "william@yossarian.net", GOOGLE, ("identity.issuer",)),
    ("bundle_cve_2022_36056.txt.sigstore", "regex:.*", "regex:.*", ("keyless.log-entry",)),
    ("bundle_invalid_version.txt.sigstore", "regex:.*", "regex:.*", ("provenance.media-type",)),
    ("bundle_no_cert_v1.txt.sigstore", "regex:.*", "regex:.*", ("provenance.bundle-malformed",)),
    ("bundle_no_log_entry.txt.sigstore", "regex:.*", "regex:.*", ("keyless.bundle",)),
    ("bundle_no_checkpoint.txt.sigstore", "regex:.*", "regex:.*", ("keyless.bundle",)),
    ("bundle_v3_no_signed_time.txt.sigstore.json", "regex:.*", "regex:.*", ("keyless.bundle",)),
)
"""Bundle, identity, issuer, and how the refusal's code must start; the artifact lies beside."""

STAMPED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("bundle.txt.sigstore", ()),
    ("bundle.many_timestamp.sigstore", ("keyless.time",)),
    ("bundle.duplicate.sigstore", ("keyless.time",)),
    ("bundle.txt.late_timestamp.sigstore", ("keyless.time", "keyless.chain")),
)
"""Bundles with timestamps of the suite's own authority."""

CHAINS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("bogus-leaf", "bogus-root", ()),
    ("bogus-leaf-invalid-eku", "bogus-root", ("certificate.not-code-signing",)),
    ("bogus-leaf-missing-eku", "bogus-root", ("certificate.not-code-signing",)),
    ("bogus-leaf-invalid-ku", "bogus-root", ("certificate.key-usage",)),
    ("bogus-intermediate", "bogus-root", ("certificate.",)),
    ("bogus-intermediate-with-eku", "bogus-root", ("certificate.",)),
    ("bogus-root", "bogus-root", ("certificate.",)),
    ("bogus-leaf", "bogus-root-invalid-ku", ("certificate.not-an-authority",)),
    ("bogus-leaf", "bogus-root-missing-ku", ("certificate.",)),
    ("bogus-leaf", "bogus-root-noncritical-bc", ("certificate.",)),
)
"""A signer's certificate, the root it is held against, and how the refusal's code must start."""

_ROOT = "a root is whom a person chose to trust; RFC 5280 section 6.1.1 takes its name and key, not its extensions"
EXPLAINED = {
    "tsa, without integratedTime": "a promise without its time counts for nothing, and the entry's inclusion "
    "proof and a timestamp hold without it; sigstore-python marks its own test as failing",
    "x509/bogus-intermediate-with-eku below bogus-root": "model-signing's own guide makes such signers: ADR 0008",
    "x509/bogus-leaf below bogus-root-missing-ku": _ROOT,
    "x509/bogus-leaf below bogus-root-noncritical-bc": _ROOT,
}


def sigstore_python(folder: Path) -> Tally:
    """Bundles, timestamps, certificates and trusted roots of its tests."""
    tally, assets = Tally("sigstore-python", EXPLAINED), folder / "test" / "assets"
    _bundles(tally, assets)
    _stamped(tally, assets / "tsa")
    for leaf, root, refused in CHAINS:
        one, other = (_certificate(assets / "x509" / f"{name}.pem") for name in (leaf, root))
        verdict = attempt(lambda one=one, other=other: certify([_der(one)], [other], NOW))  # type: ignore[misc]
        tally.check(f"x509/{leaf} below {root}", verdict, *refused)
    for name, root, refused in _roots(assets):
        tally.check(name, attempt(lambda root=root: read_trusted_root(root)), *refused)  # type: ignore[misc]
    for _ in assets.glob("*.sig"):
        tally.apart[
            "a signature and a certificate in files of their own, whose log entry is fetched online"
        ] += 1
    return tally


def _bundles(tally: Tally, assets: Path) -> None:
    staging = trusted_root("sigstage.dev")
    for name, identity, issuer, refused in BUNDLES:
        artifact, raw = assets / name.partition(".sigstore")[0], (assets / name).read_bytes()
        tally.check(
            f"{name} by {identity}", judged(artifact, raw, keyless(staging, identity, issuer)), *refused
        )
    wheel = assets / "bundle_v3_github.whl"
    raw = wheel.with_name(f"{wheel.name}.sigstore").read_bytes()
    tally.check(wheel.name, judged(wheel, raw, keyless(trusted_root(), RELEASE)))
    envelope = (assets / "a.dsse.staging-rekor-v2.txt.sigstore.json").read_bytes()
    anybody = keyless(staging, "regex:.*", "regex:.*")
    tally.check("a.dsse.staging-rekor-v2.txt, about nothing that is there", signed(envelope, anybody))
    python = (assets / "integration" / "Python-3.12.5.tgz.sigstore").read_bytes()
    tally.check(
        "Python-3.12.5.tgz",
        signed(python, keyless(trusted_root(), "thomas@python.org", GOOGLE)),
        "keyless.bundle",
    )
    changed = json.loads((assets / "bundle.txt.sigstore").read_bytes())
    changed["messageSignature"]["messageDigest"]["digest"] = ""
    tally.check(
        "bundle.txt, no digest",
        judged(assets / "bundle.txt", json.dumps(changed).encode(), anybody),
        "keyless.digest",
    )


def _stamped(tally: Tally, tsa: Path) -> None:
    authority = json.loads((tsa / "ca.json").read_bytes())
    for name, refused in STAMPED:
        verdict = judged(tsa / "bundle.txt", (tsa / name).read_bytes(), _staging([authority]))
        tally.check(f"tsa/{name}", verdict, *refused)
    raw = (tsa / "bundle.txt.sigstore").read_bytes()
    endless = {**authority, "validFor": {"start": authority["validFor"]["start"]}}
    tally.check("tsa, no end of validity", judged(tsa / "bundle.txt", raw, _staging([endless])))
    tally.check("tsa, no authority", judged(tsa / "bundle.txt", raw, _staging([])), "keyless.time")
    for without, refused in (
        (("inclusionPromise",), ()),
        (("integratedTime",), ("keyless.",)),
        (("inclusionPromise", "integratedTime"), ()),
    ):
        bundle = json.loads(raw)
        for gone in without:
            del bundle["verificationMaterial"]["tlogEntries"][0][gone]
        verdict = judged(tsa / "bundle.txt", json.dumps(bundle).encode(), _staging([authority]))
        tally.check(f"tsa, without {' and '.join(without)}", verdict, *refused)


def _staging(authorities: list[Any]) -> Any:
    root = {**json.loads(trusted_root("sigstage.dev")), "timestampAuthorities": authorities}
    return keyless(json.dumps(root).encode(), "alexis.challande@trailofbits.com", GOOGLE)


def _roots(assets: Path) -> Iterator[tuple[str, bytes, tuple[str, ...]]]:
    roots = assets / "trusted_root"
    for name, refused in (
        ("trustedroot.v1.json", ()),
        ("trustedroot.v1.local_tlog_ed25519_rekor-tiles.json", ()),
        ("trustedroot.badtype.json", ("keyless.root",)),
    ):
        yield f"trusted_root/{name}", (roots / name).read_bytes(), refused
    good = json.loads((roots / "trustedroot.v1.json").read_bytes())
    for name, refused in (
        ("certificate_authority.json", ()),
        ("certificate_authority.empty.json", ("keyless.root",)),
    ):
        own = {**good, "certificateAuthorities": [json.loads((roots / name).read_bytes())]}
        yield f"trusted_root/{name}", json.dumps(own).encode(), refused


def _certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
