"""Real repositories behind git's own server: honest ones, and each way in which they may not be."""

from __future__ import annotations

import asyncio
import itertools
import os
import shlex
import shutil
import ssl
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from forge import Answer, Forge, Repository, has_git, serving
from govkernel_git import GitPlugin, GitResolver, GitSettings
from govkernel_git.attributes import check_attributes
from govkernel_git.name import parse
from govkernel_git.process import Git
from hypothesis import given
from hypothesis import strategies as st

from govkernel.admission.certificates import ensure_certificates
from govkernel.domain import Artifact, ArtifactKind, ArtifactRef
from govkernel.errors import ConfigError, GovkernelError
from govkernel.hookspecs import ReferenceResolver
from govkernel.provenance import describe
from tests.simulators.admitting import Workspace, model_files, write_files

FILES = model_files()
README = Path(__file__).parent.parent / "README.md"
LONG = 60.0
MIB = 1024**2
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 12345\n"

pytestmark = pytest.mark.skipif(not has_git(), reason="install git (apt-get install git)")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """The repository ``org/m.git``, with a model at its branch main."""
    made = Repository(tmp_path / "forge" / "org" / "m.git")
    made.commit(made.files(FILES), "refs/heads/main")
    return made


@pytest.fixture
def forge(tmp_path: Path, repository: Repository) -> Iterator[Forge]:
    with serving(Forge(tmp_path / "forge")) as running:
        yield running


def resolver(forge: Forge, **more: Any) -> GitResolver:
    table = {"hosts": [forge.host], "insecure": [forge.host], "wait": LONG, "timeout": LONG, **more}
    return GitResolver(GitSettings.model_validate(table))


def ask(asked: GitResolver, uri: str, kind: str = "model") -> Artifact | None:
    return asyncio.run(asked.resolve(ArtifactRef(uri=uri, kind=ArtifactKind(kind), where="here")))


def url(forge: Forge, rest: str = "@main") -> str:
    return f"git+http://{forge.host}/org/m.git{rest}"


def resolve(forge: Forge, rest: str = "@main", kind: str = "model", **more: Any) -> Artifact:
    artifact = ask(resolver(forge, **more), url(forge, rest), kind)
    assert artifact is not None
    return artifact


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(GovkernelError) as caught:
        call()
    assert "s3cret" not in f"{caught.value} {caught.value.why}"
    assert caught.value.remedy
    return caught.value.code


def test_it_offers_what_the_hook_asks_for() -> None:
    assert isinstance(GitPlugin({}).govkernel_reference_resolvers()[0], ReferenceResolver)


def test_every_kind_of_ref_is_the_artifact_of_the_same_files_in_a_folder(
    forge: Forge, repository: Repository, tmp_path: Path
) -> None:
    commit = repository.git("rev-parse", "main")
    repository.git("update-ref", "refs/tags/light", commit)
    repository.git("tag", "-a", "-m", "x", "v1.0", commit)
    repository.git("update-ref", "refs/heads/feature/x", commit)
    repository.git("update-ref", "refs/pull/1/head", commit)
    there = describe(write_files(tmp_path / "plain", FILES), ArtifactKind.MODEL)
    for rest in ("", "@main", "@light", "@v1.0", "@feature/x", "@refs/heads/main", "@refs/tags/v1.0",
                 "@refs/pull/1/head", "@HEAD", f"@{commit}"):  # fmt: skip
        here = resolve(forge, rest)
        assert (here.digest, here.aliases, here.formats) == (there.digest, there.aliases, there.formats), rest
        assert (here.where, here.observed, here.location) == ("here", True, None)
        assert here.pinned is (commit in rest)


@pytest.mark.parametrize(
    ("sub", "kind"),
    [
        ("tokenizer", "tokenizer"),
        ("tokenizer/", "tokenizer"),
        ("config.json", "model"),
        ("config.json", "dataset"),
    ],
)
def test_a_path_in_a_tree_is_a_file_or_a_folder(forge: Forge, tmp_path: Path, sub: str, kind: str) -> None:
    plain = write_files(tmp_path / "plain", FILES) / sub
    assert resolve(forge, f"@main//{sub}", kind).digest == describe(plain, ArtifactKind(kind)).digest


