"""Repositories made on the spot, and a forge on loopback: git's own http-backend behind a server that can lie."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from tests.simulators.loopback import Answer, answering

ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.test",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.test",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


class Repository:
    """A bare repository that is written with git's plumbing, so that it can hold what nobody would commit.

    Args:
        path: where it lies.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "--bare", "--quiet", "--template=", "--initial-branch=main")

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run git in it; what it printed."""
        environment = {**ENVIRONMENT, "GIT_DIR": str(self.path)}
        done = subprocess.run(
            ["git", *arguments], input=stdin, capture_output=True, env=environment, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def blob(self, content: bytes) -> str:
        """An object with some content; its name."""
        return self.git("hash-object", "-w", "--stdin", stdin=content)

    def tree(self, entries: Iterable[tuple[str, str, str, str]]) -> str:
        """A tree of entries: mode, type, object, name; its name."""
        lines = "".join(f"{mode} {kind} {oid}\t{name}\0" for mode, kind, oid, name in entries)
        return self.git("mktree", "-z", "--missing", stdin=lines.encode())

    def files(self, files: Mapping[str, bytes], *more: tuple[str, str, str, str]) -> str:
        """A tree of files in folders, and more entries at its top; its name."""
        entries = [
            ("100644", "blob", self.blob(body), name) for name, body in files.items() if "/" not in name
        ]
        for folder in sorted({name.partition("/")[0] for name in files if "/" in name}):
            below = {
                name[len(folder) + 1 :]: body for name, body in files.items() if name.startswith(f"{folder}/")
            }
            entries.append(("040000", "tree", self.files(below), folder))
        return self.tree([*entries, *more])

    def commit(self, tree: str, *refs: str) -> str:
        """A commit of a tree, to which some refs lead; its name."""
        oid = self.git("commit-tree", tree, "-m", "x")
        for ref in refs:
            self.git("update-ref", ref, oid)
        return oid


@dataclass
class Forge:
    """A server of the repositories below a folder.

    Attributes:
        root: the folder.
        secret: what requests must carry; empty lets everybody in.
        asked: paths, in order.
        lie: changes an answer before it is sent.
        over: set when the forge goes away, so that no answer outlives it.
        host: with port.
    """

    root: Path
    secret: str = ""
    asked: list[str] = field(default_factory=list)
    lie: Callable[[str, Answer], Answer] = lambda _path, answer: answer
    over: Event = field(default_factory=Event)
    host: str = ""

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.asked.append(target)
        if self.secret and headers.get("authorization") != self.secret:
            return 401, {"WWW-Authenticate": 'Basic realm="forge"'}, []
        return self.lie(target, self._backend(method, target, headers, body))

    def _backend(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What git http-backend answers (CGI, RFC 3875)."""
        path, _, query = target.partition("?")
        environment = {
            **ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": method,
            "CONTENT_TYPE": headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
            "GIT_PROTOCOL": headers.get("git-protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, capture_output=True, env=environment, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        said = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        return int(said.pop("Status", "200").split()[0]), said, [content]

    def drip(self) -> Iterator[bytes]:
        """Bytes now and then, without end."""
        while not self.over.wait(0.02):
            yield b"x"

    def stall(self) -> Iterator[bytes]:
        """Nothing, for as long as the forge is there."""
        self.over.wait(60)
        yield b""


@contextmanager
def serving(forge: Forge, tls: ssl.SSLContext | None = None) -> Iterator[Forge]:
    """The forge, reachable at ``forge.host``."""

    def answer(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return forge.answer(method, path, dict(headers), body)

    with answering(answer, tls, posts=True) as host:
        forge.host = host
        try:
            yield forge
        finally:
            forge.over.set()


def has_git() -> bool:
    """Whether git and its http-backend are here."""
    return shutil.which("git") is not None
