"""What a suite counts, and how one case of it is judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from govkernel.domain import RejectedStatement
from govkernel.errors import GovkernelError
from govkernel.provenance.anchors import Anchor
from govkernel.provenance.foreign import parse_foreign
from govkernel.provenance.identity import identity_pattern
from govkernel.provenance.keyless import KeylessAnchor, read_trusted_root
from govkernel.provenance.verify_foreign import verify_foreign

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GITHUB = "https://token.actions.githubusercontent.com"


@dataclass(frozen=True)
class Verdict:
    """What we said about one case.

    Attributes:
        code: of the refusal; empty when it was verified.
        why: for a person.
    """

    code: str = ""
    why: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {' '.join(self.why.split())[:160]}" if self.code else "verified"


@dataclass
class Tally:
    """Cases of one suite.

    Attributes:
        name: of the suite.
        explained: why we answer otherwise, by the case or by the code of the refusal.
        cases: how many were run.
        misses: the case and what happened, where the verdict was not the expected one.
        unexplained: how many of those nobody has explained.
        apart: how many were not counted as cases, by the reason.
    """

    name: str
    explained: dict[str, str] = field(default_factory=dict)
    cases: int = 0
    misses: dict[str, str] = field(default_factory=dict)
    unexplained: int = 0
    apart: Counter[str] = field(default_factory=Counter)

    def add(self, case: str, expected: bool, got: bool, why: str = "") -> None:
        """Count a case that verifies or does not."""
        self.cases += 1
        if expected != got:
            self._miss(case, why or "verified", "")

    def check(self, case: str, verdict: Verdict, *refused: str) -> None:
        """Count a case that must verify, or be refused with a code that starts like one of ``refused``."""
        self.cases += 1
        if not (verdict.code.startswith(refused) if refused else not verdict.code):
            self._miss(case, str(verdict), self.explained.get(case) or self.explained.get(verdict.code, ""))

    def refuse(self, case: str, verdict: Verdict, reason: str, *refused: str) -> None:
        """Count apart what cannot be judged as its suite does, and must be refused with one of these codes."""
        if verdict.code.startswith(refused):
            self.apart[reason] += 1
        else:
            self.cases += 1
            self._miss(case, str(verdict), "")

    def _miss(self, case: str, what: str, explanation: str) -> None:
        self.misses[case] = f"{what} ({explanation})" if explanation else what
        self.unexplained += not explanation

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.cases - len(self.misses)} of {self.cases}"]
        lines += [f"  miss {case}: {why}" for case, why in self.misses.items()]
        return "\n".join([*lines, *(f"  apart {count}: {reason}" for reason, count in self.apart.items())])


def judged(path: Path, raw: bytes, anchor: Anchor) -> Verdict:
    """Whether a bundle holds for a file or folder."""
    return attempt(lambda: _outcome(verify_foreign(path, raw, anchor, now=NOW)))


def signed(raw: bytes, anchor: Anchor) -> Verdict:
    """Whether the anchor signed what a bundle carries, whatever that is about."""
    return attempt(lambda: anchor.proven(parse_foreign(raw), lambda: b"", NOW))


def attempt(call: Callable[[], object]) -> Verdict:
    """The verdict of what raises or returns a refusal."""
    try:
        result = call()
    except GovkernelError as error:
        return Verdict(error.code, error.why or str(error))
    return result if isinstance(result, Verdict) else Verdict()


def _outcome(result: object) -> Verdict:
    return Verdict(result.code, result.why) if isinstance(result, RejectedStatement) else Verdict()


def keyless(root: bytes, identity: str, issuer: str = GITHUB) -> KeylessAnchor:
    """An instance, and whom it must have identified."""
    return KeylessAnchor(read_trusted_root(root), identity_pattern(identity), identity_pattern(issuer))


def trusted_root(instance: str = "sigstore.dev") -> bytes:
    """The trusted root of a public instance (``sigstore.dev``, ``sigstage.dev``) that sigstore-python ships."""
    store = files("sigstore") / "_store" / f"https%3A%2F%2Ftuf-repo-cdn.{instance}"
    return (store / "trusted_root.json").read_bytes()
