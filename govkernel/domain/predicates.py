"""The predicate types that govkernel gives meaning to; documented under attestations/."""

from __future__ import annotations

from typing import Final

_BASE: Final = "https://govkernel.dev/attestations"

SIGNATURE: Final = f"{_BASE}/signature/v1"
EVALUATION_RESULT: Final = f"{_BASE}/evaluation-result/v1"
PII_SCAN: Final = f"{_BASE}/pii-scan/v1"
MODEL_CARD: Final = f"{_BASE}/model-card/v1"
PROMPT_RELEASE: Final = f"{_BASE}/prompt-release/v1"
APPROVAL: Final = f"{_BASE}/approval/v1"
DERIVATION: Final = f"{_BASE}/derivation/v1"
REVOCATION: Final = f"{_BASE}/revocation/v1"
DELEGATION: Final = f"{_BASE}/delegation/v1"
FILE_SAFETY: Final = f"{_BASE}/file-safety/v1"
BREAK_GLASS: Final = f"{_BASE}/break-glass/v1"
RED_TEAM_RESULT: Final = f"{_BASE}/red-team-result/v1"
DATASET_CARD: Final = f"{_BASE}/dataset-card/v1"
TRAINING_RUN: Final = f"{_BASE}/training-run/v1"
SLSA_PROVENANCE: Final = "https://slsa.dev/provenance/v1"
VSA: Final = "https://slsa.dev/verification_summary/v1"
TEST_RESULT: Final = "https://in-toto.io/attestation/test-result/v0.1"
SCAI: Final = "https://in-toto.io/attestation/scai/v0.3"
VULNS: Final = "https://in-toto.io/attestation/vulns/v0.2"
CYCLONEDX: Final = "https://cyclonedx.org/bom"
SPDX: Final = "https://spdx.dev/Document/v2.3"
SPDX_PLAIN: Final = "https://spdx.dev/Document"
DATASET_TREE: Final = f"{_BASE}/dataset-tree/v1"
OMS_SIGNATURE: Final = "https://model_signing/signature/v1.0"

SHORT_NAMES: Final = {
    "evaluation-result": EVALUATION_RESULT,
    "pii-scan": PII_SCAN,
    "model-card": MODEL_CARD,
    "prompt-release": PROMPT_RELEASE,
    "approval": APPROVAL,
    "derivation": DERIVATION,
    "revocation": REVOCATION,
    "delegation": DELEGATION,
    "break-glass": BREAK_GLASS,
    "file-safety": FILE_SAFETY,
    "red-team-result": RED_TEAM_RESULT,
    "dataset-card": DATASET_CARD,
    "training-run": TRAINING_RUN,
    "dataset-tree": DATASET_TREE,
    "slsa-provenance": SLSA_PROVENANCE,
    "vsa": VSA,
    "test-result": TEST_RESULT,
    "scai": SCAI,
    "vulns": VULNS,
    "cyclonedx": CYCLONEDX,
    "spdx": SPDX,
}
"""What the command line and trust policies may write instead of the URI."""
