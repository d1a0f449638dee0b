"""Who a CI job says it is: variables of the CI system, claims of the job and not proof."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from govkernel.domain import EntityRef

_SYSTEMS: Final = (
    ("GITHUB_ACTIONS", "github:{GITHUB_REPOSITORY}@{GITHUB_REF}"),
    ("GITLAB_CI", "gitlab:{CI_PROJECT_PATH}@{CI_COMMIT_REF_NAME}"),
    ("BUILDKITE", "buildkite:{BUILDKITE_ORGANIZATION_SLUG}/{BUILDKITE_PIPELINE_SLUG}@{BUILDKITE_BRANCH}"),
    ("JENKINS_URL", "jenkins:{JOB_NAME}"),
)
LOCAL: Final = "local"


def pipeline(environment: Mapping[str, str]) -> EntityRef:
    """The pipeline named by the variables of GitHub Actions, GitLab, Buildkite or Jenkins; else ``local``."""
    for marker, template in _SYSTEMS:
        if environment.get(marker):
            return EntityRef(type="Pipeline", id=template.format_map(_Missing(environment))[:2048])
    return EntityRef(type="Pipeline", id=LOCAL)


class _Missing(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"
