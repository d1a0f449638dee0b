"""Judge bytes under a name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from govkernel.filesafety import Limits, Report, judge

Judge = Callable[..., Report]


@pytest.fixture
def judged(tmp_path: Path) -> Judge:
    """Write files, and judge their folder."""

    def run(*, limits: Limits | None = None, **files: bytes) -> Report:
        return run_named(files, limits)

    def run_named(files: dict[str, bytes], limits: Limits | None = None) -> Report:
        for name, content in files.items():
            target = tmp_path / "artifact" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return judge(tmp_path / "artifact", limits=limits)

    run.files = run_named  # type: ignore[attr-defined]
    return run_named


def rules(report: Report) -> set[str]:
    """The rules of all findings, with what they say for a failing test to show."""
    return {finding.rule for finding in report.findings}
