"""Caches that hold what the hub's tools put there, and each way in which they may not."""

from __future__ import annotations

import asyncio
import os
import shutil
import tomllib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from govkernel_huggingface import HuggingFacePlugin, HuggingFaceResolver, HuggingFaceSettings
from govkernel_huggingface.cache import Cache
from govkernel_huggingface.name import parse
from hub import COMMIT, OTHER, download, etag, put, serving
from hypothesis import given
from hypothesis import strategies as st

from govkernel.checks import either
from govkernel.domain import Artifact, ArtifactKind, ArtifactRef
from govkernel.domain.content import Content
from govkernel.errors import GovkernelError, PluginError
from govkernel.hookspecs import ReferenceResolver
from govkernel.plugins import PluginHost
from govkernel.provenance import describe
from tests.simulators.admitting import Workspace, model_files, write_files

FILES = model_files()
README = Path(__file__).parent.parent / "README.md"
LONG = 60.0


def resolver(*caches: Path, **more: Any) -> HuggingFaceResolver:
    return HuggingFaceResolver(HuggingFaceSettings(caches=caches, **{"wait": LONG, **more}))


def resolve(
    cache: Path, uri: str = "hf://org/name@main", kind: str = "model", **more: Any
) -> Artifact | None:
    ref = ArtifactRef(uri=uri, kind=ArtifactKind(kind), where="here")
    return asyncio.run(resolver(cache, **more).resolve(ref))


def found(cache: Path, uri: str = "hf://org/name@main", kind: str = "model", **more: Any) -> Artifact:
    artifact = resolve(cache, uri, kind, **more)
    assert artifact is not None
    return artifact


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(GovkernelError) as caught:
        call()
    assert caught.value.remedy
    return caught.value.code


def test_it_offers_what_the_hook_asks_for() -> None:
    assert isinstance(HuggingFacePlugin({}).govkernel_reference_resolvers()[0], ReferenceResolver)


def test_a_snapshot_is_the_artifact_of_the_same_files_in_a_folder(tmp_path: Path) -> None:
    put(tmp_path / "hub", FILES)
    there = describe(write_files(tmp_path / "plain", FILES), ArtifactKind.MODEL)
    here = found(tmp_path / "hub")
    assert (here.digest, here.aliases, here.formats) == (there.digest, there.aliases, there.formats)
    assert (here.observed, here.pinned, here.where) == (True, False, "here")
    assert here.location == str(tmp_path / "hub/models--org--name/snapshots" / COMMIT)


@pytest.mark.skipif(find_spec("huggingface_hub") is None, reason="pip install huggingface_hub")
@pytest.mark.parametrize(("kind", "prefix"), [("model", ""), ("dataset", "datasets/")])
def test_what_huggingface_hub_downloads_is_read(tmp_path: Path, kind: str, prefix: str) -> None:
    with serving(FILES) as address:
        download(address, tmp_path / "hub", kind)
    there = describe(write_files(tmp_path / "plain", FILES), ArtifactKind(kind))
    for revision in ("main", COMMIT):
        assert found(tmp_path / "hub", f"hf://{prefix}org/name@{revision}", kind).digest == there.digest


@pytest.mark.parametrize(
    ("uri", "pinned"),
    [
        ("hf://org/name", False),
        ("hf://org/name@main", False),
        ("hf://org/name@v1.0", False),
        ("hf://org/name@refs/pr/1", False),
        ("hf://org/name@feature/x", False),
        (f"hf://org/name@{COMMIT}", True),
    ],
)
def test_every_kind_of_revision(tmp_path: Path, uri: str, pinned: bool) -> None:
    put(tmp_path, FILES, refs=("main", "v1.0", "refs/pr/1", "feature/x"))
    here = found(tmp_path, uri)
    assert here.digest == found(tmp_path).digest
    assert here.pinned is pinned


def test_a_repository_without_organisation_and_one_of_a_dataset(tmp_path: Path) -> None:
    put(tmp_path, FILES, repository="models--gpt2")
    put(tmp_path, {"train.jsonl": b"{}\n"}, repository="datasets--org--rows")
    assert found(tmp_path, "hf://gpt2").formats == ("json", "safetensors", "text")
    assert found(tmp_path, "hf://datasets/org/rows", "dataset").formats == ("jsonl",)
    assert resolve(tmp_path, "hf://org/rows", "dataset") is None


