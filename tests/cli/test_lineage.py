"""``govkernel lineage`` on a workspace: up, down, and what cannot be trusted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from govkernel.provenance import LocalKey
from tests.cli.conftest import KEY, Run

ONLY_REVOKED = """
@id("pack/anything")
permit (principal, action, resource);

@id("pack/revoked")
@reason("Made from something that is revoked.")
forbid (principal, action in [Action::"deploy"], resource is Model)
when { context has lineage && context.lineage.revoked > 0 };
"""


def made(run: Run, name: str, *parents: str, dataset: str = "") -> str:
    """A signed model derived from others; its digest."""
    folder = Path(name)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"name": name}))
    digest = str(run("sign", "model", name, "--key", KEY, "--json").json()["digest"])
    if parents or dataset:
        claim = {
            "method": "fine-tune",
            "bases": [{"name": "base", "digest": {"sha256": item.partition(":")[2]}} for item in parents],
            "datasets": [{"name": "data", "digest": {"sha256": dataset.partition(":")[2]}}]
            if dataset
            else [],
        }
        Path("claim.json").write_text(json.dumps(claim))
        attested = run("attest", name, "--type", "derivation", "--predicate", "claim.json", "--key", KEY)
        assert attested.code == 0, attested.err
    return digest


def test_an_ancestry_is_drawn_and_every_descendant_of_a_dataset_is_named(run: Run, workspace: Path) -> None:
    Path("data.jsonl").write_text('{"a": 1}\n')
    data = run("sign", "dataset", "data.jsonl", "--key", KEY, "--json").json()["digest"]
    base = made(run, "base")
    tuned = made(run, "tuned", base, dataset=data)
    merged = made(run, "merged", tuned, base)
    shown = run("lineage", "merged")
    assert shown.code == 0, shown.out + shown.err
    assert shown.out.count("base (fine-tune)") == 3
    assert "dataset (fine-tune): data" in shown.out
    below = run("lineage", data, "--kind", "dataset", "--descendants", "--json").json()
    assert {item["digest"] for item in below["artifacts"]} == {data, tuned, merged}
    assert run("lineage", "merged", "--format", "html").out.startswith("<!doctype html>")
    assert run("lineage", "merged", "--format", "dot").out.startswith("digraph")


def test_an_ancestor_that_nobody_signed_is_exit_1(run: Run, workspace: Path) -> None:
    made(run, "tuned", f"sha256:{'ab' * 32}")
    shown = run("lineage", "tuned")
    assert shown.code == 1
    assert "NOT SIGNED" in shown.out


def test_wrong_names_and_formats_are_typed_errors(run: Run, workspace: Path) -> None:
    for arguments, code in (
        (("nowhere://x",), "lineage.unresolved"),
        (("not a name",), "cli.artifact"),
        (("x", "--format", "png"), "cli.format"),
        (("x", "--kind", "colour"), "cli.artifact"),
    ):
        failed = run("lineage", *arguments, "--json")
        assert (failed.code, failed.json()["error"]["code"]) == (2, code), arguments


def test_revoking_a_dataset_names_what_was_admitted_and_denies_it_from_then_on(
    run: Run, workspace: Path
) -> None:
    Path("data.jsonl").write_text('{"a": 1}\n')
    data = run("sign", "dataset", "data.jsonl", "--key", KEY, "--json").json()["digest"]
    made(run, "base")
    tuned = made(run, "tuned", dataset=data)
    Path("pack").mkdir()
    Path("pack/policy.cedar").write_text(ONLY_REVOKED)
    Path("pack/pack.yaml").write_text(
        "id: pack\nversion: 1.0.0\nengine: cedar\nowner: ml\ndescription: test\n"
    )
    ask = ("gate", "tuned", "--pack", "pack", "--action", "deploy", "--json")
    allowed = run(*ask)
    assert allowed.code == 0, allowed.out + allowed.err
    below = ("lineage", data, "--kind", "dataset", "--descendants", "--deployed", "--json")
    found = run(*below)
    assert found.code == 1
    assert [item["artifact"] for item in found.json()["deployments"]] == [tuned]
    revoked = run("trust", "revoke", "--artifact", data, "--reason", "consent withdrawn", "--key", KEY)
    assert revoked.code == 0, revoked.out + revoked.err
    denied = run(*ask)
    assert denied.code == 1
    assert "pack/revoked" in denied.out


def test_descendants_of_what_is_revoked_are_named(run: Run, workspace: Path) -> None:
    Path("data.jsonl").write_text('{"a": 1}\n')
    data = run("sign", "dataset", "data.jsonl", "--key", KEY, "--json").json()["digest"]
    tuned = made(run, "tuned", dataset=data)
    merged = made(run, "merged", tuned)
    below = ("lineage", data, "--kind", "dataset", "--descendants")
    assert run(*below, "--deployed").code == 2  # no log says anything yet
    run("gate", "tuned")
    for more in ((), ("--deployed",)):
        assert run(*below, *more).code == 0
        assert run(*below, *more, "--json").json()["belowRevoked"] == []
    assert run("trust", "revoke", "--artifact", data, "--reason", "consent withdrawn", "--key", KEY).code == 0
    for more in ((), ("--deployed",)):
        told, read = run(*below, *more), run(*below, *more, "--json")
        assert (told.code, read.code) == (1, 1)
        for name in ("tuned", "merged"):
            assert f"{name} descends from sha256:" in told.out
        assert "consent withdrawn" in told.out
        assert {(item["digest"], item["revoked"]) for item in read.json()["belowRevoked"]} == {
            (tuned, data),
            (merged, data),
        }


def test_deployed_is_about_descendants(run: Run, workspace: Path) -> None:
    failed = run("lineage", "x", "--deployed", "--json")
    assert (failed.code, failed.json()["error"]["code"]) == (2, "cli.deployed")


CARD = json.loads((Path(__file__).parents[2] / "attestations" / "dataset-card" / "example.json").read_text())
SCOPED = """version: 1
keys:
  - {name: data, publicKey: ../data.pub}
  - {name: search, publicKey: ../search.pub}
  - {name: apps, publicKey: ../apps.pub}
  - {name: security, publicKey: ../security.pub}
