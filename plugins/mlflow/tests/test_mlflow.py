"""A tracking server that tells the truth, and each way in which it may not."""

from __future__ import annotations

import asyncio
import itertools
import json
import tomllib
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from govkernel_mlflow import MlflowPlugin, MlflowResolver, MlflowSettings
from govkernel_mlflow.name import parse
from hypothesis import given
from hypothesis import strategies as st
from tracking import ARTIFACTS, FOLDER, RUN, Answer, FakeTracking, missing, said, serving

from govkernel.domain import Artifact, ArtifactKind, ArtifactRef
from govkernel.errors import ConfigError, GovkernelError
from govkernel.hookspecs import ReferenceResolver
from govkernel.provenance import describe
from tests.simulators.admitting import Workspace, model_files, write_files

FILES = model_files()
README = Path(__file__).parent.parent / "README.md"
NAME = "mlflow://models/fraud/3"
LONG = 60.0


@pytest.fixture
def tracking() -> Iterator[FakeTracking]:
    with serving(FakeTracking(dict(FILES))) as running:
        yield running


def resolver(*servers: FakeTracking, server: dict[str, Any] | None = None, **more: Any) -> MlflowResolver:
    listed = [{"url": item.url, **(server or {})} for item in servers]
    table = {"servers": listed, "wait": LONG, "timeout": LONG, **more}
    return MlflowResolver(MlflowSettings.model_validate(table))


def ask(asked: MlflowResolver, uri: str = NAME, kind: str = "model") -> Artifact | None:
    return asyncio.run(asked.resolve(ArtifactRef(uri=uri, kind=ArtifactKind(kind), where="here")))


def resolve(tracking: FakeTracking, uri: str = NAME, **more: Any) -> Artifact:
    artifact = ask(resolver(tracking, **more), uri)
    assert artifact is not None
    return artifact


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(GovkernelError) as caught:
        call()
    assert "s3cret" not in f"{caught.value} {caught.value.why}"
    assert caught.value.remedy
    return caught.value.code


def test_it_offers_what_the_hook_asks_for() -> None:
    assert isinstance(MlflowPlugin({}).govkernel_reference_resolvers()[0], ReferenceResolver)


@pytest.mark.parametrize(
    ("uri", "pinned"),
    [
        (NAME, True),
        ("mlflow://models/fraud@champion", False),
        ("models:/fraud/3", False),
        ("models:/fraud@champion", False),
    ],
)
def test_a_version_is_the_artifact_of_the_same_files_in_a_folder(
    tracking: FakeTracking, tmp_path: Path, uri: str, pinned: bool
) -> None:
    there = describe(write_files(tmp_path, FILES), ArtifactKind.MODEL)
    here = resolve(tracking, uri)
    assert (here.digest, here.aliases, here.formats) == (there.digest, there.aliases, there.formats)
    assert (here.name, here.where, here.observed, here.pinned) == (uri, "here", True, pinned)


@pytest.mark.parametrize(
    "uri", [f"runs:/{RUN}/artifacts", f"mlflow-artifacts:/{FOLDER}", f"mlflow-artifacts://HOST/{FOLDER}"]
)
def test_every_way_to_say_where_the_files_are(tracking: FakeTracking, uri: str) -> None:
    expected = resolve(tracking).digest
    tracking.uri = uri.replace("HOST", tracking.url.partition("//")[2])
    assert resolve(tracking).digest == expected


def test_a_server_below_a_path(tracking: FakeTracking) -> None:
    honest = tracking.answer
    tracking.answer = lambda target, secret: honest(target.removeprefix("/ml/flow"), secret)  # type: ignore[method-assign]
    assert ask(resolver(tracking, server={"url": f"{tracking.url}/ml/flow/"})) is not None