@pytest.mark.parametrize("revision", ["main", COMMIT])
def test_a_path_in_a_snapshot_is_a_file_or_a_folder(tmp_path: Path, revision: str) -> None:
    put(tmp_path / "hub", FILES)
    plain = write_files(tmp_path / "plain", FILES)
    file = found(tmp_path / "hub", f"hf://org/name@{revision}/model.safetensors")
    assert file.digest == describe(plain / "model.safetensors", ArtifactKind.MODEL).digest
    folder = found(tmp_path / "hub", f"hf://org/name@{revision}/tokenizer", "tokenizer")
    assert folder.digest == describe(plain / "tokenizer", ArtifactKind.TOKENIZER).digest
    assert file.location is None
    assert resolve(tmp_path / "hub", f"hf://org/name@{revision}/tok") is None


@pytest.mark.parametrize(
    "uri",
    [
        "hf://org/other@main",
        "hf://org/name@other",
        f"hf://org/name@{OTHER}",
        "hf://org/name@main/missing",
        "hf://org/name@../../secret",
        "hf://org/name@refs/../main",
        "hf://org/name@/etc/passwd",
        "hf://org/name@refs",
        "hf://../name@main",
        "hf://org--name@main",
        "hf://org/na--me",
        "hf://org/name/more",
        "hf://org/name@a@b",
        "hf://spaces/org/name",
        "hf://",
    ],
)
def test_what_is_not_there_stays_unresolved(tmp_path: Path, uri: str) -> None:
    put(tmp_path, FILES)
    assert resolve(tmp_path, uri) is None


@pytest.mark.parametrize("kind", ["prompt", "image"])
def test_kinds_whose_digest_is_another_stay_unresolved(tmp_path: Path, kind: str) -> None:
    put(tmp_path, FILES)
    assert resolve(tmp_path, kind=kind) is None


def test_without_settings_no_cache_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "hub", FILES)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    (offered,) = HuggingFacePlugin({}).govkernel_reference_resolvers()
    ref = ArtifactRef(uri="hf://org/name@main", kind=ArtifactKind.MODEL)
    assert asyncio.run(offered.resolve(ref)) is None  # type: ignore[arg-type]


def test_a_cache_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert resolve(tmp_path / "missing") is None


def relink(place: Path, target: str | Path) -> None:
    place.unlink()
    place.symlink_to(target)


def blob_of(folder: Path) -> Path:
    return folder / "blobs" / etag(FILES["config.json"])


def config_of(folder: Path) -> Path:
    return folder / "snapshots" / COMMIT / "config.json"


LINKS: dict[str, Callable[[Path, Path], object]] = {
    "absolute": lambda folder, secret: relink(config_of(folder), secret),
    "out of the cache": lambda folder, _: relink(config_of(folder), "../../../../secret"),
    "climbing further than the repository": lambda folder, _: relink(
        config_of(folder), f"../../../models--org--name/blobs/{blob_of(folder).name}"
    ),
    "another repository's blob": lambda folder, _: relink(config_of(folder), "../../../models--a--b/blobs/x"),
    "not deep enough": lambda folder, _: relink(config_of(folder), f"../blobs/{blob_of(folder).name}"),
    "through a blob": lambda folder, _: relink(config_of(folder), "../../blobs/x/../../../../secret"),
    "its own refs": lambda folder, _: relink(config_of(folder), "../../refs/main"),
    "another file of the snapshot": lambda folder, _: relink(config_of(folder), "model.safetensors"),
    "a blob that is a link": lambda folder, secret: relink(blob_of(folder), secret),
    "a blob that climbs": lambda folder, _: relink(blob_of(folder), "../../blobs/../secret"),
    "a shared blob of another folder": lambda folder, _: relink(
        blob_of(folder), f"../../blobs/ab/{'cd' * 32}"
    ),
    "a folder of the snapshot": lambda folder, _: (
        shutil.rmtree(folder / "snapshots" / COMMIT / "tokenizer"),
        (folder / "snapshots" / COMMIT / "tokenizer").symlink_to("/"),
    ),
    "the snapshot": lambda folder, _: (
        (folder / "snapshots" / COMMIT).rename(folder / "moved"),
        (folder / "snapshots" / COMMIT).symlink_to("../moved"),
    ),
    "the repository": lambda folder, _: (folder.rename(folder.parent / "moved"), folder.symlink_to("moved")),
    "the blobs": lambda folder, _: (
        (folder / "blobs").rename(folder / "moved"),
        (folder / "blobs").symlink_to("moved"),
    ),
    "a reference": lambda folder, _: relink(folder / "refs" / "main", "other"),
}


