"""govkernel verify for a stranger: 0 verified, 1 refused with a code, 2 usage; never a traceback, never the network."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from govkernel.cli import output
from tests.cli.conftest import Result, Run
from tests.simulators.certificate_lies import Family
from tests.simulators.lying_signer import b64
from tests.simulators.signing import bare, certified
from tests.simulators.x509 import Recipe, p256

FAMILY = Family()
ALICE, LOGIN = "alice@example.test", "https://login.example.test"
CUSTOM = "https://example.test/p"
KEY = p256()


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody may be called, and nobody may even be looked up."""
    dialled: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        dialled.append(arguments)
        raise PermissionError("this test allows no network")

    for place, name in ((socket.socket, "connect"), (socket.socket, "connect_ex"), (socket, "getaddrinfo")):
        monkeypatch.setattr(place, name, refuse)
    yield
    assert not dialled


@pytest.fixture
def place(run: Run) -> Path:
    """An empty folder with one file, and what verifies it by key and by certificate."""
    folder = Path.cwd()
    (folder / "thing.bin").write_bytes(b"hello")
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "key.pem").write_bytes(public)
    (folder / "ca.pem").write_bytes(FAMILY.root.pem)
    said = statement()
    (folder / "by-key.json").write_bytes(bare(b"hello", KEY))
    (folder / "by-certificate.json").write_bytes(certified(said, FAMILY.chain()))
    return folder


def statement(predicate_type: str = CUSTOM, content: bytes = b"hello") -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "thing.bin", "digest": {"sha256": digest}}],
        "predicateType": predicate_type,
        "predicate": {"a": 1},
    }


@pytest.fixture
def keyless(place: Path) -> Callable[..., None]:
    """Writes the trusted root and a bundle of a Sigstore of our own, by the given orders."""
    pytest.importorskip("sigstore", reason='install "govkernel[sigstore]"')
    from tests.simulators.sigstore import Instance, Orders

    instance = Instance(now=lambda: datetime.now(UTC))
    (place / "root.json").write_bytes(instance.trusted_root())

    def mint(said: dict[str, Any] | None = None, **orders: Any) -> None:
        (place / "keyless.json").write_bytes(instance.bundle(said or statement(), Orders(**orders)))

    return mint


BY_KEY = ("--bundle", "by-key.json", "--key", "key.pem")
BY_CA = ("--bundle", "by-certificate.json", "--ca", "ca.pem", "--identity", ALICE)
KEYLESS = ("--bundle", "keyless.json", "--trusted-root", "root.json", "--identity", ALICE, "--issuer", LOGIN)


def quiet(result: Result) -> Result:
    """The result, when no traceback and no unexpected error is in it."""
    assert "Traceback" not in result.out + result.err
    assert "cli.unexpected" not in result.out + result.err
    return result


@pytest.mark.parametrize("way", [BY_KEY, BY_CA])
def test_verified_then_refused(way: tuple[str, ...], run: Run, place: Path) -> None:
    good = quiet(run("verify", "thing.bin", *way, "--json"))
    assert good.code == 0, good.out
    document = good.json()
    assert document["verified"] is True
    assert document["about"] == f"sha256:{hashlib.sha256(b'hello').hexdigest()}"
    assert any("bytes of the file" in note for note in document["notes"])
    (place / "thing.bin").write_bytes(b"other")
    bad = quiet(run("verify", "thing.bin", *way, "--json"))
    assert bad.code == 1
    assert bad.json()["verified"] is False
    assert bad.json()["code"].startswith("provenance.")


def test_people_read_who_signed_what(run: Run, place: Path) -> None:
    good = quiet(run("verify", "thing.bin", *BY_CA))
    assert good.code == 0
    for said in (ALICE, CUSTOM, "thing.bin"):
        assert said in good.out
    refused = quiet(run("verify", "thing.bin", *BY_CA[:-1], "eve@example.test"))
    assert refused.code == 1
    assert "identity.mismatch" in refused.out
    assert "fix" in refused.out


def test_keyless(run: Run, keyless: Callable[..., None]) -> None:
    keyless()
    good = quiet(run("verify", "thing.bin", *KEYLESS, "--json"))
    assert good.code == 0, good.out
    assert good.json()["signers"][0]["issuer"] == LOGIN
    assert run("verify", "thing.bin", *KEYLESS, "--type", CUSTOM).code == 0
    other = run("verify", "thing.bin", *KEYLESS, "--type", "https://example.test/other", "--json")
    assert (other.code, other.json()["code"]) == (1, "provenance.other-predicate")
    for orders, code in (
        ({"identity": f"m{ALICE}"}, "identity.mismatch"),
        ({"issuer": "https://eve.test"}, "identity.issuer"),
        ({"scts": ()}, "keyless.sct"),
        ({"checkpoint_key": p256()}, "keyless.checkpoint"),
    ):
        keyless(**orders)
        refused = quiet(run("verify", "thing.bin", *KEYLESS, "--json"))
        assert (refused.code, refused.json()["code"]) == (1, code)


