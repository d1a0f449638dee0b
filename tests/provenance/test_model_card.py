"""Cards as the hub has them become claims that satisfy their schema; whatever else is there is a typed error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel.domain.predicates import MODEL_CARD
from govkernel.errors import GovkernelError
from govkernel.provenance import check_predicate
from govkernel.provenance.model_card import model_card

CARD = """---
language:
- en
- de
license: apache-2.0
risk_class: limited
library_name: transformers
pipeline_tag: text-generation
base_model: acme/base-7b
datasets: [acme/faq]
tags: [support]
---
# Helper

Some words.

## Intended uses

Answers to customers,
in two languages.

## Bias, Risks, and Limitations ##

Knows nothing of law.

## Training
"""


def test_a_card_is_a_claim() -> None:
    claim = model_card(CARD.encode())
    check_predicate(MODEL_CARD, claim)
    assert claim["license"] == "Apache-2.0"
    assert claim["intendedUse"] == "Answers to customers, in two languages."
    assert claim["limitations"] == "Knows nothing of law."
    assert claim["languages"] == ["en", "de"]
    assert (claim["baseModels"], claim["datasets"]) == (["acme/base-7b"], ["acme/faq"])


@pytest.mark.parametrize(
    ("said", "license"),
    [
        ("mit", "MIT"),
        ("other", "NOASSERTION"),
        ("[mit, apache-2.0]", "MIT AND Apache-2.0"),
        ("[mit, unknown]", "NOASSERTION"),
        ("llama3.1", "LicenseRef-llama3.1"),
        ("3", "NOASSERTION"),
        ("[]", "NOASSERTION"),
    ],
)
def test_licences_become_spdx(said: str, license: str) -> None:
    assert model_card(CARD.replace("apache-2.0", said).encode())["license"] == license


def test_a_card_without_headings_has_no_sections() -> None:
    claim = model_card(b"---\nlicense: mit\n---\nWords.\n")
    assert claim["license"] == "MIT"
    assert not {"intendedUse", "limitations"} & set(claim)


@pytest.mark.parametrize("gone", ["risk_class: limited\n", "## Intended uses\n"])
def test_what_a_card_does_not_say_is_not_made_up(gone: str) -> None:
    with pytest.raises(GovkernelError) as caught:
        check_predicate(MODEL_CARD, model_card(CARD.replace(gone, "").encode()))
    assert caught.value.code == "provenance.predicate-invalid"


@pytest.mark.parametrize(
    "content", [b"# no metadata", b"---\n- a\n---\n", b"---\na: [\n---\n", b"\xff", b"x" * 1_048_577]
)
def test_what_is_no_card_is_refused(content: bytes) -> None:
    with pytest.raises(GovkernelError) as caught:
        model_card(content)
    assert caught.value.remedy


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_a_claim_or_a_typed_error(head: str, body: str) -> None:
    try:
        claim = model_card(f"---\n{head}\n---\n{body}".encode("utf-8", "replace"))
    except GovkernelError:
        return
    assert set(claim) >= {"license", "cardDigest"}
