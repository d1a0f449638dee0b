"""The packs in docs/examples: every policy has a case, and every case passes in both languages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from govkernel.engines.cedar import CedarEngine
from govkernel.engines.opa import OpaEngine, OpaSettings
from govkernel.packs import CaseReport, load_pack, run_cases
from tests.engines.conftest import real_opa

FOLDER = Path(__file__).parents[2] / "docs" / "examples" / "policies"


async def report(root: Path) -> CaseReport:
    pack = load_pack(root)
    engine = (
        CedarEngine()
        if pack.manifest.engine == "cedar"
        else OpaEngine(OpaSettings(binary=real_opa() or "opa"))
    )
    try:
        return await run_cases(await engine.load(pack), root)
    finally:
        await engine.close()


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.iterdir()))
def test_every_policy_has_a_case_and_every_case_passes(name: str) -> None:
    if name.endswith("-rego") and real_opa() is None:
        pytest.skip(
            "no OPA 1.x here: install opa on PATH; https://www.openpolicyagent.org/docs/latest/#running-opa"
        )
    outcome = asyncio.run(report(FOLDER / name))
    assert outcome.passed, "\n".join(outcome.lines())
    assert outcome.untested in (None, ())
