"""Every page is on the map, every link leads somewhere, every page that a message names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "attestations").rglob("*.md")])
SOURCES = [
    path for name in ("govkernel", "runtime_guard", "policies") for path in (ROOT / name).rglob("*.py")
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
KINDS = ("tutorial", "how-to", "reference", "explanation")


def links(page: Path) -> list[str]:
    """Link targets outside code blocks."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return LINK.findall(re.sub(r"`[^`\n]*`", "", text))


def headings(page: Path) -> set[str]:
    """Anchors of a page, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in headings(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_on_the_map() -> None:
    reached = {ROOT / "docs" / link.partition("#")[0] for link in links(ROOT / "docs" / "README.md")}
    pages = {page for kind in KINDS for page in (ROOT / "docs" / kind).rglob("*.md")}
    assert sorted(page.name for page in pages - reached) == []


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "adr"
    records = {page.name for page in folder.glob("0*.md")}
    assert set(links(folder / "README.md")) == records
    assert len({name[:4] for name in records}) == len(records)


def test_pages_that_the_code_names_exist() -> None:
    named = {
        (name, path.relative_to(ROOT).as_posix())
        for path in SOURCES
        for name in re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8"))
    }
    assert sorted((name, place) for name, place in named if not (ROOT / name).is_file()) == []
