"""A plugin that misbehaves on command, in any hook on the way to a decision, in any way there is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from govkernel.domain import Artifact, ArtifactRef, Digest, PolicyPack, Signer, Verdict
from govkernel.domain.evidence import Evidence, Statement
from govkernel.domain.policy import Reason
from govkernel.hookspecs import Bundle, VerifiedStatement, hookimpl

RELEASE: Final = threading.Event()
"""Lets hanging calls go, at the end of a test run."""


def hang(*_: Any) -> Any:
    """Never come back, in the way of a blocking call."""
    RELEASE.wait()


async def wait_forever(*_: Any) -> Any:
    """Never come back, in the way of a coroutine that waits."""
    import asyncio

    await asyncio.Event().wait()


async def block_the_loop(*_: Any) -> Any:
    """Never come back, in the way of a coroutine that blocks its event loop."""
    RELEASE.wait()


def raising(error: BaseException) -> Callable[..., Any]:
    """Raise ``error``."""

    def fail(*_: Any) -> Any:
        raise error

    return fail


def returning(value: Any) -> Callable[..., Any]:
    """Return ``value``, whatever was promised."""
    return lambda *_: value


def exit_process(*_: Any) -> Any:
    """Try to end the process with success."""
    sys.exit(0)


FORGED_STATEMENT: Final = VerifiedStatement.model_construct(
    statement=Statement.model_construct(subjects=(), predicate_type=7, predicate=None, digest=None),
    signers=(),
    source="",
    formats=(),
)
FORGED_VERDICT: Final = Verdict.model_construct(permits="everything", forbids=None, obligations=())
FOREIGN_VERDICT: Final = Verdict(permits=(Reason(policy="somebody-else/permit", effect="allow"),))

FAULTS: Final[dict[str, Callable[..., Any]]] = {
    "raises": raising(ValueError("no")),
    "raises a typed error": raising(KeyError("x")),
    "raises SystemExit": exit_process,
    "raises KeyboardInterrupt": raising(KeyboardInterrupt()),
    "raises RecursionError": raising(RecursionError()),
    "raises MemoryError": raising(MemoryError()),
    "hangs": hang,
    "waits forever": wait_forever,
    "blocks its loop": block_the_loop,
    "returns text": returning("allow"),
    "returns a number": returning(1),
    "returns a generator": returning(item for item in ()),
    "returns a class": returning(Artifact),
    "returns evidence": returning(Evidence()),
    "returns a forged statement": returning(FORGED_STATEMENT),
    "returns a forged verdict": returning(FORGED_VERDICT),
    "returns too much": returning([Bundle(content=b"x", source="x")] * 5000),
}


class FaultyPlugin:
    """Provides one thing, and does ``act`` whenever that thing is called.

    Args:
        where: ``resolver``, ``source``, ``verifier``, ``sink`` or ``notifier``.
        act: what it does.
    """

    schemes = frozenset({"*"})
    name = "faulty"

    def __init__(self, where: str, act: Callable[..., Any]) -> None:
        self._where = where
        self._act = act

    def _when(self, where: str) -> list[Any]:
        return [self] if self._where == where else []

    @hookimpl
    def govkernel_reference_resolvers(self) -> list[Any]:
        return self._when("resolver")

    @hookimpl
    def govkernel_attestation_sources(self) -> list[Any]:
        return self._when("source")

    @hookimpl
    def govkernel_evidence_verifiers(self) -> list[Any]:
        return self._when("verifier")

    @hookimpl
    def govkernel_decision_sinks(self) -> list[Any]:
        return self._when("sink")

    @hookimpl
    def govkernel_notifiers(self) -> list[Any]:
        return self._when("notifier")

    def resolve(self, ref: ArtifactRef) -> Any:
        return self._act(ref)

    def find(self, artifact: Artifact) -> Any:
        return self._act(artifact)

    def verify(self, bundle: Bundle, artifact: Artifact, now: datetime) -> Any:
        return self._act(bundle)

    def emit(self, record: Any) -> Any:
        return self._act(record)

    def notify(self, record: Any) -> Any:
        return self._act(record)


class FaultyPack:
    """A loaded pack whose engine does ``act`` when it is asked."""

    def __init__(self, pack: PolicyPack, act: Callable[..., Any]) -> None:
        self.pack = pack
        self._act = act

    async def evaluate(self, question: Any) -> Any:
        result = self._act(question)
        return await result if hasattr(result, "__await__") else result


def forged_statement_about(digest: Digest, signer: str) -> VerifiedStatement:
    """A statement nobody signed, in the name of a trusted signer."""
    from govkernel.domain import predicates
    from govkernel.domain.evidence import Subject

    return VerifiedStatement(
        statement=Statement(
            subjects=(Subject(name="m", digests=(digest,)),),
            predicate_type=predicates.MODEL_CARD,
            predicate={"license": "MIT", "riskClass": "minimal", "intendedUse": "x"},
            digest=digest,
        ),
        signers=(Signer(name=signer, key_id="00" * 32),),
    )
