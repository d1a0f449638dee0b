"""A store that tells the truth, and each way in which it may not."""

from __future__ import annotations

import asyncio
import itertools
import tomllib
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from govkernel_s3 import S3Plugin, S3Resolver, S3Settings
from govkernel_s3.listing import MAX_PAGE, parse_page
from govkernel_s3.name import parse
from hypothesis import given
from hypothesis import strategies as st
from store import KEY_ID, REGION, SECRET, Answer, FakeStore, listing, serving

from govkernel.domain import Artifact, ArtifactKind, ArtifactRef
from govkernel.errors import ConfigError, GovkernelError
from govkernel.hookspecs import ReferenceResolver
from govkernel.provenance import describe
from tests.simulators.admitting import Workspace, model_files, write_files

FILES = model_files()
README = Path(__file__).parent.parent / "README.md"
LONG = 60.0


@pytest.fixture
def store() -> Iterator[FakeStore]:
    with serving(FakeStore({f"team/m/{path}": content for path, content in FILES.items()})) as running:
        yield running


def table(store: FakeStore, place: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    where = {"endpoint": store.endpoint, "buckets": ["models"], "region": REGION, **(place or {})}
    return {"places": [where], "wait": LONG, "timeout": LONG, **more}


def resolver(store: FakeStore, place: dict[str, Any] | None = None, **more: Any) -> S3Resolver:
    return S3Resolver(S3Settings.model_validate(table(store, place, **more)))


def ask(asked: S3Resolver, uri: str = "s3://models/team/m", kind: str = "model") -> Artifact | None:
    return asyncio.run(asked.resolve(ArtifactRef(uri=uri, kind=ArtifactKind(kind), where="here")))


def resolve(store: FakeStore, uri: str = "s3://models/team/m", kind: str = "model", **more: Any) -> Artifact:
    artifact = ask(resolver(store, **more), uri, kind)
    assert artifact is not None
    return artifact


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(GovkernelError) as caught:
        call()
    assert caught.value.remedy
    assert SECRET not in f"{caught.value} {caught.value.why}"
    return caught.value.code


def test_it_offers_what_the_hook_asks_for() -> None:
    assert isinstance(S3Plugin({}).govkernel_reference_resolvers()[0], ReferenceResolver)


@pytest.mark.parametrize("page", [1000, 1])
@pytest.mark.parametrize("uri", ["s3://models/team/m", "s3://models/team/m/"])
def test_a_prefix_is_the_artifact_of_the_same_files_in_a_folder(
    store: FakeStore, tmp_path: Path, uri: str, page: int
) -> None:
    store.page = page
    there = describe(write_files(tmp_path, FILES), ArtifactKind.MODEL)
    here = resolve(store, uri)
    assert (here.digest, here.aliases, here.formats) == (there.digest, there.aliases, there.formats)
    assert (here.name, here.where, here.observed, here.pinned) == (uri, "here", True, False)


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_an_object_is_the_artifact_of_the_same_file(store: FakeStore, tmp_path: Path, kind: str) -> None:
    there = describe(write_files(tmp_path, FILES) / "config.json", ArtifactKind(kind))
    here = resolve(store, "s3://models/team/m/config.json", kind)
    assert (here.digest, here.aliases) == (there.digest, there.aliases)


def test_a_whole_bucket(store: FakeStore, tmp_path: Path) -> None:
    there = describe(write_files(tmp_path, {f"team/m/{p}": c for p, c in FILES.items()}), ArtifactKind.MODEL)
    for uri in ("s3://models", "s3://models/"):
        assert resolve(store, uri).digest == there.digest


def test_neighbours_and_markers_of_folders_are_no_part_of_it(store: FakeStore) -> None:
    expected = resolve(store).digest
    store.objects |= {"team/m-2/x": b"x", "team/m.txt": b"x", "team/m/": b"", "team/m/tokenizer/": b""}
    assert resolve(store).digest == expected


def test_a_key_with_odd_characters_is_asked_for_as_it_is(store: FakeStore, tmp_path: Path) -> None:
    odd = {"a b+c=d&e~f(g)'é.json": b"{}", "ü/ö": b"x"}
    store.objects = {f"odd/{path}": content for path, content in odd.items()}
    there = describe(write_files(tmp_path, odd), ArtifactKind.MODEL)
    assert resolve(store, "s3://models/odd").digest == there.digest


def test_a_version_of_an_object_is_read_once_and_for_good(store: FakeStore, tmp_path: Path) -> None:
    store.versions = {("team/m/config.json", "v1"): b"old"}
    (tmp_path / "config.json").write_bytes(b"old")
    there = describe(tmp_path / "config.json", ArtifactKind.MODEL)
    asked = resolver(store)
    for _ in range(2):
        here = ask(asked, "s3://models/team/m/config.json?versionId=v1")
        assert here is not None
        assert here.digest == there.digest
        assert here.pinned
    assert store.asked == [("/models/team/m/config.json", {"versionId": "v1"})]
    assert ask(asked, "s3://models/team/m/config.json?versionId=v2") is None


def test_what_was_read_is_remembered_while_the_listing_is_the_same(store: FakeStore) -> None:
    asked = resolver(store)
    first, second = ask(asked), ask(asked)
    reads = [path for path, _ in store.asked if path.endswith("config.json")]
    store.objects["team/m/config.json"] = b"changed"
    third = ask(asked)
    assert first is not None
    assert third is not None
    assert first == second
    assert len(reads) == 1
    assert first.digest != third.digest


def test_nothing_is_remembered_when_told_so(store: FakeStore) -> None:
    asked = resolver(store, remember=0)
    ask(asked)
    ask(asked)
    assert len([path for path, _ in store.asked if path.endswith("config.json")]) == 2


@pytest.mark.parametrize("uri", ["s3://models/missing", "s3://models/team/m/missing", "s3://models/tea"])
def test_what_is_not_there_stays_unresolved(store: FakeStore, uri: str) -> None:
    assert ask(resolver(store), uri) is None


@pytest.mark.parametrize(
    "uri",
    [
        "s3://other/team/m",
        "s3://models@evil/team/m",
        "s3://models/../other/m",
        "s3://models/team//m",
        "s3://models/team/./m",
        "s3://models/team/m?hidden",
        "s3://models/team/m?versionId=null",
        "s3://models/team/m/?versionId=1",
        "s3://models/team/m?versionId=1&x=2",
        "s3://models/team/m#x",
        "s3://models/team%2Fm",
        "s3://models/team\\m",
        "s3://Models/team/m",
        "s3:models/team/m",
        "s3://",
    ],
)
def test_only_buckets_that_are_named_are_read_and_only_names_that_mean_one_thing(
    store: FakeStore, uri: str
) -> None:
    assert ask(resolver(store), uri) is None
    assert store.asked == []


def test_without_settings_nobody_is_asked(store: FakeStore) -> None:
    (offered,) = S3Plugin({}).govkernel_reference_resolvers()
    assert asyncio.run(offered.resolve(ArtifactRef(uri="s3://models/m", kind=ArtifactKind.MODEL))) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["prompt", "image"])
