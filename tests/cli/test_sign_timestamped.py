"""Signing with a timestamp: asked for over HTTP, checked before anything is written, verified after the certificate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

pytest.importorskip("rfc3161_client", reason='install "govkernel[timestamps]"')

from tests.cli.conftest import KEY, PUBLIC_KEY, Run
from tests.cli.test_sign_certified import ALICE, ASK, CHECK, Office
from tests.simulators.timestamp_lies import Clock
from tests.simulators.timestamps import StampOrders
from tests.simulators.timestamps_http import TimeServer, serving_time
from tests.simulators.x509 import CODE_SIGNING, p256

CLOCK = Clock()


@pytest.fixture
def clock(model: Path) -> Iterator[TimeServer]:
    """A timestamp authority whose root lies in time.pem."""
    Path("time.pem").write_bytes(CLOCK.root.pem)
    with serving_time(CLOCK) as served:
        yield served


def configured(clock: TimeServer, *, checked: bool = True) -> None:
    config = Path("govkernel.toml")
    ca = 'tsa_ca = "time.pem"\n' if checked else ""
    config.write_text(config.read_text() + f'\n[signing]\ntsa = "{clock.url}"\n{ca}')


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_a_key_and_its_time(run: Run, clock: TimeServer, kind: str) -> None:
    Path("data.jsonl").write_text("{}\n")
    what = "model" if kind == "model" else "data.jsonl"
    signed = run("sign", kind, what, "--key", KEY, "--timestamp-url", clock.url, "--out", "it.json")
    assert signed.code == 0, signed.err
    asked = ("verify", what, "--bundle", "it.json", "--key", PUBLIC_KEY)
    verified = run(*asked, "--tsa-ca", "time.pem", "--json").json()
    assert verified["signed_at"].endswith("Z")
    assert "by a time that was verified" in run(*asked, "--tsa-ca", "time.pem").out
    plain = run(*asked, "--json").json()
    assert (plain["verified"], plain["signed_at"]) == (True, None), "nobody was asked"
    Path("other.pem").write_bytes(Clock().root.pem)
    refused = run(*asked, "--tsa-ca", "other.pem", "--json")
    assert (refused.code, refused.json()["code"]) == (1, "timestamp.untrusted")


def test_a_certificate_and_its_time(run: Run, clock: TimeServer) -> None:
    now = datetime.now(UTC)
    Office(Path(), start=now - timedelta(days=2), end=now + timedelta(hours=1))
    clock.now = now - timedelta(days=1)
    assert run("sign", "model", "model", *ASK, "--timestamp-url", clock.url, "--out", "it.json").code == 0
    verified = run("verify", "model", "--bundle", "it.json", *CHECK, "--tsa-ca", "time.pem", "--json")
    assert verified.code == 0, verified.out
    assert verified.json()["signed_at"].startswith(f"{clock.now:%Y-%m-%dT%H:%M}")


def test_the_workspace_names_the_authority(run: Run, clock: TimeServer) -> None:
    configured(clock)
    Path("claim.json").write_text(json.dumps({"approver": "a", "role": "owner", "decision": "approve"}))
    said = (
        "attest",
        "model",
        "--type",
        "approval",
        "--predicate",
        "claim.json",
        "--key",
        KEY,
        "--out",
        "it.json",
    )
    asked = ("verify", "model", "--bundle", "it.json", "--key", PUBLIC_KEY, "--tsa-ca", "time.pem", "--json")
    assert run(*said).code == 0
    assert run(*asked).code == 0
    assert run("scan", "model", "--attest", "--key", KEY).code == 0
    assert len(clock.asked) == 2
    assert run(*said, "--timestamp-url", "").code == 0
    assert run(*asked).json()["code"] == "timestamp.missing"


def test_evidence_outlives_the_key(run: Run, clock: TimeServer) -> None:
    configured(clock)
    assert run("sign", "model", "model", "--key", KEY).code == 0
    trust = Path(".govkernel/trust.yaml")
    ended = (datetime.now(UTC) + timedelta(seconds=-1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    clock.now = datetime.now(UTC) - timedelta(hours=1)
    text = trust.read_text().replace("    publicKey:", f"    notAfter: {ended}\n    publicKey:")
    trust.write_text(text)
    assert run("trust", "explain", "model").code == 1
    trust.write_text(text.replace("rules:", "authorities: [{name: time, timestamps: ../time.pem}]\nrules:"))
    late = run("trust", "explain", "model", "--json").json()
    assert late["rejected"][0]["code"] == "provenance.key-expired", "it was signed after the key's time"
    assert run("sign", "model", "model", "--key", KEY).code == 0
    assert run("trust", "explain", "model").code == 0


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "says no": ({"status": 500}, "timestamp.unavailable"),
    "redirects": ({"location": "http://127.0.0.1:9/"}, "timestamp.unavailable"),
    "sends a page": ({"raw": b"<html>"}, "timestamp.malformed"),
    "sends nothing": ({"raw": b""}, "timestamp.malformed"),
    "sends without end": ({"raw": b"\x30" * 200_000}, "timestamp.unavailable"),
    "does not grant": ({"orders": StampOrders(status=2)}, "timestamp.not-granted"),
    "stamps something else": ({"orders": StampOrders(imprint=b"\1" * 32)}, "timestamp.other-signature"),
    "answers another request": ({"orders": StampOrders(nonce=7)}, "timestamp.nonce"),
    "signs with another key": ({"orders": StampOrders(key=p256())}, "timestamp.signature"),
    "is far ahead": ({"now": datetime.now(UTC) + timedelta(days=1)}, "timestamp.future"),
    "is for code": ({"signer": CLOCK.signer(purposes=(CODE_SIGNING,))}, "timestamp.purpose"),
    "is a stranger": ({"signer": Clock().signer()}, "timestamp.untrusted"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_is_written_when_the_authority(run: Run, clock: TimeServer, name: str) -> None:
    configured(clock)
    changes, code = FAULTS[name]
    for field, value in changes.items():
        setattr(clock, field, value)
    refused = run("sign", "model", "model", "--key", KEY, "--out", "it.json", "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (2, code)
    assert not Path("it.json").exists()


def test_an_authority_that_hangs_costs_its_time(
    run: Run, clock: TimeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("govkernel.provenance.stamping.STAMPING_SECONDS", 0.2)
    clock.hangs = Event()
    refused = run("sign", "model", "model", "--key", KEY, "--timestamp-url", clock.url, "--json")
    assert refused.json()["error"]["code"] == "timestamp.unavailable"


@pytest.mark.parametrize("url", ["ftp://x", "time.example", "http://", "http://user:secret@x"])
def test_an_address_that_is_none(run: Run, model: Path, url: str) -> None:
    refused = run("sign", "model", "model", "--key", KEY, "--timestamp-url", url, "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (2, "timestamp.url")
    assert "secret" not in refused.out


@pytest.mark.parametrize(
    "options",
    [
        ("--tsa-ca", "time.pem"),
        ("--tsa-ca", "time.pem", "--trusted-root", "r", "--identity", ALICE, "--issuer", "i"),
    ],
)
def test_a_time_belongs_to_a_key_or_an_authority(run: Run, model: Path, options: tuple[str, ...]) -> None:
    refused = run("verify", "model", "--bundle", "it.json", *options, "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (2, "cli.anchor")


def test_an_identity_takes_its_time_from_its_instance(run: Run, model: Path) -> None:
    refused = run("sign", "model", "model", "--key", "keyless", "--timestamp-url", "http://x", "--json")
    assert (refused.code, refused.json()["error"]["code"]) == (2, "cli.signer")
