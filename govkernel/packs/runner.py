"""Runs a pack's example cases against the engine alone, each judged as if the pack enforced.

Also tells which policies no case exercises: a policy that never determined anything is not tested.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from govkernel.domain import Effect, Obligation, Verdict
from govkernel.errors import PolicyError
from govkernel.hookspecs import LoadedPack
from govkernel.packs.cases import EXAMPLE_TIME, Case, ExpectedObligation, read_cases


@runtime_checkable
class KnowsItsPolicies(Protocol):
    """A loaded pack that can list its policies; coverage is only known for these."""

    @property
    def policy_ids(self) -> tuple[str, ...]:
        """Ids of all its policies."""


@dataclass(frozen=True)
class CaseResult:
    """What became of one case.

    Attributes:
        case: the case.
        effect: the answer; None when the engine could not answer.
        policies: ids of the policies that determined it.
        difference: lines ``- expected`` and ``+ got``; empty when it passed.
    """

    case: Case
    effect: Effect | None
    policies: tuple[str, ...]
    difference: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the answer was the expected one."""
        return not self.difference

    def as_dict(self) -> dict[str, Any]:
        """The result for machines."""
        return {
            "file": self.case.file,
            "name": self.case.name,
            "passed": self.passed,
            "expected": self.case.effect.value,
            "got": self.effect.value if self.effect else "error",
            "policies": list(self.policies),
            "difference": list(self.difference),
        }


@dataclass(frozen=True)
class CaseReport:
    """What became of all cases of a pack.

    Attributes:
        pack: ``id@version``.
        results: one per case, in order.
        untested: policies that determined no case; None when the engine cannot list its policies.
    """

    pack: str
    results: tuple[CaseResult, ...]
    untested: tuple[str, ...] | None

    @property
    def passed(self) -> bool:
        """Whether there were cases, and all passed. Untested policies do not fail a report."""
        return bool(self.results) and all(result.passed for result in self.results)

    @property
    def failures(self) -> tuple[CaseResult, ...]:
        """The cases that did not pass."""
        return tuple(result for result in self.results if not result.passed)

    def lines(self) -> list[str]:
        """The report for people."""
        lines = []
        for result in self.failures:
            lines.append(f"✗ {result.case.file}: {result.case.name}")
            lines.extend(f"    {line}" for line in result.difference)
        lines.extend(f"! no case exercises {policy}" for policy in self.untested or ())
        passed = len(self.results) - len(self.failures)
        mark = "✓" if self.passed else "✗"
        return [*lines, f"{mark} {self.pack}: {passed} of {len(self.results)} cases pass"]

    def as_dict(self) -> dict[str, Any]:
        """The report for machines."""
        return {
            "pack": self.pack,
            "passed": self.passed,
            "untested": None if self.untested is None else list(self.untested),
            "cases": [result.as_dict() for result in self.results],
        }


async def run_cases(loaded: LoadedPack, directory: Path, *, now: datetime = EXAMPLE_TIME) -> CaseReport:
    """Read the cases of a pack and ask the engine every one.

    Args:
        loaded: the pack, as its engine loaded it.
        directory: its folder.
        now: the time at which the cases are judged.

    Raises:
        ConfigError: ``pack.case``: the cases cannot be read.
    """
    return await judge_cases(loaded, read_cases(directory, now=now))


async def judge_cases(loaded: LoadedPack, cases: Sequence[Case]) -> CaseReport:
    """Ask the engine every case. An engine that cannot answer fails the case; nothing is raised for it."""
    results = tuple([await _run(loaded, case) for case in cases])
    known = loaded.policy_ids if isinstance(loaded, KnowsItsPolicies) else None
    exercised = {policy for result in results for policy in result.policies}
    manifest = loaded.pack.manifest
    return CaseReport(
        pack=f"{manifest.id}@{manifest.version}",
        results=results,
        untested=None if known is None else tuple(sorted(set(known) - exercised)),
    )


async def _run(loaded: LoadedPack, case: Case) -> CaseResult:
    try:
        verdict = await loaded.evaluate(case.question)
    except PolicyError as error:
        return CaseResult(
            case, None, (), (f"- {case.effect.value}", f"+ [{error.code}] {error.what} {error.why}")
        )
    effect = Effect.ALLOW if verdict.permits and not verdict.forbids else Effect.DENY
    policies = _determining(verdict, effect)
    duties = [duty for duty in verdict.obligations if duty.policy in policies]
    difference = (
        *_different("", [case.effect.value], [effect.value]),
        *(() if case.policies is None else _different("policy ", case.policies, policies)),
        *(() if case.obligations is None else _duties(case.obligations, duties)),
    )
    if difference and case.policies is None:
        difference += tuple(f"  determined by {policy}" for policy in policies)
    return CaseResult(case, effect, policies, difference)


def _determining(verdict: Verdict, effect: Effect) -> tuple[str, ...]:
    reasons = verdict.permits if effect is Effect.ALLOW else verdict.forbids
    return tuple(sorted({reason.policy for reason in reasons}))


def _duties(expected: Iterable[ExpectedObligation], got: Iterable[Obligation]) -> tuple[str, ...]:
    """Where the case names no arguments, the arguments given do not matter."""
    loose = {item.type for item in expected if item.arguments is None}
    return _different(
        "obligation ",
        [_told(item.type, item.arguments or ()) for item in expected],
        [_told(item.type, () if item.type in loose else item.arguments) for item in got],
    )


def _told(kind: str, arguments: tuple[str, ...]) -> str:
    return f"{kind}({', '.join(arguments)})"


def _different(what: str, expected: Iterable[str], got: Iterable[str]) -> tuple[str, ...]:
    wanted, found = set(expected), set(got)
    return (
        *(f"- {what}{item}" for item in sorted(wanted - found)),
        *(f"+ {what}{item}" for item in sorted(found - wanted)),
    )
