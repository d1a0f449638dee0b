"""``python -m tests.eval.patterns FOLDER``: does the compiled engine find what Presidio's finds?

Every text of the ``pii_*`` files of a folder, and 10,000 made by Faker in 8 locales, is given to both, with the same
recognizers: Presidio's default ones, or those of all countries with ``--all``. Every difference is listed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from faker import Faker
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from rich.progress import track

from runtime_guard.patterns.engine import PatternEngine
from runtime_guard.patterns.recognizers import all_countries, country_recognizers, default_recognizers
from runtime_guard.patterns.words import Tokens

LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL", "ja_JP")
FAKED = 10_000
FIELDS = (
    "name", "address", "email", "phone_number", "credit_card_number", "iban", "ipv4", "ipv6", "mac_address", "url",
    "date", "iso8601", "ssn", "company", "user_agent", "uuid4", "sentence", "license_plate", "bban", "postcode",
)  # fmt: skip
LINKS = (
    ", ",
    " ",
    "\n",
    "; phone ",
    " my ssn is ",
    ": ",
    " account number ",
    " (",
    ") ",
    " iban ",
    "\t",
    " passport ",
)


def main() -> None:
    """Compare, print every difference, and fail if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", help="holds pii_*.jsonl and pii_*.jsonl.gz")
    parser.add_argument("--all", action="store_true", help="the recognizers of all countries too")
    parser.add_argument("--faked", type=int, default=FAKED, help="texts to make")
    parser.add_argument("--every", type=int, default=1, help="take every n-th text only")
    wanted = parser.parse_args()
    recognizers = chosen(everything=wanted.all)
    texts = [*(shared(wanted.folder) if wanted.folder else ()), *faked(wanted.faked)][:: wanted.every]
    found, differences = compare(recognizers, texts)
    print(f"{len(recognizers)} recognizers, {len(texts)} texts, {found} findings, {differences} texts differ")
    sys.exit(differences > 0)


def chosen(*, everything: bool) -> list[Any]:
    """Presidio's default recognizers, or all it has that need no model."""
    found = default_recognizers()
    known = {type(item) for item in found}
    added = country_recognizers(all_countries()) if everything else []
    return [*found, *(item for item in added if type(item) not in known)]


def compare(recognizers: Sequence[Any], texts: Sequence[str]) -> tuple[int, int]:
    """Findings, and texts about which the two engines say different things."""
    registry = RecognizerRegistry(recognizers=list(recognizers))
    theirs = AnalyzerEngine(registry=registry, nlp_engine=Tokens(), supported_languages=["en"])
    ours = PatternEngine(recognizers)
    count = differences = 0
    for number, text in enumerate(track(texts, disable=not sys.stdout.isatty())):
        expected = [
            (item.entity_type, item.start, item.end, item.score)
            for item in theirs.analyze(text, language="en")
        ]
        got = [tuple(item) for item in ours.analyze(text)]
        count += len(expected)
        if got != expected:
            differences += 1
            print(f"text {number}: {sorted(set(got) ^ set(expected))} in {text[:200]!r}")
    return count, differences


def shared(folder: Path) -> Iterator[str]:
    """The texts of a folder's ``pii_*`` files."""
    for file in sorted(folder.glob("pii_*")):
        with (
            gzip.open(file, "rt", encoding="utf-8")
            if file.suffix == ".gz"
            else file.open(encoding="utf-8") as rows
        ):
            for row in rows:
                yield json.loads(row)["text"]


def faked(count: int, seed: int = 20261124) -> Iterator[str]:
    """Texts of personal data in several locales, the same for the same seed."""
    makers = [Faker(locale) for locale in LOCALES]
    for place, maker in enumerate(makers):
        maker.seed_instance(seed + place)
    for number in range(count):
        maker = makers[number % len(makers)]
        draw = maker.random
        parts = []
        for _ in range(draw.randint(1, 8)):
            field = draw.choice(FIELDS)
            parts += [str(getattr(maker, field, maker.sentence)()), draw.choice(LINKS)]
        yield "".join(parts)


if __name__ == "__main__":
    main()
