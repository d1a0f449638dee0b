"""A retrieval suite: JSON Lines of ``{"id", "domain", "question", "passage"}``; each passage answers its question."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from govkernel.domain import strict_json
from govkernel.errors import InputError

MAX_SUITE: Final = 16 * 1024 * 1024
MAX_PAIRS: Final = 20_000

_Text = Annotated[str, Field(min_length=1, max_length=8000)]


class Pair(BaseModel):
    """A question and the passage that answers it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=128)]
    domain: str = ""
    question: _Text
    passage: _Text


class Suite(BaseModel):
    """A suite as read.

    Attributes:
        name: file name without suffix.
        sha256: hex digest of its bytes.
        pairs: at least two; ids and passages are distinct, so that each question has one right answer.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    sha256: str
    pairs: tuple[Pair, ...]


def read_suite(path: Path) -> Suite:
    """Read a suite completely.

    Raises:
        InputError: ``evaluation.suite-unreadable`` or ``evaluation.suite-malformed``, naming the line.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_SUITE + 1)
    except OSError as error:
        raise InputError(
            "evaluation.suite-unreadable",
            f"The suite {path.name!r} cannot be read.",
            why=type(error).__name__,
            remedy="Name a JSON Lines file with --suite.",
        ) from None
    if len(content) > MAX_SUITE:
        raise _malformed(path, f"It has more than {MAX_SUITE} bytes.")
    lines = enumerate(content.split(b"\n"), start=1)
    pairs = tuple(_pair(path, number, line) for number, line in lines if line.strip())
    if not 2 <= len(pairs) <= MAX_PAIRS:
        raise _malformed(path, f"It has {len(pairs)} pairs; 2 to {MAX_PAIRS} are needed.")
    for attribute in ("id", "passage"):
        if len({getattr(pair, attribute) for pair in pairs}) != len(pairs):
            raise _malformed(path, f"Two pairs have the same {attribute}.")
    return Suite(name=path.stem, sha256=hashlib.sha256(content).hexdigest(), pairs=pairs)


def _pair(path: Path, number: int, line: bytes) -> Pair:
    try:
        return Pair.model_validate(strict_json.loads(line, max_depth=4))
    except InputError as error:
        raise _malformed(path, f"Line {number}: {error.what}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _malformed(path, f"Line {number}: {place}: {first['msg']}") from None


def _malformed(path: Path, why: str) -> InputError:
    return InputError(
        "evaluation.suite-malformed",
        f"The suite {path.name!r} cannot be used.",
        why=why,
        remedy="Each line is one JSON object with id, question and passage.",
    )
