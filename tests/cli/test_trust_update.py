"""``govkernel trust update``: from a TUF repository into the file that the trust policy reads, then offline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tuf", reason='install "govkernel[sigstore]"')

from govkernel.domain import ArtifactKind
from govkernel.provenance import describe
from tests.cli.conftest import Run
from tests.simulators.sigstore import Instance
from tests.simulators.tuf_repository import Repository, serving

ALICE, LOGIN = "alice@example.test", "https://login.example.test"


@pytest.fixture
def repository(model: Path) -> Iterator[Repository]:
    """A private Sigstore whose trusted root comes by TUF; its file is not there yet."""
    with serving(Repository(Instance().trusted_root())) as served:
        Path("root.json").write_bytes(served.initial)
        config = Path("govkernel.toml")
        table = f'\n[trust.instances.private]\nurl = "{served.url}"\nroot = "root.json"\n'
        config.write_text(config.read_text() + table)
        trust = Path(".govkernel/trust.yaml")
        more = (
            "authorities: [{name: private, trustedRoot: private_root.json}]\n"
            f"identities: [{{name: alice, authority: private, identity: {ALICE}, issuer: {LOGIN}}}]\n"
            "rules:\n  - signers: [alice]\n    may: [approval]\n"
        )
        trust.write_text(trust.read_text().replace("rules:\n", more))
        yield served


def test_what_was_updated_is_what_verifies_offline(run: Run, repository: Repository) -> None:
    instance = Instance()
    repository.content = instance.trusted_root()
    repository.publish()
    updated = run("trust", "update", "--json")
    assert updated.code == 0, updated.out
    [said] = updated.json()["instances"]
    assert (said["name"], said["changed"], said["versions"]["targets"]) == ("private", True, 2)
    repository.files.clear()
    described = describe(Path("model"), ArtifactKind.MODEL)
    assert described.digest is not None
    bundle = instance.bundle(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "model", "digest": {"sha256": described.digest.hex}}],
            "predicateType": "https://govkernel.dev/attestations/approval/v1",
            "predicate": {"approver": "alice", "role": "owner", "decision": "approve"},
        }
    )
    Path("model.approval.sigstore.json").write_bytes(bundle)
    found = run("trust", "explain", "model", "--json").json()
    assert ["alice"] in [[signer["name"] for signer in item["signers"]] for item in found["accepted"]], found


def test_a_second_update_finds_nothing_new(run: Run, repository: Repository) -> None:
    assert "updated" in run("trust", "update", "private").out
    assert "is up to date" in run("trust", "update").out


def test_an_older_trust_root_that_is_replayed_is_refused(run: Run, repository: Repository) -> None:
    first = dict(repository.files)
    repository.content = Instance().trusted_root()
    repository.publish()
    assert run("trust", "update").code == 0
    repository.files = first
    refused = run("trust", "update", "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (2, "tuf.rollback")
    assert Path(".govkernel/private_root.json").read_bytes() == repository.content


@pytest.mark.parametrize(
    ("arguments", "change"),
    [
        (("other",), {}),
        ((), {"trustedRoot: private_root.json": "certificates: private_root.json"}),
        ((), {"name: private,": "name: another,", "authority: private": "authority: another"}),
    ],
)
def test_an_instance_that_nobody_named(
    run: Run, repository: Repository, arguments: tuple[str, ...], change: dict[str, Any]
) -> None:
    trust = Path(".govkernel/trust.yaml")
    text = trust.read_text()
    for old, new in change.items():
        text = text.replace(old, new)
    trust.write_text(text)
    refused = run("trust", "update", *arguments, "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (2, "tuf.unknown")


def test_without_instances_there_is_nothing_to_update(run: Run, model: Path) -> None:
    refused = run("trust", "update", "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (2, "tuf.unknown")


@pytest.mark.parametrize("name", ["../x", "", "a/b", "."])
def test_a_name_that_would_be_another_folder(run: Run, model: Path, name: str) -> None:
    config = Path("govkernel.toml")
    table = f'\n[trust.instances.{json.dumps(name)}]\nurl = "https://x"\nroot = "root.json"\n'
    config.write_text(config.read_text() + table)
    refused = run("trust", "update", "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (2, "config.invalid")
