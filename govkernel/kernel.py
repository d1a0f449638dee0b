"""The decision path: gather evidence, ask every pack, combine, record. All four doors go through here.

The steps are pure functions elsewhere (:mod:`govkernel.inputs`, :mod:`govkernel.combine`); this module is the order
in which they happen and what happens when one fails: a deny that names it. An allow that could not be recorded
is a deny.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from govkernel import checks
from govkernel.combine import Answer, Outcome, combine, fault_outcome
from govkernel.domain import Decision, Digest, Effect, Judged, PolicyInput, Record, Request, Verdict
from govkernel.errors import AuditError, GovkernelError, PolicyError
from govkernel.gather import EvidenceGatherer, Gathered
from govkernel.hookspecs import LoadedPack
from govkernel.inputs import questions
from govkernel.lineage import with_ancestry
from govkernel.plugins import PluginHost, Provider

DEFAULT_DEADLINE: Final = 5.0
"""Seconds for one whole decision."""

_NOTHING: Final = Digest.sha256(hashlib.sha256().hexdigest())


class Recorder(Protocol):
    """The audit log, as the kernel sees it."""

    async def append(self, record: Record) -> Any:
        """Append durably. Raises AuditError when the record was not written."""

    def spool(self, record: Record) -> None:
        """Keep a record that could not be appended, to be appended later."""


class Kernel:
    """The policy decision point (PDP).

    Args:
        host: plugins; when one is broken, every decision is a deny that names it.
        evidence: gathers evidence.
        packs: loaded packs, each with the engine plugin that answers for it.
        recorder: the audit log; None only in tools that decide nothing (tests of policies).
        clock: returns the current time, aware, UTC.
        deadline: seconds for one decision.
    """

    def __init__(
        self,
        host: PluginHost,
        evidence: EvidenceGatherer,
        packs: Sequence[Provider[LoadedPack]],
        recorder: Recorder | None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        deadline: float = DEFAULT_DEADLINE,
    ) -> None:
        self._host = host
        self._evidence = evidence
        self._packs = tuple(packs)
        self._recorder = recorder
        self._clock = clock
        self._deadline = deadline
        self._policy_set = policy_set_digest([item.value for item in packs])
        self._told: set[asyncio.Task[None]] = set()

    @property
    def pack_names(self) -> tuple[str, ...]:
        """``id@version`` of the packs, in the order they are asked."""
        manifests = (item.value.pack.manifest for item in self._packs)
        return tuple(f"{manifest.id}@{manifest.version}" for manifest in manifests)

    async def decide(self, request: Request) -> Decision:
        """The decision about a request, recorded. Never raises for what a request or a plugin does."""
        return (await self.judge(request)).decision

    async def judge(self, request: Request) -> Record:
        """Like :meth:`decide`, with the evidence it stood on."""
        now = self._clock()
        subjects: tuple[Gathered, ...] = ()
        try:
            async with asyncio.timeout(self._deadline):
                self._refuse_broken()
                subjects = await self._traced(await self._evidence.gather(request.artifacts, now), now)
                asked = questions(request, [item.judged for item in subjects], now)
                outcome = combine(asked, await self._ask(asked))
        except GovkernelError as error:
            outcome = fault_outcome([error])
        except TimeoutError:
            outcome = fault_outcome([_too_slow(self._deadline)])
        except Exception as error:
            outcome = fault_outcome([_unexpected(error)])
        if outcome.effect is Effect.DENY:
            self._evidence.forget(request.artifacts)
        return await self._record(self._stamp(request, subjects, outcome, now))

    async def close(self) -> None:
        """Wait for sinks and notifiers that are still being told."""
        if self._told:
            await asyncio.wait(self._told, timeout=self._deadline)

    async def _traced(self, subjects: Sequence[Gathered], now: datetime) -> tuple[Gathered, ...]:
        """The subjects, those that were made from something with their ancestry."""
        traced = [await with_ancestry(item.judged, self._evidence, now) for item in subjects]
        return tuple(
            old if new is old.judged else Gathered.of(new) for old, new in zip(subjects, traced, strict=True)
        )

    def _refuse_broken(self) -> None:
        broken = self._host.broken()
        if broken:
            raise broken[0]

    async def _ask(self, asked: Sequence[PolicyInput]) -> list[Answer]:
        return [await self._answer(pack, question) for pack in self._packs for question in asked]

    async def _answer(self, pack: Provider[LoadedPack], question: PolicyInput) -> Answer:
        manifest = pack.value.pack.manifest
        verdict = await self._host.call(pack, lambda it: it.evaluate(question), checks.model(Verdict))
        prefix = f"{manifest.id}/"
        if not all(reason.policy.startswith(prefix) for reason in verdict.permits + verdict.forbids):
            raise PolicyError(
                "policy.nonsense",
                f"The engine {manifest.engine!r} answered for policies that are not in pack {manifest.id!r}.",
                remedy=f"Policy ids must start with {prefix!r}.",
            )
        return Answer(question, manifest, verdict)

    def _stamp(
        self, request: Request, subjects: Sequence[Gathered], outcome: Outcome, now: datetime
    ) -> Record:
        decision = Decision(
            id=time_ordered_id(now),
            effect=outcome.effect,
            reasons=outcome.reasons,
            warnings=outcome.warnings,
            notes=outcome.notes,
            obligations=outcome.obligations,
            faults=outcome.faults,
            policy_set=self._policy_set,
            evidence=evidence_digest(subjects),
            decided_at=now,
        )
        judged: tuple[Judged, ...] = tuple(item.judged for item in subjects)
        return Record(request=request, subjects=judged, decision=decision)

    async def _record(self, record: Record) -> Record:
        if self._recorder is not None:
            try:
                async with asyncio.timeout(self._deadline):
                    await self._recorder.append(record)
            except Exception as error:
                record = self._unrecorded(record, error, self._recorder)
        self._tell(record)
        return record

    def _unrecorded(self, record: Record, error: Exception, recorder: Recorder) -> Record:
        """An outcome nobody could prove later is not given: the answer becomes a deny, kept for later."""
        known = error if isinstance(error, GovkernelError) else _not_written(error)
        denied = fault_outcome([known])
        decision = record.decision.model_copy(
            update={
                "id": time_ordered_id(record.decision.decided_at),
                "effect": Effect.DENY,
                "reasons": denied.reasons + (() if record.decision.allowed else record.decision.reasons),
                "faults": record.decision.faults + denied.faults,
                "obligations": (),
            }
        )
        record = record.model_copy(update={"decision": decision})
        with contextlib.suppress(Exception):  # the answer is a deny already; a full disk cannot make it worse
            recorder.spool(record)
        return record

    def _tell(self, record: Record) -> None:
        for hook, method in (("govkernel_decision_sinks", "emit"), ("govkernel_notifiers", "notify")):
            for provider in self._host.providers(hook):
                task = asyncio.ensure_future(self._tell_one(provider, method, record))
                self._told.add(task)
                task.add_done_callback(self._told.discard)

    async def _tell_one(self, provider: Provider[Any], method: str, record: Record) -> None:
        try:
            await self._host.call(provider, lambda it: getattr(it, method)(record), checks.anything)
        except GovkernelError:
            return  # counted by the host; a sink never changes a decision


def policy_set_digest(packs: Sequence[LoadedPack]) -> Digest:
    """SHA-256 over the packs' digests, in order; packs' modes and parameters are part of theirs."""
    joined = "\n".join(str(item.pack.digest) for item in packs)
    return Digest.sha256(hashlib.sha256(joined.encode()).hexdigest())


def evidence_digest(subjects: Sequence[Gathered]) -> Digest:
    """SHA-256 over the digests of each artifact with its evidence, in order."""
    if not subjects:
        return _NOTHING
    return Digest.sha256(hashlib.sha256(b"".join(item.digest for item in subjects)).hexdigest())


def time_ordered_id(now: datetime) -> str:
    """A UUID version 7 (RFC 9562 section 5.7) for a decision made at ``now``."""
    millis = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    random = int.from_bytes(os.urandom(10))
    value = (millis << 80) | (0x7 << 76) | ((random >> 64 & 0xFFF) << 64)
    value |= (0b10 << 62) | (random & ((1 << 62) - 1))
    return str(uuid.UUID(int=value))


def _too_slow(deadline: float) -> GovkernelError:
    return GovkernelError(
        "kernel.deadline",
        f"No decision within {deadline:g} s.",
        why="Evidence or a policy engine answered too late.",
        remedy="Look at `govkernel plugins` for slow parts, or raise [kernel] deadline.",
    )


def _unexpected(error: Exception) -> GovkernelError:
    return GovkernelError(
        "kernel.unexpected",
        "The decision could not be made because of an internal error.",
        why=type(error).__name__,
        remedy="Report it with the decision id; the request was denied.",
    )


def _not_written(error: Exception) -> AuditError:
    return AuditError(
        "audit.unavailable",
        "The decision could not be recorded.",
        why=type(error).__name__,
        remedy="Check the audit database, then ask again.",
    )