rules:
  - signers: [data]
    may: [signature, dataset-card, derivation]
    about: {kinds: [dataset], names: ["hf://datasets/acme/*"]}
  - signers: [search]
    may: [signature, model-card, derivation]
    about: {kinds: [model, adapter], names: ["mlflow://models/*"]}
  - signers: [apps]
    may: [signature, dataset-card, derivation]
    about: {names: ["apps://*"]}
  - signers: [security]
    may: [revocation]
    about: {kinds: [dataset], names: ["hf://datasets/acme/*"]}
"""


class Team:
    """A workspace in which each team may speak about its own names only."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.digests: dict[str, str] = {}
        for name in ("data", "search", "apps", "security"):
            LocalKey.generate("ed25519").write(Path(f"{name}.key"))
        Path(".govkernel/trust.yaml").write_text(SCOPED)

    def make(self, kind: str, name: str, uri: str, key: str, *parents: str) -> None:
        """Sign something, made from others that have names."""
        Path(name).mkdir()
        (Path(name) / "config.json").write_text(json.dumps({"name": name}))
        signed = self._run("sign", kind, name, "--key", f"{key}.key", "--name", uri, "--json")
        assert signed.code == 0, signed.out + signed.err
        self.digests[uri] = signed.json()["digest"]
        if parents:
            self.derive(name, uri, key, *parents)

    def derive(self, name: str, uri: str, key: str, *parents: str) -> None:
        bases = [self._resource(item) for item in parents if not item.startswith("hf:")]
        datasets = [self._resource(item) for item in parents if item.startswith("hf:")]
        self.attest(name, uri, key, "derivation", {"method": "other", "bases": bases, "datasets": datasets})

    def attest(self, name: str, uri: str, key: str, kind: str, claim: dict[str, Any]) -> None:
        Path("claim.json").write_text(json.dumps(claim))
        done = self._run(
            "attest", name, "--type", kind, "--predicate", "claim.json", "--key", f"{key}.key", "--name", uri
        )
        assert done.code == 0, done.out + done.err

    def _resource(self, uri: str) -> dict[str, Any]:
        return {"name": uri, "digest": {"sha256": self.digests[uri].partition(":")[2]}}