@pytest.mark.parametrize(
    "uri",
    [
        "mlflow://models/fraud/4",
        "mlflow://models/other/3",
        "mlflow://models/fraud@other",
        "models:/fraud@other",
    ],
)
def test_what_is_not_there_stays_unresolved(tracking: FakeTracking, uri: str) -> None:
    assert ask(resolver(tracking), uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        "mlflow://models/fraud",
        "mlflow://models/fraud/latest",
        "mlflow://models/fraud/Production",
        "mlflow://models/fraud/3/more",
        "mlflow://models/fraud/-1",
        "mlflow://models/fraud@a/b",
        "mlflow://models/fraud?x=1/3",
        "mlflow://runs/fraud/3",
        "mlflow://evil@models/fraud/3",
        "mlflow-artifacts:/x",
        "models:/m-f05c57d7d06640178fcb83d7ba069889",
    ],
)
def test_only_names_of_versions_and_aliases_are_asked_about(tracking: FakeTracking, uri: str) -> None:
    assert ask(resolver(tracking), uri) is None
    assert tracking.asked == []


@pytest.mark.parametrize("kind", ["prompt", "image"])
def test_kinds_whose_digest_is_another_stay_unresolved(tracking: FakeTracking, kind: str) -> None:
    assert ask(resolver(tracking), kind=kind) is None


def test_without_settings_nobody_is_asked(tracking: FakeTracking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking.url)
    assert ask(MlflowResolver(MlflowSettings())) is None
    assert tracking.asked == []


def test_a_version_that_is_not_ready_stays_unresolved(tracking: FakeTracking) -> None:
    tracking.lie = only("model-versions/get", said(tracking.version(status="PENDING_REGISTRATION")))
    assert ask(resolver(tracking)) is None


def test_what_was_read_is_remembered_while_the_version_is_the_same(tracking: FakeTracking) -> None:
    asked = resolver(tracking)
    first, again, by_alias = ask(asked), ask(asked), ask(asked, "mlflow://models/fraud@champion")
    assert first is not None
    assert by_alias is not None
    assert first == again
    assert first.digest == by_alias.digest
    assert len([path for path, _ in tracking.asked if path.endswith("config.json")]) == 1
    tracking.files["config.json"] = b"changed"
    changed = ask(asked)
    assert changed is not None
    assert changed.digest != first.digest


def test_nothing_is_remembered_when_told_so(tracking: FakeTracking) -> None:
    asked = resolver(tracking, remember=0)
    ask(asked)
    ask(asked)
    assert len([path for path, _ in tracking.asked if path.endswith(CONFIG)]) == 2


def test_all_servers_are_asked_and_must_agree(tracking: FakeTracking) -> None:
    with serving(FakeTracking(dict(FILES))) as same, serving(FakeTracking()) as empty:
        empty.lie = lambda *_: missing("RESOURCE_DOES_NOT_EXIST", 404)
        assert ask(resolver(tracking, same, empty)) is not None
        same.files["more"] = b""
        assert refused(lambda: ask(resolver(tracking, same, empty))) == "mlflow.ambiguous"
        empty.lie = lambda *_: (500, {}, [])
        assert refused(lambda: ask(resolver(tracking, empty))) == "mlflow.unavailable"


def only(part: str, answer: Answer) -> Callable[[str, dict[str, str], Answer], Answer]:
    """A lie about what is asked under a path that ends so."""
    status, headers, blocks = answer
    content = list(blocks) if isinstance(blocks, list) else blocks
    return lambda path, _query, honest: (status, headers, content) if path.endswith(part) else honest


def files(*entries: Any) -> Answer:
    return said({"files": list(entries)})


def file(path: Any, **more: Any) -> dict[str, Any]:
    return {"path": path, "is_dir": False, "file_size": 0, **more}


