"""trust explain, validate, schema, revoke: what a person types and what comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from govkernel.provenance import LocalKey, trust_policy_schema
from tests.cli.conftest import KEY, PUBLIC_KEY, Run

POLICY = Path(".govkernel/trust.yaml")
LISTS = Path(".govkernel/attestations/revocations")


def test_explain_tells_what_was_accepted_and_by_which_rule(run: Run, approved: Path) -> None:
    shown = run("trust", "explain", "model")
    assert shown.code == 0
    for text in ("✓ signed", "OMS signature", "model-card", "by release (key ", "rule 1", "rejected: 0"):
        assert text in shown.out, text
    document = run("trust", "explain", "model", "--json").json()
    assert document["signed"] is True
    assert document["artifact"]["digest"].startswith("sha256:")
    assert len(document["accepted"]) == 4
    assert {item["rules"][0] for item in document["accepted"]} == {1}
    assert document["rules"][0]["signers"] == ["release"]
    named = run("trust", "explain", "mlflow://models/tiny/1", "--json").json()
    assert named["artifact"]["digest"] == document["artifact"]["digest"]
    assert named["signed"] is True


def test_explain_tells_why_nothing_was_accepted(run: Run, approved: Path) -> None:
    (approved / "config.json").write_text("{}")
    refused = run("trust", "explain", "model:model")
    assert refused.code == 1
    assert "no accepted signature" in refused.out
    assert "provenance.files-changed" in refused.out
    assert "config.json" in refused.out
    assert "fix  " in refused.out


def test_nothing_is_cut_off_in_a_pipe(run: Run, approved: Path) -> None:
    shown = run("trust", "explain", "model").out
    source = run("trust", "explain", "model", "--json").json()["accepted"][0]["source"]
    assert source in shown


def test_explain_of_a_digest_is_that_of_its_artifact(run: Run, approved: Path) -> None:
    named = run("trust", "explain", "model", "--json").json()
    digest = named["artifact"]["digest"]
    by_digest = run("trust", "explain", digest, "--json")
    assert by_digest.code == 0, by_digest.out + by_digest.err
    said = {item["statement"] for item in by_digest.json()["accepted"]}
    assert said == {item["statement"] for item in named["accepted"]}
    assert run("trust", "explain", f"model:{digest}").code == 0
    unknown = run("trust", "explain", f"sha256:{'ab' * 32}")
    assert unknown.code == 1
    wrong = run("trust", "explain", "sha256:00", "--json")
    assert (wrong.code, wrong.json()["error"]["code"]) == (2, "cli.artifact")


def test_explain_of_what_nobody_signed(run: Run, model: Path) -> None:
    refused = run("trust", "explain", "model", "--json")
    assert refused.code == 1
    assert refused.json()["accepted"] == refused.json()["rejected"] == []
    unknown = run("trust", "explain", "mlflow://models/none/1")
    assert unknown.code == 1
    assert "no digest" in unknown.out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("explain", "model", "--kind", "poem"), "cli.kind"),
        (("explain", "a\nb://c"), "cli.artifact"),
        (("explain", "absent"), "cli.artifact"),
        (("explain", "a\0b"), "cli.artifact"),
        (("explain", "model", "--trust", "absent.yaml"), "trust.unreadable"),
        (("validate", "absent.yaml"), "trust.unreadable"),
        (("revoke", "--key", KEY, "--reason", "x"), "cli.revoke"),
        (("revoke", "--key", KEY, "--reason", "x", "--artifact", "mlflow://models/m/1"), "cli.revoke"),
        (("revoke", "--key", KEY, "--reason", "x", "--artifact", "sha256:00"), "cli.artifact"),
        (("revoke", "--key", KEY, "--reason", "", "--artifact", "model"), "provenance.predicate-invalid"),
        (("revoke", "--key", KEY, "--reason", "x", "--signer", "nobody"), "cli.unreadable"),
        (("revoke", "--key", "absent", "--reason", "x", "--artifact", "model"), "key.unreadable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_usage_is_told(run: Run, model: Path, arguments: tuple[str, ...], code: str) -> None:
    told = run("trust", *arguments, "--json")
    assert told.code == 2
    assert told.json()["error"]["code"] == code
    assert not LISTS.exists()


def test_what_is_revoked_is_refused_at_once(run: Run, approved: Path) -> None:
    assert run("gate", "model").code == 0
    made = run("trust", "revoke", "--artifact", "model", "--reason", "Bad data.", "--key", KEY, "--json")
    assert made.code == 0
    assert Path(made.json()["list"]).parent.name == "revocations"
    refused = run("trust", "explain", "model")
    assert refused.code == 1
    assert "Bad data. (revoked by release)" in refused.out
    assert run("gate", "model").code == 1
    verified = run("verify", "model", "--bundle", "model.sigstore.json", "--json")
    assert verified.json()["code"] == "provenance.revoked"
    valid = run("trust", "validate", "--json").json()
    assert [item["by"] for item in valid["lists"]] == ["release"]
    Path(made.json()["list"]).unlink()
    assert run("gate", "model").code == 0


@pytest.mark.parametrize("signer", ["release", PUBLIC_KEY])
def test_a_key_is_revoked_by_name_or_file(run: Run, approved: Path, signer: str) -> None:
    assert run("trust", "revoke", "--signer", signer, "--reason", "Lost.", "--key", KEY).code == 0
    assert run("trust", "explain", "model").code == 1


def test_a_statement_is_revoked_and_the_others_stand(run: Run, approved: Path) -> None:
    accepted = run("trust", "explain", "model", "--json").json()["accepted"]
    card = next(item["statement"] for item in accepted if "model-card" in item["predicateType"])
    assert run("trust", "revoke", "--statement", card, "--reason", "Wrong.", "--key", KEY).code == 0
    after = run("trust", "explain", "model", "--json")
    assert after.code == 0
    assert len(after.json()["accepted"]) == len(accepted) - 1
    assert [item["code"] for item in after.json()["rejected"]] == ["provenance.revoked"]


def test_identities_are_revoked_under_an_issuer(run: Run, workspace: Path) -> None:
    made = run(
        *("trust", "revoke", "--identity", "dana@example.com", "--issuer", "https://ci.example"),
        *("--since", "2026-01-01T00:00:00Z", "--reason", "Left.", "--key", KEY, "--json"),
    )
    assert made.json()["entries"] == [
        {
            "identity": "dana@example.com",
            "issuer": "https://ci.example",
            "reason": "Left.",
            "since": "2026-01-01T00:00:00Z",
        }
    ]


def test_who_may_not_revoke_revokes_nothing(run: Run, approved: Path) -> None:
    POLICY.write_text(POLICY.read_text().replace("      - revocation\n", ""))
    refused = run("trust", "revoke", "--artifact", "model", "--reason", "x", "--key", KEY, "--json")
    assert refused.code == 2
    assert refused.json()["error"]["code"] == "trust.may-not-revoke"
    assert not LISTS.exists()


def test_validate_tells_where_it_is_wrong(run: Run, workspace: Path) -> None:
    assert "1 keys" in run("trust", "validate").out
    assert run("trust", "validate", str(POLICY)).code == 0
    Path("bad.yaml").write_text("version: 1\nrools: []\n")
    refused = run("trust", "validate", "bad.yaml", "--json")
    assert refused.code == 1
    assert refused.json()["valid"] is False
    assert refused.json()["code"] == "trust.malformed"
    assert "line 2" in refused.json()["why"]
    LISTS.mkdir()
    (LISTS / "a.sigstore.json").write_text("junk")
    unreadable = run("trust", "validate")
    assert unreadable.code == 1
    assert "trust.revocations" in unreadable.out
    explained = run("trust", "explain", "mlflow://models/m/1", "--json")
    assert explained.json()["error"]["code"] == "trust.revocations"


def test_a_list_by_a_stranger_is_told_and_passed_over(run: Run, approved: Path) -> None:
    assert run("init", "elsewhere").code == 0
    made = run(
        *("trust", "revoke", "--artifact", "model", "--reason", "x", "--key", f"elsewhere/{KEY}"),
        *("--config", "elsewhere/govkernel.toml", "--json"),
    )
    LISTS.mkdir()
    (LISTS / "a.sigstore.json").write_bytes(Path(made.json()["list"]).read_bytes())
    explained = run("trust", "explain", "model")
    assert explained.code == 0
    assert "passed over" in explained.out
    assert (
        run("trust", "validate", "--json").json()["passedOver"][0]["code"] == "provenance.signer-not-trusted"
    )


def test_the_schema_is_the_one_published(run: Run) -> None:
    printed = run("trust", "schema")
    assert printed.code == 0
    assert printed.json() == trust_policy_schema()
    published = Path(__file__).parents[2] / "attestations" / "trust" / "schema.json"
    assert json.loads(published.read_text()) == trust_policy_schema()


DELEGABLE = """version: 1
keys:
  - {name: release, publicKey: keys/release.pub}
  - {name: lead, publicKey: ../lead.pub}
