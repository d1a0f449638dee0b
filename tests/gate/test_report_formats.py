"""Each format shows what was denied, why and what to do, and can hold any text at all."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.domain import Report
from govkernel.gate.formats import common
from govkernel.gate.plugin import ReportsPlugin
from tests.gate.builders import NOW, REFUSED, entry, reason, report, typical

FORMATS = {item.name: item for item in ReportsPlugin().govkernel_report_formats()}
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
NASTY = "a\x1b[31m\r\n::error::x</failure>]]>&\x00\u202e\u2028\ud800,%:\x7f"


def render(name: str, about: Report) -> str:
    return FORMATS[name].render(about)


def nasty_report(text: str) -> Report:
    refused = REFUSED.model_copy(update={"why": text, "remedy": text, "source": text, "code": text})
    return report(
        entry(reason(text, text, text), path=text or "x", rejected=(refused,)),
        entry(path=text or "x", allowed=True, warnings=(reason(text, text, text),)),
    )


def test_the_five_formats_are_offered() -> None:
    assert list(FORMATS) == ["text", "json", "junit", "sarif", "github"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_tells_policy_message_remedy_and_the_changed_file(name: str) -> None:
    shown = render(name, typical())
    for needle in ("baseline/tampered", "The content is not what was signed.", "Restore the signed content."):
        assert needle in shown
    assert "model.safetensors" in shown
    assert "models/minilm.sigstore.json" in shown
    assert "The name says nothing." in shown


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_renders_a_report_about_nothing(name: str) -> None:
    assert render(name, report()).isprintable() or "\n" in render(name, report())


def test_text_reads_from_the_verdict_down() -> None:
    assert render("text", typical()).splitlines() == [
        "DENIED  1 of 3 artifacts  (baseline@0.1.0)",
        "",
        "✗ model models/minilm",
        f"    sha256:{'ab' * 32}",
        "  ✗ baseline/tampered: The content is not what was signed.",
        "      fix: Restore the signed content.",
        "  · provenance.files-changed: The model is not what was signed. changed: model.safetensors"
        " (bundle models/minilm.sigstore.json)",
        "      fix: Restore the files that were signed.",
        "    decision 01900000-0000-7000-8000-000000000001",
        "",
        "✓ model prompts/agent.yaml",
        f"    sha256:{'ab' * 32}",
        "  ! style/name: The name says nothing.",
        "      fix: Choose another.",
        "",
        "✓ model data/tickets.jsonl",
        f"    sha256:{'ab' * 32}",
    ]


def test_text_shows_the_first_of_each_kind_of_note_and_counts_the_rest() -> None:
    others = [REFUSED.model_copy(update={"source": f"b{number}.json"}) for number in range(3)]
    expired = REFUSED.model_copy(update={"code": "provenance.key-expired"})
    shown = render("text", report(entry(reason(), rejected=(REFUSED, *others, expired))))
    assert shown.count("provenance.files-changed") == 1
    assert "and 3 more of this kind" in shown
    assert shown.count("provenance.key-expired") == 1
    assert "b2.json" in render("json", report(entry(reason(), rejected=(REFUSED, *others))))


def test_text_says_denied_when_nothing_was_asked_about() -> None:
    assert render("text", report()).startswith("DENIED  0 of 0")
    assert render("text", report(entry(reason(), allowed=True))).startswith("ALLOWED  1 of 1 artifact ")


def test_colour_changes_nothing_but_colours() -> None:
    (text, *_) = ReportsPlugin(colour=True).govkernel_report_formats()
    coloured = text.render(typical())
    assert "\x1b[31mDENIED" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == render("text", typical())


def test_problems_stand_on_the_line_that_names_the_artifact() -> None:
    made = entry(reason(), reason("kernel/x")).model_copy(update={"line": 3, "lines": (17,)})
    artifact = made.artifacts[0].model_copy(update={"name": "file:models/minilm"})
    about = report(made.model_copy(update={"artifacts": (artifact,)}))
    assert ",line=17,title=govkernel baseline/tampered" in render("github", about)
    regions = [
        item["locations"][0]["physicalLocation"]["region"]
        for item in json.loads(render("sarif", about))["runs"][0]["results"]
    ]
    assert {"startLine": 17} in regions
    unnamed = report(made.model_copy(update={"lines": ()}))
    assert ",line=3,title=govkernel baseline/tampered" in render("github", unnamed)


def test_an_allow_hides_refused_bundles_and_the_reasons_for_allowing() -> None:
    told = common.problems(entry(reason(), allowed=True, rejected=(REFUSED,)))
    assert told == []


def test_json_has_the_documented_shape() -> None:
    document = json.loads(render("json", typical()))
    assert set(document) == {"allowed", "command", "toolVersion", "packs", "createdAt", "entries"}
    assert document["allowed"] is False
    assert document["createdAt"] == NOW.isoformat()
    first = document["entries"][0]
    assert set(first) == {"path", "file", "title", "allowed", "decision", "artifacts", "evidence"}
    assert first["decision"]["effect"] == "deny"
    assert first["decision"]["decided_at"] == NOW.isoformat()
    assert first["decision"]["reasons"][0]["about"] == f'Model::"sha256:{"ab" * 32}"'
    assert first["evidence"][0]["rejected"][0]["code"] == "provenance.files-changed"


def test_junit_counts_and_fails_what_was_denied() -> None:
    root = ET.fromstring(render("junit", typical()))
    suite = root.find("testsuite")
    assert root.tag == "testsuites" and suite is not None
    for element in (root, suite):
        assert (element.get("tests"), element.get("failures")) == ("3", "1")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == [
        "model models/minilm",
        "model prompts/agent.yaml",
        "model data/tickets.jsonl",
    ]
    assert [case.find("failure") is not None for case in cases] == [True, False, False]
    assert cases[0].find("failure").get("message") == "The content is not what was signed."  # type: ignore[union-attr]
    assert "style/name" in cases[1].findtext("system-out", "")


def test_sarif_results_point_at_their_rules_and_files() -> None:
    log = json.loads(render("sarif", typical()))
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["baseline/tampered", "provenance.files-changed", "style/name"]
    assert [(rules[item["ruleIndex"]], item["level"]) for item in run["results"]] == [
        ("baseline/tampered", "error"),
        ("provenance.files-changed", "note"),
        ("style/name", "warning"),
    ]
    assert all(item["ruleId"] == rules[item["ruleIndex"]] for item in run["results"])
    places = [item["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for item in run["results"]]
    assert places == ["models/minilm", "models/minilm", "prompts/agent.yaml"]
    assert run["tool"]["driver"]["rules"][0]["properties"]["tags"] == ["ISO-42001/A.6.2.4"]


@pytest.mark.parametrize(
    ("path", "uri"),
    [("a b/ü.txt", "a%20b/%C3%BC.txt"), ("/abs/m", "file:///abs/m"), ("a:b", "a%3Ab"), ("..", "..")],
)
def test_sarif_locations_are_uri_references(path: str, uri: str) -> None:
    log = json.loads(render("sarif", report(entry(reason(), path=path))))
    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == uri


def test_sarif_fingerprints_survive_a_new_run_and_tell_problems_apart() -> None:
    def prints(about: Report) -> list[str]:
        return [
            item["partialFingerprints"]["govkernel/v1"]
            for item in json.loads(render("sarif", about))["runs"][0]["results"]
        ]

    again = typical().model_copy(update={"tool_version": "9.9.9"})
    assert prints(typical()) == prints(again)
    assert len(set(prints(typical()))) == 3


@settings(deadline=None)  # three reports against the whole schema, each time
@given(ANY_TEXT)
def test_sarif_validates_against_the_standards_schema(text: str) -> None:
    model = pytest.importorskip("pydantic_sarif.model", reason="install pydantic-sarif")
    for about in (typical(), report(), nasty_report(text)):
        parsed = model.StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate_json(
            render("sarif", about)
        )
        assert parsed.version.value == "2.1.0"


def test_github_annotations_are_escaped_as_the_runner_reads_them() -> None:
    about = report(entry(reason("p/a", "50% of a, b: c", ""), path="a,b:c%.txt"))
    assert (
        render("github", about)
        == "::error file=a%2Cb%3Ac%25.txt,line=1,title=govkernel p/a::50%25 of a, b: c\n"
    )


@given(ANY_TEXT)
def test_github_lines_are_never_split(text: str) -> None:
    lines = render("github", nasty_report(text)).split("\n")
    assert [line.split(" ", 1)[0] for line in lines] == [
        "::error",
        "::notice",
        "govkernel:",
        "::warning",
        "",
    ]
    assert not any(re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line) for line in lines)


@given(ANY_TEXT)
def test_json_and_sarif_parse_and_are_printable_ascii(text: str) -> None:
    for name in ("json", "sarif"):
        shown = render(name, nasty_report(text))
        assert json.loads(shown)
        assert re.fullmatch(r"[\n\x20-\x7e]*", shown)


@given(ANY_TEXT)
def test_json_keeps_short_texts_as_they_are(text: str) -> None:
    document = json.loads(render("json", nasty_report(text)))
    assert document["entries"][0]["decision"]["reasons"][0]["message"] == text


@given(ANY_TEXT)
def test_junit_parses_whatever_it_holds(text: str) -> None:
    shown = render("junit", nasty_report(text))
    assert len(list(ET.fromstring(shown.encode("utf-8")).iter("testcase"))) == 2


@given(ANY_TEXT)
def test_text_keeps_a_terminal_safe(text: str) -> None:
    assert all(line.isprintable() for line in render("text", nasty_report(text)).split("\n"))


@pytest.mark.parametrize("name", FORMATS)
def test_control_characters_and_markup_are_neutralised(name: str) -> None:
    shown = render(name, nasty_report(NASTY))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028\ud800]", shown)
    shown.encode("utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_size_is_bounded_by_the_number_of_problems_not_by_their_length(name: str) -> None:
    one = len(render(name, nasty_report("x" * 10_000_000)))
    assert one < 100 * common.MAX_TEXT


def test_more_problems_than_fit_are_counted() -> None:
    many = [reason(f"p/{number}") for number in range(common.MAX_PROBLEMS + 5)]
    told = common.problems(entry(*many))
    assert len(told) == common.MAX_PROBLEMS + 1
    assert told[-1].message == "5 more problems are not shown."


def test_the_same_problem_is_told_once() -> None:
    assert len(common.problems(entry(reason(), reason()))) == 1


@given(ANY_TEXT)
def test_clean_is_idempotent(text: str) -> None:
    assert common.clean(common.clean(text)) == common.clean(text)
