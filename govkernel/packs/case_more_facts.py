"""Facts of :mod:`govkernel.more_facts`, as cases may give them."""

from __future__ import annotations

from pydantic import Field

from govkernel.packs.case_base import Facts


class ProvenanceCase(Facts):
    """``ProvenanceFacts``."""

    builders: tuple[str, ...] = ("https://builder.example",)
    build_types: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class SummaryCase(Facts):
    """``SummaryFacts``; by default one that passed."""

    passed: bool = True
    verifiers: tuple[str, ...] = ("https://govkernel.dev/verifier",)
    policies: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    verified_on: int = Field(0, ge=0)


class TestResultCase(Facts):
    """``TestResultFacts``; by default passed."""

    result: str = Field("PASSED", pattern="^(PASSED|WARNED|FAILED)$")
    failed: tuple[str, ...] = ()


class VulnerabilitiesCase(Facts):
    """``VulnerabilityFacts``; by default none."""

    critical: int = Field(0, ge=0)
    high: int = Field(0, ge=0)
    medium: int = Field(0, ge=0)
    low: int = Field(0, ge=0)
    unrated: int = Field(0, ge=0)
    scanners: tuple[str, ...] = ("example",)
    scanned_on: int = Field(0, ge=0)


class BillsCase(Facts):
    """``BillFacts``."""

    formats: tuple[str, ...] = ("cyclonedx",)
    components: int = Field(1, ge=0)


class AttributesCase(Facts):
    """``AttributeFacts``."""

    names: tuple[str, ...] = ()


class RedTeamCase(Facts):
    """``RedTeamFacts``; by default nothing broke."""

    suites: tuple[str, ...] = ("example",)
    attempts: int = Field(100, ge=0)
    success_rate: float = Field(0.0, ge=0, le=1)
    broken: tuple[str, ...] = ()
    passed: bool = True


class DatasetCardCase(Facts):
    """``DatasetCardFacts``; by default free to use, about nobody."""

    license: str = "CC-BY-4.0"
    consent: str = Field("not-needed", pattern="^(not-needed|given|unknown|withdrawn)$")
    personal_data: bool = False


class TrainingRunCase(Facts):
    """``TrainingRunFacts``."""

    systems: tuple[str, ...] = ("example",)
    bases: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
