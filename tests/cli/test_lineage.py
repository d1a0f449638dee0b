"""``govkernel lineage`` on a workspace: up, down, and what cannot be trusted."""

from __future__ import annotations

import json
from pathlib import Path

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


def test_deployed_is_about_descendants(run: Run, workspace: Path) -> None:
    failed = run("lineage", "x", "--deployed", "--json")
    assert (failed.code, failed.json()["error"]["code"]) == (2, "cli.deployed")