@pytest.mark.parametrize("lie", LINKS)
def test_a_link_that_leads_elsewhere_is_refused(tmp_path: Path, lie: str) -> None:
    folder = put(tmp_path / "hub", FILES)
    secret = tmp_path / "secret"
    secret.write_bytes(FILES["config.json"])
    LINKS[lie](folder, secret)
    assert refused(lambda: resolve(tmp_path / "hub")) == "huggingface.link"


def test_the_shared_blobs_of_a_cache_are_read(tmp_path: Path) -> None:
    folder = put(tmp_path / "hub", FILES)
    expected = found(tmp_path / "hub").digest
    shared = tmp_path / "hub" / "blobs" / "ab" / ("ab" * 32)
    shared.parent.mkdir(parents=True)
    blob_of(folder).rename(shared)
    blob_of(folder).symlink_to(f"../../blobs/ab/{shared.name}")
    assert found(tmp_path / "hub").digest == expected
    relink(config_of(folder), f"../../../blobs/ab/{shared.name}")
    assert refused(lambda: resolve(tmp_path / "hub")) == "huggingface.link"
    shared.rename(tmp_path / "elsewhere")
    shared.symlink_to(tmp_path / "elsewhere")
    relink(config_of(folder), f"../../blobs/{blob_of(folder).name}")
    assert refused(lambda: resolve(tmp_path / "hub")) == "huggingface.link"


def test_a_cache_without_links_is_read(tmp_path: Path) -> None:
    folder = put(tmp_path / "hub", FILES)
    expected = found(tmp_path / "hub").digest
    for link in (folder / "snapshots").rglob("*"):
        if link.is_symlink():
            link.resolve().rename(folder / "moved")
            (folder / "moved").rename(link)
    assert found(tmp_path / "hub").digest == expected


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def bury(folder: Path) -> None:
    deep = folder / "snapshots" / COMMIT
    for _ in range(70):
        deep = deep / "d"
    deep.mkdir(parents=True)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "a blob is missing": (lambda folder: blob_of(folder).unlink(), "huggingface.cache"),
    "a blob is a folder": (
        lambda folder: (blob_of(folder).unlink(), blob_of(folder).mkdir()),
        "huggingface.cache",
    ),
    "a blob is a pipe": (lambda folder: fifo(blob_of(folder)), "huggingface.cache"),
    "a file is a pipe": (lambda folder: fifo(config_of(folder)), "huggingface.cache"),
    "a reference is no commit": (lambda folder: (folder / "refs/main").write_text("x"), "huggingface.cache"),
    "a reference is a pipe": (lambda folder: fifo(folder / "refs/main"), "huggingface.cache"),
    "too deep": (bury, "huggingface.cache"),
    "empty": (
        lambda folder: (
            [item.unlink() for item in (folder / "snapshots" / COMMIT).iterdir() if item.is_symlink()]
            and shutil.rmtree(folder / "snapshots" / COMMIT / "tokenizer")
        ),
        "provenance.empty",
    ),
    "names that differ by case": (
        lambda folder: (folder / "snapshots" / COMMIT / "CONFIG.json").symlink_to(
            f"../../blobs/{blob_of(folder).name}"
        ),
        "provenance.path-collision",
    ),
    "a name that is not UTF-8": (
        lambda folder: (
            (folder / "snapshots" / COMMIT / os.fsdecode(b"\xff")).symlink_to("../../blobs/x"),
            (folder / "blobs" / "x").write_bytes(b""),
        ),
        "provenance.path-not-utf8",
    ),
    "a name with a backslash": (
        lambda folder: (folder / "snapshots" / COMMIT / "a\\b").symlink_to(
            f"../../blobs/{blob_of(folder).name}"
        ),
        "provenance.path-unsafe",
    ),
}


