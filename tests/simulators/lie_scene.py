"""A signed model that somebody lies about, and how a lie is told and refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from govkernel.domain import Artifact, ArtifactKind, RejectedStatement
from govkernel.errors import GovkernelError
from govkernel.provenance import LocalKey, describe, sign_artifact, verify_path
from tests.simulators.lying_signer import signed, statement

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MODEL = ArtifactKind.MODEL
ANN, BOB, EVE = (LocalKey.generate() for _ in range(3))
CUSTOM = "https://example.test/p"


@dataclass(frozen=True)
class Scene:
    """A signed model that somebody lies about."""

    model: Path

    @property
    def signature(self) -> bytes:
        return sign_artifact(self.model, MODEL, ANN).bundles[0].content

    @property
    def artifact(self) -> Artifact:
        return describe(self.model, MODEL)

    def about(self, **changes: Any) -> dict[str, Any]:
        """A statement about it, with fields replaced."""
        digest = self.artifact.digest
        assert digest is not None
        return {**statement(digest.hex, CUSTOM, {}), **changes}


Outcome = object
Lie = Callable[[Scene], Outcome]


def refusal(lie: Lie, scene: Scene) -> str:
    """The code that refuses a lie; nothing but our error types may come of it."""
    try:
        outcome = lie(scene)
    except GovkernelError as error:
        assert error.remedy
        return error.code
    assert isinstance(outcome, RejectedStatement), f"the lie was believed: {outcome!r}"
    return outcome.code


def verified(scene: Scene, raw: bytes, **how: Any) -> Outcome:
    return verify_path(scene.model, raw, ANN.public_key_pem(), how.get("kind", MODEL), now=NOW)


def said(**changes: Any) -> Lie:
    """A statement about the model, correctly signed, with fields replaced."""
    return lambda scene: verified(scene, signed(scene.about(**changes), ANN))


def digests(make: Callable[[Scene], dict[str, str]]) -> Lie:
    return lambda scene: said(subject=[{"name": "m", "digest": make(scene)}])(scene)


def plain(scene: Scene) -> str:
    """The subject digest, hex."""
    digest = scene.artifact.digest
    assert digest is not None
    return digest.hex
