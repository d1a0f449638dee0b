"""Labelled sources as they are shared: which file holds what, what each source annotates, and how far to trust it.

What a source does not annotate stays unknown: a hateful tweet says nothing about jailbreaks being absent from hateful
text, but it is no injection.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from runtime_guard.readers.interface import SAFETY_LABELS
from runtime_guard.training.annotation import MOMENT
from runtime_guard.training.example import ENTITIES, Example
from runtime_guard.training.manuals import manuals

TOKEN_ENTITIES: Final = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "DATE_TIME", "AGE", "NRP"})
VALIDATION_SHARE: Final = 0.15

_ORDERS: Final = ("prompt_injection", "jailbreak", "harmful_request")
_CONTENT: Final = ("hate", "harassment", "violence", "self_harm", "sexual")
_FAINT: Final = {"HarmfulQA": 0.4, "in-the-wild (verazuo)": 0.7, "davidson2017": 0.7}
"""Sources with mild, noisy or slanted labels, and what their rows count."""

_BY_CONTEXT: Final = frozenset(
    {
        "different_user_input_language",
        "indirect_reference",
        "many_shot_attack",
        "hypothetical_scenario",
        "overload_with_information",
        "persuasion",
        "virtualization",
        "payload_splitting",
        "token_smuggling",
    }
)
"""Techniques of CyberSecEval whose rows are often injections only beside their system prompt."""
ASKS: Final = re.compile(r"(?i)prompt|\[user message\]|\buser:|instruction|assistant")
"""Rows of the PII data that show an attempt to extract it; they are neither labelled nor harmless."""


JOINED: Final = frozenset({"SEC-filings", "WNUT17", "gsm8k", "pii-anon-eval-data"})
"""Sources of documents, posts and exercises whose neighbours make a text."""

TOGETHER: Final = (4, 8, 12, 20)
MOST_JOINED: Final = 200
LONGEST: Final = 3000


def rows_of(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """Rows of a file of JSON lines, plain or gzipped."""
    path = next(path for path in sorted(folder.glob(f"{name}.jsonl*")))
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    yield from (json.loads(line) for line in raw.split(b"\n") if line.strip())


def read_sources(folder: Path) -> list[Example]:
    """Every example of the folder, in file order.

    Args:
        folder: files as described in docs/reference/guard-models.md.
    """
    examples = [*_benign(folder), *_requests(folder), *_jailbreaks(folder), *_injections(folder)]
    examples += [*_moderation(folder), *_responses(folder), *_documents(folder)]
    return [*examples, *joined(examples), *manuals()]


def joined(examples: Sequence[Example]) -> Iterator[Example]:
    """Neighbours of a harmless source as one long text, since what is harmless must stay so at any length.

    Args:
        examples: in the order of their files.
    """
    rows: dict[tuple[str, bool], list[Example]] = {}
    for item in examples:
        if item.source in JOINED and item.safe and item.known.get("prompt_injection") == 0:
            rows.setdefault((item.source, item.validation), []).append(item)
    for (source, held), items in rows.items():
        rng = random.Random(f"{source} {held}")  # noqa: S311 - not for secrets
        for first in rng.sample(range(len(items)), min(MOST_JOINED, len(items) // TOGETHER[0])):
            chosen = items[first : first + rng.choice(TOGETHER)]
            text = rng.choice((" ", "\n", "\n\n")).join(item.text for item in chosen)[:LONGEST]
            known = {
                label: 0 for label in SAFETY_LABELS if all(item.known.get(label) == 0 for item in chosen)
            }
            yield Example(text, rng.choice(("tool", "user")), source, known, validation=held)


def _example(row: Mapping[str, Any], source: str, known: Mapping[str, int], role: str = "user") -> Example:
    held = "dev" if row.get("split") in ("dev", "test") else ""
    share = zlib.crc32(str(row["id"]).encode()) % 1000 / 1000
    return Example(
        text=row["text"],
        role=role,
        source=source,
        known=known,
        weight=_FAINT.get(source, 1.0),
        validation=bool(held) or (row.get("split") != "train" and share < VALIDATION_SHARE),
    )


def _zeros(*labels: str) -> dict[str, int]:
    return dict.fromkeys(labels, 0)


def _benign(folder: Path) -> Iterator[Example]:
    for row in rows_of(folder, "benign_prompts"):
        yield _example(row, row["source"], _zeros(*SAFETY_LABELS))
    for row in rows_of(folder, "secrets_rules"):
        yield _example(row, row["source"], _zeros(*SAFETY_LABELS))


def _requests(folder: Path) -> Iterator[Example]:
    for row in rows_of(folder, "harm_requests"):
        known = _zeros("harmful_response") | {"harmful_request": 1}
        if row["source"] == "AILuminate":  # some of its prompts give new rules, no label says which
            known |= _zeros(*_CONTENT) | dict.fromkeys(row["labels"], 1)
        else:
            known |= _zeros("prompt_injection", "jailbreak")
        yield _example(row, row["source"], known)


def _jailbreaks(folder: Path) -> Iterator[Example]:
    for row in rows_of(folder, "jailbreak"):
        injection = "prompt_injection" in row["labels"]
        known = {"prompt_injection": 1} | _zeros(*_CONTENT) if injection else {"jailbreak": 1}
        yield _example(row, row["source"], known | _zeros("harmful_response"))


def _injections(folder: Path) -> Iterator[Example]:
    for row in rows_of(folder, "prompt_injection"):
        if "safe" in row["labels"]:
            role = "system" if row.get("orig") == "system_prompt" else "user"
            yield _example(row, row["source"], _zeros(*SAFETY_LABELS), role)
            continue
        known = {"prompt_injection": 1} | _zeros("harmful_response", *_CONTENT)
        made = _example(row, row["source"], known)
        by_context = row["source"] == "CyberSecEval-PI" and row.get("orig") in _BY_CONTEXT
        yield Example(**{**vars(made), "weight": 0.15 if by_context else 1.0})


def _moderation(folder: Path) -> Iterator[Example]:
    counted = 0
    for row in rows_of(folder, "mod_davidson"):
        labels = set(row["labels"])
        counted += labels == {"harassment"}
        if labels == {"harassment"} and counted % 4:
            continue
        known = _zeros("prompt_injection", "jailbreak", "harmful_response")
        if labels == {"safe"}:
            known |= _zeros("hate", "harassment")
        elif labels == {"hate"}:
            known |= {"hate": 1}
        else:
            known |= {"harassment": 1, "hate": 0}
        yield _example(row, row["source"], known)
    for name in ("mod_hatecheck", "mod_toxigen_demos"):
        for row in rows_of(folder, name):
            hateful = int("hate" in row["labels"])
            known = _zeros("prompt_injection", "jailbreak", "harmful_response") | {"hate": hateful}
            yield _example(row, row["source"], known | ({} if hateful else _zeros("harmful_request")))


def _responses(folder: Path) -> Iterator[Example]:
    for row in rows_of(folder, "out_gptfuzz_responses"):
        complied = int("harmful_response" in row["labels"])
        yield _example(row, row["source"], {"harmful_response": complied}, role="assistant")


def _documents(folder: Path) -> Iterator[Example]:
    for name in ("pii_wnut17", "pii_sec_filings", "pii_piianon", "pii_presidio_generated_large_subset"):
        for row in rows_of(folder, name):
            known = _zeros(*_ORDERS, "harmful_response")
            if ASKS.search(row["text"]):
                known = {}
            elif name != "pii_wnut17":
                known |= _zeros(*_CONTENT)
            personal = any(span["type"] in TOKEN_ENTITIES for span in row["spans"])
            if personal or not MOMENT.search(row["text"]):
                known[ENTITIES] = int(personal)
            yield _example(row, row["source"], known)
