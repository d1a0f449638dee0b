"""Identities: subject and issuer together, matched whole, in time that strangers cannot stretch."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain import AcceptedStatement, Artifact, ArtifactKind, Digest, Signer, Statement, Subject
from govkernel.domain.predicates import MODEL_CARD
from govkernel.errors import ConfigError
from govkernel.hookspecs import VerifiedStatement
from govkernel.provenance import TrustPolicy
from govkernel.provenance.trust_signers import Matcher
from tests.provenance.conftest import NOW

ISSUER = "https://ci.example"
MODEL = Artifact(kind=ArtifactKind.MODEL, name="mlflow://models/m/1", digest=Digest.sha256("ab" * 32))


def accepted(identity: object, signer: Signer, issuer: object = ISSUER) -> bool:
    """Whether a statement by a verified certificate is accepted under one identity entry."""
    entry = {"name": "ci", "identity": identity, "issuer": issuer}
    rules = [{"signers": ["ci"], "may": ["model-card"]}]
    text = json.dumps({"version": 1, "identities": [entry], "rules": rules})
    card = {"license": "MIT", "riskClass": "minimal", "intendedUse": "Greeting."}
    statement = Statement(
        subjects=(Subject(digests=(Digest.sha256("ab" * 32),)),),
        predicate_type=MODEL_CARD,
        predicate=card,
        digest=Digest.sha256("cd" * 32),
    )
    verified = VerifiedStatement(statement=statement, signers=(signer,))
    return isinstance(TrustPolicy.parse(text.encode()).judge(verified, MODEL, NOW), AcceptedStatement)


def cert(identity: str, issuer: str = ISSUER, **fields: str) -> Signer:
    return Signer(name="claimed", identity=identity, issuer=issuer, **fields)


MATCHES = [
    ("dana@example.com", "dana@example.com", True),
    ("dana@example.com", "dana@example.com.evil.org", False),
    ("dana@example.com", "xdana@example.com", False),
    ("dana@example.com", "Dana@example.com", False),
    ("dana@example.com", "dana@example.com\n", False),
    ({"exact": "a.c"}, "abc", False),
    ({"glob": "*@example.com"}, "dana@example.com", True),
    ({"glob": "*@example.com"}, "@example.com", False),
    ({"glob": "*@example.com"}, "dana@evil.org@example.com", False),
    ({"glob": "*@example.com"}, "https://evil.org/@example.com", False),
    ({"glob": "*@example.com"}, "dana@exampleXcom", False),
    ({"glob": "*@example.com"}, "dana@example.com.evil.org", False),
    ({"glob": "https://ci.example/acme/*"}, "https://ci.example/acme/models", True),
    ({"glob": "https://ci.example/acme/*"}, "https://ci.example/acme/models/fork", False),
    ({"glob": "https://ci.example/acme/*"}, "https://ci.example/acme-evil/models", False),
    ({"glob": "https://ci.example/acme/**"}, "https://ci.example/acme/models/fork@main", True),
    ({"glob": "https://ci.example/acme/**"}, "https://ci.example/acme/", False),
    ({"glob": "https://*/acme"}, "https://evil.org:80/acme", False),
    ({"regex": "[a-z]+@example[.]com"}, "dana@example.com", True),
    ({"regex": "[a-z]+@example[.]com"}, "dana@example.com.evil.org", False),
    ({"regex": "[a-z]+@example[.]com"}, "DANA@example.com", False),
    ({"regex": "dana|@example.com"}, "dana@evil.org", False),
    ({"regex": "dana|.*@example.com"}, "dana", True),
    ({"regex": "(?m)^dana$"}, "eve\ndana", False),
]


@pytest.mark.parametrize(("entry", "identity", "expected"), MATCHES)
def test_identities_match_as_a_whole(entry: object, identity: str, expected: bool) -> None:
    assert accepted(entry, cert(identity)) is expected


@pytest.mark.parametrize(
    ("entry", "issuer", "expected"),
    [
        (ISSUER, ISSUER, True),
        (ISSUER, f"{ISSUER}/", False),
        (ISSUER, "", False),
        ({"glob": "https://*.example"}, "https://ci.example", True),
        ({"glob": "https://*.example"}, "https://evil.org/.example", False),
    ],
)
def test_the_issuer_belongs_to_the_identity(entry: object, issuer: str, expected: bool) -> None:
    assert accepted("dana@example.com", cert("dana@example.com", issuer), entry) is expected


def test_a_key_is_no_identity_and_an_empty_identity_is_nobody() -> None:
    assert not accepted("dana@example.com", cert("dana@example.com", key_id="ab" * 32))
    assert not accepted({"glob": "**"}, cert(""))
    assert not accepted({"regex": ".*"}, cert(""))
    assert not accepted({"regex": ".*"}, cert("a" * 2049))


@pytest.mark.parametrize(
    "identity",
    [
        {},
        {"exact": "a", "glob": "b"},
        {"regex": "("},
        {"regex": "(a)\\1"},
        {"regex": "(?=a)"},
        {"regex": ""},
        {"prefix": "a"},
        "",
    ],
)
def test_patterns_that_cannot_be_used_are_malformed(identity: object) -> None:
    with pytest.raises(ConfigError) as caught:
        accepted(identity, cert("a"))
    assert caught.value.code == "trust.malformed"


def test_an_entry_without_issuer_is_malformed() -> None:
    with pytest.raises(ConfigError) as caught:
        TrustPolicy.parse(b"version: 1\nidentities: [{name: a, identity: b}]")
    assert "issuer" in caught.value.why


@given(st.text(max_size=40), st.text(max_size=40))
def test_an_exact_identity_is_only_itself(one: str, other: str) -> None:
    assert Matcher("exact", one).matches(other) is (one == other != "")


@given(
    st.text(st.sampled_from("ab*/@."), min_size=1, max_size=12),
    st.text(st.sampled_from("ab/@."), max_size=12),
)
def test_a_glob_without_stars_is_the_text_itself(pattern: str, text: str) -> None:
    matched = Matcher("glob", pattern).matches(text)
    if "*" not in pattern:
        assert matched is (pattern == text)
    elif "**" not in pattern:
        assert not matched or text.count("/") == pattern.count("/")


def test_hostile_text_takes_linear_time() -> None:
    text = "a" * 2048
    for matcher in (
        Matcher("regex", "(a+)+b"),
        Matcher("glob", "*a*a*a*a*a*a*b"),
        Matcher("glob", "**a" * 20 + "b"),
    ):
        assert not matcher.matches(text)
