"""JUnit XML keeps to the rules of ``junit-10.xsd``, which Jenkins' xUnit plugin refuses other files by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import Report
from govkernel.gate.formats.junit import JunitFormat
from tests.gate.builders import NOW, REFUSED, entry, reason, report, typical

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
TEXT, NUMBER = re.compile(r".*"), re.compile(r"0|[1-9][0-9]*")
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]{0,3})?")
STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")


@dataclass(frozen=True)
class Rule:
    """What an element may hold: its attributes, those it must have, its children, and whether it holds text."""

    attributes: Mapping[str, re.Pattern[str]]
    required: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    text: bool = False


COUNTS = dict.fromkeys(("tests", "failures", "errors"), NUMBER)
TOLD = Rule({"type": TEXT, "message": TEXT}, text=True)
RULES = {
    "testsuites": Rule({"name": TEXT, "time": TIME, **COUNTS}, children=frozenset({"testsuite"})),
    "testsuite": Rule(
        {"name": TEXT, "time": TIME, "skipped": NUMBER, "timestamp": STAMP, "hostname": TEXT, **COUNTS},
        required=frozenset({"name", "tests", "failures", "errors"}),
        children=frozenset({"testcase", "properties", "system-out", "system-err"}),
    ),
    "testcase": Rule(
        # The schema lacks file, which GitLab reads.
        {"name": TEXT, "time": TIME, "classname": TEXT, "file": TEXT},
        required=frozenset({"name"}),
        children=frozenset({"failure", "skipped", "system-out", "system-err"}),
    ),
    "failure": TOLD,
    "skipped": TOLD,
    "system-out": Rule({}, text=True),
}


def check(element: ET.Element) -> None:
    """Fail where an element breaks its rule, or one inside it does."""
    rule = RULES[element.tag]
    assert rule.required <= element.attrib.keys() <= rule.attributes.keys(), element.attrib
    for name, value in element.attrib.items():
        assert rule.attributes[name].fullmatch(value), (element.tag, name, value)
    assert {child.tag for child in element} <= rule.children
    if not rule.text:
        assert not (element.text or "").strip()
    assert not (element.tail or "").strip()
    for child in element:
        check(child)


def checked(about: Report) -> ET.Element:
    text = JunitFormat().render(about)
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ')
    root = ET.fromstring(text.encode("utf-8"))
    assert root.tag == "testsuites"
    check(root)
    return root


@pytest.mark.parametrize("about", [typical(), report()], ids=["typical", "nothing"])
def test_it_keeps_to_the_schema_and_its_counts_are_those_of_its_cases(about: Report) -> None:
    root = checked(about)
    (suite,) = root
    cases = suite.findall("testcase")
    assert len(cases) == len(about.entries)
    failed = sum(case.find("failure") is not None for case in cases)
    for element in (root, suite):
        assert [element.get(name) for name in COUNTS] == [str(len(cases)), str(failed), "0"]
    assert suite.get("skipped") == str(len(suite.findall("testcase/skipped")))
    assert datetime.fromisoformat(suite.get("timestamp", "")) == NOW.replace(tzinfo=None)
    assert all(case.get("classname") and case.get("name") for case in cases)
    assert all(len(case) <= 1 for case in cases)


@given(ANY_TEXT)
def test_any_text_keeps_to_the_schema(text: str) -> None:
    refused = REFUSED.model_copy(update={"why": text, "remedy": text, "source": text, "code": text})
    denied = entry(reason(text, text, text), path=text or "x", rejected=(refused,))
    checked(report(denied, entry(path=text or "x", allowed=True, warnings=(reason(text, text, text),))))