@pytest.mark.parametrize("problem", BROKEN)
def test_a_cache_that_is_broken_is_a_typed_error(tmp_path: Path, problem: str) -> None:
    spoil, code = BROKEN[problem]
    spoil(put(tmp_path, FILES))
    assert refused(lambda: resolve(tmp_path)) == code


def test_more_than_the_limit_is_not_read(tmp_path: Path) -> None:
    put(tmp_path, FILES)
    assert refused(lambda: resolve(tmp_path, max_bytes=50)) == "resolve.too-large"


def test_a_changed_file_is_another_artifact_at_once(tmp_path: Path) -> None:
    folder = put(tmp_path, FILES)
    ask = resolver(tmp_path)
    ref = ArtifactRef(uri="hf://org/name", kind=ArtifactKind.MODEL)
    before = asyncio.run(ask.resolve(ref))
    same = asyncio.run(ask.resolve(ref))
    blob_of(folder).write_bytes(b"[]")
    after = asyncio.run(ask.resolve(ref))
    assert before is not None
    assert after is not None
    assert before == same
    assert before.digest != after.digest


def test_an_answer_is_remembered_and_nothing_is_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, FILES)
    reads: list[str] = []
    real = Cache.read
    monkeypatch.setattr(
        Cache, "read", lambda self, entry, hasher: (reads.append(entry.path), real(self, entry, hasher))
    )
    ask = resolver(tmp_path)
    for uri in ("hf://org/name", "hf://org/name@main", f"hf://org/name@{COMMIT}"):
        artifact = asyncio.run(ask.resolve(ArtifactRef(uri=uri, kind=ArtifactKind.MODEL)))
        assert artifact is not None
        assert artifact.name == uri
    assert len(reads) == 3
    asyncio.run(ask.resolve(ArtifactRef(uri="hf://org/name", kind=ArtifactKind.ADAPTER)))
    assert len(reads) == 6


def test_what_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put(tmp_path, FILES)
    real = Cache.read

    def read(self: Cache, entry: Any, hasher: Any) -> None:
        real(self, entry, hasher)
        (folder / "snapshots" / COMMIT / "more.json").write_text("{}")

    monkeypatch.setattr(Cache, "read", read)
    assert refused(lambda: resolve(tmp_path)) == "huggingface.changed"


def test_a_file_that_was_replaced_after_it_was_listed_is_refused(tmp_path: Path) -> None:
    folder = put(tmp_path, FILES)
    cache = Cache(tmp_path)
    entries = cache.snapshot("models--org--name", COMMIT)
    assert entries
    blob_of(folder).write_bytes(b"other")
    entry = next(item for item in entries if item.path == "config.json")
    hasher = Content(["config.json"], max_bytes=100).file("config.json")
    assert refused(lambda: cache.read(entry, hasher)) == "huggingface.changed"


def test_caches_that_disagree_are_refused_and_those_that_agree_are_one(tmp_path: Path) -> None:
    put(tmp_path / "a", FILES)
    put(tmp_path / "b", FILES)
    both = resolver(tmp_path / "a", tmp_path / "b", tmp_path / "missing")
    ref = ArtifactRef(uri="hf://org/name", kind=ArtifactKind.MODEL)
    assert asyncio.run(both.resolve(ref)) is not None
    put(tmp_path / "b", {"more.json": b"{}"})
    assert refused(lambda: asyncio.run(both.resolve(ref))) == "huggingface.ambiguous"


def test_a_name_that_can_be_read_in_two_ways_is_refused(tmp_path: Path) -> None:
    folder = put(tmp_path, FILES, refs=("a",))
    (folder / "refs" / COMMIT / "x").parent.mkdir(parents=True)
    (folder / "refs" / COMMIT / "x").write_text(COMMIT)
    assert refused(lambda: resolve(tmp_path, f"hf://org/name@{COMMIT}/x")) == "huggingface.ambiguous"


