"""What an endpoint says are findings; what it cannot say fails the text, or policy decides; no error tells the text."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from endpoint import Answer, FakeClassifier, serving
from govkernel_classifier import ClassifierPlugin, Endpoint, RemoteClassifier
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from govkernel.domain import Finding
from govkernel.domain.finding import UNSCREENED
from govkernel.errors import ConfigError, GovkernelError
from govkernel.plugins import PluginHost

LABELS = {"ATTACK": "jailbreak"}
ENTITIES = {"NAME": "PERSON", "PLACE": "LOCATION"}


@pytest.fixture
def fake() -> Iterator[FakeClassifier]:
    with serving(FakeClassifier()) as made:
        yield made


def endpoint(fake: FakeClassifier, **more: Any) -> Endpoint:
    said: dict[str, Any] = {"name": "remote", "url": fake.url, "format": fake.format, "unit": fake.unit}
    meant = ENTITIES if fake.format == "spans" else LABELS
    return Endpoint.model_validate({**said, "labels": meant, "timeout": 30.0, **more})


def found(fake: FakeClassifier, text: str, role: str = "user", **more: Any) -> list[Finding]:
    return asyncio.run(_found(RemoteClassifier(endpoint(fake, **more)), text, role))


async def _found(classifier: RemoteClassifier, text: str, role: str) -> list[Finding]:
    try:
        return list(await classifier.detect(text, role))
    finally:
        await classifier.close()


def refusal(fake: FakeClassifier, text: str = "please ignore", **more: Any) -> GovkernelError:
    with pytest.raises(GovkernelError) as caught:
        found(fake, text, **more)
    assert "ignore" not in f"{caught.value} {caught.value.why} {caught.value.__cause__!r}"
    return caught.value


@pytest.mark.parametrize("kind", ["labels", "moderation"])
def test_labels_over_their_threshold_are_findings_about_the_text(fake: FakeClassifier, kind: str) -> None:
    fake.format = kind
    (one,) = found(fake, "please ignore")
    assert (one.label, one.score, one.whole_message, one.detector) == ("jailbreak", 0.9, True, "remote")
    assert found(fake, "a cake") == []
    assert found(fake, "please ignore", threshold=0.95) == []
    assert found(fake, "please ignore", thresholds={"jailbreak": 0.95}) == []


def test_a_screening_elsewhere_finds_spans_and_labels(fake: FakeClassifier) -> None:
    fake.format = "govkernel"
    text = "please ignore anna"
    said = found(fake, text, "tool", labels={"PERSON": "PERSON", "jailbreak": "jailbreak"})
    assert [(item.label, text[item.start : item.end], item.score) for item in said] == [
        ("PERSON", "anna", 0.8),
        ("jailbreak", "", 0.9),
    ]
    assert fake.asked == [{"text": text, "role": "tool"}]


@pytest.mark.parametrize(
    "answer",
    [
        '{"id": null, "error": {"code": "guard.overloaded"}}',
        '{"findings": [], "labels": {}, "flagged": ["jailbreak"]}',
        '{"findings": [], "labels": {}, "flagged": [1]}',
        '{"findings": [{"type": "PERSON", "start": 0, "end": 99, "score": 1}], "labels": {}, "flagged": []}',
        '{"findings": ["PERSON"], "labels": {}, "flagged": []}',
        "[]",
    ],
)
def test_what_is_no_document_fails_the_text(fake: FakeClassifier, answer: str) -> None:
    fake.format = "govkernel"
    body(answer.encode())(fake)
    assert (
        refusal(fake, labels={"PERSON": "PERSON", "jailbreak": "jailbreak"}).code == "classifier.wrong-answer"
    )


@pytest.mark.parametrize("unit", ["characters", "utf-16", "utf-8"])
@pytest.mark.parametrize("before", ["", "é ", "😀 王 "])
def test_spans_stand_where_they_stand_in_characters(fake: FakeClassifier, unit: str, before: str) -> None:
    fake.format, fake.unit = "spans", unit
    text = f"{before}anna in berlin, please ignore"
    assert [(item.label, text[item.start : item.end]) for item in found(fake, text)] == [
        ("PERSON", "anna"),
        ("LOCATION", "berlin"),
    ]


def test_offsets_of_another_unit_are_no_places(fake: FakeClassifier) -> None:
    """Else the wrong characters would be redacted."""
    fake.format, fake.unit = "spans", "characters"
    assert refusal(fake, "😀anna ignore", unit="utf-16").code == "classifier.wrong-answer"


def test_what_is_asked_is_what_the_settings_say(fake: FakeClassifier) -> None:
    found(fake, "one", parameters={"top_k": 5})
    fake.format = "moderation"
    found(fake, "two", model="omni")
    assert fake.asked == [{"inputs": "one", "parameters": {"top_k": 5}}, {"input": "two", "model": "omni"}]


def test_nobody_is_asked_about_other_roles_or_nothing(fake: FakeClassifier) -> None:
    assert found(fake, "please ignore", "assistant", roles=["user"]) == []
    assert found(fake, " \n ") == []
    assert fake.asked == []


def test_the_secret_is_sent_and_never_told(fake: FakeClassifier, tmp_path: Path) -> None:
    fake.token = "Bearer s3cret"
    file = tmp_path / "secret"
    file.write_text("Bearer s3cret\n")
    assert [item.label for item in found(fake, "please ignore", authorization=file)] == ["jailbreak"]
    file.write_text("Bearer 0ther")
    error = refusal(fake, authorization=file)
    assert (error.code, "0ther" in str(error)) == ("classifier.unavailable", False)
    file.write_text("two\nlines")
    assert refusal(fake, authorization=file).code == "classifier.authorization"


def stalled(fake: FakeClassifier) -> None:
    def wait(answer: Answer) -> Answer:
        fake.over.wait()
        return answer

    fake.lie = wait


def gone(fake: FakeClassifier) -> None:
    fake.url = "http://127.0.0.1:9/predict"


def body(content: bytes, status: int = 200, **headers: str) -> Any:
    def lie(fake: FakeClassifier) -> None:
        fake.lie = lambda _: (status, headers, content)

    return lie


BAD: list[tuple[Any, str]] = [
    (gone, "classifier.unavailable"),
    (body(b"please ignore", 500), "classifier.unavailable"),
    (body(b"", 302, Location="http://127.0.0.1:9/"), "classifier.unavailable"),
    (body(b"", **{"Content-Length": "10", "Connection": "close"}), "classifier.unavailable"),
    (body(b"please ignore"), "classifier.wrong-answer"),
    (body(b"[" * 100 + b"]" * 100), "classifier.wrong-answer"),
    (body(b"[" + b" " * 1024 * 1024 + b"]"), "classifier.wrong-answer"),
    (body(b'{"please": "ignore"}'), "classifier.wrong-answer"),
    (body(b'[{"score": 0.9}]'), "classifier.wrong-answer"),
    (body(b'[{"label": "ATTACK"}]'), "classifier.wrong-answer"),
    (body(b'[{"label": "ATTACK", "score": true}]'), "classifier.wrong-answer"),
    (body(b'[{"label": "ATTACK", "score": 2}]'), "classifier.wrong-answer"),
    (body(b'[{"label": "ATTACK", "score": NaN}]'), "classifier.wrong-answer"),
    (body(b'[{"label": "ATTACK", "score": -1e999}]'), "classifier.wrong-answer"),
]


@pytest.mark.parametrize(("fault", "code"), BAD)
def test_what_is_no_answer_fails_the_text(fake: FakeClassifier, fault: Any, code: str) -> None:
    fault(fake)
    assert refusal(fake).code == code


def test_an_answer_that_does_not_come_is_waited_for_only_so_long(fake: FakeClassifier) -> None:
    stalled(fake)
    assert refusal(fake, timeout=0.1).code == "classifier.unavailable"


@pytest.mark.parametrize(("fault", "code"), BAD)
def test_or_policy_decides_about_what_nobody_looked_at(
    fake: FakeClassifier, fault: Any, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    fault(fake)
    with caplog.at_level(logging.WARNING):
        (one,) = found(fake, "please ignore", on_fault="flag")
    assert (one.label, one.whole_message) == (UNSCREENED, True)
    assert "'remote'" in caplog.text
    assert "ignore" not in caplog.text
    assert one.label in RemoteClassifier(endpoint(fake, on_fault="flag")).labels


@pytest.mark.parametrize(
    "answer",
    [
        '{"results": []}',
        '{"results": [{}, {}]}',
        '{"results": [{"category_scores": {}}]}',
        '{"results": [{"category_scores": {"ATTACK": "high"}}]}',
    ],
)
def test_moderations_that_moderate_nothing_fail_the_text(fake: FakeClassifier, answer: str) -> None:
    fake.format = "moderation"
    body(answer.encode())(fake)
    assert refusal(fake).code == "classifier.wrong-answer"


def test_categories_without_scores_are_all_or_nothing(fake: FakeClassifier) -> None:
    fake.format = "moderation"
    body(b'{"results": [{"categories": {"ATTACK": true, "OTHER": false}}]}')(fake)
    assert [(item.label, item.score) for item in found(fake, "x")] == [("jailbreak", 1.0)]


def test_pieces_with_prefixes_are_spans_too(fake: FakeClassifier) -> None:
    fake.format = "spans"
    body(json.dumps([{"entity": "B-NAME", "score": 0.9, "start": 0, "end": 4}]).encode())(fake)
    assert [(item.label, item.start, item.end) for item in found(fake, "anna")] == [("PERSON", 0, 4)]


@given(st.integers(-3, 10) | st.none() | st.floats(), st.integers(-3, 10) | st.text(max_size=2))
def test_no_span_leaves_the_text(start: Any, end: Any) -> None:
    from govkernel_classifier.answers import WrongAnswer, read

    said: dict[str, Any] = {"name": "x", "url": "http://h/", "format": "spans", "labels": ENTITIES}
    answer = json.dumps([{"entity_group": "NAME", "score": 0.9, "start": start, "end": end}])
    try:
        (one,) = read(Endpoint.model_validate(said), "anna", answer.encode())
    except WrongAnswer:
        return
    assert 0 <= one.start < one.end <= 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://h/"},
        {"url": "https://user:word@h/"},
        {"format": "own"},
        {"labels": {}},
        {"labels": {"ATTACK": "JAILBREAK"}},
        {"format": "spans"},
        {"thresholds": {"hate": 0.5}},
        {"threshold": 0},
        {"roles": ["robot"]},
        {"timeout": 0},
        {"on_fault": "pass"},
        {"more": 1},
    ],
)
def test_settings_that_do_not_go_together_are_refused(wrong: dict[str, Any]) -> None:
    good: dict[str, Any] = {"name": "x", "url": "https://h/p", "format": "labels", "labels": LABELS}
    ClassifierPlugin({"endpoints": [good]})
    with pytest.raises(ValidationError):
        ClassifierPlugin({"endpoints": [good | wrong]})
    with pytest.raises(ValidationError):
        ClassifierPlugin({"endpoints": [good, good]})


def test_certificates_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    said: dict[str, Any] = {"name": "x", "url": "https://h/p", "format": "labels", "labels": LABELS}
    with pytest.raises(ConfigError) as caught:
        ClassifierPlugin({"endpoints": [{**said, "ca_bundle": tmp_path / "ca.pem"}]})
    assert caught.value.code == "classifier.certificates"


def screen(fake: FakeClassifier, **more: Any) -> Any:
    pytest.importorskip("presidio_analyzer", reason='pip install "govkernel[guard]"')
    from govkernel.guarding import screen_of

    host = PluginHost(deadline=30.0)
    table = {**endpoint(fake, **more).model_dump(mode="json"), "authorization": None}
    host.register("classifier", ClassifierPlugin({"endpoints": [table]}))
    return screen_of(host)


def test_the_guard_asks_it_beside_its_own_detectors(fake: FakeClassifier) -> None:
    made = screen(fake)
    said = asyncio.run(made.findings("please ignore 10.0.0.1"))
    assert {item.label for item in said} >= {"jailbreak", "IP_ADDRESS"}


def test_the_guard_fails_closed_with_it_or_remembers_nothing_of_a_fault(fake: FakeClassifier) -> None:
    body(b"", 500)(fake)
    with pytest.raises(GovkernelError) as caught:
        asyncio.run(screen(fake).findings("please ignore"))
    assert caught.value.code == "guard.detector-failed"
    made = screen(fake, on_fault="flag")
    assert UNSCREENED in {item.label for item in asyncio.run(made.findings("please ignore"))}
    fake.lie = lambda answer: answer
    assert {item.label for item in asyncio.run(made.findings("please ignore"))} == {"jailbreak"}
