"""Facts of predicate types that others defined (SLSA, in-toto, CycloneDX, SPDX), and of training and red teams. Pure.

As in :mod:`govkernel.facts`, every number over several statements is the worst one, and their order never matters.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from govkernel.domain import predicates
from govkernel.newest import Claim, newest

Summary = Callable[[list[dict[str, Any]], datetime], dict[str, Any]]
"""Makes a fact of all claims of its types, as of a moment."""

RESULT_ORDER: Final = ("PASSED", "WARNED", "FAILED")
CONSENT_ORDER: Final = ("not-needed", "given", "unknown", "withdrawn")
"""From what asks for the least care to what asks for the most."""

SEVERITIES: Final = ("critical", "high", "medium", "low", "unrated")
_CVSS: Final = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.0, "low"))
"""Lowest base score of each rating (CVSS v3.1, section 5)."""


def _provenance(stated: list[dict[str, Any]], _now: datetime) -> dict[str, Any]:
    definitions = [said["buildDefinition"] for said in stated]
    return {
        "builders": sorted({str(said["runDetails"]["builder"]["id"]) for said in stated}),
        "buildTypes": sorted({str(item["buildType"]) for item in definitions}),
        "sources": sorted(
            {
                str(source["uri"])
                for item in definitions
                for source in item.get("resolvedDependencies", ())
                if source.get("uri")
            }
        ),
    }


def _summary(stated: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    def subject(said: Claim) -> tuple[str, str]:
        return str(said["verifier"]["id"]), str(said["policy"].get("uri", ""))

    latest = newest(stated, subject, now, lambda said: str(said["timeVerified"]))
    failed = {str(said["policy"].get("uri", "")) for said in latest if said["verificationResult"] != "PASSED"}
    held = [said for said in latest if str(said["policy"].get("uri", "")) not in failed]
    return {
        "passed": not failed,
        "verifiers": sorted({str(said["verifier"]["id"]) for said in latest}),
        "policies": sorted({str(said["policy"].get("uri", "")) for said in latest}),
        "levels": sorted({str(level) for said in held for level in said["verifiedLevels"]}),
        "verifiedOn": min(_seconds(said["timeVerified"]) for said in latest),
    }


def _test_result(stated: list[dict[str, Any]], _now: datetime) -> dict[str, Any]:
    return {
        "result": max((str(said["result"]) for said in stated), key=RESULT_ORDER.index),
        "failed": sorted({str(name) for said in stated for name in said.get("failedTests", ())}),
    }


def _vulnerabilities(stated: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    def scanner(said: Claim) -> str:
        return str(said["scanner"]["uri"]).partition("@")[0]

    latest = newest(stated, scanner, now, lambda said: str(said["metadata"]["scanFinishedOn"]))
    counts = [Counter(_rating(item) for item in said["scanner"]["result"]) for said in latest]
    return {
        **{severity: max(count[severity] for count in counts) for severity in SEVERITIES},
        "scanners": sorted({scanner(said) for said in latest}),
        "scannedOn": min(_seconds(said["metadata"]["scanFinishedOn"]) for said in latest),
    }


def _rating(found: Mapping[str, Any]) -> str:
    ratings = [_severity(item["score"]) for item in found.get("severity", ())]
    return min(ratings, key=SEVERITIES.index, default="unrated")


def _severity(score: object) -> str:
    text = str(score).strip().lower()
    if text in SEVERITIES:
        return text
    try:
        number = float(text)
    except ValueError:
        return "unrated"
    return next((name for least, name in _CVSS if number >= least), "unrated")


def _bills(stated: list[dict[str, Any]], _now: datetime) -> dict[str, Any]:
    return {
        "formats": sorted({"cyclonedx" if "bomFormat" in said else "spdx" for said in stated}),
        "components": max(len(said.get("components", said.get("packages", ()))) for said in stated),
    }


def _attributes(stated: list[dict[str, Any]], _now: datetime) -> dict[str, Any]:
    return {"names": sorted({str(item["attribute"]) for said in stated for item in said["attributes"]})}


def _red_team(stated: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    latest = newest(stated, lambda said: str(said["suite"]["name"]), now)
    return {
        "suites": sorted({str(said["suite"]["name"]) for said in latest}),
        "attempts": min(int(said["attempts"]) for said in latest),
        "successRate": math.ceil(max(_rate(said) for said in latest) * 10_000) / 10_000,
        "broken": sorted({name for said in latest for name in _broken(said)}),
        "passed": all(
            said["passed"] is True and _rate(said) <= float(said.get("threshold", 1)) for said in latest
        ),
    }


def _rate(said: Claim) -> float:
    """Share of attacks that succeeded; where none was tried, nothing was shown to hold."""
    attempts = int(said["attempts"])
    return min(int(said["successes"]) / attempts, 1.0) if attempts else 1.0


def _broken(said: Claim) -> list[str]:
    return [str(name) for name, counts in said.get("categories", {}).items() if counts["successes"]]


def _dataset_card(stated: list[dict[str, Any]], _now: datetime) -> dict[str, Any]:
    licences = {str(said["license"]) for said in stated}
    return {
        "license": licences.pop() if len(licences) == 1 else "NOASSERTION",
        "consent": max((str(said["consent"]) for said in stated), key=CONSENT_ORDER.index),
        "personalData": any(said["personalData"] is not False for said in stated),
    }


def _training_run(stated: list[dict[str, Any]], _now: datetime) -> dict[str, Any]:
    inputs = [item for said in stated for item in said["inputs"]]
    return {
        "systems": sorted({str(said["system"]["name"]) for said in stated}),
        **{
            f"{role}s": digests_in(item for item in inputs if item["role"] == role)
            for role in ("base", "dataset", "code", "config")
        },
    }


def digests_in(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every digest of in-toto resource descriptors, as ``sha256:hex``, each once, sorted."""
    return sorted({f"{name}:{value}" for item in resources for name, value in item["digest"].items()})


def _seconds(moment: object) -> int:
    """Seconds since 1970-01-01T00:00:00Z."""
    return int(datetime.fromisoformat(str(moment)).timestamp())


MORE: Final[Mapping[str, tuple[tuple[str, ...], Summary]]] = {
    "provenance": ((predicates.SLSA_PROVENANCE,), _provenance),
    "summary": ((predicates.VSA,), _summary),
    "testResult": ((predicates.TEST_RESULT,), _test_result),
    "vulnerabilities": ((predicates.VULNS,), _vulnerabilities),
    "bills": ((predicates.CYCLONEDX, predicates.SPDX, predicates.SPDX_PLAIN), _bills),
    "attributes": ((predicates.SCAI,), _attributes),
    "redTeam": ((predicates.RED_TEAM_RESULT,), _red_team),
    "datasetCard": ((predicates.DATASET_CARD,), _dataset_card),
    "trainingRun": ((predicates.TRAINING_RUN,), _training_run),
}
"""Fact, the predicate types that it is made of, and how."""