def test_who_does_not_wait_is_told_that_it_is_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, FILES)
    end = Event()
    monkeypatch.setattr(Cache, "read", lambda *_: end.wait(LONG))
    assert refused(lambda: resolve(tmp_path, wait=0)) == "resolve.reading"
    end.set()


def test_a_read_goes_on_when_the_host_gives_up_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, FILES)
    real, begun, end, reads = Cache.read, Event(), Event(), []

    def read(self: Cache, entry: Any, hasher: Any) -> None:
        if self.root == tmp_path:  # a read of an earlier test may still go on
            reads.append(entry.path)
            begun.set()
            assert end.wait(LONG)
        real(self, entry, hasher)

    monkeypatch.setattr(Cache, "read", read)
    host = PluginHost(deadline=0.05)
    host.register("huggingface", HuggingFacePlugin({"caches": [str(tmp_path)], "wait": LONG}))
    (provider,) = host.providers("govkernel_reference_resolvers")
    ref = ArtifactRef(uri="hf://org/name", kind=ArtifactKind.MODEL)

    async def call(deadline: float | None) -> Artifact | None:
        return await host.call(provider, lambda it: it.resolve(ref), either(Artifact), deadline=deadline)

    given_up = 0
    while not begun.is_set():  # on a busy machine a call may be given up before it began to read
        given_up += 1
        with pytest.raises(PluginError) as caught:
            asyncio.run(call(None))
        assert caught.value.code == "plugin.deadline"
    end.set()
    found = asyncio.run(call(LONG))
    assert found is not None
    assert found.resolved
    assert len(reads) < 3 + given_up  # each of those may have begun since


def test_a_service_that_loads_a_signed_model_of_the_cache_is_admitted(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    put(tmp_path / "hub", FILES)
    settings = {"huggingface": {"caches": [str(tmp_path / "hub")], "wait": LONG}}
    allowed = workspace.admit(f"hf://org/name:{COMMIT}", settings)
    assert allowed.decision.allowed, allowed.decision
    assert allowed.artifacts[0].digest == workspace.model.digest
    assert allowed.artifacts[0].pinned
    denied = workspace.admit(f"hf://org/name:{COMMIT}", {})
    assert not denied.decision.allowed
    assert not denied.artifacts[0].resolved


def test_a_service_that_loads_a_changed_model_is_denied(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    put(tmp_path / "hub", FILES | {"config.json": b"{}"})
    settings = {"huggingface": {"caches": [str(tmp_path / "hub")], "wait": LONG}}
    denied = workspace.admit(f"hf://org/name:{COMMIT}", settings)
    assert denied.artifacts[0].resolved
    assert [reason.policy for reason in denied.decision.reasons] == ["places/unsigned"]


def test_a_fault_of_the_cache_is_a_deny_that_names_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    relink(config_of(put(tmp_path / "hub", FILES)), "/etc/passwd")
    settings = {"huggingface": {"caches": [str(tmp_path / "hub")], "wait": LONG}}
    denied = workspace.admit("hf://org/name", settings)
    assert not denied.decision.allowed
    assert "A link in the cache leads elsewhere" in str(denied.decision.faults)


@given(st.text(max_size=60))
def test_any_name_is_parsed_or_none(text: str) -> None:
    name = parse(f"hf://{text}")
    if name is not None:
        assert "/" not in name.folder
        assert ".." not in name.folder
        assert all(".." not in revision.split("/") for revision, _ in name.readings())


@given(st.tuples(st.sampled_from(["a", "org"]), st.sampled_from(["b", "n-m.x_1"])))
def test_different_repositories_have_different_folders(parts: tuple[str, str]) -> None:
    name = parse("hf://" + "/".join(parts))
    assert name is not None
    assert name.folder.split("--") == ["models", *parts]


def test_the_settings_of_the_readme_are_valid() -> None:
    text = README.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    HuggingFaceSettings.model_validate(tomllib.loads(text)["plugins"]["settings"]["huggingface"])


@pytest.mark.parametrize("config", [{"cache": "/x"}, {"max_bytes": 0}, {"caches": "x"}, {"remember": -1}])
def test_settings_that_are_wrong_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        HuggingFacePlugin(config)