GET, URI, CONFIG = "model-versions/get", "get-download-uri", "config.json"
ELSEWHERE = (302, {"Location": "http://169.254.169.254/"}, [b""])
Lie = Callable[[FakeTracking], Any]
LIES: dict[str, tuple[Lie, str]] = {
    "an error": (lambda _: only(GET, (500, {}, [])), "mlflow.unavailable"),
    "a redirect": (lambda _: only(GET, ELSEWHERE), "mlflow.unavailable"),
    "a redirected file": (lambda _: only(CONFIG, ELSEWHERE), "mlflow.unavailable"),
    "a redirected list": (lambda _: only(ARTIFACTS, ELSEWHERE), "mlflow.unavailable"),
    "another page that is missing": (lambda _: only(GET, (404, {}, [b"<html>"])), "json.malformed"),
    "another thing that is missing": (
        lambda _: only(GET, missing("ENDPOINT_NOT_FOUND", 404)),
        "mlflow.unavailable",
    ),
    "no JSON": (lambda _: only(GET, (200, {}, [b"{"])), "json.malformed"),
    "a list": (lambda _: only(GET, said([])), "mlflow.wrong-answer"),
    "a member twice": (lambda _: only(GET, (200, {}, [b'{"a":1,"a":2}'])), "json.duplicate-key"),
    "deep JSON": (lambda _: only(GET, (200, {}, [b"[" * 100_000])), "json.too-deep"),
    "another model": (lambda it: only(GET, said(it.version(name="other"))), "mlflow.wrong-answer"),
    "another version": (lambda it: only(GET, said(it.version(version="4"))), "mlflow.wrong-answer"),
    "a version that is a number": (lambda it: only(GET, said(it.version(version=3))), "mlflow.wrong-answer"),
    "no version": (lambda _: only(GET, said({})), "mlflow.wrong-answer"),
    "an answer without end": (
        lambda _: only(GET, (200, {}, itertools.repeat(b" " * 1_000_000))),
        "mlflow.wrong-answer",
    ),
    "files in a bucket": (lambda _: only(URI, said({"artifact_uri": "s3://b/m"})), "mlflow.not-proxied"),
    "files of the machine": (
        lambda _: only(URI, said({"artifact_uri": "file:///etc"})),
        "mlflow.not-proxied",
    ),
    "files on another server": (
        lambda _: only(URI, said({"artifact_uri": "mlflow-artifacts://evil.example/x"})),
        "mlflow.not-proxied",
    ),
    "files by HTTP": (
        lambda _: only(URI, said({"artifact_uri": "http://169.254.169.254/x"})),
        "mlflow.not-proxied",
    ),
    "the whole store": (
        lambda _: only(URI, said({"artifact_uri": "mlflow-artifacts:/"})),
        "mlflow.not-proxied",
    ),
    "files nowhere": (lambda _: only(URI, said({})), "mlflow.not-proxied"),
    "a run nowhere": (lambda _: only(URI, said({"artifact_uri": "runs:/none/x"})), "mlflow.unavailable"),
    "a folder that climbs": (
        lambda _: only(URI, said({"artifact_uri": "mlflow-artifacts:/0/../../x"})),
        "provenance.path-unsafe",
    ),
    "no files": (lambda _: only(ARTIFACTS, said({})), "provenance.empty"),
    "a list that is none": (lambda _: only(ARTIFACTS, said({"files": {}})), "mlflow.wrong-answer"),
    "an entry that is none": (lambda _: only(ARTIFACTS, files(7)), "mlflow.wrong-answer"),
    "an entry without a name": (lambda _: only(ARTIFACTS, files({"is_dir": False})), "mlflow.wrong-answer"),
    "a name of two folders": (lambda _: only(ARTIFACTS, files(file("a/b"))), "mlflow.wrong-answer"),
    "an absolute name": (lambda _: only(ARTIFACTS, files(file("/etc/passwd"))), "mlflow.wrong-answer"),
    "a name that climbs": (lambda _: only(ARTIFACTS, files(file(".."))), "provenance.path-unsafe"),
    "a folder that is its own": (
        lambda _: only(ARTIFACTS, files(file(".", is_dir=True))),
        "provenance.path-unsafe",
    ),
    "an empty name": (lambda _: only(ARTIFACTS, files(file(""))), "provenance.path-unsafe"),
    "a backslash": (lambda _: only(ARTIFACTS, files(file("..\\x"))), "provenance.path-unsafe"),
    "a control character": (lambda _: only(ARTIFACTS, files(file("a\nb"))), "provenance.path-unsafe"),
    "a name twice": (
        lambda _: only(ARTIFACTS, files(file("a"), file("a", file_size=None))),
        "provenance.path-duplicate",
    ),
    "names that differ by case": (
        lambda _: only(ARTIFACTS, files(file("a"), file("A"))),
        "provenance.path-collision",
    ),
    "a size below nothing": (
        lambda _: only(ARTIFACTS, files(file("a", file_size=-1))),
        "mlflow.wrong-answer",
    ),
    "a size that is true": (
        lambda _: only(ARTIFACTS, files(file("a", file_size=True))),
        "mlflow.wrong-answer",
    ),
    "folders without end": (
        lambda _: only(ARTIFACTS, files({"path": "d", "is_dir": True})),
        "mlflow.wrong-answer",
    ),
    "too many files": (
        lambda _: only(ARTIFACTS, files(*(file(f"f{n}") for n in range(100_001)))),
        "mlflow.too-many",
    ),
    "a million files": (
        lambda _: only(ARTIFACTS, files(*(file(f"f{n:07}") for n in range(1_000_000)))),
        "mlflow.wrong-answer",
    ),
    "a file that is gone": (
        lambda _: only(CONFIG, missing("RESOURCE_DOES_NOT_EXIST", 404)),
        "mlflow.changed",
    ),
    "a file that may not be read": (lambda _: only(CONFIG, (403, {}, [])), "mlflow.unavailable"),
    "a shorter file": (lambda _: only(CONFIG, (200, {}, [b"{"])), "resolve.incomplete"),
    "a longer file": (lambda _: only(CONFIG, (200, {}, [b"{}" * 100])), "resolve.incomplete"),
    "a file without end": (
        lambda _: only(CONFIG, (200, {}, itertools.repeat(b"x" * 100_000))),
        "resolve.too-large",
    ),
    "an answer that stalls": (lambda it: only(GET, (200, {}, it.stall())), "mlflow.unavailable"),
    "an answer that drips": (lambda it: only(GET, (200, {}, it.drip())), "mlflow.unavailable"),
    "a file that stalls": (lambda it: only(CONFIG, (200, {}, it.stall())), "mlflow.unavailable"),
    "a file that drips": (lambda it: only(CONFIG, (200, {}, it.drip())), "resolve.too-slow"),
}


