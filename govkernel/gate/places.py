"""Which file a code review shows for an entry, named from the root of the repository that a CI job checked out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from govkernel.domain import Report, ReportEntry

_ROOTS: Final = (
    ("GITHUB_ACTIONS", "GITHUB_WORKSPACE"),
    ("GITLAB_CI", "CI_PROJECT_DIR"),
    ("BUILDKITE", "BUILDKITE_BUILD_CHECKOUT_PATH"),
    ("JENKINS_URL", "WORKSPACE"),
)
"""What says that a system runs the job, and where it put the repository."""

_DIFFERING: Final = re.compile(
    r"\b(?:changed|extra): (.+?)(?=; (?:changed|missing|extra): |; and \d+ more files|$)"
)


def placed(report: Report, environment: Mapping[str, str]) -> Report:
    """The report with the file of each entry.

    Of a folder, that is the first file in it which differs from what was signed, or else a bundle about it.

    Args:
        report: of a door.
        environment: environment variables of the job.
    """
    root = checkout(environment)
    entries = [
        entry.model_copy(update={"file": _from(root, _file(entry))}) if entry.path != "-" else entry
        for entry in report.entries
    ]
    return report.model_copy(update={"entries": tuple(entries)})


def checkout(environment: Mapping[str, str]) -> str:
    """The folder of the repository, absolute; empty outside of CI, or when the job does not say."""
    named = (environment.get(root, "") for marker, root in _ROOTS if environment.get(marker))
    return next((root for root in named if Path(root).is_absolute()), "")


def _file(entry: ReportEntry) -> str:
    if not _is(Path.is_dir, entry.path):
        return entry.path
    found = (name for name in (*_differing(entry), *_bundles(entry)) if _is(Path.is_file, name))
    return next(found, entry.path)


def _differing(entry: ReportEntry) -> Iterator[str]:
    """Files that refused bundles say were changed or added; strangers' texts, so only names inside the folder."""
    for evidence in entry.evidence:
        for rejected in evidence.rejected:
            for name in _DIFFERING.findall(rejected.why):
                if not Path(name).is_absolute() and ".." not in name.split("/"):
                    yield f"{entry.path}/{name}"


def _bundles(entry: ReportEntry) -> Iterator[str]:
    for evidence in entry.evidence:
        yield from (item.source for item in evidence.rejected if item.source)
        yield from (item.source for item in evidence.accepted if item.source)


def _is(check: Callable[[Path], bool], name: str) -> bool:
    try:
        return check(Path(name))
    except (OSError, ValueError):
        return False


def _from(root: str, path: str) -> str:
    """A path from the root of the repository, if it lies in it; otherwise as it is."""
    if not root:
        return path
    for base, name in ((root, Path.cwd() / path), (os.path.realpath(root), os.path.realpath(path))):
        inside = os.path.relpath(name, base)
        if inside != ".." and not inside.startswith("../"):
            return inside
    return path
