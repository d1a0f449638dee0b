"""The errors of the OPA engine; every one of them ends as a deny that names it."""

from __future__ import annotations

from govkernel.errors import PolicyError


def unavailable(why: str) -> PolicyError:
    """OPA cannot be reached, or does not let us in."""
    return PolicyError(
        "opa.unavailable",
        "OPA could not be asked.",
        why=why,
        remedy="See that OPA runs and that [opa] url and token are right.",
    )


def too_slow(seconds: float) -> PolicyError:
    """OPA did not answer in time."""
    return PolicyError(
        "opa.deadline",
        f"OPA did not answer within {seconds:g} s.",
        remedy="See what slows OPA down, or raise [opa] deadline.",
    )


def bad_answer(why: str) -> PolicyError:
    """OPA answered something else than a decision."""
    return PolicyError(
        "opa.bad-answer",
        "OPA did not answer with a decision.",
        why=why[:500],
        remedy="See that the pack defines `decision` as docs/reference/policy-packs.md says, for every input.",
    )


def compile_error(pack: str, why: str) -> PolicyError:
    """The pack's Rego does not compile, or does what policies may not do."""
    return PolicyError(
        "opa.compile",
        f"The Rego policies of pack {pack!r} cannot be used.",
        why=why[:800],
        remedy="Correct the file, then run `govkernel policy validate` on the pack.",
    )


def not_here(why: str, remedy: str) -> PolicyError:
    """A part that is needed is not installed."""
    return PolicyError("opa.not-installed", "Packs written in Rego need OPA.", why=why, remedy=remedy)