@pytest.mark.parametrize("name", LIES)
def test_each_lie_is_refused(tracking: FakeTracking, name: str) -> None:
    make, code = LIES[name]
    tracking.lie = make(tracking)
    limits: dict[str, float] = {}
    if code == "resolve.too-slow":
        limits = {"deadline": 1.0}
    elif "stalls" in name or "drips" in name:
        limits = {"timeout": 0.5}
    assert refused(lambda: resolve(tracking, max_bytes=10_000_000, **limits)) == code


def test_what_changes_while_it_is_read_is_refused(tracking: FakeTracking) -> None:
    def lie(path: str, _query: dict[str, str], honest: Answer) -> Answer:
        if path.endswith(CONFIG):
            tracking.files["more"] = b"x"
        return honest

    tracking.lie = lie
    assert refused(lambda: resolve(tracking)) == "mlflow.changed"


def test_an_alias_that_moves_while_it_is_read_is_refused(tracking: FakeTracking) -> None:
    answers = iter([said(tracking.version()), said(tracking.version(version="4"))])
    tracking.lie = lambda path, _, honest: next(answers) if path.endswith("alias") else honest
    assert refused(lambda: resolve(tracking, "mlflow://models/fraud@champion")) == "mlflow.changed"


def test_headers_are_not_believed(tracking: FakeTracking) -> None:
    expected = resolve(tracking).digest
    tracking.lie = lambda _path, _query, honest: (
        honest[0],
        {"ETag": '"x"', "Content-MD5": "x", "Digest": "sha-256=x", "Content-Encoding": "gzip"},
        honest[2],
    )
    assert resolve(tracking).digest == expected


def test_memory_stays_flat(tracking: FakeTracking) -> None:
    block, count = b"x" * 1_000_000, 64
    listed = files(file("large", file_size=None))
    tracking.lie = lambda path, query, honest: (
        (200, {}, itertools.repeat(block, count))
        if path.endswith("large")
        else listed
        if path == ARTIFACTS
        else honest
    )
    tracemalloc.start()
    try:
        assert resolve(tracking).digest
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16_000_000


