"""The packs that ship: every policy has a case, every case passes, and both engines answer alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from govkernel.engines.cedar import CedarEngine
from govkernel.engines.opa import OpaEngine, OpaSettings
from govkernel.hookspecs import LoadedPack
from govkernel.packs import CaseReport, find_pack, load_pack, run_cases, shipped_packs
from govkernel.packs.cases import EXAMPLE_TIME, parse_case
from tests.engines.conftest import real_opa

NO_OPA = "no OPA 1.x here: install opa on PATH; https://www.openpolicyagent.org/docs/latest/#running-opa"


@asynccontextmanager
async def loaded(name: str, parameters: dict[str, bool] | None = None) -> AsyncIterator[LoadedPack]:
    pack = load_pack(find_pack(name), parameters=parameters)
    if pack.manifest.engine == "opa" and real_opa() is None:
        pytest.skip(NO_OPA)
    engine = (
        CedarEngine()
        if pack.manifest.engine == "cedar"
        else OpaEngine(OpaSettings(binary=real_opa() or "opa"))
    )
    try:
        yield await engine.load(pack)
    finally:
        await engine.close()


def report(name: str) -> CaseReport:
    async def run() -> CaseReport:
        async with loaded(name) as pack:
            return await run_cases(pack, find_pack(name))

    return asyncio.run(run())


@pytest.mark.parametrize("name", shipped_packs())
def test_every_case_of_a_shipped_pack_passes(name: str) -> None:
    outcome = report(name)
    assert outcome.passed, "\n".join(outcome.lines())


@pytest.mark.parametrize("name", shipped_packs())
def test_every_policy_of_a_shipped_pack_is_exercised(name: str) -> None:
    assert report(name).untested in (None, ())


def test_cedar_and_rego_answer_the_same_cases_alike() -> None:
    cedar, rego = report("baseline"), report("baseline-rego")
    answers = {(item.case.name): item.effect for item in cedar.results}
    shared = [item for item in rego.results if item.case.name in answers]
    assert len(shared) > 40
    assert [item.case.name for item in shared if item.effect is not answers[item.case.name]] == []


@pytest.mark.parametrize("name", ["baseline", "baseline-rego"])
@pytest.mark.parametrize(
    ("direction", "parameters", "duties"),
    [
        ("request", {}, {"redact"}),
        ("request", {"redactRequests": False}, set()),
        ("response", {"redactRequests": False}, {"redact", "detokenize"}),
        ("response", {"restoreSurrogates": False}, {"redact"}),
    ],
)
def test_another_pack_may_say_what_gets_surrogates_and_what_comes_back(
    name: str, direction: str, parameters: dict[str, bool], duties: set[str]
) -> None:
    document = {
        "name": "personal data",
        "request": {"action": "infer", "resource": "Endpoint"},
        "screening": {"direction": direction, "labels": ["PERSON"], "findings": 1},
        "expect": "allow",
    }
    case = parse_case(document, pack=name, file="here", now=EXAMPLE_TIME)

    async def ask() -> set[str]:
        async with loaded(name, parameters) as pack:
            verdict = await pack.evaluate(case.question)
            return {duty.type for duty in verdict.obligations}

    assert asyncio.run(ask()) == duties


def test_a_case_that_expects_the_wrong_thing_fails_and_says_so(tmp_path) -> None:
    import shutil

    folder = tmp_path / "baseline"
    shutil.copytree(find_pack("baseline"), folder)
    case = "- name: wrong\n  request: {action: promote, resource: Model}\n  expect: allow\n"
    for file in (folder / "cases").iterdir():
        file.unlink()
    (folder / "cases" / "wrong.yaml").write_text(case)

    async def run() -> CaseReport:
        return await run_cases(await CedarEngine().load(load_pack(folder)), folder)

    outcome = asyncio.run(run())
    assert not outcome.passed
    assert any("wrong" in line for line in outcome.lines())
    assert outcome.untested
