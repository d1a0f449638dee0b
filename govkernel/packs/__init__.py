"""Policy packs: read from disk, validated, run against their own example cases."""

from govkernel.packs.cases import Case, read_cases
from govkernel.packs.find import find_pack, shipped_packs
from govkernel.packs.load import load_pack
from govkernel.packs.runner import CaseReport, CaseResult, judge_cases, run_cases
from govkernel.packs.validate import Problem, validate_pack

__all__ = [
    "Case",
    "CaseReport",
    "CaseResult",
    "Problem",
    "find_pack",
    "judge_cases",
    "load_pack",
    "read_cases",
    "run_cases",
    "shipped_packs",
    "validate_pack",
]
