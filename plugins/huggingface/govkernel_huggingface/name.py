"""``hf://[datasets/][ORG/]NAME[@REVISION[/PATH]]`` as parts, and the folder that a cache has for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from govkernel.domain.paths import check_path
from govkernel.errors import ProvenanceError

DEFAULT_REVISION: Final = "main"

_PART: Final = r"[A-Za-z0-9](?:[\w.-]{0,94}\w)?"
_NAME: Final = re.compile(
    rf"hf://(?P<datasets>datasets/)?(?P<repository>{_PART}(?:/{_PART})?)(?:@(?P<rest>[^@]+))?", re.ASCII
)
_AMBIGUOUS: Final = re.compile(r"--|\.\.")
"""What the hub allows in no name: two dashes stand for the slash in the names of folders."""


@dataclass(frozen=True)
class HubName:
    """A name on the hub.

    Attributes:
        repository: e.g. ``org/name``, or ``gpt2``.
        dataset: it is a repository of a dataset.
        rest: the revision, and perhaps a path after it: branches may have slashes too.
    """

    repository: str
    dataset: bool
    rest: str

    @property
    def folder(self) -> str:
        """What a cache calls the repository's folder."""
        kind = "datasets" if self.dataset else "models"
        return f"{kind}--{self.repository.replace('/', '--')}"

    def readings(self) -> Iterator[tuple[str, str]]:
        """Each way to read the rest: revision and path, the whole as a revision first."""
        yield self.rest, ""
        for slash in (match.start() for match in re.finditer("/", self.rest)):
            yield self.rest[:slash], self.rest[slash + 1 :]


def parse(uri: str) -> HubName | None:
    """The parts of a name; None when it is none."""
    match = _NAME.fullmatch(uri)
    if match is None or _AMBIGUOUS.search(match["repository"]):
        return None
    rest = match["rest"] or DEFAULT_REVISION
    try:
        check_path(rest)
    except ProvenanceError:
        return None
    return HubName(match["repository"], bool(match["datasets"]), rest)
