"""Ask models about messages: what is known is not asked again, a glance comes first, closer looks go in batches.

A disguised text is judged by its views too; the highest score of them counts.
"""

from __future__ import annotations

import asyncio
import enum
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from govkernel.domain import Finding
from govkernel.errors import GovkernelError
from runtime_guard.cache import Cache
from runtime_guard.cells import blocks
from runtime_guard.failures import detector_failed, unread
from runtime_guard.readers.batcher import Batcher
from runtime_guard.readers.interface import Degradable, Reader, Reading, Unread
from runtime_guard.readers.tally import Outcome, Tally
from runtime_guard.views import views

LONG: Final = 16 * 1024
"""Characters from which on even a glance is left to a thread, so that nobody else waits for it."""


_SAYS: Final = re.compile(r"[^\W_]")


class Depth(enum.IntEnum):
    """How closely models look at a text."""

    GLANCE = 0
    """At once; what is doubtful stays so."""

    DOUBT = 1
    """Closely where a glance leaves doubt."""

    CLOSE = 2
    """Closely, always."""


@dataclass(frozen=True)
class Joined:
    """What all models made of a message.

    Attributes:
        scores: the highest per label.
        whole: labels over their thresholds, as findings about the message.
        findings: spans.
    """

    scores: dict[str, float]
    whole: tuple[Finding, ...]
    findings: tuple[Finding, ...]


class Readers:
    """Several models as one.

    Args:
        readers: the models.
        disguises: judge views of a text as well.
        shed: when a model has more to read than it can, let what a glance says count.
    """

    def __init__(self, readers: Sequence[Reader], *, disguises: bool, shed: bool = False) -> None:
        self._readers = tuple(readers)
        self._disguises = disguises
        self._shed = shed
        self._batchers = tuple(Batcher(item) for item in readers)
        self._cache: Cache[Joined] = Cache()
        self._tally = Tally()

    def __bool__(self) -> bool:
        """Whether there is any model."""
        return bool(self._readers)

    @property
    def labels(self) -> frozenset[str]:
        """Everything that they may say."""
        return frozenset(label for item in self._readers for label in item.labels)

    def metrics(self) -> Iterator[str]:
        """How they came to their answers, in the Prometheus text format."""
        return self._tally.lines(
            {item.name: item.degraded for item in self._readers if isinstance(item, Degradable)}
        )

    async def ask(self, text: str, role: str, tenant: str, depth: Depth) -> Joined:
        """What they say of one message.

        Raises:
            GovkernelError: ``guard.detector-failed``, ``guard.overloaded``.
        """
        if not self._readers:
            return joined_readings([])
        key, known = self._cache.get(text, f"{role} {int(depth)}", tenant)
        self._tally.message("models" if known is None else "cache")
        if known is None:
            asked = [
                self._ask(batcher, shown, role, tenant, depth)
                for shown in self._shown(text)
                for batcher in self._batchers
            ]
            readings = [await asked[0]] if len(asked) == 1 else await asyncio.gather(*asked)
            known = self._joined(readings)
            if depth == Depth.GLANCE or all(reading.settled for reading in readings):
                self._cache.put(key, known, tenant)
        return known

    def ask_many(
        self, texts: Sequence[str], roles: Sequence[str], depth: Depth
    ) -> list[Joined | GovkernelError]:
        """What they say of many messages, a batch at a time; an error in place of a message that one could not judge.

        Args:
            texts: of any length.
            roles: as many.
            depth: how closely they look.

        Raises:
            GovkernelError: ``guard.detector-failed``: one failed altogether.
        """
        asked = [(owner, shown) for owner, text in enumerate(texts) for shown in self._shown(text)]
        self._tally.message("models", len(texts))
        found: list[list[Reading]] = [[] for _ in texts]
        failed: dict[int, GovkernelError] = {}
        for reader in self._readers:
            try:
                readings = _read(reader, [(shown.text, roles[owner]) for owner, shown in asked], depth)
            except Exception as error:
                self._tally.reading(reader.name, "failed", len(asked))
                raise detector_failed(reader.name, error) from error
            self._count(reader.name, readings)
            for (owner, shown), (reading, _) in zip(asked, readings, strict=True):
                if isinstance(reading, Unread):
                    failed[owner] = unread(reader.name, reading.why)
                else:
                    found[owner].append(shown.seen(reading))
        return [failed.get(owner) or self._joined(readings) for owner, readings in enumerate(found)]

    async def _ask(self, batcher: Batcher, shown: _Shown, role: str, tenant: str, depth: Depth) -> Reading:
        reader = batcher.reader
        try:
            if len(shown.text) > LONG:
                reading = await asyncio.to_thread(_glance, reader, shown.text, role, depth)
            else:
                reading = _glance(reader, shown.text, role, depth)
        except Exception as error:
            self._tally.reading(reader.name, "failed")
            raise detector_failed(reader.name, error) from error
        if reading.settled or depth == Depth.GLANCE:
            self._tally.reading(reader.name, "settled")
        else:
            reading = await self._closely(batcher, shown.text, role, tenant)
        return shown.seen(reading)

    async def _closely(self, batcher: Batcher, text: str, role: str, tenant: str) -> Reading:
        """What a closer look says; a glance's word where there is too much to read, if that may be."""
        name = batcher.reader.name
        try:
            reading = await batcher.read(text, role, tenant)
        except GovkernelError as error:
            overloaded = error.code == "guard.overloaded"
            glanced = _glance(batcher.reader, text, role, Depth.GLANCE) if self._shed and overloaded else None
            if glanced is None or not glanced.by:
                self._tally.reading(name, "refused" if overloaded else "failed")
                raise
            self._tally.reading(name, "shed")
            return glanced
        self._tally.reading(name, "read")
        return reading

    def _count(self, name: str, readings: Iterable[tuple[Reading | Unread, bool]]) -> None:
        for reading, closely in readings:
            outcome: Outcome = "read" if closely else "settled"
            self._tally.reading(name, "failed" if isinstance(reading, Unread) else outcome)

    def _joined(self, readings: Sequence[Reading]) -> Joined:
        """Readings of one message as one; of a text that says nothing there are none, and every label scores 0."""
        if readings:
            return joined_readings(readings)
        return Joined(dict.fromkeys(filter(str.islower, sorted(self.labels)), 0.0), (), ())

    def _shown(self, text: str) -> Iterator[_Shown]:
        """The text, and what it says without its disguises; what has neither letters nor digits says nothing."""
        if _SAYS.search(text):
            yield _Shown(text)
        if self._disguises:
            for window in blocks(text):
                for view in views(window.text):
                    if _SAYS.search(view.text):
                        yield _Shown(view.text, view.name)