def test_kinds_whose_digest_is_another_stay_unresolved(store: FakeStore, kind: str) -> None:
    assert ask(resolver(store), kind=kind) is None


def test_a_name_that_is_an_object_and_a_prefix_is_refused_unless_it_says_which(store: FakeStore) -> None:
    store.objects["team/m"] = b"x"
    assert refused(lambda: resolve(store)) == "s3.ambiguous"
    assert resolve(store, "s3://models/team/m/").digest


def only(part: str, answer: Callable[[FakeStore], Answer]) -> Callable[[FakeStore], Any]:
    """A lie about objects whose path holds ``part``; ``/models`` alone is the listing."""

    def make(store: FakeStore) -> Any:
        return lambda path, query, honest: (
            answer(store) if (path == part if part == "/models" else part in path) else honest
        )

    return make


def page(*objects: tuple[str, bytes], more: bool = False) -> Callable[[FakeStore], Answer]:
    return lambda _: (200, {}, [listing(objects, more=more)])


def text(content: str) -> Callable[[FakeStore], Answer]:
    return lambda _: (200, {}, [content.encode()])


LISTING = "/models"
X, B = "x" * 1000, "&b;" * 1000
ENTITIES = f'<!DOCTYPE a [<!ENTITY b "{X}"><!ENTITY c "{B}">]><ListBucketResult>&c;</ListBucketResult>'
LIES: dict[str, tuple[Callable[[FakeStore], Any], str]] = {
    "an error": (only(LISTING, lambda _: (500, {}, [])), "s3.unavailable"),
    "access denied": (only(LISTING, lambda _: (403, {}, [])), "s3.unavailable"),
    "no such bucket": (only(LISTING, lambda _: (404, {}, [])), "s3.unavailable"),
    "another region": (
        only(LISTING, lambda _: (301, {"Location": "http://169.254.169.254/"}, [])),
        "s3.unavailable",
    ),
    "an object elsewhere": (
        only("config", lambda _: (307, {"Location": "http://169.254.169.254/"}, [])),
        "s3.unavailable",
    ),
    "an object that may not be read": (only("config", lambda _: (403, {}, [])), "s3.unavailable"),
    "an object that is gone": (only("config", lambda _: (404, {}, [])), "s3.changed"),
    "no listing": (only(LISTING, text("<html/>")), "s3.wrong-answer"),
    "no XML": (only(LISTING, text("{}")), "s3.wrong-answer"),
    "nothing": (only(LISTING, text("")), "s3.wrong-answer"),
    "entities": (only(LISTING, text(ENTITIES)), "s3.wrong-answer"),
    "entities in UTF-16": (
        only(LISTING, lambda _: (200, {}, [ENTITIES.encode("utf-16")])),
        "s3.wrong-answer",
    ),
    "an external entity": (
        only(
            LISTING,
            text(
                '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><ListBucketResult>&b;</ListBucketResult>'
            ),
        ),
        "s3.wrong-answer",
    ),
    "an unknown encoding": (
        only(LISTING, text('<?xml version="1.0" encoding="x-none"?><ListBucketResult/>')),
        "s3.wrong-answer",
    ),
    "a key that is no UTF-8": (
        only(
            LISTING,
            text(
                "<ListBucketResult><EncodingType>url</EncodingType>"
                "<Contents><Key>team/m/%ff</Key><Size>1</Size></Contents></ListBucketResult>"
            ),
        ),
        "s3.wrong-answer",
    ),
    "an object without a size": (
        only(LISTING, text("<ListBucketResult><Contents><Key>team/m/x</Key></Contents></ListBucketResult>")),
        "s3.wrong-answer",
    ),
    "a size that is none": (
        only(
            LISTING,
            text(
                "<ListBucketResult><Contents><Key>team/m/x</Key><Size>-1</Size></Contents></ListBucketResult>"
            ),
        ),
        "s3.wrong-answer",
    ),
    "more, without saying where": (
        only(LISTING, text("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>")),
        "s3.wrong-answer",
    ),
    "a key that was not asked for": (only(LISTING, page(("other/x", b""))), "s3.wrong-answer"),
    "a page without end": (
        only(LISTING, lambda store: (200, {}, itertools.repeat(b"<a>" * 100_000))),
        "s3.wrong-answer",
    ),
    "pages without end": (only(LISTING, page(("team/m/x", b"x"), more=True)), "s3.too-many"),
    "a page of too many keys": (
        only(LISTING, page(*((f"team/m/{n}", b"") for n in range(1001)))),
        "s3.wrong-answer",
    ),
    "a path that climbs": (only(LISTING, page(("team/m/../../x", b"x"))), "provenance.path-unsafe"),
    "an absolute path": (only(LISTING, page(("team/m//etc/passwd", b"x"))), "provenance.path-unsafe"),
    "a folder with content": (only(LISTING, page(("team/m/x/", b"x"))), "provenance.path-unsafe"),
    "a control character": (only(LISTING, page(("team/m/a\nb", b"x"))), "provenance.path-unsafe"),
    "a key twice": (only(LISTING, page(("team/m/x", b""), ("team/m/x", b"y"))), "provenance.path-duplicate"),
    "keys that differ by case": (
        only(LISTING, page(("team/m/x", b""), ("team/m/X", b""))),
        "provenance.path-collision",
    ),
    "an object that is also a folder": (
        only(LISTING, page(("team/m/x", b""), ("team/m/x/y", b""))),
        "provenance.path-duplicate",
    ),
    "a shorter object": (only("config", lambda _: (200, {}, [b"{"])), "resolve.incomplete"),
    "a longer object": (only("config", lambda _: (200, {}, [b"{}" * 1000])), "resolve.incomplete"),
    "an object without end": (
        only("config", lambda _: (200, {}, itertools.repeat(b"x" * 100_000))),
        "resolve.too-large",
    ),
    "an object that stalls": (only("config", lambda store: (200, {}, store.stall())), "s3.unavailable"),
    "an object that drips": (only("config", lambda store: (200, {}, store.drip())), "resolve.too-slow"),
    "a listing that drips": (only(LISTING, lambda store: (200, {}, store.drip())), "s3.unavailable"),
    "a listing that stalls": (only(LISTING, lambda store: (200, {}, store.stall())), "s3.unavailable"),
}


