"""slsa-verifier, ``cli/slsa-verifier/testdata``; ``main_regression_test.go`` says what must come out.

Its table also asks for claims inside the provenance: source, branch, tag, workflow inputs, package names. ``verify``
answers who signed what about which bytes; the claims are for policies, so rows that differ in nothing else are one
case here. Each bundle is asked about three times: as it is, as another builder's, and about another artifact.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

from govkernel_oci.cosign import bundle_of

from govkernel.provenance.anchors import Anchor, KeyAnchor
from govkernel.provenance.collection import split_bundles
from strangers.tally import Tally, Verdict, judged, keyless, signed, trusted_root

WORKFLOWS = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows"
BUILDERS = {
    "gha_go": "builder_go_slsa3.yml",
    "gha_generic": "generator_generic_slsa3.yml",
    "gha_delegator": "delegator_generic_slsa3.yml",
    "gha_maven": "delegator_lowperms-generic_slsa3.yml",
    "gha_gradle": "delegator_lowperms-generic_slsa3.yml",
    "gha_container-based": "builder_container-based_slsa3.yml",
}
"""Which workflow holds the certificate; builders that delegate are named in the provenance only."""

BCR = {
    "MODULE.bazel": "https://github.com/bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml",
    "MODULE-wrong-signer.bazel": "https://github.com/bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml",
    "rules_lint-v1.3.1.tar.gz": "https://github.com/bazel-contrib/.github/.github/workflows/release_ruleset.yaml",
}
PACKAGES = {
    "gundam-visor-cli-v1-tag": "https://github.com/ramonpetgrave64/gundam-visor/.github/workflows/*",
    "provenance-npm-test-cli-v02-prega": "https://github.com/laurentsimon/provenance-npm-test/.github/workflows/*",
    "provenance-npm-test-cli-v1-prega": "https://github.com/sigstore/sigstore-js/.github/workflows/*",
    "provenance-npm-test-ossf": f"{WORKFLOWS}/delegator_lowperms-generic_slsa3.yml",
    "supreme-googles-cli-v02-tag": "https://github.com/trishankatdatadog/supreme-goggles/.github/workflows/*",
}
PARTS = {
    "valid": (),
    "valid-v0.3": (),
    "mismatch-tlog": ("keyless.",),
    "invalid-set": ("keyless.promise",),
}
"""Bundles of its ``bundle_test.go``, without the artifact; all but one carry a promise and no inclusion proof."""

REFUSED_BY_IT = frozenset(
    f"binary-linux-amd64-{name}.intoto.jsonl"
    for name in ("expired-cert", "no-tlog-upload", "untrusted-builder")
)
UNLOGGED = ("certificate.missing", "keyless.")
"""How an envelope is refused whose log entry is not beside it: for its certificate, or for the entry."""

SUFFIXES = re.compile(r"\.intoto\.(jsonl|build\.slsa|sigstore)$|\.build\.slsa$")
EXPLAINED = {
    "keyless.log-entry": "cosign 2 logged it as intoto 0.0.1, whose time sigstore-python does not take",
    "provenance.signer-not-trusted": "the ECDSA signature is r and s end to end (IEEE P1363), not DER",
}


def slsa_verifier(folder: Path) -> Tally:
    """Provenance of GitHub's builders, npm packages and disk images."""
    tally, data = Tally("slsa-verifier", EXPLAINED), folder / "cli" / "slsa-verifier" / "testdata"
    for path in sorted(data.rglob("*")):
        if SUFFIXES.search(path.name):
            _provenance(tally, data, path)
    for path in sorted((data / "npm" / "gha").glob("*.tgz.json")):
        npm = _npm_key(folder / "verifiers" / "internal" / "gha" / "npm_sigstore_tuf_test.go")
        _package(tally, path, npm)
    anybody = keyless(trusted_root(), "regex:.*", "regex:.*")
    parts = folder / "verifiers" / "internal" / "gha" / "testdata" / "bundle"
    for name, refused in PARTS.items():
        verdict = signed((parts / f"{name}.intoto.sigstore").read_bytes(), anybody)
        tally.check(f"bundle/{name}", verdict, *refused)
    for path in sorted((data / "gcb_container").glob("v*/*.json")):
        verdict = signed(path.read_bytes(), anybody)
        reason = "Google Cloud Build's own format, most of it signed without DSSE's encoding: not read"
        tally.refuse(f"gcb/{path.parent.name}/{path.name}", verdict, reason, "provenance.media-type", "json.")
    summary = data / "vsa" / "gce" / "v1"
    key = KeyAnchor.from_pem((summary / "vsa_signing_public_key.pem").read_bytes())
    tally.check("vsa/gce", signed((summary / "gke-gce-pre.bcid-vsa.jsonl").read_bytes(), key))
    for layout in sorted((data / "gha_generic_container").glob("v*/*/index.json")):
        _image(tally, layout.parent)
    return tally