@dataclass(frozen=True)
class _Shown:
    """A text as models see it, and the view that it is; empty where it is the text itself."""

    text: str
    view: str = ""

    def seen(self, reading: Reading) -> Reading:
        """A reading of it; spans of a view do not stand in the text."""
        if not self.view:
            return reading
        return replace(reading, findings=(), by=f"{reading.by}, views {self.view}")


def joined_readings(readings: Iterable[Reading]) -> Joined:
    """Readings of one message as one; of a label, the highest score counts."""
    scores: dict[str, float] = {}
    whole: dict[str, Finding] = {}
    spans: list[Finding] = []
    for reading in readings:
        for label, score in reading.scores.items():
            scores[label] = max(score, scores.get(label, 0.0))
        for finding in reading.as_findings():
            if not finding.whole_message:
                spans.append(finding)
            elif finding.label not in whole or finding.score > whole[finding.label].score:
                whole[finding.label] = finding
    return Joined(scores, tuple(whole.values()), tuple(spans))


def _read(
    reader: Reader, asked: Sequence[tuple[str, str]], depth: Depth
) -> list[tuple[Reading | Unread, bool]]:
    """What is said of each text, and whether it was read closely."""
    glanced = [_glance(reader, text, role, depth) for text, role in asked]
    found: list[tuple[Reading | Unread, bool]] = [(reading, False) for reading in glanced]
    if depth > Depth.GLANCE:
        doubtful = [number for number, reading in enumerate(glanced) if not reading.settled]
        texts, roles = [asked[number][0] for number in doubtful], [asked[number][1] for number in doubtful]
        for number, reading in zip(doubtful, reader.read(texts, roles) if doubtful else (), strict=True):
            found[number] = (reading, True)
    return found


def _glance(reader: Reader, text: str, role: str, depth: Depth) -> Reading:
    return reader.glance(text, role) if depth < Depth.CLOSE else Reading(settled=False)
