"""The published JSON Schema of trust.yaml says what the parser says, but for what only the parser can see."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from govkernel.errors import ConfigError
from govkernel.provenance import LocalKey, TrustPolicy, trust_policy_schema

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft202012Validator(trust_policy_schema())
KEY = {"name": "a", "publicKey": LocalKey.generate("ed25519").public_key_pem().decode()}
RULE = {"signers": ["a"], "may": ["approval"]}
IDENTITY = {"name": "i", "identity": "x", "issuer": "https://i"}
DIGEST = "sha256:" + "ab" * 32

DOCUMENTS: list[tuple[bool, dict[str, Any]]] = [
    (True, {}),
    (True, {"keys": [{**KEY, "holder": "h", "notAfter": "2027-01-01T00:00:00Z"}]}),
    (False, {"keys": [{**KEY, "holder": "not a name"}]}),
    (True, {"keys": [KEY], "rules": [{**RULE, "threshold": 1}]}),
    (False, {"keys": [KEY], "rules": [{**RULE, "threshold": 0}]}),
    (False, {"keys": [KEY], "rules": [{**RULE, "threshold": "two"}]}),
    (False, {"keys": [KEY], "rules": [{"signers": ["a"]}]}),
    (True, {"identities": [IDENTITY]}),
    (True, {"identities": [{**IDENTITY, "identity": {"exact": "x"}, "issuer": {"glob": "https://*"}}]}),
    (True, {"identities": [{**IDENTITY, "identity": {"regex": "x+"}}]}),
    (False, {"identities": [{**IDENTITY, "identity": {}}]}),
    (False, {"identities": [{**IDENTITY, "identity": {"exact": "x", "glob": "x"}}]}),
    (False, {"identities": [{**IDENTITY, "identity": ""}]}),
    (False, {"identities": [{**IDENTITY, "identity": 1}]}),
    (False, {"identities": [{"name": "i", "identity": "x"}]}),
    (True, {"keys": [KEY], "revoked": {"keys": ["a", {"key": "a", "reason": "lost"}]}}),
    (True, {"revoked": {"digests": [DIGEST, {"digest": DIGEST, "reason": "bad"}]}}),
    (False, {"revoked": {"digests": [{"digest": "sha256:00"}]}}),
    (False, {"revoked": {"digests": [{"digest": DIGEST, "why": "bad"}]}}),
    (False, {"rools": []}),
    (False, {"version": 2}),
]


@pytest.mark.parametrize(("good", "document"), DOCUMENTS)
def test_schema_and_parser_agree(good: bool, document: dict[str, Any]) -> None:
    whole = {"version": 1, **document}
    assert VALIDATOR.is_valid(whole) is good
    try:
        TrustPolicy.parse(json.dumps(whole).encode())
        parsed = True
    except ConfigError:
        parsed = False
    assert parsed is good


def examples() -> list[str]:
    page = (ROOT / "docs" / "reference" / "trust-policy.md").read_text()
    files = [path.read_text() for path in sorted((ROOT / "attestations" / "trust").glob("*.yaml"))]
    return [*files, re.findall(r"```yaml\n(version.*?)```", page, re.DOTALL)[0]]


@pytest.mark.parametrize("number", range(len(examples())))
def test_what_we_show_is_valid(number: int) -> None:
    text = examples()[number].replace("sha256:…", DIGEST)
    document = yaml.load(text, Loader=yaml.BaseLoader)
    document["version"] = int(document["version"])
    for rule in document["rules"]:
        if "threshold" in rule:
            rule["threshold"] = int(rule["threshold"])
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(trust_policy_schema())
