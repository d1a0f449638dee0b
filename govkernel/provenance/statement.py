"""in-toto Statements (attestation framework v0.1 and v1): parse strictly, write canonically."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from govkernel.domain import Digest, Statement, Subject, strict_json
from govkernel.domain.artifact import HEX_LENGTH
from govkernel.domain.predicates import OMS_SIGNATURE
from govkernel.errors import InputError
from govkernel.provenance.dsse import refuse
from govkernel.provenance.limits import MAX_BUNDLE, MAX_CLAIM, MAX_NAME, MAX_SUBJECTS

STATEMENT_V1: Final = "https://in-toto.io/Statement/v1"
STATEMENT_TYPES: Final = (STATEMENT_V1, "https://in-toto.io/Statement/v0.1")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]{1,1024}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class RawStatement:
    """A statement that was read and holds plain JSON; :meth:`freeze` turns it into the domain's noun.

    Attributes:
        subjects: name and digests of each, of algorithms we know.
        predicate_type: URI.
        predicate: the claim.
        digest: SHA-256 of the payload.
    """

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: dict[str, Any]
    digest: Digest

    def freeze(self) -> Statement:
        """The frozen statement.

        Raises:
            InputError: ``json.not-canonical``: a number or text in it has no one meaning.
        """
        strict_json.canonical(self.predicate)
        return Statement(
            subjects=self.subjects,
            predicate_type=self.predicate_type,
            predicate=self.predicate,
            digest=self.digest,
        )


def parse_statement(payload: bytes) -> RawStatement:
    """Read a payload that must be an in-toto Statement.

    Raises:
        InputError: ``json.*``, ``provenance.statement-type``, ``provenance.statement-malformed``,
            ``provenance.statement-too-large``, ``provenance.subject-missing`` or ``provenance.subject-many``.
    """
    value = strict_json.loads(payload, max_bytes=MAX_BUNDLE)
    if not isinstance(value, dict):
        raise refuse("statement-malformed", "The payload is not an object.")
    if value.get("_type") not in STATEMENT_TYPES:
        raise refuse(
            "statement-type", f"The payload is {ascii(value.get('_type'))[:80]}, not an in-toto Statement."
        )
    predicate_type, predicate = value.get("predicateType"), value.get("predicate", {})
    if not isinstance(predicate_type, str) or not _URI.fullmatch(predicate_type):
        raise refuse("statement-malformed", "The predicate type is not a URI.")
    if not isinstance(predicate, dict):
        raise refuse("statement-malformed", "The predicate is not an object.")
    if len(payload) > MAX_CLAIM and predicate_type != OMS_SIGNATURE:
        raise refuse("statement-too-large", f"The statement has {len(payload)} bytes; at most {MAX_CLAIM}.")
    digest = Digest.sha256(hashlib.sha256(payload).hexdigest())
    return RawStatement(_subjects(value.get("subject")), predicate_type, predicate, digest)


def statement_bytes(
    subjects: Sequence[tuple[str, Mapping[str, str]]], predicate_type: str, predicate: Mapping[str, Any]
) -> bytes:
    """The canonical (JCS) payload of a Statement v1.

    Args:
        subjects: (name, digests by algorithm) each.
        predicate_type: URI.
        predicate: the claim.

    Raises:
        InputError: ``json.not-canonical``, or anything :func:`parse_statement` would refuse.
    """
    described = [{"name": name, "digest": dict(digests)} for name, digests in subjects]
    payload = strict_json.canonical(
        {
            "_type": STATEMENT_V1,
            "subject": described,
            "predicateType": predicate_type,
            "predicate": dict(predicate),
        }
    )
    parse_statement(payload)
    return payload


def _subjects(value: Any) -> tuple[Subject, ...]:
    if not isinstance(value, list) or not value:
        raise refuse("subject-missing", "The statement is about nothing.")
    if len(value) > MAX_SUBJECTS:
        raise refuse("subject-many", f"The statement is about {len(value)} things; at most {MAX_SUBJECTS}.")
    found = [subject for subject in map(_subject, value) if subject is not None]
    if not found:
        raise refuse("subject-missing", "No subject has a digest of an algorithm we know.")
    return tuple(found)


def _subject(value: Any) -> Subject | None:
    digests = value.get("digest") if isinstance(value, dict) else None
    name = value.get("name", "") if isinstance(value, dict) else None
    if (
        not isinstance(digests, dict)
        or not isinstance(name, str)
        or len(name) > MAX_NAME
        or _CONTROL.search(name)
    ):
        raise refuse("statement-malformed", "A subject is not a name with digests.")
    try:
        known = [Digest(algorithm=key, hex=text) for key, text in digests.items() if key in HEX_LENGTH]
        return Subject(name=name, digests=tuple(known)) if known else None
    except (ValidationError, InputError):
        raise refuse("statement-malformed", "A subject has a digest that is none.") from None