def test_a_repository_of_this_machine_below_a_named_folder(
    forge: Forge, repository: Repository, tmp_path: Path
) -> None:
    here = ask(resolver(forge, folders=[str(tmp_path / "forge")]), f"git+file://{repository.path}@main")
    assert here is not None
    assert here.digest == resolve(forge).digest
    forge.asked.clear()
    assert (
        ask(resolver(forge, folders=[str(tmp_path / "other")]), f"git+file://{repository.path}@main") is None
    )
    (tmp_path / "link").symlink_to(tmp_path / "forge")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "in").symlink_to(repository.path)
    outside = f"git+file://{tmp_path}/other/in@main"
    assert ask(resolver(forge, folders=[str(tmp_path / "other")]), outside) is None


def test_https_with_authorities_of_ones_own(tmp_path: Path, repository: Repository) -> None:
    made = ensure_certificates(tmp_path / "tls", ["127.0.0.1"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate_path, made.key_path)
    with serving(Forge(tmp_path / "forge"), tls) as forge:
        name = f"git+https://{forge.host}/org/m.git@main"
        assert ask(resolver(forge, insecure=[], ca_bundle=str(made.ca_path)), name) is not None
        assert refused(lambda: ask(resolver(forge), name)) == "git.unavailable"


@pytest.mark.parametrize("rest", ["@other", "@refs/heads/other", "@ain", "@main//missing", "@main//token"])
def test_what_is_not_there_stays_unresolved(forge: Forge, repository: Repository, rest: str) -> None:
    repository.git("update-ref", "refs/heads/x/refs/heads/other", "main")
    repository.git("update-ref", "refs/heads/m/ain", "main")
    assert ask(resolver(forge), url(forge, rest)) is None


@pytest.mark.parametrize(
    "name",
    [
        "git+https://HOST/org/m.git@--upload-pack=touch",
        "git+https://HOST/org/m.git@-x",
        "git+https://HOST/--upload-pack=touch/m.git@main",
        "git+https://-oProxyCommand=touch/m.git@main",
        "git+https://user@HOST/org/m.git@main",
        "git+https://HOST/org/../m.git@main",
        "git+https://HOST/org/m.git@a..b",
        "git+https://HOST/org/m.git@a/.b",
        "git+https://HOST/org/m.git@x.lock",
        "git+https://HOST/org/m.git@main:x",
        "git+https://HOST/org/m.git@main^{commit}",
        "git+https://HOST/org/m.git@main*",
        "git+https://HOST/org/m.git@main//../x",
        "git+https://HOST/org/m.git@main//a//b",
        "git+https://HOST/org/m.git@main//:(top)x\n",
        "git+https://HOST/org/m.git?x@main",
        "git+https://HOST",
        "git+ssh://HOST/org/m.git@main",
        "git+ext::touch",
        "git+file://HOST/org/m.git@main",
        "git+file:///../etc@main",
        "git://HOST/org/m.git@main",
    ],
)
def test_what_is_no_name_is_never_given_to_git(name: str) -> None:
    assert parse(name.replace("HOST", "forge.example")) is None


@pytest.mark.parametrize(
    ("hosts", "reads"),
    [
        (["HOST"], True),
        (["HOST/org"], True),
        (["HOST/org/m.git"], True),
        (["HOST/or"], False),
        (["HOST/org/m"], False),
        (["other.example"], False),
        ([], False),
    ],
)
def test_only_repositories_that_are_named_are_asked(forge: Forge, hosts: list[str], reads: bool) -> None:
    asked = resolver(forge, hosts=[host.replace("HOST", forge.host) for host in hosts])
    assert (ask(asked, url(forge)) is not None) is reads
    assert bool(forge.asked) is reads


def test_plain_http_is_asked_only_where_it_is_allowed(forge: Forge) -> None:
    assert ask(resolver(forge, insecure=[]), url(forge)) is None
    assert forge.asked == []


@pytest.mark.parametrize("kind", ["prompt", "image"])
def test_kinds_whose_digest_is_another_stay_unresolved(forge: Forge, kind: str) -> None:
    assert ask(resolver(forge), url(forge), kind) is None


def test_a_commit_is_read_once_and_for_good(forge: Forge, repository: Repository) -> None:
    asked = resolver(forge)
    commit = repository.git("rev-parse", "main")
    first = ask(asked, url(forge))
    forge.asked.clear()
    assert ask(asked, url(forge, f"@{commit}")) is not None
    assert forge.asked == []
    assert ask(asked, url(forge)) == first
    assert forge.asked  # what the branch is now
    repository.commit(repository.files({"other.json": b"{}"}), "refs/heads/main")
    moved = ask(asked, url(forge))
    assert first is not None
    assert moved is not None
    assert moved.digest != first.digest


def test_a_branch_and_a_tag_of_one_name_are_refused_until_one_says_which(
    forge: Forge, repository: Repository
) -> None:
    repository.commit(repository.files({"other.json": b"{}"}), "refs/tags/main")
    assert refused(lambda: resolve(forge)) == "git.ambiguous"
    assert resolve(forge, "@refs/heads/main").digest != resolve(forge, "@refs/tags/main").digest


def test_a_commit_that_is_not_there_is_refused(forge: Forge) -> None:
    assert refused(lambda: resolve(forge, f"@{'ab' * 20}")) == "git.unavailable"


def test_what_is_no_commit_is_refused(forge: Forge, repository: Repository) -> None:
    repository.git("tag", "-a", "-m", "x", "v1", "main")
    blob, tree = repository.blob(b"x"), repository.files({"x": b"y"})
    repository.git("update-ref", "refs/tags/blob", blob)
    repository.git("update-ref", "refs/tags/tree", tree)
    for oid in (blob, tree, repository.git("rev-parse", "v1")):
        assert refused(lambda oid=oid: resolve(forge, f"@{oid}")) in {"git.no-commit", "git.unavailable"}
    for tag in ("@blob", "@tree"):
        assert refused(lambda tag=tag: resolve(forge, tag)) in {"git.no-commit", "git.unavailable"}


Make = Callable[[Repository], str]


def with_files(more: dict[str, bytes]) -> Make:
    return lambda it: it.files(FILES | more)


def with_entry(mode: str, kind: str, name: str, content: bytes = b"x") -> Make:
    return lambda it: it.files(FILES, (mode, kind, it.blob(content), name))


def bomb(it: Repository) -> str:
    """Trees of ten times the same tree: 10^8 files in ten objects."""
    oid = it.files({"f": b"x"})
    for _ in range(8):
        oid = it.tree([("040000", "tree", oid, f"d{number}") for number in range(10)])
    return oid


TREES: dict[str, tuple[Make, str]] = {
    "a link that escapes": (with_entry("120000", "blob", "passwd", b"/etc/passwd"), "git.not-a-file"),
    "a link inside": (with_entry("120000", "blob", "copy", b"config.json"), "git.not-a-file"),
    "a submodule": (lambda it: it.files(FILES, ("160000", "commit", "ab" * 20, "sub")), "git.not-a-file"),
    "a .git folder": (with_files({"a/.git/config": b"[core]\n\tfsmonitor = touch x\n"}), "git.unavailable"),
    "a folder that climbs": (
        lambda it: it.files(FILES, ("040000", "tree", it.files({"x": b"y"}), "..")),
        "git.unavailable",
    ),
    "hostile submodules": (
        with_files({".gitmodules": b'[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch\n'}),
        "git.unavailable",
    ),
    "a backslash": (with_entry("100644", "blob", "a\\b"), "provenance.path-unsafe"),
    "a control character": (with_entry("100644", "blob", "a\nb"), "provenance.path-unsafe"),
    "names that differ by case": (with_entry("100644", "blob", "CONFIG.json"), "provenance.path-collision"),
    "a pointer of LFS": (with_files({"model.safetensors": POINTER}), "git.lfs-pointer"),
    "a pointer of the old kind": (
        with_files({"deep/model.bin": POINTER.replace(b"git-lfs", b"hawser")}),
        "git.lfs-pointer",
    ),
    "a filter": (with_files({".gitattributes": b"*.py filter=evil\n"}), "git.attributes"),
    "another encoding": (
        with_files({".gitattributes": b"*.py working-tree-encoding=UTF-7\n"}),
        "git.attributes",
    ),
    "identity": (with_files({"a/.gitattributes": b"[attr]m ident\n*.py m\n"}), "git.attributes"),
    "line ends": (with_files({".gitattributes": b"* text eol=crlf\n"}), "git.attributes"),
    "attributes that are a link": (
        lambda it: it.files({"config.json": b"{}"}, ("120000", "blob", it.blob(b"x"), ".gitattributes")),
        "git.not-a-file",
    ),
    "endless attributes": (with_files({".gitattributes": b"# x\n" * 300_000}), "git.not-a-file"),
    "nothing": (lambda it: it.files({".gitattributes": b""}), "provenance.empty"),
    "too many files": (bomb, "git.too-many"),
    "more than the limit": (with_files({"zeros.bin": bytes(20 * MIB)}), "resolve.too-large"),
    "more than the limit on the way": (with_files({"noise.bin": os.urandom(12 * MIB)}), "git.unavailable"),
}


@pytest.mark.parametrize("name", TREES)
def test_each_hostile_tree_is_refused(forge: Forge, repository: Repository, name: str) -> None:
    make, code = TREES[name]
    repository.commit(make(repository), "refs/heads/main")
    assert refused(lambda: resolve(forge, max_bytes=10 * MIB)) == code


def test_what_is_hostile_elsewhere_does_not_concern_a_path(forge: Forge, repository: Repository) -> None:
    hostile = {"other/.gitattributes": b"* ident\n", "other/x.bin": POINTER}
    link = ("120000", "blob", repository.blob(b"/etc/passwd"), "passwd")
    repository.commit(repository.files(FILES | hostile, link), "refs/heads/main")
    assert resolve(forge, "@main//tokenizer", "tokenizer").digest
    repository.commit(repository.files(FILES | {".gitattributes": b"* ident\n"}), "refs/heads/main")
    assert refused(lambda: resolve(forge, "@main//tokenizer", "tokenizer")) == "git.attributes"


def test_large_files_take_little_memory(forge: Forge, repository: Repository) -> None:
    repository.commit(repository.files({"zeros.bin": bytes(96 * MIB)}), "refs/heads/main")
    assert resolve(forge, max_bytes=128 * MIB, max_memory=64 * MIB).digest


def refs_only(answer: Answer) -> Any:
    return lambda path, honest: answer if "info/refs" in path else honest


def pack_only(answer: Answer) -> Any:
    return lambda path, honest: answer if path.endswith("/git-upload-pack") else honest


SERVICE = {"Content-Type": "application/x-git-upload-pack-advertisement"}
RESULT = {"Content-Type": "application/x-git-upload-pack-result"}
ELSEWHERE = (302, {"Location": "http://169.254.169.254/org/m.git/info/refs?service=git-upload-pack"}, [b""])
LIES: dict[str, Callable[[Forge], Any]] = {
    "an error": lambda _: refs_only((500, {}, [])),
    "no such repository": lambda _: refs_only((404, {}, [])),
    "a redirect": lambda _: refs_only(ELSEWHERE),
    "a redirected pack": lambda _: pack_only(ELSEWHERE),
    "noise": lambda _: refs_only((200, SERVICE, [b"noise"])),
    "refs without end": lambda _: refs_only(
        (
            200,
            SERVICE,
            itertools.chain([b"001e# service=git-upload-pack\n0000"], map(ref_line, itertools.count())),
        )
    ),
    "a pack of noise": lambda _: pack_only((200, RESULT, [os.urandom(1000)])),
    "an empty pack": lambda _: pack_only((200, RESULT, [])),
    "a pack that stalls": lambda forge: pack_only((200, RESULT, forge.stall())),
    "a pack that drips": lambda forge: pack_only((200, RESULT, forge.drip())),
    "refs that stall": lambda forge: refs_only((200, SERVICE, forge.stall())),
    "refs that drip": lambda forge: refs_only((200, SERVICE, forge.drip())),
}


def ref_line(number: int) -> bytes:
    line = f"{'ab' * 20} refs/heads/b{number}\n".encode()
    return f"{len(line) + 4:04x}".encode() + line


@pytest.mark.parametrize("name", LIES)
def test_each_lie_of_a_server_is_refused(forge: Forge, name: str) -> None:
    forge.lie = LIES[name](forge)
    assert refused(lambda: resolve(forge, timeout=2.0)) == "git.unavailable"


@pytest.mark.parametrize("name", ["a pack that stalls", "a pack that drips"])
def test_a_fetch_has_its_time_too(forge: Forge, repository: Repository, name: str) -> None:
    forge.lie = LIES[name](forge)
    commit = repository.git("rev-parse", "main")
    assert refused(lambda: resolve(forge, f"@{commit}", deadline=1.0)) == "git.unavailable"


def test_a_server_that_knows_no_git_has_nothing(forge: Forge) -> None:
    forge.lie = refs_only((200, {"Content-Type": "text/html"}, [b"<html>"]))
    assert ask(resolver(forge), url(forge)) is None


def test_a_pack_of_another_commit_is_refused(forge: Forge, repository: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other" / "org" / "m.git")
    other.commit(other.files({"other.json": b"{}"}), "refs/heads/main")
    commit = repository.git("rev-parse", "main")
    forge.root = tmp_path / "other"
    assert refused(lambda: resolve(forge, f"@{commit}")) == "git.unavailable"


def recorder(folder: Path) -> tuple[str, Path]:
    """A git that writes down arguments and variables before it becomes the real one."""
    notes, script = folder / "notes", folder / "recording-git"
    real = shlex.quote(str(shutil.which("git")))
    script.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" >> {shlex.quote(str(notes))}.arguments\n'
        f'env >> {shlex.quote(str(notes))}.variables\nexec {real} "$@"\n'
    )
    script.chmod(0o755)
    return str(script), notes


def test_nothing_of_whoever_runs_us_takes_part(
    forge: Forge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    evil = f'[url "file:///nowhere"]\n\tinsteadOf = http://{forge.host}\n[core]\n\tsshCommand = touch {home}/ran\n'
    for name in (".gitconfig", "config", ".netrc"):
        (home / name).write_text(evil if name != ".netrc" else "default login me password s3cret\n")
    variables = {
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "GIT_CONFIG_GLOBAL": home / ".gitconfig",
        "GIT_CONFIG_SYSTEM": home / ".gitconfig",
        "GIT_CONFIG_PARAMETERS": f"'url.file:///nowhere.insteadof=http://{forge.host}'",
        "GIT_DIR": "/nowhere",
        "GIT_EXEC_PATH": "/nowhere",
        "GIT_TEMPLATE_DIR": home,
        "GIT_TRACE": home / "trace",
        "GIT_SSH_COMMAND": "touch",
        "GIT_PROXY_COMMAND": "touch",
        "http_proxy": "http://127.0.0.1:9",
        "ALL_PROXY": "http://127.0.0.1:9",
        "SECRET_OF_OURS": "s3cret",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    binary, notes = recorder(tmp_path)
    assert resolve(forge, git=binary).digest
    told = notes.with_suffix(".variables").read_text()
    assert "s3cret" not in told
    assert "nowhere" not in told
    assert not (home / "trace").exists()


def test_a_hook_of_a_local_repository_does_not_run(
    forge: Forge, repository: Repository, tmp_path: Path
) -> None:
    ran, script = tmp_path / "ran", tmp_path / "hook"
    script.write_text(f'#!/bin/sh\ntouch {ran}\nexec "$@"\n')
    script.chmod(0o755)
    repository.git("config", "uploadpack.packObjectsHook", str(script))
    repository.git("config", "core.hooksPath", str(tmp_path))
    repository.git("config", "core.fsmonitor", str(script))
    asked = resolver(forge, folders=[str(tmp_path)])
    assert ask(asked, f"git+file://{repository.path}@main") is not None
    assert not ran.exists()


def test_the_secret_is_sent_to_its_host_and_stands_in_no_argument(forge: Forge, tmp_path: Path) -> None:
    forge.secret = "Basic bWU6czNjcmV0"
    file = tmp_path / "authorization"
    binary, notes = recorder(tmp_path)
    asked = resolver(forge, authorization={forge.host: str(file)}, git=binary)
    assert refused(lambda: resolve(forge)) == "git.unavailable"
    with pytest.raises(ConfigError) as caught:
        ask(asked, url(forge))
    assert caught.value.code == "git.authorization"
    file.write_text(f"{forge.secret}\n")
    assert ask(asked, url(forge)) is not None
    assert forge.secret not in notes.with_suffix(".arguments").read_text()
    assert forge.secret in notes.with_suffix(".variables").read_text()


def test_a_secret_for_another_host_stays_here(forge: Forge, tmp_path: Path) -> None:
    file = tmp_path / "authorization"
    file.write_text("Basic s3cret\n")
    binary, notes = recorder(tmp_path)
    assert resolve(forge, authorization={"other.example": str(file)}, git=binary).digest
    assert "s3cret" not in notes.with_suffix(".variables").read_text()


def test_what_was_started_is_ended(tmp_path: Path) -> None:
    script = tmp_path / "stuck-git"
    script.write_text("#!/bin/sh\nsleep 1000 &\necho $!\nsleep 1000\n")
    script.chmod(0o755)
    name = parse("git+https://forge.example/m")
    assert name is not None
    git = Git(GitSettings(git=str(script)), name, tmp_path)
    with pytest.raises(KeyError), git.running(LONG, "fetch") as run:
        child = run.line().decode()
        raise KeyError
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_nothing_is_left_behind(forge: Forge, repository: Repository, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert resolve(forge, scratch=str(scratch)).digest
    repository.commit(repository.files({"x.bin": POINTER}), "refs/heads/main")
    assert refused(lambda: resolve(forge, scratch=str(scratch))) == "git.lfs-pointer"
    assert list(scratch.iterdir()) == []


def test_without_git_there_is_a_typed_error(forge: Forge) -> None:
    assert refused(lambda: resolve(forge, git="no-such-git")) == "git.missing"


def test_what_takes_too_long_altogether_is_given_up(forge: Forge) -> None:
    assert refused(lambda: resolve(forge, deadline=1e-9)) == "resolve.too-slow"


def settings(forge: Forge) -> dict[str, Any]:
    return {"git": {"hosts": [forge.host], "insecure": [forge.host], "wait": LONG, "timeout": LONG}}


def test_a_service_that_loads_a_signed_model_of_a_repository_is_admitted(
    forge: Forge, repository: Repository, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path / "workspace")
    name = url(forge, f"@{repository.git('rev-parse', 'main')}")
    allowed = workspace.admit(name, settings(forge))
    assert allowed.decision.allowed, allowed.decision
    assert allowed.artifacts[0].digest == workspace.model.digest
    assert allowed.artifacts[0].pinned
    forge.asked.clear()
    denied = workspace.admit(name, {})
    assert not denied.decision.allowed
    assert not denied.artifacts[0].resolved
    assert forge.asked == []


def test_a_service_that_loads_a_changed_model_is_denied(
    forge: Forge, repository: Repository, tmp_path: Path
) -> None:
    repository.commit(repository.files(FILES | {"config.json": b"{}"}), "refs/heads/main")
    denied = Workspace(tmp_path / "workspace").admit(url(forge), settings(forge))
    assert denied.artifacts[0].resolved
    assert [reason.policy for reason in denied.decision.reasons] == ["places/unsigned"]


def test_a_fault_of_the_repository_is_a_deny_that_names_it(
    forge: Forge, repository: Repository, tmp_path: Path
) -> None:
    repository.commit(repository.files(FILES | {"model.safetensors": POINTER}), "refs/heads/main")
    denied = Workspace(tmp_path / "workspace").admit(url(forge), settings(forge))
    assert not denied.decision.allowed
    assert "is a pointer of Git LFS" in str(denied.decision.faults)


@given(st.text(max_size=60))
def test_any_name_is_parsed_or_none(text: str) -> None:
    name = parse(f"git+https://{text}")
    if name is not None:
        assert not name.url.removeprefix("https://").startswith("-")
        assert not name.ref.startswith("-")
        assert not set(name.url) & set(" \n@?#'\"$`\\")
        assert ".." not in name.path.split("/")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n",
        b"* text=auto\n*.sh eol=lf\n# * ident\n*.png binary -ident !filter\n",
        b"ident/* text\n",
        b"\xff\xfe\x00",
    ],
)
def test_attributes_that_rewrite_nothing_are_let_be(content: bytes) -> None:
    check_attributes(".gitattributes", content)


def test_the_settings_of_the_readme_are_valid() -> None:
    text = README.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    GitSettings.model_validate(tomllib.loads(text)["plugins"]["settings"]["git"])


@pytest.mark.parametrize(
    "config",
    [
        {"host": "x"},
        {"hosts": ["https://x"]},
        {"hosts": ["-x"]},
        {"hosts": ["x/../y"]},
        {"insecure": ["x/y"]},
        {"authorization": {"x/y": "/z"}},
        {"timeout": 0},
        {"max_memory": 1},
    ],
)
def test_settings_that_are_wrong_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        GitPlugin(config)
