"""What every format needs: harmless text, and the problems of an entry in one shape."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from govkernel.domain import Artifact, Reason, RejectedStatement, ReportEntry

MAX_TEXT: Final = 2000
"""Characters of one text of a report."""

MAX_PROBLEMS: Final = 200
"""Problems shown of one entry; the rest is counted."""

OTHER_CONTENT: Final = "provenance.subject-mismatch"


@dataclass(frozen=True)
class Problem:
    """One thing to tell about an entry; all texts are :func:`clean`.

    Attributes:
        rule: policy id, or the code of a refused bundle.
        level: ``error`` for what denied, ``warning``, or ``note`` for refused bundles.
        message: what is wrong.
        remedy: what to do.
        subject: the name of the artifact it is about, if not the entry as a whole.
        controls: ids of the controls behind it.
        line: of the entry's file.
    """

    rule: str
    level: str
    message: str
    remedy: str = ""
    subject: str = ""
    controls: tuple[str, ...] = ()
    line: int = 1

    @property
    def advice(self) -> str:
        """Message and remedy in one line."""
        return f"{self.message} Fix: {self.remedy}" if self.remedy else self.message


def problems(entry: ReportEntry) -> list[Problem]:
    """What denied the entry, then warnings, then why bundles were refused (only where it was denied).

    At most :data:`MAX_PROBLEMS`, and one more that says how many were left out.
    """
    found = dict.fromkeys(_all(entry))
    shown = list(islice(found, MAX_PROBLEMS))
    if len(found) > len(shown):
        message = f"{len(found) - len(shown)} more problems are not shown."
        shown.append(Problem("govkernel/truncated", "note", message, "Fix those above, then look again."))
    return shown


def clean(text: str) -> str:
    """Text from strangers on one line: printable characters only, at most :data:`MAX_TEXT` of them.

    Control, formatting (bidirectional ones included), private and unassigned characters and lone surrogates
    become spaces, so the result is safe on a terminal, in UTF-8 and in XML 1.0.
    """
    line = "".join(char if char.isprintable() else " " for char in text[: MAX_TEXT * 2])
    line = " ".join(line.split())
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"


def bounded(value: Any) -> Any:
    """A JSON value with every text in it cut to :data:`MAX_TEXT` characters, nothing else changed."""
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else value[: MAX_TEXT - 1] + "…"
    if isinstance(value, Mapping):
        return {key: bounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [bounded(item) for item in value]
    return value


def dump(document: Mapping[str, Any]) -> str:
    """A JSON document in pure printable ASCII, so that nothing in it reaches a terminal unescaped."""
    return json.dumps(document, indent=2).replace("\x7f", "\\u007f") + "\n"


def _all(entry: ReportEntry) -> Iterator[Problem]:
    denied = not entry.decision.allowed
    if denied:
        yield from (_told(reason, "error", entry) for reason in entry.decision.reasons)
    yield from (_told(reason, "warning", entry) for reason in entry.decision.warnings)
    if denied:
        for artifact, evidence in zip(entry.artifacts, entry.evidence, strict=False):
            # A bundle about other content explains less than one that names what is wrong with this content.
            telling = sorted(evidence.rejected, key=lambda item: item.code == OTHER_CONTENT)
            yield from (_refused(artifact, rejected, entry) for rejected in telling)


def _told(reason: Reason, level: str, entry: ReportEntry) -> Problem:
    rule = clean(reason.policy) or "unnamed"
    return Problem(
        rule=rule,
        level=level,
        message=clean(reason.message) or f"Denied by {rule}.",
        remedy=clean(reason.remedy),
        subject=clean(reason.name),
        controls=tuple(clean(control) for control in reason.controls),
        line=entry.line_of(reason.name),
    )


def _refused(artifact: Artifact, rejected: RejectedStatement, entry: ReportEntry) -> Problem:
    source = f" (bundle {clean(rejected.source)})" if rejected.source else ""
    return Problem(
        rule=clean(rejected.code) or "unnamed",
        level="note",
        message=clean(rejected.why) + source,
        remedy=clean(rejected.remedy),
        subject=clean(artifact.name),
        line=entry.line_of(artifact.name),
    )
