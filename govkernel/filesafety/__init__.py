"""File safety: judge model files by allow-lists before anything trusts or loads them. docs/reference/file-safety.md."""

from govkernel.filesafety.budget import Limits
from govkernel.filesafety.interface import Finding, JudgedFile, Report, Verdict
from govkernel.filesafety.judge import judge
from govkernel.filesafety.rules import RULES

__all__ = ["RULES", "Finding", "JudgedFile", "Limits", "Report", "Verdict", "judge"]