def test_a_type_given_for_a_bare_signature_is_refused(run: Run, place: Path) -> None:
    refused = quiet(run("verify", "thing.bin", *BY_KEY, "--type", "model-card", "--json"))
    assert (refused.code, refused.json()["code"]) == (1, "provenance.other-predicate")


USAGE: dict[str, tuple[tuple[str, ...], str]] = {
    "two anchors": ((*BY_KEY, "--ca", "ca.pem", "--identity", ALICE), "cli.anchor"),
    "authorities and nobody": (("--bundle", "by-certificate.json", "--ca", "ca.pem"), "cli.anchor"),
    "a root and no issuer": (
        ("--bundle", "by-key.json", "--trusted-root", "ca.pem", "--identity", ALICE),
        "cli.anchor",
    ),
    "an identity for a key": ((*BY_KEY, "--identity", ALICE), "cli.anchor"),
    "an issuer for a key": ((*BY_KEY, "--issuer", LOGIN), "cli.anchor"),
    "an identity that is no pattern": ((*BY_CA[:-1], "regex:("), "identity.pattern"),
    "an artifact that is not there": (
        ("--bundle", "by-key.json", "--key", "key.pem"),
        "provenance.not-found",
    ),
    "a bundle that is not there": (("--bundle", "absent.json", "--key", "key.pem"), "cli.unreadable"),
    "a bundle that is a folder": (("--bundle", ".", "--key", "key.pem"), "cli.unreadable"),
    "a key that is not there": (("--bundle", "by-key.json", "--key", "absent.pem"), "cli.unreadable"),
    "a key that is a bundle": (("--bundle", "by-key.json", "--key", "by-key.json"), "key.malformed"),
    "authorities that are none": (
        ("--bundle", "by-certificate.json", "--ca", "key.pem", "--identity", ALICE),
        "certificate.roots",
    ),
    "an unknown kind": ((*BY_KEY, "--kind", "poem"), "cli.kind"),
    "an empty kind": ((*BY_KEY, "--kind", ""), "cli.kind"),
    "an empty type": ((*BY_KEY, "--type", ""), "predicate.unknown-name"),
}


@pytest.mark.parametrize(
    "option", ["--bundle", "--key", "--ca", "--trusted-root", "--tsa-ca", "--trust", "--pin"]
)
def test_an_empty_path_is_not_the_current_folder(option: str, run: Run, place: Path) -> None:
    named = quiet(run("verify", "thing.bin", *BY_KEY, option, "", "--json"))
    assert (named.code, named.json()["error"]["code"]) == (2, "cli.path")
    assert option in named.json()["error"]["what"]
    unnamed = quiet(run("verify", "", *BY_KEY, "--json"))
    assert (unnamed.code, unnamed.json()["error"]["code"]) == (2, "cli.path")


@pytest.mark.parametrize("name", USAGE)
def test_usage_errors_are_two(name: str, run: Run, place: Path) -> None:
    arguments, code = USAGE[name]
    path = "absent.bin" if name == "an artifact that is not there" else "thing.bin"
    result = quiet(run("verify", path, *arguments, "--json"))
    assert (result.code, result.json()["error"]["code"]) == (2, code)
    text = quiet(run("verify", path, *arguments))
    assert text.code == 2
    assert code in text.err
    assert "fix" in text.err


def test_a_trusted_root_that_is_none_is_a_usage_error(
    run: Run, keyless: Callable[..., None], place: Path
) -> None:
    keyless()
    (place / "root.json").write_text("{}")
    result = quiet(run("verify", "thing.bin", *KEYLESS, "--json"))
    assert (result.code, result.json()["error"]["code"]) == (2, "keyless.root")


