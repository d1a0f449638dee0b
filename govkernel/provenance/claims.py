"""Predicates as Python values: what our predicate types say, with the names and bounds of their JSON Schemas.

For whoever states something from Python::

    said = Approval(approver="dana", role="risk-officer", decision="approve")
    bundle = attest(artifact, said.TYPE, said.predicate(), key)

The schemas under attestations/ stay what every predicate is held to; a test holds these models equal to them. Types of
others (SLSA, in-toto, CycloneDX, SPDX) have libraries of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, PlainSerializer
from pydantic.alias_generators import to_camel

from govkernel.domain import predicates


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


_MAX: Final = 2**53 - 1
Moment = Annotated[AwareDatetime, PlainSerializer(_rfc3339)]
Count = Annotated[int, Field(ge=0, le=_MAX)]
Rate = Annotated[float, Field(ge=0, le=1)]
Number = Annotated[float, Field(ge=-1e15, le=1e15)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _text(longest: int) -> Any:
    return Field(min_length=1, max_length=longest)


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, strict=True
    )


class Claim(_Part):
    """A predicate.

    Attributes:
        TYPE: URI of the predicate type.
    """

    TYPE: ClassVar[str]

    def predicate(self) -> dict[str, Any]:
        """The predicate as JSON, without what was not said."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class DigestSet(_Part):
    """The SHA-256 of something, hex."""

    sha256: Sha256


class Tool(_Part):
    """A program, by name and version."""

    name: Annotated[str, _text(256)]
    version: Annotated[str, _text(128)]


class Suite(_Part):
    """What was run: a suite of tests or attacks."""

    name: Annotated[str, _text(256)]
    version: Annotated[str, _text(128)] | None = None
    digest: DigestSet | None = None


class Metric(_Part):
    """One measured value, with its confidence interval."""

    name: Annotated[str, _text(256)]
    value: Number
    lower: Number | None = None
    upper: Number | None = None


class EvaluationResult(Claim):
    """Outcome of a test suite."""

    TYPE: ClassVar[str] = predicates.EVALUATION_RESULT
    suite: Suite
    score: Rate
    threshold: Rate | None = None
    passed: bool
    metrics: Annotated[tuple[Metric, ...], Field(max_length=256, strict=False)]
    harness: Tool
    seed: Count | None = None
    finished_on: Moment


class Attacks(_Part):
    """Attacks of one kind."""

    attempts: Count
    successes: Count


class RedTeamResult(Claim):
    """Outcome of attacks on purpose."""

    TYPE: ClassVar[str] = predicates.RED_TEAM_RESULT
    suite: Suite
    attempts: Count
    successes: Count
    categories: (
        Annotated[
            Mapping[Annotated[str, Field(pattern="^[a-z][a-z0-9_-]{0,63}$")], Attacks], Field(max_length=256)
        ]
        | None
    ) = None
    threshold: Rate | None = None
    passed: bool
    team: Annotated[str, _text(256)] | None = None
    harness: Tool | None = None
    seed: Count | None = None
    finished_on: Moment


class DatasetCard(Claim):
    """Licence of a dataset, consent, and whether it holds personal data."""

    TYPE: ClassVar[str] = predicates.DATASET_CARD
    license: Annotated[str, _text(256)]
    consent: Literal["given", "not-needed", "withdrawn", "unknown"]
    personal_data: bool
    pii_scan: DigestSet | None = None
    sources: (
        Annotated[tuple[Annotated[str, _text(2048)], ...], Field(max_length=1000, strict=False)] | None
    ) = None
    collected_from: Moment | None = None
    collected_until: Moment | None = None
    languages: (
        Annotated[tuple[Annotated[str, _text(35)], ...], Field(max_length=200, strict=False)] | None
    ) = None
    records: Count | None = None
    intended_use: Annotated[str, _text(10_000)] | None = None
    limitations: Annotated[str, _text(10_000)] | None = None
    card_digest: DigestSet | None = None


_Names = Annotated[tuple[Annotated[str, _text(1024)], ...], Field(max_length=256, strict=False)]


class ModelCard(Claim):
    """Licence of a model, its risk class and what it is for."""

    TYPE: ClassVar[str] = predicates.MODEL_CARD
    license: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9.+() -]{0,127}$")]
    risk_class: Literal["minimal", "limited", "high", "unacceptable"]
    intended_use: Annotated[str, _text(4096)]
    limitations: Annotated[str, _text(4096)] | None = None
    languages: (
        Annotated[
            tuple[Annotated[str, Field(pattern="^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")], ...],
            Field(max_length=256, strict=False),
        ]
        | None
    ) = None
    card_digest: DigestSet | None = None
    base_models: _Names | None = None
    datasets: _Names | None = None
    tags: _Names | None = None
    pipeline_tag: Annotated[str, _text(256)] | None = None
    library_name: Annotated[str, _text(256)] | None = None


class PromptRelease(Claim):
    """Where a version of a prompt may be used."""

    TYPE: ClassVar[str] = predicates.PROMPT_RELEASE
    version: Annotated[str, _text(128)]
    environments: Annotated[
        tuple[Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")], ...],
        Field(min_length=1, max_length=64, strict=False),
    ]
    approver: Annotated[str, _text(256)] | None = None
    notes: Annotated[str, _text(4096)] | None = None


class Approval(Claim):
    """Who approves or rejects, in which role, until when, and which evidence they saw."""

    TYPE: ClassVar[str] = predicates.APPROVAL
    approver: Annotated[str, _text(256)]
    role: Annotated[str, _text(128)]
    decision: Literal["approve", "reject"]
    valid_until: Moment | None = None
    evidence_seen: (
        Annotated[
            tuple[Annotated[str, Field(pattern="^[a-z0-9]+:[0-9a-f]{40,128}$")], ...],
            Field(max_length=1000, strict=False),
        ]
        | None
    ) = None
    comment: Annotated[str, _text(4096)] | None = None


class Resource(_Part):
    """An artifact that something was made from, by name and digest."""

    name: Annotated[str, _text(2048)]
    digest: DigestSet


class Derivation(Claim):
    """From which models and datasets something was made, and how."""

    TYPE: ClassVar[str] = predicates.DERIVATION
    method: Literal["fine-tune", "lora", "merge", "quantize", "distill", "other"]
    bases: Annotated[tuple[Resource, ...], Field(max_length=256, strict=False)]
    datasets: Annotated[tuple[Resource, ...], Field(max_length=1000, strict=False)]


class Input(_Part):
    """What a training run read, with a digest of the training system's own making."""

    name: Annotated[str, _text(1024)]
    role: Literal["base", "dataset", "code", "config"]
    digest: Mapping[str, JsonValue]


class TrainingRun(Claim):
    """What a training system (MLflow, OpenLineage) trained something from."""

    TYPE: ClassVar[str] = predicates.TRAINING_RUN
    run_id: Annotated[str, _text(256)]
    experiment: Annotated[str, _text(256)] | None = None
    system: Tool
    inputs: Annotated[tuple[Input, ...], Field(max_length=1000, strict=False)]
    parameters: Annotated[Mapping[str, str | float | bool], Field(max_length=1000)] | None = None
    metrics: Annotated[Mapping[str, float], Field(max_length=1000)] | None = None
    hardware: Annotated[str, _text(256)] | None = None
    started_on: Moment | None = None
    finished_on: Moment


CLAIMS: Final[tuple[type[Claim], ...]] = (
    EvaluationResult,
    RedTeamResult,
    DatasetCard,
    ModelCard,
    PromptRelease,
    Approval,
    Derivation,
    TrainingRun,
)
"""The types of which people state something themselves; the others are computed."""
