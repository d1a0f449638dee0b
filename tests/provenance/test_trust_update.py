"""Trusted roots by TUF: what is newer is taken, each lie has its own code, and what was there stays there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from govkernel.errors import GovkernelError

pytest.importorskip("tuf", reason='install "govkernel[sigstore]"')

from govkernel.provenance.trust_update import Updated, update_trusted_root
from tests.simulators.sigstore import Instance
from tests.simulators.tuf_lies import LIES
from tests.simulators.tuf_repository import Repository, serving, signer

CONTENT = Instance().trusted_root()


@dataclass(frozen=True)
class Client:
    """A machine that updates from a repository."""

    folder: Path
    repository: Repository

    @property
    def root(self) -> bytes:
        """The trusted root that is here."""
        return (self.folder / "trusted_root.json").read_bytes()

    def update(self, initial: bytes | None = None, url: str = "") -> Updated:
        given = self.folder / "root.json"
        given.write_bytes(self.repository.initial if initial is None else initial)
        where = url or self.repository.url
        return update_trusted_root(where, given, self.folder / "state", self.folder / "trusted_root.json")

    def refused(self, **how: object) -> str:
        with pytest.raises(GovkernelError) as caught:
            self.update(**how)  # type: ignore[arg-type]
        assert caught.value.remedy
        return caught.value.code


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with serving(Repository(CONTENT)) as repository:
        yield Client(tmp_path, repository)


def test_the_first_update_starts_from_the_root_that_was_given(client: Client) -> None:
    done = client.update()
    assert client.root == CONTENT
    assert done.changed
    assert done.versions == dict.fromkeys(("root", "timestamp", "snapshot", "targets"), 1)
    assert "1.root.json" not in client.repository.asked, "no root of trust is downloaded"


def test_nothing_new_changes_nothing(client: Client) -> None:
    client.update()
    stamp = (client.folder / "trusted_root.json").stat().st_mtime_ns
    assert not client.update().changed
    assert (client.folder / "trusted_root.json").stat().st_mtime_ns == stamp


def test_a_newer_trusted_root_is_taken_over_rotated_keys(client: Client) -> None:
    client.update()
    client.repository.keys = {
        **{role: [signer()] for role in ("root", "timestamp", "snapshot", "targets")},
        "signed by": client.repository.keys["signed by"],
    }
    client.repository.rotate()
    client.repository.content = Instance().trusted_root()
    client.repository.publish()
    done = client.update()
    assert (done.changed, done.versions["root"]) == (True, 2)
    assert client.root == client.repository.content


def test_what_somebody_put_there_is_put_right(client: Client) -> None:
    client.update()
    (client.folder / "trusted_root.json").write_bytes(b"{}")
    assert client.update().changed
    assert client.root == CONTENT


@pytest.mark.parametrize("name", LIES)
def test_a_repository_that_lies_changes_nothing(name: str, client: Client) -> None:
    first = dict(client.repository.files)
    client.repository.publish()
    client.update()
    before = client.root
    client.repository.first = first
    lie, code = LIES[name]
    lie(client.repository)
    assert client.refused() == code
    assert client.root == before
    assert client.refused() == code, "and stays refused"


def test_what_was_seen_is_remembered_when_the_file_is_gone(client: Client) -> None:
    first = dict(client.repository.files)
    client.repository.publish()
    client.update()
    (client.folder / "trusted_root.json").unlink()
    client.repository.files = first
    assert client.refused() == "tuf.rollback"
    assert not (client.folder / "trusted_root.json").exists()


def test_a_repository_of_a_stranger(client: Client) -> None:
    with serving(Repository(CONTENT)) as stranger:
        assert client.refused(url=stranger.url) == "tuf.signature"
    client.update()
    with serving(Repository(CONTENT)) as stranger:
        assert client.refused(url=stranger.url) == "tuf.signature"


@pytest.mark.parametrize(
    ("initial", "code"),
    [(b"", "tuf.root"), (b"x" * 600_000, "tuf.root"), (b"{}", "tuf.malformed"), (b"<html>", "tuf.malformed")],
)
def test_a_root_of_trust_that_is_none(initial: bytes, code: str, client: Client) -> None:
    assert client.refused(initial=initial) == code


def test_a_root_of_trust_that_has_expired_leads_to_a_newer_one(client: Client) -> None:
    repository = Repository(
        CONTENT,
        expires=dict.fromkeys(("root",), datetime.now(UTC) - timedelta(days=1))
        | {role: datetime.now(UTC) + timedelta(days=1) for role in ("timestamp", "snapshot", "targets")},
    )
    with serving(repository):
        old = Client(client.folder, repository)
        assert old.refused() == "tuf.expired"
        repository.expires["root"] = datetime.now(UTC) + timedelta(days=1)
        repository.rotate()
        assert old.update().versions["root"] == 2


def test_a_redirect_is_not_followed(client: Client) -> None:
    with serving(Repository(CONTENT)) as elsewhere:
        client.repository.location = f"{elsewhere.url}/"
        assert client.refused() == "tuf.unavailable"
        assert elsewhere.asked == []


def test_a_repository_that_hangs_or_drips_costs_its_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = client.repository

    def hang() -> Iterator[bytes]:
        yield b"{"
        repository.released.wait()

    def drip() -> Iterator[bytes]:
        while not repository.released.wait(0.05):
            yield b" "

    monkeypatch.setattr("govkernel.provenance.trust_update.READ_SECONDS", 0.2)
    monkeypatch.setattr("govkernel.provenance.trust_update.UPDATE_SECONDS", 0.6)
    for chunks in (hang, drip):
        repository.served["timestamp.json"] = chunks
        assert client.refused() == "tuf.unavailable"


@pytest.mark.parametrize(
    "url",
    ["http://tuf.example", "ftp://x", "https://", "https://user:secret@x", "https://x?y", "file:///etc", "x"],
)
def test_an_address_that_cannot_be_used(url: str, client: Client) -> None:
    assert client.refused(url=url) == "tuf.url"


def test_nobody_is_there(client: Client) -> None:
    assert client.refused(url="http://127.0.0.1:9") == "tuf.unavailable"


def test_a_place_that_cannot_be_written(client: Client) -> None:
    (client.folder / "state").write_text("a file")
    assert client.refused() == "tuf.unwritable"