BUNDLES: dict[str, bytes] = {
    "empty": b"",
    "binary": b"\x00\xff\xfe",
    "text": b"hello",
    "a list": b"[]",
    "a number": b"7",
    "an object": b"{}",
    "deep": b"[" * 100_000,
    "a list for a media type": b'{"mediaType":[]}',
    "an object for a media type": b'{"mediaType":{}}',
    "duplicate keys": b'{"mediaType":1,"mediaType":1}',
    "a lone surrogate": b'{"mediaType":"\\ud800"}',
    "a huge number": b'{"mediaType":' + b"9" * 10_000 + b"}",
    "an envelope alone": json.dumps({"payloadType": "x", "payload": "", "signatures": []}).encode(),
}


@pytest.mark.parametrize("name", BUNDLES)
@pytest.mark.parametrize("way", [BY_KEY, BY_CA, KEYLESS])
def test_bundles_that_are_none_are_refused(
    name: str, way: tuple[str, ...], run: Run, keyless: Callable[..., None], place: Path
) -> None:
    (place / way[1]).write_bytes(BUNDLES[name])
    result = quiet(run("verify", "thing.bin", *way, "--json"))
    assert result.code == 1, result.out
    assert "." in result.json()["code"]


def test_a_name_made_to_fool_a_terminal_is_shown_harmless(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate's subject may hold anything; the escape code must not reach the terminal."""
    trick = "\x1b[2K\r[green]verified[/]"
    chain = FAMILY.chain(Recipe(trick))
    (place / "by-certificate.json").write_bytes(certified(statement(), chain))
    monkeypatch.setattr(output.console, "_color_system", None)
    refused = quiet(run("verify", "thing.bin", *BY_CA))
    assert refused.code == 1
    assert "\x1b[2K" not in refused.out
    assert "[green]verified" in refused.out


def test_a_bundle_inside_the_folder_it_signs_is_not_part_of_it(run: Run, place: Path) -> None:
    model = place / "model"
    model.mkdir()
    (model / "weights.bin").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    root = hashlib.sha256(bytes.fromhex(digest)).hexdigest()
    from tests.simulators.lying_signer import oms

    (model / "sigs").mkdir()
    (model / "sigs" / "model.sig.json").write_bytes(
        certified(oms([("weights.bin", digest)], root), FAMILY.chain())
    )
    way = ("--bundle", "model/sigs/model.sig.json", "--ca", "ca.pem", "--identity", ALICE)
    assert quiet(run("verify", "model", *way)).code == 0
    (model / "extra.py").write_text("")
    refused = quiet(run("verify", "model", *way, "--json"))
    assert (refused.code, refused.json()["code"]) == (1, "provenance.files-changed")
    assert quiet(run("verify", "model", *way, "--ignore", "extra.py")).code == 0


def test_a_signature_on_another_curve_than_the_key_is_refused(run: Run, place: Path) -> None:
    other = ec.generate_private_key(ec.SECP384R1())
    (place / "by-key.json").write_bytes(bare(b"hello", other))
    refused = quiet(run("verify", "thing.bin", *BY_KEY, "--json"))
    assert (refused.code, refused.json()["code"]) == (1, "provenance.signer-not-trusted")


def test_a_signature_of_zeros_is_refused(run: Run, place: Path) -> None:
    """ECDSA's (0, 0), which careless verifiers accept for every message."""
    zeros = bytes.fromhex("3006020100020100")

    def zero(bundle: dict[str, Any]) -> None:
        bundle["messageSignature"]["signature"] = b64(zeros)

    (place / "by-key.json").write_bytes(bare(b"hello", KEY, zero))
    refused = quiet(run("verify", "thing.bin", *BY_KEY, "--json"))
    assert (refused.code, refused.json()["code"]) == (1, "provenance.signer-not-trusted")


def test_of_lines_of_bundles_the_one_that_holds_counts(run: Run, place: Path) -> None:
    """As `gh attestation download` writes them: several statements about one artifact, a line each."""
    other = certified(statement("https://example.test/other"), FAMILY.chain())
    foreign = certified(statement(content=b"elsewhere"), FAMILY.chain())
    good = certified(statement(), FAMILY.chain())
    lines = place / "attestations.jsonl"
    ask = (
        "verify",
        "thing.bin",
        "--bundle",
        str(lines),
        "--ca",
        "ca.pem",
        "--identity",
        ALICE,
        "--type",
        CUSTOM,
    )
    lines.write_bytes(b"\n".join((other, foreign, good)) + b"\n")
    assert run(*ask).code == 0
    lines.write_bytes(b"\n".join((other, foreign)) + b"\n")
    refused = run(*ask, "--json")
    assert (refused.code, refused.json()["code"]) == (1, "provenance.subject-mismatch")
    lines.write_bytes(b"\n".join([good] * 101))
    assert run(*ask).code in {1, 2}
