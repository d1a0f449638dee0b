"""sigstore-conformance, ``test/assets/bundle-verify``."""

from __future__ import annotations

from pathlib import Path

from govkernel.provenance.anchors import Anchor, KeyAnchor
from strangers.tally import GITHUB, Tally, Verdict, attempt, judged, keyless, trusted_root

BEACON = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)


def conformance(folder: Path) -> Tally:
    """Each folder is a case; its name says whether it must fail."""
    tally, assets = Tally("sigstore-conformance"), folder / "test" / "assets" / "bundle-verify"
    for case in sorted(path for path in assets.iterdir() if path.is_dir()):
        verdict = attempt(lambda case=case: _case(case))  # type: ignore[misc]
        tally.add(case.name, not case.name.endswith("_fail"), not verdict.code, str(verdict))
    return tally


def _case(case: Path) -> Verdict:
    artifact = case / "artifact" if (case / "artifact").exists() else case.parent / "a.txt"
    return judged(artifact, (case / "bundle.sigstore.json").read_bytes(), _anchor(case))


def _anchor(case: Path) -> Anchor:
    if (case / "key.pub").exists():
        return KeyAnchor.from_pem((case / "key.pub").read_bytes())
    own = case / "trusted_root.json"
    root = own.read_bytes() if own.exists() else trusted_root()
    return keyless(root, _text(case / "identity", BEACON), _text(case / "issuer", GITHUB))


def _text(path: Path, default: str) -> str:
    return path.read_text().strip() if path.exists() else default
