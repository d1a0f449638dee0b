"""Every way in which a TUF repository lies to a client that has seen it once, and the code that refuses each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.simulators.tuf_repository import Repository, signer

Lie = Callable[[Repository], None]
PAST: Final = datetime.now(UTC) - timedelta(hours=1)


def _replayed_timestamp(repository: Repository) -> None:
    repository.files["timestamp.json"] = repository.first["timestamp.json"]


def _older_snapshot(repository: Repository) -> None:
    repository._timestamp(snapshot=1)


def _older_targets(repository: Repository) -> None:
    repository._snapshot(targets=1)
    repository._timestamp()


def _expired(role: str) -> Lie:
    def lie(repository: Repository) -> None:
        repository.expires[role] = PAST
        if role == "root":
            repository.rotate()
        repository.publish()

    return lie


def _by_a_stranger(role: str) -> Lie:
    def lie(repository: Repository) -> None:
        repository.keys[role] = [signer()]
        repository.publish()

    return lie


def _by_another_role(repository: Repository) -> None:
    repository.keys["targets"] = repository.keys["snapshot"]
    repository.publish()


def _unsigned(path: Callable[[Repository], str]) -> Lie:
    def lie(repository: Repository) -> None:
        repository.publish()
        document = json.loads(repository.files[path(repository)])
        document["signatures"] = []
        repository.files[path(repository)] = json.dumps(document).encode()

    return lie


def _root_by(how: str) -> Lie:
    def lie(repository: Repository) -> None:
        old = list(repository.keys["root"])
        repository.keys["root"] = [signer()]
        repository.rotate(by={"old": old, "new": repository.keys["root"], "nobody": []}[how])

    return lie


def _one_of_two(repository: Repository) -> None:
    """A root that demands two, properly made; then one signed by the one."""
    repository.keys["root"] = [repository.keys["root"][0], signer()]
    repository.threshold = 2
    repository.rotate()
    repository.rotate(by=repository.keys["root"][:1])


def _root_of_version(version: int) -> Lie:
    def lie(repository: Repository) -> None:
        content = repository.rotate(version=version)
        repository.files["2.root.json"] = content

    return lie


def _mixed_snapshot(repository: Repository) -> None:
    """Another snapshot of the very version that the timestamp lists, truly signed."""
    repository.publish()
    version = repository.versions["snapshot"]
    listed = repository.files["timestamp.json"]
    repository.versions["snapshot"] -= 1
    repository.expires["snapshot"] += timedelta(days=1)
    repository._snapshot()
    assert repository.versions["snapshot"] == version
    repository.files["timestamp.json"] = listed


def _mixed_targets(repository: Repository) -> None:
    repository.publish()
    repository.versions["targets"] -= 1
    repository.expires["targets"] += timedelta(days=1)
    repository._targets()


def _later_targets(repository: Repository) -> None:
    """Targets of the next version where the listed ones should be."""
    repository.publish()
    version = repository.versions["targets"]
    repository._targets()
    repository.files[f"{version}.targets.json"] = repository.files[f"{version + 1}.targets.json"]


def _other_package(repository: Repository) -> None:
    repository.content = repository.content + b" "
    repository.publish()
    repository.files[repository.target_path] = b"x" * len(repository.content)


def _shorter_package(repository: Repository) -> None:
    repository.content = repository.content + b" "
    repository.publish()
    repository.files[repository.target_path] = b"{}"


def _endless(path: Callable[[Repository], str]) -> Lie:
    def chunks() -> Iterator[bytes]:
        while True:
            yield b" " * 65_536

    def lie(repository: Repository) -> None:
        repository.content = repository.content + b" "
        repository.publish()
        repository.served[path(repository)] = chunks

    return lie


def _no_target(repository: Repository) -> None:
    repository.targets = {"other.json": b"{}"}
    repository.publish()


def _huge_target(repository: Repository) -> None:
    repository.length = 1 << 30
    repository.publish()


def _target_gone(repository: Repository) -> None:
    repository.content = repository.content + b" "
    repository.publish()
    del repository.files[repository.target_path]


def _no_trusted_root(repository: Repository) -> None:
    repository.content = b'{"truly": "signed"}'
    repository.publish()


def _gone(path: Callable[[Repository], str]) -> Lie:
    def lie(repository: Repository) -> None:
        repository.publish()
        del repository.files[path(repository)]

    return lie


def _nonsense(content: bytes) -> Lie:
    def lie(repository: Repository) -> None:
        repository.files["timestamp.json"] = content

    return lie


def _other_role(repository: Repository) -> None:
    repository.files["timestamp.json"] = repository.files["1.targets.json"]


def _timestamp(_: Repository) -> str:
    return "timestamp.json"


def _snapshot(repository: Repository) -> str:
    return f"{repository.versions['snapshot']}.snapshot.json"


def _targets(repository: Repository) -> str:
    return f"{repository.versions['targets']}.targets.json"


def _target(repository: Repository) -> str:
    return repository.target_path


LIES: Final[dict[str, tuple[Lie, str]]] = {
    "replays an older timestamp": (_replayed_timestamp, "tuf.rollback"),
    "lists an older snapshot": (_older_snapshot, "tuf.rollback"),
    "lists older targets": (_older_targets, "tuf.rollback"),
    "replays its first root as the second": (_root_of_version(1), "tuf.rollback"),
    "leaves out a root": (_root_of_version(3), "tuf.mismatch"),
    "holds back: the timestamp expired": (_expired("timestamp"), "tuf.expired"),
    "holds back: the snapshot expired": (_expired("snapshot"), "tuf.expired"),
    "holds back: the targets expired": (_expired("targets"), "tuf.expired"),
    "holds back: the root expired": (_expired("root"), "tuf.expired"),
    "has a stranger's timestamp": (_by_a_stranger("timestamp"), "tuf.signature"),
    "has a stranger's snapshot": (_by_a_stranger("snapshot"), "tuf.signature"),
    "has a stranger's targets": (_by_a_stranger("targets"), "tuf.signature"),
    "has targets by the snapshot's key": (_by_another_role, "tuf.signature"),
    "has an unsigned timestamp": (_unsigned(_timestamp), "tuf.signature"),
    "has a root by the old key alone": (_root_by("old"), "tuf.signature"),
    "has a root by the new key alone": (_root_by("new"), "tuf.signature"),
    "has a root by nobody": (_root_by("nobody"), "tuf.signature"),
    "has a root by one of two": (_one_of_two, "tuf.signature"),
    "mixes snapshots of one version": (_mixed_snapshot, "tuf.mismatch"),
    "mixes targets of one version": (_mixed_targets, "tuf.mismatch"),
    "gives targets to come": (_later_targets, "tuf.mismatch"),
    "gives an arbitrary package": (_other_package, "tuf.mismatch"),
    "gives a shorter package": (_shorter_package, "tuf.mismatch"),
    "never ends its timestamp": (_endless(_timestamp), "tuf.too-large"),
    "never ends its snapshot": (_endless(_snapshot), "tuf.too-large"),
    "never ends its targets": (_endless(_targets), "tuf.too-large"),
    "never ends its package": (_endless(_target), "tuf.too-large"),
    "lists a package of a gigabyte": (_huge_target, "tuf.too-large"),
    "lists no trusted root": (_no_target, "tuf.no-target"),
    "signs what is no trusted root": (_no_trusted_root, "keyless.root"),
    "has lost its package": (_target_gone, "tuf.unavailable"),
    "has lost its timestamp": (_gone(_timestamp), "tuf.unavailable"),
    "has lost its snapshot": (_gone(_snapshot), "tuf.unavailable"),
    "has lost its targets": (_gone(_targets), "tuf.unavailable"),
    "gives a page": (_nonsense(b"<html>"), "tuf.malformed"),
    "gives nothing": (_nonsense(b""), "tuf.malformed"),
    "gives a deep document": (_nonsense(b"[" * 10_000), "tuf.malformed"),
    "gives targets for a timestamp": (_other_role, "tuf.malformed"),
}
