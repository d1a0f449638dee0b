"""What policies see of an ancestry, and what a record keeps of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from govkernel.domain import Ancestor, ArtifactKind, Digest, Judged
from govkernel.errors import GovkernelError
from govkernel.lineage import facts, lineage_facts, with_ancestry
from tests.lineage.test_graph import NOW, World, digest, numbered


def traced(world: World, number: int = 0) -> Judged:
    return asyncio.run(with_ancestry(world.judged(numbered(number)), world, NOW))


def ancestor(number: int, kind: ArtifactKind = ArtifactKind.DATASET, **more: Any) -> Ancestor:
    return Ancestor(digest=Digest.sha256(f"{number:064x}"), name=f"a{number}", kind=kind, distance=1, **more)


def test_what_was_made_from_nothing_has_no_ancestry() -> None:
    assert traced(World({})).ancestry is None


def test_each_ancestor_is_kept_once_with_the_shortest_distance() -> None:
    found = traced(World({0: [1, 2], 1: [2], 2: [3]}, unsigned=[3])).ancestry
    assert found is not None
    assert {item.digest: item.distance for item in found} == {digest(1): 1, digest(2): 1, digest(3): 2}
    assert lineage_facts(found)["unsigned"] == 1


def test_licences_are_counted_by_what_an_ancestor_was_used_as() -> None:
    said = lineage_facts(
        [
            ancestor(1, license="CC-BY-4.0", signed=True),
            ancestor(2),
            ancestor(3, ArtifactKind.MODEL, license="Apache-2.0", rejections=("provenance.revoked",)),
        ]
    )
    assert said["datasetLicenses"] == ["CC-BY-4.0"]
    assert said["licenses"] == ["Apache-2.0", "CC-BY-4.0"]
    assert (said["unlicensed"], said["unlicensedDatasets"]) == (1, 1)
    assert (said["unsigned"], said["revoked"]) == (2, 1)
    assert said["bases"] == [f"sha256:{3:064x}"]


def test_what_nobody_vouches_for_can_only_deny() -> None:
    strange = {"license": "MIT", "rejections": ("provenance.revoked",), "vouched": False}
    said = lineage_facts([ancestor(1, license="CC0-1.0"), ancestor(2, **strange)])
    assert (said["names"], said["datasets"], said["bases"]) == (["a1"], [f"sha256:{1:064x}"], [])
    assert (said["ancestors"], said["revoked"]) == (2, 1)
    assert said["datasetLicenses"] == ["CC0-1.0", "MIT"]


def test_records_say_only_what_is_not_vouched_for() -> None:
    assert "vouched" not in ancestor(1).model_dump_json()
    odd = ancestor(1, vouched=False)
    assert Ancestor.model_validate_json(odd.model_dump_json()) == odd


def test_too_many_ancestors_are_an_error_and_so_a_denial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "MAX_ANCESTORS", 3)
    with pytest.raises(GovkernelError) as caught:
        traced(World({0: [1, 2, 3, 4]}))
    assert caught.value.code == "lineage.too-large"
