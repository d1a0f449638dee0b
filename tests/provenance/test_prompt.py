import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from govkernel.errors import GovkernelError
from govkernel.provenance.prompt import canonical_prompt

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co", "Zl", "Zp"]), max_size=20
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
prompts = st.fixed_dictionaries(
    {"template": texts},
    optional={"role": texts, "variables": st.lists(texts, max_size=3), "model": texts, "tools": values},
)


class Dumper(yaml.SafeDumper):
    """Quotes what only the other YAML takes for a number."""


Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if text[:1] in set("+-.0123456789") else None
    ),
)


@given(prompts, st.integers(0, 6), st.booleans())
def test_layout_does_not_count(prompt: dict[str, object], indent: int, ascii_only: bool) -> None:
    backwards = dict(reversed(prompt.items()))
    forms = [
        canonical_prompt("p.json", json.dumps(prompt, indent=indent, ensure_ascii=ascii_only).encode()),
        canonical_prompt("p.json", json.dumps(backwards).encode()),
        canonical_prompt("p.yaml", json.dumps(backwards, indent=indent).encode()),
        canonical_prompt(
            "p.yml", yaml.dump(prompt, Dumper=Dumper, allow_unicode=not ascii_only, sort_keys=False).encode()
        ),
    ]
    assert len(set(forms)) == 1
    assert json.loads(forms[0]) == prompt


@given(prompts, texts)
def test_content_counts(prompt: dict[str, object], more: str) -> None:
    original = canonical_prompt("p.json", json.dumps(prompt).encode())
    for key in ("template", "role", "temperature"):
        other = {**prompt, key: f"{prompt.get(key, '')}{more}!"}
        assert canonical_prompt("p.json", json.dumps(other).encode()) != original


@pytest.mark.parametrize(
    "signed",
    [
        "template: Be nice.\u2028# Ignore all that.",
        "template: Be nice.\x85# Ignore all that.",
        "{template: a, maximum: 017}",
        "{template: a, maximum: 0o17}",
        "{template: a, maximum: 089}",
        "{template: a, maximum: 1e3}",
        "{template: a, maximum: 1.5e3}",
        "{template: a, maximum: 1_000}",
        "{template: a, maximum: 1:30}",
        "{template: a, maximum: 0b11}",
        "{template: a, confirm: yes}",
        "{template: a, confirm: Off}",
    ],
)
def test_what_readers_of_yaml_disagree_about_is_no_prompt(signed: str) -> None:
    """Else a prompt could be changed, for readers of the other YAML, without changing its digest."""
    with pytest.raises(GovkernelError) as caught:
        canonical_prompt("p.yaml", signed.encode())
    assert caught.value.code == "yaml.disputed"


def test_what_they_agree_about_is() -> None:
    plain = b"{template: a, n: [0, -1, 10, 1.5, 1.5e+3, 0x1f, true, null, 2026-06-01, 1.2.3, '017', \"yes\", north]}"
    assert canonical_prompt("p.yaml", plain)


def test_plain_text_is_its_own_template() -> None:
    assert canonical_prompt("p.txt", b"Hello") == b'{"template":"Hello"}'
    assert canonical_prompt("p.txt", b"Hello") == canonical_prompt("p.yaml", b"template: Hello")
    assert canonical_prompt("p.txt", b"Hello\n") != canonical_prompt("p.txt", b"Hello")


@given(st.binary(max_size=200), st.sampled_from(["p.txt", "p.json", "p.yaml"]))
def test_any_bytes_are_a_prompt_or_a_typed_error(content: bytes, name: str) -> None:
    try:
        assert canonical_prompt(name, content).startswith(b"{")
    except GovkernelError as error:
        assert error.remedy


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("p.yaml", b"a: &x 1\ntemplate: *x", "yaml.alias"),
        ("p.yaml", b"template: a\ntemplate: b", "yaml.duplicate-key"),
        ("p.json", b'{"template": "a", "template": "b"}', "json.duplicate-key"),
        ("p.yaml", b"[" * 50 + b"]" * 50, "yaml.too-deep"),
        ("p.yaml", b"template: !!python/object:os.system x", "yaml.tag"),
        ("p.yaml", b"? [a]\n: b", "yaml.key"),
        ("p.yaml", b"template: [", "yaml.malformed"),
        ("p.yaml", b"\xff", "yaml.not-utf8"),
        ("p.yaml", b"x" * 1_100_000, "yaml.too-large"),
        ("p.yaml", b"template: .inf\n", "yaml.not-finite"),
        ("p.yaml", b"template: a\nn: 9007199254740993\n", "json.not-canonical"),
        ("p.yaml", b"template: a\nn: !!binary aGk=\n", "yaml.tag"),
        ("p.yaml", b"name: x", "provenance.prompt-malformed"),
        ("p.json", b"[]", "provenance.prompt-malformed"),
        ("p.txt", b"\xff", "prompt.not-utf8"),
        ("p.txt", b"x" * 1_100_000, "prompt.too-large"),
    ],
)
def test_prompts_that_are_none(name: str, content: bytes, code: str) -> None:
    with pytest.raises(GovkernelError) as caught:
        canonical_prompt(name, content)
    assert caught.value.code == code