RAW, CLEAN = "hf://datasets/acme/raw@1", "hf://datasets/acme/clean@1"
BASE, ADAPTER = "mlflow://models/base/1", "mlflow://models/adapter/1"


@pytest.fixture
def team(run: Run, workspace: Path) -> Team:
    made = Team(run)
    made.make("dataset", "raw", RAW, "data")
    made.make("dataset", "clean", CLEAN, "data", RAW)
    made.make("model", "base", BASE, "search", CLEAN)
    made.make("adapter", "adapter", ADAPTER, "search", BASE)
    return made


def permissive(pack: Path) -> None:
    pack.mkdir()
    (pack / "policy.cedar").write_text(ONLY_REVOKED)
    (pack / "pack.yaml").write_text("id: pack\nversion: 1.0.0\nengine: cedar\nowner: ml\ndescription: test\n")


def test_an_ancestry_is_whole_where_each_team_may_speak_of_its_own_names_only(run: Run, team: Team) -> None:
    up = run("lineage", BASE, "--json").json()
    assert {item["name"]: item["signers"] for item in up["artifacts"]} == {
        BASE: ["search"],
        CLEAN: ["data"],
        RAW: ["data"],
    }
    assert all(item["vouched"] for item in up["derivations"])
    down = run("lineage", team.digests[RAW], "--kind", "dataset", "--descendants", "--json").json()
    assert {item["name"]: item["kind"] for item in down["artifacts"]} == {
        team.digests[RAW]: "dataset",
        CLEAN: "dataset",
        BASE: "model",
        ADAPTER: "adapter",
    }


def test_revoking_data_two_steps_up_reaches_what_is_deployed(run: Run, team: Team) -> None:
    permissive(Path("pack"))
    ask = ("gate", "base", "--pack", "pack", "--action", "deploy", "--json")
    assert run(*ask).code == 0
    raw = team.digests[RAW]
    revoked = run(
        "trust", "revoke", "--artifact", raw, "--reason", "Consent was withdrawn.", "--key", "security.key"
    )
    assert revoked.code == 0
    denied = run(*ask)
    assert denied.code == 1
    assert "pack/revoked" in denied.out
    found = run("lineage", raw, "--kind", "dataset", "--descendants", "--deployed", "--json")
    assert found.code == 1
    assert [item["artifact"] for item in found.json()["deployments"]] == [team.digests[BASE]]
    shown = run("lineage", BASE)
    assert shown.code == 1
    assert (
        "REVOKED: The trust policy revokes the artifact. Consent was withdrawn. (revoked by security)"
        in shown.out
    )
    assert "REVOKED" not in shown.out.splitlines()[0]


def test_the_log_names_what_is_deployed_when_the_bundles_are_gone(run: Run, team: Team) -> None:
    permissive(Path("pack"))
    assert run("gate", "base", "--pack", "pack", "--action", "deploy", "--json").code == 0
    shutil.rmtree(".govkernel/attestations/sha256")
    found = run("lineage", team.digests[RAW], "--kind", "dataset", "--descendants", "--deployed", "--json")
    assert [item["artifact"] for item in found.json()["deployments"]] == [team.digests[BASE]]


def test_a_stranger_to_a_name_can_add_an_ancestor_and_nothing_that_speaks_for_one(
    run: Run, team: Team
) -> None:
    """Another team says, of the base, what only search may say: a licence, and that it was made from its own."""
    team.make("model", "own", "apps://own", "apps")
    team.derive("base", "apps://base", "apps", "apps://own")
    team.attest("clean", "apps://clean", "apps", "dataset-card", CARD)
    up = run("lineage", ADAPTER, "--kind", "adapter", "--json").json()
    by_name = {item["name"]: item for item in up["artifacts"]}
    assert by_name[CLEAN]["license"] == ""
    edges = {item["parent"]: item["vouched"] for item in up["derivations"]}
    assert edges[team.digests["apps://own"]] is False
    assert edges[team.digests[CLEAN]] is True
