"""Credentials: each kind is found, and what only looks like one is not."""

from __future__ import annotations

import pytest

pytest.importorskip("presidio_analyzer", reason="install the extra: govkernel[guard]")
from runtime_guard.detectors.secrets import SecretsDetector
from runtime_guard.patterns.secrets import entropy, secret_recognizers
from tests.runtime_guard.patterns.conftest import Peers

JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
FOUND = {
    "key AKIAIOSFODNN7QWERTYU here": "AKIAIOSFODNN7QWERTYU",
    "aws_secret_access_key = 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": "wJalrXUtnFEMIK7MDENGbPxRfiCYzQ8eR4tY1uIo",
    f"Authorization: Bearer {JWT}": JWT,
    "AccountKey=lJzRc1YdHaAA2KCNJJ1tkYwF/+mKK6Ygw0NGe170Xu592euJv2wYUtBlV8z+qnlcNQSnIYVTkLWntUO1F8j8rQ==;": (
        "lJzRc1YdHaAA2KCNJJ1tkYwF/+mKK6Ygw0NGe170Xu592euJv2wYUtBlV8z+qnlcNQSnIYVTkLWntUO1F8j8rQ=="
    ),
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "postgres://app:s3cr3tpw@db.internal:5432/x": "app:s3cr3tpw",
    "curl -u elastic:P@ssw0rd1 https://localhost:9200": "elastic:P@ssw0rd1",
    'db_password: "correct horse battery"': '"correct horse battery"',
    "API_KEY=8f14e45fceea167a5a36dedd4bea2543": "8f14e45fceea167a5a36dedd4bea2543",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----": (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"
    ),
    "110201543:AAHdqTcvCH1vGWJxfSe1ofSAs0K5PALDsaw": "110201543:AAHdqTcvCH1vGWJxfSe1ofSAs0K5PALDsaw",
    "x-api-key: Zx81kqPL20vmNw77aQ": "Zx81kqPL20vmNw77aQ",
}
NOT_FOUND = [
    "password = os.getenv('PASSWORD')",
    'password: "<your password>"',
    "API_KEY=${API_KEY}",
    "AKIAXXXXXXXXXXXXXXXX",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "eyJ_this_is_no_json_at_all_.eyJ_neither_is_this_one_here_.abcdefghijk",
    "see https://example.com/a:b@c",
    "the password is a secret that nobody knows",
    "s.thisIsAMemberOfAnObjectYes",
]


@pytest.fixture(scope="module")
def secrets() -> SecretsDetector:
    return SecretsDetector()


@pytest.mark.parametrize("text", FOUND)
def test_is_found(secrets: SecretsDetector, text: str) -> None:
    assert FOUND[text] in [text[item.start : item.end] for item in secrets.detect(text, "user")]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_is_not_found(secrets: SecretsDetector, text: str) -> None:
    assert [text[item.start : item.end] for item in secrets.detect(text, "user")] == []


def test_they_are_ordinary_recognizers() -> None:
    peers = Peers(secret_recognizers())
    for text in [*FOUND, *NOT_FOUND, " ".join(FOUND)]:
        peers.agree_on(text)


def test_all_of_them_are_sifted() -> None:
    peers = Peers(secret_recognizers())
    assert not peers.ours._always


def test_entropy_is_shannons() -> None:
    assert entropy("aaaa") == 0
    assert entropy("abab") == 1
    assert entropy("abcd") == 2