@pytest.mark.parametrize("name", LIES)
def test_each_lie_is_refused(store: FakeStore, name: str) -> None:
    make, code = LIES[name]
    store.lie = make(store)
    limits: dict[str, float] = {}
    if code == "resolve.too-slow":
        limits = {"deadline": 1.0}
    elif "stalls" in name or "drips" in name:
        limits = {"timeout": 0.5}
    assert refused(lambda: resolve(store, max_bytes=10_000_000, **limits)) == code


def test_a_listing_of_a_million_objects_is_not_read_to_its_end(store: FakeStore) -> None:
    counter = itertools.count()

    def lie(path: str, query: dict[str, str], honest: Answer) -> Answer:
        if path != LISTING or query["max-keys"] == "1":
            return honest
        start = next(counter) * 1000
        return 200, {}, [listing([(f"team/m/{n:07}", b"") for n in range(start, start + 1000)], more=True)]

    store.lie = lie
    assert refused(lambda: resolve(store)) == "s3.too-many"
    assert next(counter) == 101


def test_memory_stays_flat(store: FakeStore) -> None:
    block, count = b"x" * 1_000_000, 64
    size = b"<Contents><Key>large</Key><Size>%d</Size></Contents>" % (count * len(block))
    page = b"<ListBucketResult>" + size + b"</ListBucketResult>"
    store.lie = lambda path, _query, _honest: (
        (200, {}, itertools.repeat(block, count)) if path.endswith("large") else (200, {}, [page])
    )
    tracemalloc.start()
    try:
        assert resolve(store, "s3://models/").digest
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16_000_000


