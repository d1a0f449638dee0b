"""``govkernel admit``: files as kubectl reads them, each object decided as the webhook would."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from govkernel.admission import manifests
from govkernel.admission.manifests import read_manifests
from govkernel.admission.offline import admit_files
from govkernel.domain import Artifact, Effect, Evidence, Judged, Obligation, Report
from govkernel.errors import InputError
from govkernel.plugins import PluginHost
from tests.admission.conftest import ToldKernel, pod, review


class NamedKernel(ToldKernel):
    pack_names = ("p@1",)


def file(folder: Path, text: str | bytes, name: str = "m.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def admitted(path: Path, host: PluginHost, kernel: NamedKernel | None = None, **rest: Any) -> Report:
    return asyncio.run(admit_files([path], kernel or NamedKernel(), host, **rest))


def names(path: Path) -> list[str]:
    return [item.manifest["metadata"]["name"] for item in read_manifests([path])]


def named(name: str) -> dict[str, Any]:
    manifest = pod()
    manifest["metadata"]["name"] = name
    return manifest


def test_documents_lists_and_reviews_are_taken_apart(tmp_path: Path) -> None:
    pods = {"apiVersion": "v1", "kind": "List", "items": [named("c"), named("d")]}
    text = yaml.safe_dump_all([named("a"), None, pods, review(named("e"))])
    assert names(file(tmp_path, text)) == ["a", "c", "d", "e"]
    assert names(file(tmp_path, json.dumps(named("j")))) == ["j"]
    assert names(file(tmp_path, "{kind: Pod, metadata: {name: flow}}")) == ["flow"]


REFUSED = {
    "nothing": ("---\n---\n", "manifest.nothing"),
    "text": ("just text", "manifest.not-an-object"),
    "no kind": ("a: 1", "manifest.not-an-object"),
    "item of a list": ("kind: List\nitems: [1]", "manifest.not-an-object"),
    "duplicate key": ("kind: Pod\nkind: Job", "yaml.duplicate-key"),
    "duplicate key in JSON": ('{"kind": "Pod", "kind": "Job"}', "json.duplicate-key"),
    "deep": ("kind: Pod\nspec: " + "[" * 500 + "]" * 500, "yaml.too-deep"),
    "aliases": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "\n".join(
            f"{n}: &{n} [{','.join([f'*{p}'] * 9)}]" for p, n in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        None,
    ),
    "tag": ("kind: !!python/object/apply:os.system [id]", None),
    "broken": ("kind: [", None),
    "not UTF-8": (b"kind: \xff", None),
    "AdmissionReview of another version": (
        "apiVersion: admission.k8s.io/v1beta1\nkind: AdmissionReview",
        "admission.version",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_kubectl_would_not_take_is_a_typed_error_that_names_the_file(tmp_path: Path, name: str) -> None:
    text, code = REFUSED[name]
    with pytest.raises(InputError) as caught:
        read_manifests([file(tmp_path, text)])
    assert "m.yaml" in caught.value.why or code == "manifest.nothing"
    assert caught.value.remedy
    assert code in (None, caught.value.code)


LINES = """# a comment
kind: Pod
metadata: {name: a}
---
kind: List
items:
  - kind: Pod
    metadata: {name: b}
    spec:
      containers:
        - name: main
          args:
            - --model
            - org/m
"""


def test_lines_of_objects_and_of_what_is_in_them_are_known(tmp_path: Path) -> None:
    first, second = read_manifests([file(tmp_path, LINES)])
    assert (first.line_of(), first.line_of("metadata.name")) == (2, 3)
    assert second.line_of() == 7
    assert second.line_of("spec.containers[0].args[1]") == 14
    assert second.line_of("spec.containers[0].args[9]") == 13
    assert second.line_of("nothing.here") == 7


def test_a_report_tells_the_line_of_each_artifact(tmp_path: Path, host: PluginHost) -> None:
    class Resolved(NamedKernel):
        async def judge(self, request: Any) -> Any:
            record = await super().judge(request)
            judged = tuple(
                Judged(artifact=Artifact(kind=ref.kind, name=ref.uri, where=ref.where), evidence=Evidence())
                for ref in request.artifacts
            )
            return record.model_copy(update={"subjects": judged})

    entry = admitted(file(tmp_path, LINES.partition("---\n")[2]), host, Resolved()).entries[0]
    assert (entry.line, entry.line_of("hf://org/m")) == (3, 10)


def test_a_file_that_is_not_there_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_manifests([tmp_path / "nowhere.yaml"])
    assert caught.value.code == "manifest.unreadable"


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "MAX_OBJECTS", 3)
    path = file(tmp_path, yaml.safe_dump_all([named(str(number)) for number in range(4)]))
    with pytest.raises(InputError) as caught:
        read_manifests([path])
    assert caught.value.code == "manifest.too-many"
    monkeypatch.setattr(manifests, "MAX_FILE", 100)
    with pytest.raises(InputError) as caught:
        read_manifests([path])
    assert caught.value.code == "manifest.too-large"


def test_nothing_is_asked_before_everything_was_read(tmp_path: Path, host: PluginHost) -> None:
    kernel = NamedKernel()
    with pytest.raises(InputError):
        admitted(file(tmp_path, yaml.safe_dump(named("a")) + "---\ntext"), host, kernel)
    assert kernel.asked == []


def test_each_object_is_an_entry_and_one_denial_denies_all(tmp_path: Path, host: PluginHost) -> None:
    path = file(tmp_path, yaml.safe_dump_all([named("a"), named("b")]))
    kernel = NamedKernel()
    report = admitted(path, host, kernel, environments={"prod": "production"}, user="alice")
    assert report.allowed
    assert [entry.title for entry in report.entries] == ["Pod prod/a", "Pod prod/b"]
    assert {str(request.principal) for request in kernel.asked} == {'User::"alice"'}
    assert {request.environment for request in kernel.asked} == {"production"}
    assert not admitted(path, host, NamedKernel(effect=Effect.DENY)).allowed


def test_an_object_without_a_namespace_goes_to_default(tmp_path: Path, host: PluginHost) -> None:
    manifest = named("a")
    del manifest["metadata"]["namespace"]
    report = admitted(file(tmp_path, yaml.safe_dump(manifest)), host)
    assert report.entries[0].title == "Pod default/a"


def test_an_obligation_that_the_door_cannot_fulfil_is_a_denial_here_too(
    tmp_path: Path, host: PluginHost
) -> None:
    kernel = NamedKernel(update={"obligations": (Obligation(type="redact", policy="p/o"),)})
    report = admitted(file(tmp_path, yaml.safe_dump(named("a"))), host, kernel)
    assert not report.allowed
    assert "redact" in report.entries[0].decision.reasons[0].message


def test_who_asked_in_a_review_is_the_principal(tmp_path: Path, host: PluginHost) -> None:
    kernel = NamedKernel()
    admitted(file(tmp_path, json.dumps(review())), host, kernel)
    assert str(kernel.asked[0].principal) == 'User::"alice"'