def test_nobody_there_is_a_typed_error() -> None:
    with serving(FakeTracking()) as gone:
        pass
    assert refused(lambda: resolve(gone)) == "mlflow.unavailable"


def test_the_secret_is_sent_and_read_anew_for_each_read(tracking: FakeTracking, tmp_path: Path) -> None:
    tracking.token = "Bearer s3cret"
    file = tmp_path / "authorization"
    asked = resolver(tracking, server={"authorization": str(file)})
    assert refused(lambda: ask(asked)) == "mlflow.authorization"
    file.write_text("Bearer s3cret-of-yesterday\n")
    assert refused(lambda: ask(asked)) == "mlflow.unavailable"
    file.write_text("Bearer s3cret\n")
    assert ask(asked) is not None


@pytest.mark.parametrize(
    "text", ["", "\n", "Bearer s3cret\nX-Other: 1", "Bearer \x00s3cret", "é", "x" * 20_000]
)
def test_a_secret_that_cannot_be_sent_is_refused(tracking: FakeTracking, tmp_path: Path, text: str) -> None:
    file = tmp_path / "authorization"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        ask(resolver(tracking, server={"authorization": str(file)}))
    assert caught.value.code == "mlflow.authorization"
    assert tracking.asked == []


def settings(*servers: FakeTracking) -> dict[str, Any]:
    return {"mlflow": {"servers": [{"url": item.url} for item in servers], "wait": LONG, "timeout": LONG}}


@pytest.mark.parametrize("uri", ["models://fraud/3", "models://fraud@champion", NAME])
def test_a_service_that_loads_a_signed_version_is_admitted(
    tracking: FakeTracking, tmp_path: Path, uri: str
) -> None:
    workspace = Workspace(tmp_path)
    allowed = workspace.admit(uri, settings(tracking))
    assert allowed.decision.allowed, allowed.decision
    assert allowed.artifacts[0].digest == workspace.model.digest
    tracking.asked.clear()
    denied = workspace.admit(uri, settings())
    assert not denied.decision.allowed
    assert not denied.artifacts[0].resolved
    assert tracking.asked == []


def test_a_service_that_loads_a_changed_version_is_denied(tracking: FakeTracking, tmp_path: Path) -> None:
    tracking.files["config.json"] = b"{}"
    denied = Workspace(tmp_path).admit(NAME, settings(tracking))
    assert denied.artifacts[0].resolved
    assert [reason.policy for reason in denied.decision.reasons] == ["places/unsigned"]


def test_a_fault_of_the_server_is_a_deny_that_names_it(tracking: FakeTracking, tmp_path: Path) -> None:
    tracking.lie = lambda *_: (500, {}, [])
    denied = Workspace(tmp_path).admit(NAME, settings(tracking))
    assert not denied.decision.allowed
    assert "cannot be asked" in str(denied.decision.faults)


@given(st.text(max_size=60))
def test_any_name_is_parsed_or_none(text: str) -> None:
    name = parse(f"mlflow://models/{text}")
    if name is not None:
        assert not set(name.name) & set("/@?#%\\")
        assert bool(name.version) != bool(name.alias)


def test_the_settings_of_the_readme_are_valid() -> None:
    text = README.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    MlflowSettings.model_validate(tomllib.loads(text)["plugins"]["settings"]["mlflow"])


@pytest.mark.parametrize(
    "config",
    [
        {"url": "https://x"},
        {"servers": [{}]},
        {"servers": [{"url": "mlflow.example"}]},
        {"servers": [{"url": "file:///x"}]},
        {"servers": [{"url": "https://user:secret@x"}]},
        {"servers": [{"url": "https://x/../y"}]},
        {"servers": [{"url": "https://x?y=1"}]},
        {"servers": [{"url": "https://x"}], "timeout": 0},
    ],
)
def test_settings_that_are_wrong_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        MlflowPlugin(config)


def test_the_simulator_words_errors_as_mlflow_does() -> None:
    status, _, blocks = missing("RESOURCE_DOES_NOT_EXIST", 404)
    assert (status, json.loads(b"".join(blocks))["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