rules:
  - {signers: [release], may: [signature, revocation]}
  - {signers: [lead], may: [model-card], delegable: true}
"""
UNTIL = ("--until", "2099-01-01T00:00:00Z")


@pytest.fixture
def team(run: Run, approved: Path) -> Path:
    """A workspace whose lead may delegate, and a card by a key that nobody knows."""
    for name in ("lead", "ci"):
        LocalKey.generate("ed25519").write(Path(f"{name}.key"))
    POLICY.write_text(DELEGABLE)
    assert (
        run(
            "attest", "model", "--type", "model-card", "--predicate", "model-card.json", "--key", "ci.key"
        ).code
        == 0
    )
    return approved


def cards(run: Run) -> list[dict[str, Any]]:
    found = run("trust", "explain", "model", "--json").json()["accepted"]
    return [item for item in found if item["predicateType"].endswith("/model-card/v1")]


def test_delegate_lets_another_key_speak_until_it_is_revoked(run: Run, team: Path) -> None:
    assert cards(run) == []
    made = run(
        "trust", "delegate", "--to", "ci=ci.pub", "--may", "model-card", *UNTIL, "--key", "lead.key", "--json"
    )
    assert made.code == 0, made.out
    [card] = cards(run)
    assert card["signers"][0]["delegate"] == "ci"
    assert card["signers"][0]["name"] == "lead"
    shown = run("trust", "explain", "model").out
    for text in ("ci for lead (key ", "delegations that can be about it: 1", "lead to ci: model-card"):
        assert text in shown, text
    assert "lead to ci" in run("trust", "validate").out
    digest = made.json()["delegation"]
    assert run("trust", "revoke", "--statement", digest, "--reason", "Left.", "--key", KEY).code == 0
    assert cards(run) == []
    assert (
        "does not count: The trust policy revokes the statement. Left."
        in run("trust", "explain", "model").out
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--key", "lead.key"], "cli.delegate"),
        (["--to", "ci", "--key", "lead.key"], "cli.delegate"),
        (["--identity", "ci=x", "--key", "lead.key"], "cli.delegate"),
        (["--to", "ci=ci.pub", "--issuer", "x", "--key", "lead.key"], "cli.delegate"),
        (["--to", "ci=ci.pub", "--key", KEY], "trust.may-not-delegate"),
        (
            ["--to", "ci=ci.pub", "--from", "2099-06-01T00:00:00Z", "--key", "lead.key"],
            "provenance.delegation-malformed",
        ),
        (
            ["--identity", "ci=regex:(", "--issuer", "x", "--key", "lead.key"],
            "provenance.delegation-malformed",
        ),
        (["--to", "ci=ci.pub", "--kind", "zebra", "--key", "lead.key"], "provenance.predicate-invalid"),
    ],
)
def test_delegate_refuses_what_would_not_be_in_force(
    run: Run, team: Path, arguments: list[str], code: str
) -> None:
    refused = run("trust", "delegate", "--may", "model-card", *UNTIL, *arguments, "--json")
    assert refused.code == 2
    assert refused.json()["error"]["code"] == code
    assert not LISTS.with_name("delegations").exists()


def test_explain_tells_what_is_claimed_under_a_name_that_leads_nowhere(run: Run, team: Path) -> None:
    named = "mlflow://models/other/1"
    assert run("sign", "model", "model", "--key", "ci.key", "--name", named).code == 0
    shown = run("trust", "explain", named).out
    assert "no digest: the name leads to nothing known here" in shown
    assert "claimed to be sha256:" in shown
    assert "It names the key " in shown


def test_explain_tells_which_signers_of_a_rule_do_not_count(run: Run, team: Path) -> None:
    assert run("trust", "revoke", "--signer", "lead", "--reason", "Lost.", "--key", KEY).code == 0
    shown = run("trust", "explain", "model").out
    assert "lead does not count: The trust policy revokes the signer lead. Lost." in shown
    rules = run("trust", "explain", "model", "--json").json()["rules"]
    assert [list(rule["unfit"]) for rule in rules] == [[], ["lead"]]
