"""Example cases: the tests a pack brings along, each a request with facts and the decision it must get.

``cases/*.yaml`` holds a list of cases, or ``{defaults, cases}`` where the defaults are merged under every case,
or ``{include, files}`` to share the cases of a pack in a neighbouring folder. In a case ``null`` takes a default away.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from govkernel.domain import (
    Action,
    ArtifactKind,
    Door,
    Effect,
    EntityRef,
    Frozen,
    JsonObject,
    PolicyInput,
    Screening,
    Workload,
)
from govkernel.domain.strict_yaml import Lines
from govkernel.errors import ConfigError
from govkernel.inputs import ARTIFACT_ACTIONS, SCREENED_ACTIONS, entity_of
from govkernel.packs.case_facts import (
    AncestorCase,
    ArtifactCase,
    EvidenceCase,
    artifact_context,
    lineage_context,
)
from govkernel.packs.files import PackFolder, refuse
from govkernel.packs.load import first_problem, read_manifest, read_yaml

MAX_CASES: Final = 2_000
_BARE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KINDS: Final = {kind.entity_type: kind for kind in ArtifactKind}
_DOORS: Final = {
    Action.ADMIT: Door.ADMISSION,
    Action.DEPLOY: Door.CI,
    Action.PROMOTE: Door.CI,
    Action.READ: Door.AUDIT,
    Action.EXPORT: Door.AUDIT,
}
EXAMPLE_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)


class ExpectedObligation(Frozen):
    """An obligation that a case expects; without arguments, any will do."""

    type: str
    arguments: tuple[str, ...] | None = None


class Case(Frozen):
    """One example.

    Attributes:
        name: what it shows.
        file: where it is written, relative to its pack.
        question: what the engine is asked.
        effect: the answer it must give.
        policies: ids of exactly the policies that must determine it; None when the case does not say.
        obligations: exactly the obligations that must come with it; None when the case does not say.
    """

    name: str
    file: str
    question: PolicyInput
    effect: Effect
    policies: tuple[str, ...] | None = None
    obligations: tuple[ExpectedObligation, ...] | None = None


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Asked(_Closed):
    principal: EntityRef = EntityRef(type="User", id="example")
    action: Action
    resource: EntityRef
    door: Door | None = None
    environment: str = ""
    risk: str = Field("", pattern="^(|minimal|limited|high|unacceptable)$")
    labels: tuple[str, ...] = ()
    attributes: JsonObject = Field(default_factory=dict)

    @field_validator("principal", "resource", mode="before")
    @classmethod
    def _bare_type(cls, value: Any) -> Any:
        if isinstance(value, str) and _BARE.fullmatch(value):
            return {"type": value, "id": "example"}
        return value


class _Document(_Closed):
    name: str = Field(min_length=1, max_length=200)
    request: _Asked
    artifact: ArtifactCase = ArtifactCase()
    evidence: EvidenceCase = EvidenceCase()
    ancestry: tuple[AncestorCase, ...] | None = None
    workload: Workload = Workload()
    screening: Screening = Screening(direction="request")
    expect: Effect
    policies: tuple[str, ...] | None = None
    obligations: tuple[ExpectedObligation, ...] | None = None

    @field_validator("obligations", mode="before")
    @classmethod
    def _bare_obligation(cls, value: Any) -> Any:
        if isinstance(value, list):
            return [{"type": item} if isinstance(item, str) else item for item in value]
        return value


class _File(_Closed):
    defaults: dict[str, Any] = Field(default_factory=dict)
    cases: list[dict[str, Any]] = Field(default_factory=list, max_length=MAX_CASES)
    include: str = Field("", pattern=r"^([a-z][a-z0-9-]{0,62})?$")
    files: list[str] = Field(default_factory=list, max_length=100)


def read_cases(directory: Path, *, now: datetime = EXAMPLE_TIME) -> tuple[Case, ...]:
    """The cases of a pack, in order of file and place.

    Args:
        directory: the pack's folder.
        now: the time at which the cases are judged, aware; a fixed one by default, so that they stay true.

    Raises:
        ConfigError: ``pack.case`` naming the file, line and case, or any error of :func:`load_pack`.
    """
    folder = PackFolder(directory)
    pack = read_manifest(folder).id
    found = [case for name in _case_files(folder) for case in _read(folder, name, pack, now)]
    if len(found) > MAX_CASES:
        raise _bad(directory, f"more than {MAX_CASES} cases")
    names = Counter((case.file, case.name) for case in found)
    twice = [name for (_, name), count in names.items() if count > 1]
    if twice:
        raise _bad(directory, f"two cases of one file are called {twice[0]!r}")
    return tuple(found)


def parse_case(document: Any, *, pack: str, file: str, now: datetime) -> Case:
    """One case from its document.

    Args:
        document: the mapping in the file, defaults merged in.
        pack: id put before policy ids that have none.
        file: where it is from, for messages.
        now: the time at which it is judged.

    Raises:
        ConfigError: ``pack.case``.
    """
    return _parse(document, pack=pack, file=file, now=now, lines={}, at=())


def _parse(
    document: Any, *, pack: str, file: str, now: datetime, lines: Lines, at: tuple[str | int, ...]
) -> Case:
    try:
        said = _Document.model_validate(document)
        question = _question(said, now)
    except ValidationError as error:
        raise _bad(file, f"{_called(document)}: {first_problem(error, lines, at)}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{_called(document)}: a statement lacks what its type needs ({type(error).__name__}: {error})"
        raise _bad(file, why[:400]) from None
    full = None if said.policies is None else tuple(_full_id(item, pack) for item in said.policies)
    return Case(
        name=said.name,
        file=file,
        question=question,
        effect=said.expect,
        policies=full,
        obligations=said.obligations,
    )


def _full_id(policy: str, pack: str) -> str:
    return policy if "/" in policy else f"{pack}/{policy}"


def _called(document: Any) -> str:
    name = document.get("name") if isinstance(document, Mapping) else None
    return f"case {str(name)[:80]!r}" if name else "a case without name"


def _case_files(folder: PackFolder) -> list[str]:
    return folder.names(".yaml", folder="cases")


def _read(folder: PackFolder, name: str, pack: str, now: datetime, *, nested: bool = False) -> Iterator[Case]:
    content, lines = read_yaml(folder, name)
    bare = isinstance(content, list)
    try:
        file = _File.model_validate({"cases": content} if bare else content)
    except ValidationError as error:
        raise _bad(folder.root / name, first_problem(error, lines)) from None
    if file.include:
        if nested:
            raise _bad(folder.root / name, "an included file includes another")
        yield from _included(folder, file, pack, now)
    for index, case in enumerate(file.cases):
        at = (index,) if bare else ("cases", index)
        merged = _merged(file.defaults, case)
        yield _parse(merged, pack=pack, file=name, now=now, lines=lines, at=at)


def _included(folder: PackFolder, file: _File, pack: str, now: datetime) -> Iterator[Case]:
    other = PackFolder(folder.root.parent / file.include)
    for name in file.files or _case_files(other):
        if name not in other:
            raise _bad(other.root / name, "there is no such file")
        yield from _read(other, name, pack, now, nested=True)


def _merged(under: Any, over: Any) -> Any:
    """Deep merge; an explicit null in ``over`` takes the default away."""
    if not (isinstance(under, Mapping) and isinstance(over, Mapping)):
        return over
    both = {**under, **{key: _merged(under.get(key), value) for key, value in over.items()}}
    return {key: value for key, value in both.items() if value is not None}


def _question(said: _Document, now: datetime) -> PolicyInput:
    asked = said.request
    kind = _KINDS.get(asked.resource.type) if asked.action in ARTIFACT_ACTIONS else None
    return PolicyInput(
        principal=asked.principal,
        action=asked.action.value,
        resource=entity_of(said.artifact.artifact(kind)) if kind else asked.resource,
        name=said.artifact.name if kind else asked.resource.id,
        context=_context(said, kind, now),
    )


def _context(said: _Document, kind: ArtifactKind | None, now: datetime) -> dict[str, Any]:
    asked = said.request
    context: dict[str, Any] = {
        "door": (asked.door or _DOORS.get(asked.action, Door.GUARD)).value,
        "environment": asked.environment,
        "risk": asked.risk,
        "labels": sorted(set(asked.labels)),
        "time": int(now.timestamp()),
        "attributes": asked.attributes,
    }
    if asked.action in ARTIFACT_ACTIONS:
        context |= artifact_context(kind, said.artifact) | said.evidence.facts(now)
        context |= lineage_context(said.ancestry)
        context["workload"] = {**said.workload.model_dump(), "labels": sorted(set(said.workload.labels))}
    elif asked.action in SCREENED_ACTIONS:
        context["screening"] = {
            **said.screening.model_dump(),
            "labels": sorted(set(said.screening.labels)),
        }
    return context


def _bad(file: Path | str, why: str) -> ConfigError:
    return refuse("case", file, why, "Correct the case; docs/how-to/write-a-policy.md describes the format.")