def test_what_is_written_while_it_is_read_is_refused(store: FakeStore) -> None:
    def lie(path: str, _query: dict[str, str], honest: Answer) -> Answer:
        if path.endswith("config.json"):
            store.objects["team/m/more"] = b"x"
        return honest

    store.lie = lie
    assert refused(lambda: resolve(store)) == "s3.changed"


def test_headers_are_not_believed(store: FakeStore) -> None:
    expected = resolve(store).digest
    store.lie = lambda _path, _query, honest: (
        honest[0],
        {"ETag": '"x"', "x-amz-checksum-sha256": "x", "Content-Encoding": "gzip", "x-amz-version-id": "1"},
        honest[2],
    )
    assert resolve(store).digest == expected


def test_nobody_there_is_a_typed_error() -> None:
    with serving(FakeStore()) as gone:
        pass
    assert refused(lambda: resolve(gone)) == "s3.unavailable"


def credentials(folder: Path, text: str) -> dict[str, Any]:
    path = folder / "credentials"
    path.write_text(text)
    return {"credentials": str(path)}


def test_requests_are_signed_as_they_arrive(store: FakeStore, tmp_path: Path) -> None:
    store.signed = True
    store.objects["team/m/a b+c=d&e~f(g)'é.json"] = b"{}"
    place = credentials(tmp_path, f"[default]\naws_access_key_id={KEY_ID}\naws_secret_access_key={SECRET}\n")
    assert ask(resolver(store, place)) is not None
    assert refused(lambda: ask(resolver(store))) == "s3.unavailable"
    assert refused(lambda: ask(resolver(store, {**place, "region": "us-east-1"}))) == "s3.unavailable"


def test_credentials_are_read_anew_for_each_read(store: FakeStore, tmp_path: Path) -> None:
    store.signed = True
    place = credentials(tmp_path, "[default]\naws_access_key_id=old\naws_secret_access_key=old\n")
    asked = resolver(store, {**place, "profile": "team"})
    assert refused(lambda: ask(asked)) == "s3.credentials"
    credentials(tmp_path, f"[team]\naws_access_key_id={KEY_ID}\naws_secret_access_key={SECRET}\n")
    assert ask(asked) is not None


