"""in-toto layouts, made and signed by in-toto itself; each way in which a supply chain can have gone otherwise."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("in_toto", reason='install "govkernel[sigstore]"')

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from in_toto.models.layout import Inspection, Layout, Step
from in_toto.models.link import Link
from in_toto.models.metadata import Envelope, Metablock
from securesystemslib.signer import CryptoSigner

from govkernel.errors import GovkernelError
from govkernel.provenance.layouts import MAX_LINKS, verify_layout
from tests.cli.conftest import KEY, Run

FORMS: dict[str, Callable[[Any], Any]] = {
    "dsse": Envelope.from_signable,
    "metablock": lambda payload: Metablock(signed=payload),
}
WEIGHTS = b"weights"


def public(signer: CryptoSigner) -> bytes:
    crypto = (
        signer.private_key.public_key()
        if hasattr(signer, "private_key")
        else signer._private_key.public_key()
    )
    found: bytes = crypto.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return found


class Chain:
    """A supply chain of one step, ``train``, in a folder."""

    def __init__(self, folder: Path, form: str = "dsse") -> None:
        self.folder = folder
        self.form = FORMS[form]
        self.owner, self.trainer = CryptoSigner.generate_ecdsa(), CryptoSigner.generate_ecdsa()
        key = self.trainer.public_key
        self.layout = Layout(keys={key.keyid: {**key.to_dict(), "keyid": key.keyid}})
        self.layout.set_relative_expiration(days=30)
        step = Step(name="train", pubkeys=[key.keyid])
        step.add_product_rule_from_string("CREATE model/*")
        step.add_product_rule_from_string("DISALLOW *")
        self.layout.steps = [step]

    def sign(self, by: CryptoSigner | None = None) -> None:
        signed = self.form(self.layout)
        signed.create_signature(by or self.owner)
        signed.dump(str(self.folder / "root.layout"))

    def link(self, *names: str, by: CryptoSigner | None = None, content: bytes = WEIGHTS) -> None:
        digest = {"sha256": hashlib.sha256(content).hexdigest()}
        signed = self.form(
            Link(name="train", products=dict.fromkeys(names or ("model/weights.bin",), digest))
        )
        signed.create_signature(by or self.trainer)
        signed.dump(str(self.folder / f"train.{self.trainer.public_key.keyid[:8]}.link"))

    def code(self) -> str:
        try:
            verify_layout((self.folder / "root.layout").read_bytes(), self.folder, public(self.owner))
        except GovkernelError as error:
            assert error.remedy
            return error.code
        return ""


@pytest.fixture(params=FORMS)
def chain(request: pytest.FixtureRequest, tmp_path: Path) -> Chain:
    made = Chain(tmp_path, request.param)
    made.sign()
    made.link()
    return made


def test_a_chain_that_kept_to_its_layout_is_verified(chain: Chain) -> None:
    assert chain.code() == ""


def expired(chain: Chain) -> None:
    chain.layout.expires = datetime(2020, 1, 1, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    chain.sign()


def inspected(chain: Chain) -> None:
    chain.layout.inspect = [Inspection(name="run", run=["touch", "/tmp/was-run"])]
    chain.sign()


def two(chain: Chain) -> None:
    other = CryptoSigner.generate_ecdsa().public_key
    chain.layout.keys[other.keyid] = {**other.to_dict(), "keyid": other.keyid}
    chain.layout.steps[0].pubkeys.append(other.keyid)
    chain.layout.steps[0].threshold = 2
    chain.sign()


def sublayout(chain: Chain) -> None:
    (chain.folder / "train.0.link").write_bytes((chain.folder / "root.layout").read_bytes())


def crowd(chain: Chain) -> None:
    (first,) = chain.folder.glob("*.link")
    for number in range(MAX_LINKS):
        (chain.folder / f"x{number}.link").write_bytes(first.read_bytes())


def swapped(chain: Chain) -> None:
    (link,) = chain.folder.glob("*.link")
    (chain.folder / "root.layout").write_bytes(link.read_bytes())


LIES: dict[str, tuple[Callable[[Chain], None], str]] = {
    "another owner": (lambda chain: chain.sign(by=CryptoSigner.generate_ecdsa()), "layout.signature"),
    "expired": (expired, "layout.expired"),
    "a command to run": (inspected, "layout.inspection"),
    "no link": (
        lambda chain: [path.unlink() for path in chain.folder.glob("*.link")] and None,
        "layout.link-missing",
    ),
    "a stranger's link": (lambda chain: chain.link(by=CryptoSigner.generate_ecdsa()), "layout.link-missing"),
    "one of two": (two, "layout.link-missing"),
    "an artifact the rules forbid": (lambda chain: chain.link("model/w", "elsewhere/x"), "layout.rule"),
    "a sublayout": (sublayout, "layout.links"),
    "too many links": (crowd, "layout.links"),
    "no layout": (lambda chain: (chain.folder / "root.layout").write_text("{}") and None, "layout.malformed"),
    "a link for a layout": (swapped, "layout.malformed"),
    "duplicate keys": (
        lambda chain: (chain.folder / "root.layout").write_text('{"signed": 1, "signed": 2}') and None,
        "json.duplicate-key",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_each_other_way_is_refused(chain: Chain, lie: str) -> None:
    change, code = LIES[lie]
    change(chain)
    found = chain.code()
    assert found == code or (found, code) == ("layout.threshold", "layout.link-missing")
    assert not Path("/tmp/was-run").exists()


@pytest.fixture
def trained(workspace: Path) -> Chain:
    (workspace / "model").mkdir()
    (workspace / "model" / "weights.bin").write_bytes(WEIGHTS)
    (workspace / "links").mkdir()
    made = Chain(workspace / "links")
    made.sign()
    made.link()
    (workspace / "owner.pub").write_bytes(public(made.owner))
    return made


def ask(run: Run, *more: str) -> Any:
    return run(
        *("layout", "model", "--layout", "links/root.layout", "--links", "links", "--key", "owner.pub"), *more
    )


def test_the_command_says_yes_and_states_it(run: Run, trained: Chain) -> None:
    answer = ask(run, "--vsa-key", KEY, "--json")
    assert answer.code == 0, answer.out + answer.err
    explained = run("trust", "explain", "model", "--json").json()
    assert any("verification_summary" in json.dumps(item) for item in explained["accepted"])


def test_what_the_chain_did_not_make_is_refused(run: Run, trained: Chain) -> None:
    Path("model/weights.bin").write_bytes(b"other")
    answer = ask(run, "--json")
    assert (answer.code, answer.json()["code"]) == (1, "layout.product")
    Path("model/weights.bin").write_bytes(WEIGHTS)
    Path("model/more.txt").write_text("x")
    assert ask(run).code == 1


def test_what_cannot_be_told_is_exit_2(run: Run, trained: Chain) -> None:
    Path("owner.pub").write_text("no key")
    assert ask(run).code == 2