def _image(tally: Tally, layout: Path) -> None:
    """What cosign 2 attested about an image, read as the plugin for registries reads it."""
    builder = keyless(
        trusted_root(), f"{WORKFLOWS}/generator_container_slsa3.yml@refs/tags/{layout.parent.name}"
    )
    for item in json.loads((layout / "index.json").read_bytes())["manifests"]:
        if item.get("annotations", {}).get("kind") == "dev.cosignproject.cosign/atts":
            for layer in json.loads(_blob(layout, item["digest"]))["layers"]:
                raw = bundle_of(_blob(layout, layer["digest"]), layer["annotations"])
                tally.check(f"image/{layout.parent.name}", signed(raw, builder))


def _blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def _provenance(tally: Tally, data: Path, path: Path) -> None:
    name, artifact = str(path.relative_to(data)), path.with_name(SUFFIXES.sub("", path.name))
    raw, identity = path.read_bytes(), _identity(path.relative_to(data), artifact.name)
    anchor = keyless(trusted_root(), identity)
    if b"verificationMaterial" not in raw:
        verdict = signed(raw, anchor)
        if path.name in REFUSED_BY_IT:
            tally.check(name, verdict, *UNLOGGED)
        else:
            reason = "an envelope alone needs the log: refused as it must be offline"
            tally.refuse(name, verdict, reason, *UNLOGGED)
        return
    wrong = ("identity.mismatch",) if "wrong-signer" in name else ()
    verdict = judged(artifact, raw, anchor)
    tally.check(name, verdict, *wrong)
    if verdict.code:
        return
    other = keyless(trusted_root(), f"glob:{WORKFLOWS}/not-trusted.yml@refs/*/*")
    tally.check(f"{name}, of another builder", judged(artifact, raw, other), "identity.mismatch")
    verdict = judged(data / "binary-linux-amd64-expired-cert", raw, anchor)
    tally.check(f"{name}, about another artifact", verdict, "provenance.subject-mismatch")


def _identity(path: Path, artifact: str) -> str:
    if path.parent.name == "bcr":
        return f"glob:{BCR[artifact]}@refs/*/*"
    kind, version = (*path.parts[:2], "")[:2] if len(path.parts) > 1 else ("", "")
    builder = BUILDERS.get(kind, "generator_generic_slsa3.yml")
    if (kind, version) == ("gha_delegator", "v1.9.0"):
        return f"{WORKFLOWS}/{builder}@refs/heads/main"
    return f"{WORKFLOWS}/{builder}@refs/tags/{version}"


def _package(tally: Tally, path: Path, npm: Anchor) -> None:
    """A collection of two: npm says that it published the package, and the builder how it was made."""
    tarball = path.with_suffix("")
    name = re.sub(r"-invalidsig(prov|pub)", "", tarball.stem)
    anchors = {True: npm, False: keyless(trusted_root(), f"glob:{PACKAGES[name]}@refs/*/*")}
    pairs = [(raw, anchors[b'"publicKey"' in raw]) for raw in split_bundles(path.read_bytes())]
    verdict = _first(_signed_then_about(tarball, pairs))
    refused = ()
    if "invalidsigpub" in path.name:
        refused = ("provenance.signer-not-trusted", "provenance.signature-invalid")
    elif "invalidsigprov" in path.name:
        refused = ("keyless.signature", "keyless.bundle")
    tally.check(f"npm/{path.name}", verdict, *refused)


def _signed_then_about(tarball: Path, pairs: list[tuple[bytes, Anchor]]) -> Iterator[Verdict]:
    yield from (signed(raw, anchor) for raw, anchor in pairs)
    yield from (judged(tarball, raw, anchor) for raw, anchor in pairs)


def _first(verdicts: Iterator[Verdict]) -> Verdict:
    return next((verdict for verdict in verdicts if verdict.code), Verdict())


def _npm_key(source: Path) -> Anchor:
    """npm's public key, as the suite's tests spell it."""
    found = re.search(r'"rawBytes": "([A-Za-z0-9+/=]+)"', source.read_text())
    der = base64.b64decode(found.group(1)) if found else b""
    body = base64.encodebytes(der).decode()
    return KeyAnchor.from_pem(f"-----BEGIN PUBLIC KEY-----\n{body}-----END PUBLIC KEY-----\n".encode())
