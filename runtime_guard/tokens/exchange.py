"""The surrogates of one exchange: given to what the request holds, and put back into the answer to it.

What may come back is what this request holds: values that got a surrogate in it, and, in a named conversation,
surrogates that stand in it for values the client once sent. ADR 0030 says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field

from govkernel.domain import Finding
from runtime_guard.redact import Mask, Treatment, Wanted, apply
from runtime_guard.tokens.allocation import Given
from runtime_guard.tokens.entry import Entry, Scope
from runtime_guard.tokens.forms import Encode, plain
from runtime_guard.tokens.repeats import with_repeats
from runtime_guard.tokens.restore import Restorer
from runtime_guard.tokens.streaming import Restoring
from runtime_guard.tokens.surroundings import Texts, says_little, whole_names
from runtime_guard.tokens.vault import LARGE, Vault


@dataclass(frozen=True)
class Talk:
    """Which conversation an exchange belongs to.

    Attributes:
        tenant: whose.
        name: what the client calls it; empty if it does not say.
        beginning: what is the same in all its turns.
        apart: tenants are told apart, so that a name is only known to those it belongs to.
    """

    tenant: str
    name: str = field(default="", repr=False)
    beginning: str = field(default="", repr=False)
    apart: bool = True


class Pseudonyms:
    """Surrogates for one exchange; follows :class:`runtime_guard.redact.Surrogates` for its answer.

    Args:
        vault: remembers them.
        talk: the conversation.
        labels: every label that the detectors know.
        now: seconds since the epoch.
    """

    def __init__(self, vault: Vault, talk: Talk, labels: Set[str], now: int) -> None:
        self._vault = vault
        self._talk = talk
        self._labels = labels
        self._now = now
        self._scope: Scope | None = None
        self._texts = Texts((), labels)
        self.restorer = Restorer(())
        """What may be put back into the answer."""

    async def mask(self, texts: Sequence[str], masks: Sequence[Sequence[Mask]]) -> list[str]:
        """The texts of a request with every mask replaced.

        Raises:
            VaultError: the vault cannot be used; nothing may be passed on.
        """
        self._texts = Texts(texts, self._labels)
        kept = [
            [mask for mask in of if not says_little(text, mask.start, mask.end, spans)]
            for text, of, spans in zip(texts, masks, self._texts.spans, strict=True)
        ]
        chosen = with_repeats(texts, [whole_names(text, of) for text, of in zip(texts, kept, strict=True)])
        given = await self._given(texts, chosen)
        entries = [*self._values(given.values()), *await self._named()]
        self.restorer = (
            Restorer(entries) if len(entries) <= LARGE else await asyncio.to_thread(Restorer, entries)
        )
        return [apply(text, of, _stand_ins(text, of, given)) for text, of in zip(texts, chosen, strict=True)]

    async def names(self, wanted: Sequence[Wanted]) -> Sequence[str]:
        """Surrogates for what the model said; they are not put back.

        Raises:
            VaultError: the vault cannot be used; nothing may be passed on.
        """
        given = await self._vault.names(
            await self._where(), wanted, self._now, sent=False, taken=self._texts.hold
        )
        return [item.entry.surrogate for item in given]

    def restoring(self, encode: Encode = plain) -> Restoring:
        """Puts values back into one text of the answer."""
        return Restoring(self.restorer, encode)

    async def _given(self, texts: Sequence[str], masks: Sequence[Sequence[Mask]]) -> dict[Wanted, Given]:
        wanted = [
            _wanted(text, mask)
            for text, of in zip(texts, masks, strict=True)
            for mask in of
            if mask.how is not Treatment.LABEL
        ]
        if not wanted:
            return {}
        found = await self._vault.names(await self._where(), wanted, self._now, taken=self._texts.hold)
        return dict(zip(wanted, found, strict=True))

    async def _named(self) -> list[Entry]:
        """Entries of this conversation whose names stand in the request, if they may come back."""
        if not (self._talk.name and self._talk.apart and self._texts.names):
            return []
        found = await self._vault.look_up(await self._where(), self._texts.names, self._now)
        return [entry for entry in found if entry.sent]

    def _values(self, given: Iterable[Given]) -> list[Entry]:
        named = bool(self._talk.name) and self._talk.apart
        return [item.entry for item in given if not item.standing or (named and item.entry.sent)]

    async def _where(self) -> Scope:
        if self._scope is None:
            talk = self._talk
            self._scope = await self._vault.scope(talk.tenant, talk.name, talk.beginning, self._now)
        return self._scope


class WithoutSurrogates:
    """Passes over the surrogates of an exchange in its answer: they are nobody's data.

    Follows :data:`runtime_guard.segments.chain.Counting`.

    Args:
        restorer: the surrogates.
    """

    def __init__(self, restorer: Restorer) -> None:
        self._restorer = restorer

    def __call__(self, text: str, found: Sequence[Finding]) -> Sequence[Finding]:
        """Findings that are more than a surrogate."""
        if not found or not self._restorer:
            return found
        matches, _ = self._restorer.scan(text)
        spans = [(match.start, match.end) for match in matches]
        return [
            item for item in found if item.whole_message or not says_little(text, item.start, item.end, spans)
        ]


def _wanted(text: str, mask: Mask) -> Wanted:
    return Wanted(mask.label, text[mask.start : mask.end], mask.how is Treatment.FAKE)


def _stand_ins(text: str, masks: Sequence[Mask], given: dict[Wanted, Given]) -> list[str]:
    return [
        f"<{mask.label}>" if mask.how is Treatment.LABEL else _stand_in(given[wanted], wanted.value)
        for mask in masks
        for wanted in (_wanted(text, mask),)
    ]


def _stand_in(given: Given, value: str) -> str:
    """A surrogate that stands in the text stays as it is written there."""
    return value if given.standing else given.entry.surrogate