@pytest.mark.parametrize(
    "text", ["", "[default]\n", "[default]\naws_access_key_id=x\n", "no section", "[default", "[other]\na=b"]
)
def test_credentials_that_cannot_be_used_are_refused(store: FakeStore, tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ask(resolver(store, credentials(tmp_path, text)))
    assert caught.value.code == "s3.credentials"
    assert store.asked == []


AMBIENT = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ROLE_ARN")


def test_what_lies_around_is_used_only_when_told_so(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in AMBIENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store.signed = True
    assert refused(lambda: ask(resolver(store, {"ambient": True}))) == "s3.credentials"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    assert refused(lambda: ask(resolver(store))) == "s3.unavailable"
    assert ask(resolver(store, {"ambient": True})) is not None


def test_no_metadata_service_is_asked_unless_told_so(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(FakeStore()) as service:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.endpoint)
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{service.endpoint}/credentials")
        for name in AMBIENT:
            monkeypatch.delenv(name, raising=False)
        assert ask(resolver(store)) is not None
        assert service.asked == []
        assert refused(lambda: ask(resolver(store, {"ambient": True}))) == "s3.credentials"
        assert service.asked


def test_a_service_that_loads_a_signed_model_of_a_bucket_is_admitted(
    store: FakeStore, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)
    allowed = workspace.admit("s3://models/team/m", {"s3": table(store)})
    assert allowed.decision.allowed, allowed.decision
    assert allowed.artifacts[0].digest == workspace.model.digest
    store.asked.clear()
    denied = workspace.admit("s3://models/team/m", {"s3": table(store, {"buckets": ["other"]})})
    assert not denied.decision.allowed
    assert not denied.artifacts[0].resolved
    assert store.asked == []


def test_a_service_that_loads_a_changed_model_is_denied(store: FakeStore, tmp_path: Path) -> None:
    store.objects["team/m/config.json"] = b"{}"
    denied = Workspace(tmp_path).admit("s3://models/team/m", {"s3": table(store)})
    assert denied.artifacts[0].resolved
    assert [reason.policy for reason in denied.decision.reasons] == ["places/unsigned"]


def test_a_fault_of_the_store_is_a_deny_that_names_it(store: FakeStore, tmp_path: Path) -> None:
    store.lie = lambda *_: (500, {}, [])
    denied = Workspace(tmp_path).admit("s3://models/team/m", {"s3": table(store)})
    assert not denied.decision.allowed
    assert "cannot be read" in str(denied.decision.faults)


def test_a_service_cannot_name_a_version_since_loaders_would_not_heed_it(
    store: FakeStore, tmp_path: Path
) -> None:
    store.versions = {("team/m", "v1"): b"x"}
    denied = Workspace(tmp_path).admit("s3://models/team/m?versionId=v1", {"s3": table(store)})
    assert denied.artifacts[0].name == "s3://models/team/m?hidden"
    assert not denied.artifacts[0].resolved


@given(st.text(max_size=60))
def test_any_name_is_parsed_or_none(text: str) -> None:
    name = parse(f"s3://{text}")
    if name is not None:
        assert ".." not in name.key.split("/")
        assert not set(name.key) & set("?#%\\")
        assert not name.key.startswith("/")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_page_or_refused(content: bytes) -> None:
    try:
        assert parse_page(content).following == ""
    except ValueError as error:
        assert str(error)


def test_a_full_page_fits() -> None:
    objects = [("é" * 500 + str(number), b"") for number in range(1000)]
    content = listing(objects)
    assert len(content) < MAX_PAGE
    assert len(parse_page(content).objects) == 1000


def test_the_settings_of_the_readme_are_valid() -> None:
    text = README.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    S3Settings.model_validate(tomllib.loads(text)["plugins"]["settings"]["s3"])


@pytest.mark.parametrize(
    "config",
    [
        {"buckets": ["a"]},
        {"places": [{"buckets": ["models"]}]},
        {"places": [{"endpoint": "s3.example", "buckets": ["models"]}]},
        {"places": [{"endpoint": "ftp://s3.example", "buckets": ["models"]}]},
        {"places": [{"endpoint": "https://u@s3.example", "buckets": ["models"]}]},
        {"places": [{"endpoint": "https://s3.example/x", "buckets": ["models"]}]},
        {"places": [{"endpoint": "https://s3.example", "buckets": ["../x"]}]},
        {
            "places": [
                {"endpoint": "https://a", "buckets": ["models"]},
                {"endpoint": "https://b", "buckets": ["models"]},
            ]
        },
        {"places": [{"endpoint": "https://a", "buckets": ["models"], "credentials": "/x", "ambient": True}]},
    ],
)
def test_settings_that_are_wrong_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        S3Plugin(config)
