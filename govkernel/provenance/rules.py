"""The rules of a trust policy: whether one signer may say one thing, about one artifact, at one time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from govkernel.domain import Artifact, ArtifactKind, Statement
from govkernel.domain.predicates import BREAK_GLASS, OMS_SIGNATURE, SIGNATURE
from govkernel.provenance.globs import matches
from govkernel.provenance.predicates import KNOWN, NAMES

_EXPANSIONS: Final = {
    **{name: (uri,) for name, uri in NAMES.items()},
    "signature": (SIGNATURE, OMS_SIGNATURE),
}
NOBODYS: Final = ("file:", "sha256:")
"""How names begin that nobody gave: those of local paths, and of artifacts known by their digest alone."""


@dataclass(frozen=True)
class Window:
    """A span of time; either end may be open.

    Attributes:
        start: first moment it holds.
        end: first moment it does not hold any more.
    """

    start: datetime | None = None
    end: datetime | None = None

    def early(self, now: datetime) -> bool:
        """Whether it has not begun."""
        return self.start is not None and now < self.start

    def late(self, now: datetime) -> bool:
        """Whether it is over."""
        return self.end is not None and now >= self.end


@dataclass(frozen=True)
class Refusal:
    """Why a signer may not say it.

    Attributes:
        step: how far it got; of several refusals the furthest one is the most helpful.
        code: stable code.
        why: one sentence.
        remedy: what to do.
    """

    step: int
    code: str
    why: str
    remedy: str


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        signers: names of keys or identities.
        may: predicate types: short names, URIs or patterns.
        kinds: kinds of artifact they may speak of; empty means all.
        names: patterns of names they may speak of.
        window: when.
        threshold: how many holders must say it.
        number: its place in the file, from one.
        holders: who holds the signers' keys and identities.
        delegable: whether its signers may let others speak in their name.
    """

    signers: frozenset[str]
    may: tuple[str, ...]
    kinds: frozenset[ArtifactKind]
    names: tuple[str, ...]
    window: Window
    threshold: int = 1
    number: int = 0
    holders: frozenset[str] = frozenset()
    delegable: bool = False

    def refusal(
        self, statement: Statement, artifact: Artifact, now: datetime, within: Rule | None = None
    ) -> Refusal | None:
        """Why this rule does not allow it, or None when it does.

        Args:
            statement: what is said.
            artifact: about what.
            now: when.
            within: only names that this rule is about as well are looked at.
        """
        if not may_say(self.may, statement.predicate_type):
            return _predicate_refused(statement.predicate_type)
        if self.kinds and artifact.kind not in self.kinds:
            why = f"The signer may not speak about artifacts of kind {artifact.kind.value}."
            return Refusal(3, "provenance.kind-not-allowed", why, "Add the kind to `about.kinds` of a rule.")
        names = spoken_names(statement, artifact)
        if within is not None:
            names = tuple(name for name in names if within.about(artifact.kind, (name,)))
        if not self.about(artifact.kind, names):
            why = "The signer may not speak about artifacts of this name."
            return Refusal(4, "provenance.name-not-allowed", why, "Add the name to `about.names` of a rule.")
        return window_refusal(self.window, now, "rule", 5)

    def about(self, kind: ArtifactKind, names: Iterable[str]) -> bool:
        """Whether it is about an artifact of a kind with one of the names."""
        if self.kinds and kind not in self.kinds:
            return False
        return any(matches(pattern, name) for name in names for pattern in self.names)


def may_say(allowed: Sequence[str], predicate_type: str) -> bool:
    """Whether a list of short names, URIs and patterns covers a predicate type.

    Patterns cover only types that govkernel knows: an unknown type must be written out, and so must break-glass.
    """
    if predicate_type in written_out(allowed):
        return True
    return predicate_type in KNOWN - {BREAK_GLASS} and any(
        matches(entry, predicate_type) for entry in allowed if "*" in entry
    )


def is_type(text: str) -> bool:
    """Whether a text is a short name, a URI, or a pattern."""
    return text in NAMES or "*" in text or ":" in text


def written_out(allowed: Sequence[str]) -> frozenset[str]:
    """The predicate types that a list names without a pattern."""
    return frozenset(uri for entry in allowed for uri in _EXPANSIONS.get(entry, (entry,)))


def spoken_names(statement: Statement, artifact: Artifact) -> tuple[str, ...]:
    """The names that a rule's patterns are held against.

    A name it was asked for by counts, whatever the statement calls it, so that nobody widens their scope by
    choosing subject names. A local path or a digest is nobody's name: there the matching subjects' names count.
    """
    if not artifact.name.startswith(NOBODYS):
        return (artifact.name,)
    return tuple(subject.name for subject in statement.subjects if artifact.digest in subject.digests)


def window_refusal(window: Window, now: datetime, what: str, step: int) -> Refusal | None:
    """The refusal when ``now`` is outside the window of a key or a rule."""
    if window.early(now):
        why = f"The {what} is not valid before {window.start}."
        return Refusal(step, f"provenance.{what}-not-yet-valid", why, "Wait, or correct the trust policy.")
    if window.late(now):
        why = f"The {what} is not valid any more since {window.end}."
        remedy = (
            "Sign again with a valid key."
            if what == "key"
            else f"Extend the {what}, if it should still hold."
        )
        return Refusal(step, f"provenance.{what}-expired", why, remedy)
    return None


def furthest(refusals: Iterable[Refusal]) -> Refusal | None:
    """The refusal that got furthest; the first of equals."""
    return max(refusals, key=lambda item: item.step, default=None)


def _predicate_refused(predicate_type: str) -> Refusal:
    if predicate_type in KNOWN:
        why = f"The signer may not state {predicate_type}."
        return Refusal(2, "provenance.predicate-not-allowed", why, "Add the type to `may` of a rule.")
    why = f"{predicate_type[:200]} is not a predicate type we know, and no rule for the signer names it."
    return Refusal(2, "provenance.predicate-unknown", why, "Write the full URI into `may` of a rule.")
