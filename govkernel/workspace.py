"""Create a workspace: keys, trust policy, configuration. Nothing that exists is overwritten."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from govkernel.audit.keys import load_or_create_key
from govkernel.config import FILE_NAME, STATE
from govkernel.errors import ConfigError
from govkernel.provenance import LocalKey

_CONFIG: Final = """\
# govkernel workspace. `govkernel config explain` shows every setting and where its value comes from.

[[packs]]
source = "baseline"      # a shipped pack, or the path of your own
mode = "enforce"         # enforce, warn or audit

[guard]
upstream = "http://127.0.0.1:8000/v1"
"""

_TRUST: Final = """\
# Who may say what about which artifacts. docs/reference/trust-policy.md explains every field.
version: 1
keys:
  - name: {name}
    publicKey: keys/{name}.pub
rules:
  - signers: [{name}]
    may:
      - https://model_signing/signature/v1.0
      - signature
      - evaluation-result
      - pii-scan
      - file-safety
      - model-card
      - prompt-release
      - approval
      - derivation
      - dataset-card
      - red-team-result
      - training-run
      - dataset-tree
      - slsa-provenance
      - test-result
      - vulns
      - cyclonedx
      - vsa
      - revocation
    about:
      kinds: [model, prompt, dataset, adapter, tokenizer, tool, image]
      names: ["*"]
"""

_IGNORE: Final = """\
# Private keys, the audit log and the vault are not for version control; bundles, public keys and the trust policy are.
keys/*.key
keys/.*
/audit.*
/vault.*
/tls/
"""


@dataclass(frozen=True)
class Workspace:
    """Where everything of a new workspace is."""

    root: Path
    config: Path
    trust: Path
    key: Path
    public_key: Path


def create_workspace(root: Path, *, key_name: str, passphrase: bytes | None = None) -> Workspace:
    """Create a workspace in ``root``.

    Args:
        root: folder, created when it is not there.
        key_name: name of the signing key, in the trust policy and as file name.
        passphrase: encrypts the signing key at rest.

    Raises:
        ConfigError: ``workspace.exists`` when there is one already, ``workspace.unwritable``.
    """
    state = root / STATE
    made = Workspace(
        root=root,
        config=root / FILE_NAME,
        trust=state / "trust.yaml",
        key=state / "keys" / f"{key_name}.key",
        public_key=state / "keys" / f"{key_name}.pub",
    )
    parts = (made.config, made.trust, made.key)
    present = [str(path) for path in parts if path.exists()]
    missing = [str(path) for path in parts if not path.exists()]
    if present:
        raise ConfigError(
            "workspace.exists",
            f"{root} is a workspace already.",
            why=f"{present[0]} exists{f', {missing[0]} does not' if missing else ''}.",
            remedy=f"Restore {missing[0]}, or move {', '.join(present)} away to begin anew."
            if missing
            else "Use it as it is, or choose another folder.",
        )
    try:
        _write(made, key_name, passphrase)
    except OSError as error:
        raise ConfigError(
            "workspace.unwritable",
            f"The workspace {root} cannot be created.",
            why=str(error),
            remedy="Choose a folder you may write to.",
        ) from None
    return made


def _write(made: Workspace, key_name: str, passphrase: bytes | None) -> None:
    made.key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    (made.trust.parent / "attestations").mkdir(exist_ok=True)
    LocalKey.generate().write(made.key, passphrase)
    load_or_create_key(made.key.parent / "audit.key")
    made.trust.write_text(_TRUST.format(name=key_name), encoding="utf-8")
    (made.trust.parent / ".gitignore").write_text(_IGNORE, encoding="utf-8")
    made.config.write_text(_CONFIG, encoding="utf-8")
