"""Who a CI job says it is.

Environment variables are claims of the job, not proof: the principal is marked unverified in the request's
attributes, and policies that need proof use evidence (signatures), not this name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from govkernel.domain import EntityRef

MAX_ID: Final = 512
LOCAL: Final = "local"

_SYSTEMS: Final = (
    ("github", "GITHUB_ACTIONS", "{GITHUB_REPOSITORY}@{GITHUB_REF}", "{GITHUB_RUN_ID}"),
    ("gitlab", "GITLAB_CI", "{CI_PROJECT_PATH}@{CI_COMMIT_REF_NAME}", "{CI_JOB_ID}"),
    (
        "buildkite",
        "BUILDKITE",
        "{BUILDKITE_ORGANIZATION_SLUG}/{BUILDKITE_PIPELINE_SLUG}@{BUILDKITE_BRANCH}",
        "{BUILDKITE_BUILD_ID}",
    ),
    ("jenkins", "JENKINS_URL", "{JOB_NAME}", "{BUILD_NUMBER}"),
    # plugins/ci/argo sets the first, Argo itself the other.
    ("argo", "ARGO_WORKFLOW", "{ARGO_WORKFLOW}", "{ARGO_NODE_ID}"),
)
_UNSAFE: Final = re.compile(r"[^\w./@:+#~-]", re.ASCII)


@dataclass(frozen=True)
class Job:
    """The job that asks.

    Attributes:
        principal: e.g. ``Pipeline::"github:acme/models@refs/heads/main"``, or ``Pipeline::"local"``.
        attributes: ``{"ci": {"system", "run", "verified": false}}``, for the record and for Rego.
    """

    principal: EntityRef
    attributes: Mapping[str, Any]


def identify(environment: Mapping[str, str]) -> Job:
    """The job named by the variables of GitHub Actions, GitLab, Buildkite, Jenkins or Argo; else ``local``.

    Args:
        environment: environment variables; a missing one reads as ``~``, characters that no repository,
            branch or job name needs read as ``_``.
    """
    for system, marker, template, run in _SYSTEMS:
        if environment.get(marker):
            return _job(f"{system}:{_fill(template, environment)}", system, _fill(run, environment))
    return _job(LOCAL, "", "")


def _job(identity: str, system: str, run: str) -> Job:
    claims = {"ci": {"system": system, "run": run, "verified": False}}
    return Job(EntityRef(type="Pipeline", id=identity[:MAX_ID]), claims)


def _fill(template: str, environment: Mapping[str, str]) -> str:
    return _UNSAFE.sub("_", template.format_map(_Named(environment)))


class _Named(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "~"
