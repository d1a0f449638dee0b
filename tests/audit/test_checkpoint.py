"""Checkpoints: the vectors of C2SP signed-note, round trips, and everything that must be refused."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.audit import Checkpoint, CheckpointSigner, Verifier, load_or_create_key, verifier_for
from govkernel.audit.checkpoint import parse_body, split_note
from govkernel.errors import AuditError

NAME = "example.test/audit"
SIGNER = CheckpointSigner(NAME, Ed25519PrivateKey.from_private_bytes(b"s" * 32))
NOTE = SIGNER.sign(42, b"r" * 32)

SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)


def code_of(call, *arguments) -> str:
    with pytest.raises(AuditError) as caught:
        call(*arguments)
    assert caught.value.remedy
    return caught.value.code


def test_the_example_of_the_specification_verifies():
    verifier = Verifier.parse(SPEC_KEY)
    assert str(verifier) == SPEC_KEY
    # The signature is good, so what is refused is the text: it is no checkpoint.
    assert code_of(verifier.open, SPEC_NOTE) == "audit.checkpoint-format"
    assert code_of(verifier.open, SPEC_NOTE.replace("example m", "exemple m")) == "audit.checkpoint-signature"


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_what_is_signed_is_read_back(size: int, root: bytes):
    assert SIGNER.verifier.open(SIGNER.sign(size, root)) == Checkpoint(NAME, size, root)


@given(st.text(max_size=400))
@settings(max_examples=300)
def test_reading_raises_audit_errors_only(text: str):
    for read in (SIGNER.verifier.open, Verifier.parse, split_note, parse_body):
        try:
            read(text)
        except AuditError:
            continue


def test_no_byte_of_a_checkpoint_can_change():
    raw = NOTE.encode()
    for place in range(len(raw)):
        for bit in range(8):
            changed = bytearray(raw)
            changed[place] ^= 1 << bit
            with pytest.raises(AuditError):
                SIGNER.verifier.open(changed.decode("utf-8", "replace"))


@pytest.mark.parametrize(
    "note",
    [
        "",
        NOTE[:-1],
        NOTE.replace("\n\n", "\n"),
        NOTE + "\n",
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("— ", "-- "),
        NOTE + "— witness.test AAAA\n",
        NOTE + "— two words AAAAAAAA\n",
        "x" * 70_000,
        NOTE + "— witness.test AAAAAAA=\n" * 16,
    ],
)
def test_malformed_notes_are_refused(note: str):
    assert code_of(SIGNER.verifier.open, note) == "audit.checkpoint-format"


@pytest.mark.parametrize(
    "body",
    [
        "o\n042\nR\n",
        "o\n-1\nR\n",
        "o\n4 2\nR\n",
        "o\n\nR\n",
        "\n1\nR\n",
        "o\n1\n",
        "o\n1\nR",
        "o\n1\nAAAA\n",
        "o\n1\nR\n\n",
    ],
)
def test_malformed_bodies_are_refused(body: str):
    root = base64.b64encode(b"r" * 32).decode()
    assert code_of(parse_body, body.replace("R", root)) == "audit.checkpoint-format"


def test_signatures_of_others_are_ignored_and_a_second_bad_one_of_ours_is_not():
    other = CheckpointSigner("witness.test/w", Ed25519PrivateKey.generate()).sign(42, b"r" * 32)
    assert SIGNER.verifier.open(NOTE + other.rpartition("\n\n")[2]).size == 42
    foreign = SIGNER.sign(43, b"r" * 32).rpartition("\n\n")[2]
    assert code_of(SIGNER.verifier.open, NOTE + foreign) == "audit.checkpoint-signature"


def test_another_key_or_another_log_is_refused():
    stranger = CheckpointSigner(NAME, Ed25519PrivateKey.generate())
    assert code_of(SIGNER.verifier.open, stranger.sign(42, b"r" * 32)) == "audit.checkpoint-signature"
    elsewhere = CheckpointSigner("other.test/log", Ed25519PrivateKey.from_private_bytes(b"s" * 32))
    assert code_of(SIGNER.verifier.open, elsewhere.sign(42, b"r" * 32)) == "audit.checkpoint-signature"


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "line\nbreak", "tab\tin"])
def test_an_origin_that_cannot_be_a_key_name_is_refused(origin: str):
    assert code_of(CheckpointSigner, origin, Ed25519PrivateKey.generate()) == "audit.origin"


@pytest.mark.parametrize(
    "text", ["", "a+b", SPEC_KEY[:-1], SPEC_KEY.replace("530d903a", "530d903b"), "é+00000000+!!"]
)
def test_verifier_keys_are_read_strictly(text: str):
    assert code_of(Verifier.parse, text) == "audit.verifier-key"


def test_a_key_is_made_once_and_is_private(tmp_path: Path):
    path = tmp_path / "keys" / "audit.key"
    key = load_or_create_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_key(path).private_bytes_raw() == key.private_bytes_raw()
    by_file, by_public = verifier_for(NAME, path), verifier_for(NAME, path.with_suffix(".pub"))
    by_text = verifier_for(NAME, str(by_file))
    assert by_file == by_public == by_text == CheckpointSigner(NAME, key).verifier
    assert sorted(item.name for item in path.parent.iterdir()) == ["audit.key", "audit.pub"]


def test_keys_that_cannot_sign_a_log_are_refused(tmp_path: Path):
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = tmp_path / "made.key"
    load_or_create_key(public)
    for name, content in {
        "curve": curve,
        "junk": b"-----BEGIN PRIVATE KEY-----\n",
        "public": public.with_suffix(".pub").read_bytes(),
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert code_of(load_or_create_key, path) == "audit.key"
    assert code_of(verifier_for, NAME, tmp_path / "nowhere") == "audit.key"
