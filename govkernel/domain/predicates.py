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
FILE_SAFETY: Final = f"{_BASE}/file-safety/v1"
BREAK_GLASS: Final = f"{_BASE}/break-glass/v1"
OMS_SIGNATURE: Final = "https://model_signing/signature/v1.0"

SHORT_NAMES: Final = {
    "evaluation-result": EVALUATION_RESULT,
    "pii-scan": PII_SCAN,
    "model-card": MODEL_CARD,
    "prompt-release": PROMPT_RELEASE,
    "approval": APPROVAL,
    "derivation": DERIVATION,
    "revocation": REVOCATION,
    "break-glass": BREAK_GLASS,
    "file-safety": FILE_SAFETY,
}
"""What the command line and trust policies may write instead of the URI."""
