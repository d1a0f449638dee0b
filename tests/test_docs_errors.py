"""docs/reference/errors.md lists exactly the error codes the code can raise or report; a plugin's README lists its own.

Codes are collected from the source: string arguments and keywords in calls, and strings joined from a literal
prefix (``f"json.{problem}"``) with the literals their helper is called with.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.error_codes import CODE, Untraceable, codes_in, collect

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "errors.md"


@cache
def used() -> dict[str, list[str]]:
    """Every code in the source, and the files it is in."""
    return collect(ROOT)


def documented(page: Path = PAGE) -> list[tuple[str, str, str]]:
    """Code, meaning and remedy: the rows of the page's tables that begin with a code, in order."""
    text = page.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \| (.+) \|$", text, flags=re.MULTILINE)
    return [row for row in rows if CODE.fullmatch(row[0])]


def codes(page: Path) -> set[str]:
    return {code for code, _, _ in documented(page)}


def page_of(place: str) -> Path:
    """Where the codes of a file are documented: a plugin is a distribution of its own, and so are its codes."""
    parts = Path(place).parts
    return ROOT / "plugins" / parts[1] / "README.md" if parts[0] == "plugins" else PAGE


def test_every_code_is_documented() -> None:
    missing = {
        code: places[0]
        for code, places in used().items()
        if not any(code in codes(page_of(place)) for place in places)
    }
    assert missing == {}


@pytest.mark.parametrize(
    "page", [PAGE, *sorted(ROOT.glob("plugins/*/README.md"))], ids=lambda it: it.parent.name
)
def test_no_code_is_documented_that_is_not_used(page: Path) -> None:
    raised = {code for code, places in used().items() if page in map(page_of, places)}
    areas = {code.partition(".")[0] for code in raised}
    listed = (
        codes(page) if page == PAGE else {code for code in codes(page) if code.partition(".")[0] in areas}
    )
    assert sorted(listed - raised) == []


@pytest.mark.parametrize(
    "page", [PAGE, *sorted(ROOT.glob("plugins/*/README.md"))], ids=lambda it: it.parent.name
)
def test_each_code_has_a_meaning_and_a_remedy_once(page: Path) -> None:
    rows = documented(page)
    assert len(codes(page)) == len(rows)
    assert all(len(meaning) > 8 and len(remedy) > 4 for _, meaning, remedy in rows)


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
