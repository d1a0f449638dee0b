"""docs/reference/errors.md lists exactly the error codes the code can raise or report.

Codes are collected from the source: string arguments and keywords in calls, and strings joined from a literal
prefix (``f"json.{problem}"``) with the literals their helper is called with.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.error_codes import CODE, Untraceable, codes_in, collect

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "errors.md"


def documented() -> list[str]:
    """Codes in the first column of the page's tables, in order."""
    return re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_every_code_is_documented() -> None:
    used = collect(ROOT)
    missing = {code: places[0] for code, places in used.items() if code not in set(documented())}
    assert missing == {}


def test_no_code_is_documented_that_is_not_used() -> None:
    assert sorted(set(documented()) - set(collect(ROOT))) == []


def test_each_code_has_a_meaning_and_a_remedy_once() -> None:
    rows = re.findall(
        r"^\| `([^`]+)` \| (.+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert [row[0] for row in rows] == documented()
    assert len(set(documented())) == len(documented())
    assert all(
        CODE.fullmatch(code) and len(meaning) > 8 and len(remedy) > 4 for code, meaning, remedy in rows
    )


def test_the_collector_finds_codes_wherever_they_are_given() -> None:
    source = """
raise InputError("area.first", "what")
raise self._fault(name, "area.second", "what")
RejectedStatement(code="area.third", why="x")
refuse("fourth")
def refuse(problem): return InputError(f"area.{problem}", "what")
CONSTANT: Final = "area.fifth"
InputError("area.sixth" if x else "area.seventh", "what")
def outer(step):
    kind = "eighth" if step else "ninth"
    return refuse(kind)
print("other.word", "area.yaml", "area.")
"""
    names = "first second third fourth fifth sixth seventh eighth ninth"
    assert sorted(codes_in(source)) == sorted(f"area.{name}" for name in names.split())


def test_a_code_that_cannot_be_followed_is_not_passed_over() -> None:
    with pytest.raises(Untraceable):
        codes_in('raise InputError(f"area.{table[key]}", "what")')
