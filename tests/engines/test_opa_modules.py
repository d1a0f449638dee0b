"""What is uploaded for a pack, and what may not be."""

from __future__ import annotations

import pytest

from govkernel.domain import PolicyFile
from govkernel.engines.opa.modules import check_syntax_tree, module_of
from govkernel.errors import PolicyError
from tests.engines.opa_packs import pack_of, raw_pack


def test_files_are_joined_and_lines_keep_their_place() -> None:
    pack = raw_pack(
        PolicyFile(path="a.rego", text="# about\npackage govkernel.lies\n\na := 1\n"),
        PolicyFile(path="lib/b.rego", text="package govkernel.lies # why\nb := 2"),
    )
    module = module_of(pack)
    lines = module.text.split("\n")
    assert lines[0] == f"package govkernel_packs.lies.sha256_{pack.digest.hex}"
    assert module.place(lines.index("a := 1") + 1) == "a.rego:4"
    assert module.place(lines.index("b := 2") + 1) == "lib/b.rego:2"


def test_another_version_of_the_pack_has_another_package() -> None:
    assert module_of(pack_of("a := 1")).path != module_of(pack_of("a := 2")).path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "a := 1\n",
        "package govkernel\n",
        "package govkernel.liesandmore\n",
        "package govkernel.lies.deeper\n",
        'package govkernel["lies"]\n',
        "package\ngovkernel.lies\n",
        "package govkernel.lies; a := 1\n",
        "package system.authz\n",
    ],
)
def test_a_file_of_another_package_is_refused(text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        module_of(raw_pack(PolicyFile(path="a.rego", text=text)))
    assert caught.value.code == "opa.compile"
    assert "a.rego:" in caught.value.why


def test_too_many_files() -> None:
    with pytest.raises(PolicyError, match="Rego"):
        module_of(raw_pack(*(PolicyFile(path=f"{n}.rego", text="package govkernel.lies") for n in range(65))))


def test_a_tree_without_decision_is_refused() -> None:
    with pytest.raises(PolicyError) as caught:
        check_syntax_tree(module_of(pack_of("a := 1")), {"rules": []})
    assert "decision" in caught.value.why
