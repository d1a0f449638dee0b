"""A pack is read whole and right, or refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govkernel.domain import PackMode
from govkernel.errors import ConfigError
from govkernel.packs import find_pack, load_pack, shipped_packs
from govkernel.packs.parameters import chosen_values
from tests.packs.conftest import MANIFEST, POLICY, WritePack

PARAMETERS = """
parameters:
  type: object
  properties:
    score: {type: number, minimum: 0, maximum: 1, default: 0.5}
    count: {type: integer, default: 3}
    strict: {type: boolean, default: true}
    name: {type: string}
    roles: {type: array, items: {type: string}, default: [a]}
"""

HUGE_DEFAULT = "parameters: {type: object, properties: {a: {type: integer, default: 9007199254740993}}}"


def test_a_pack_is_read_with_its_defaults(write_pack: WritePack) -> None:
    folder = write_pack({"pack.yaml": MANIFEST + PARAMETERS, "more/b.cedar": POLICY, "notes.md": "# hi"})
    pack = load_pack(folder, parameters={"name": "x", "roles": ["b", "c"]})
    assert [policy.path for policy in pack.policies] == ["more/b.cedar", "open.cedar"]
    assert pack.manifest.mode is PackMode.ENFORCE
    assert dict(pack.parameters) == {
        "count": 3, "name": "x", "roles": ("b", "c"), "score": 0.5, "strict": True
    }  # fmt: skip


def test_the_digest_covers_everything_that_decides(write_pack: WritePack) -> None:
    base = load_pack(write_pack({"pack.yaml": MANIFEST + PARAMETERS}), parameters={"name": "x"})
    again = load_pack(
        write_pack({"pack.yaml": MANIFEST + PARAMETERS, "README.md": "no policy"}, name="again"),
        parameters={"name": "x"},
    )
    assert again.digest == base.digest
    others = [
        load_pack(write_pack({"pack.yaml": MANIFEST + PARAMETERS}), parameters={"name": "y"}),
        load_pack(
            write_pack({"pack.yaml": MANIFEST + PARAMETERS}), parameters={"name": "x"}, mode=PackMode.WARN
        ),
        load_pack(
            write_pack({"pack.yaml": MANIFEST + PARAMETERS, "open.cedar": POLICY + "\n"}, name="b"),
            parameters={"name": "x"},
        ),
    ]
    assert len({str(pack.digest) for pack in (base, *others)}) == 4


def test_a_manifest_without_parameters_has_none(write_pack: WritePack) -> None:
    assert load_pack(write_pack()).parameters == {}


BAD: list[tuple[str, dict[str, str | bytes | None], str, str]] = [
    ("no manifest", {"pack.yaml": None}, "pack.missing", "no such file"),
    ("no policies", {"open.cedar": None}, "pack.no-policies", "*.cedar"),
    ("policies of another engine", {"pack.yaml": MANIFEST.replace("cedar", "opa")}, "pack.no-policies", "*.rego"),
    ("not yaml", {"pack.yaml": "id: [tiny"}, "pack.syntax", "line"),
    ("an alias", {"pack.yaml": MANIFEST + "description: &a x\ncontrols: *a\n"}, "pack.syntax", "alias"),
    ("a key twice", {"pack.yaml": MANIFEST + "owner: b\n"}, "pack.syntax", "twice"),
    ("not utf-8", {"pack.yaml": b"id: \xff\n"}, "pack.syntax", "UTF-8"),
    ("a policy that is not utf-8", {"open.cedar": b"// \xff"}, "pack.not-utf8", "byte 3"),
    ("a list", {"pack.yaml": "- a\n"}, "pack.manifest", "dictionary"),
    ("an unknown field", {"pack.yaml": MANIFEST + "colour: red\n"}, "pack.manifest", "line 5: colour"),
    ("no owner", {"pack.yaml": MANIFEST.replace("owner: tests\n", "")}, "pack.manifest", "owner"),
    ("a bad id", {"pack.yaml": MANIFEST.replace("tiny", "Tiny Pack")}, "pack.manifest", "line 1: id"),
    ("a bad version", {"pack.yaml": MANIFEST.replace("1.0.0", "one")}, "pack.manifest", "line 2: version"),
    ("a bad mode", {"pack.yaml": MANIFEST + "mode: maybe\n"}, "pack.manifest", "line 5: mode"),
    ("a control without id", {"pack.yaml": MANIFEST + "controls:\n- title: x\n"}, "pack.manifest", "line 6"),
    ("a large file", {"notes.md": b"x" * (1024 * 1024 + 1)}, "pack.too-large", "bytes"),
    ("a number too large to canonicalize",
     {"pack.yaml": MANIFEST + HUGE_DEFAULT},
     "pack.manifest", ""),
]  # fmt: skip


@pytest.mark.parametrize(("files", "code", "told"), [pytest.param(*row[1:], id=row[0]) for row in BAD])
def test_bad_packs(write_pack: WritePack, files: dict[str, str | bytes | None], code: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_pack(write_pack(files))
    assert caught.value.code == code
    assert told in caught.value.why
    assert caught.value.remedy


BAD_SCHEMAS: list[tuple[str, str]] = [
    ("{type: array}", "an object"),
    ("{type: object, oneOf: []}", "an object with only"),
    ("{type: object, properties: []}", "properties"),
    ("{type: object, properties: {a-b: {type: string}}}", "parameter name"),
    ("{type: object, properties: {a: {}}}", "type None"),
    ("{type: object, properties: {a: {type: object}}}", "type 'object'"),
    ("{type: object, properties: {a: {type: [string, number]}}}", "type ("),
    ("{type: object, properties: {a: {type: 'null'}}}", "type 'null'"),
    ("{type: object, properties: {a: {type: array}}}", "items"),
    ("{type: object, properties: {a: {type: array, items: {type: integer}}}}", "items"),
    ("{type: object, properties: {a: {type: array, items: 7}}}", "items"),
    ("{type: object, properties: {a: {type: string, $ref: 'http://x'}}}", "$ref"),
    ("{type: object, properties: {a: {type: string, pattern: '(a+)+'}}}", "pattern"),
    ("{type: object, properties: {a: {type: integer, minimum: low}}}", "low"),
]


@pytest.mark.parametrize(("schema", "told"), BAD_SCHEMAS)
def test_bad_parameter_schemas(write_pack: WritePack, schema: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_pack(write_pack({"pack.yaml": f"{MANIFEST}parameters: {schema}\n"}))
    assert caught.value.code == "pack.parameter-schema"
    assert told in caught.value.why


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "'name' is a required property"),
        ({"name": 7}, "name: 7 is not of type 'string'"),
        ({"name": "x", "score": 2}, "score: 2 is greater"),
        ({"name": "x", "count": 1.5}, "count"),
        ({"name": "x", "strict": "yes"}, "strict"),
        ({"name": "x", "roles": ["a", 1]}, "roles.1"),
        ({"name": "x", "unknown": 1}, "unknown"),
        ({"name": None}, "name"),
    ],
)
def test_bad_parameter_values(write_pack: WritePack, values: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_pack(write_pack({"pack.yaml": MANIFEST + PARAMETERS}), parameters=values)
    assert caught.value.code == "pack.parameter-value"
    assert told in caught.value.why


def test_a_bad_default_is_refused_too(write_pack: WritePack) -> None:
    schema = "parameters: {type: object, properties: {a: {type: integer, default: many}}}\n"
    with pytest.raises(ConfigError) as caught:
        load_pack(write_pack({"pack.yaml": MANIFEST + schema}))
    assert caught.value.code == "pack.parameter-value"


def test_too_many_files(write_pack: WritePack) -> None:
    folder = write_pack({f"notes/{n}.md": "x" for n in range(500)})
    with pytest.raises(ConfigError) as caught:
        load_pack(folder)
    assert caught.value.code == "pack.too-large"


def test_links_that_lead_out_are_refused(write_pack: WritePack, tmp_path: Path) -> None:
    secret = tmp_path / "secret.cedar"
    secret.write_text(POLICY, encoding="utf-8")
    folder = write_pack()
    (folder / "x.cedar").symlink_to(secret)
    with pytest.raises(ConfigError) as caught:
        load_pack(folder)
    assert caught.value.code == "pack.escapes"


def test_linked_folders_that_lead_out_are_refused(write_pack: WritePack, tmp_path: Path) -> None:
    folder = write_pack()
    (tmp_path / "outside").mkdir()
    (folder / "more").symlink_to(tmp_path / "outside", target_is_directory=True)
    with pytest.raises(ConfigError) as caught:
        load_pack(folder)
    assert caught.value.code == "pack.escapes"


def test_links_inside_the_pack_are_files_like_others(write_pack: WritePack) -> None:
    folder = write_pack()
    (folder / "again.cedar").symlink_to("open.cedar")
    assert len(load_pack(folder).policies) == 2


def test_dangling_links_and_hidden_files(write_pack: WritePack) -> None:
    folder = write_pack({".hidden/evil.cedar": "not cedar", ".git": "x"})
    assert len(load_pack(folder).policies) == 1
    (folder / "gone.cedar").symlink_to("nowhere.cedar")
    with pytest.raises(ConfigError) as caught:
        load_pack(folder)
    assert caught.value.code == "pack.not-a-file"


def test_find_by_name_path_and_workspace(write_pack: WritePack, tmp_path: Path) -> None:
    assert {"baseline", "baseline-rego"} <= set(shipped_packs())
    assert (find_pack("baseline", tmp_path) / "pack.yaml").is_file()
    folder = write_pack()
    assert find_pack("./tiny", tmp_path) == tmp_path / "tiny"
    assert find_pack(str(folder), tmp_path) == folder
    own = write_pack(name=".govkernel/packs/baseline")
    assert find_pack("baseline", tmp_path) == own


@pytest.mark.parametrize("source", ["nothing-here", "./nothing", "../..", "", "baseline/../baseline-rego/x"])
def test_no_such_pack(tmp_path: Path, source: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find_pack(source, tmp_path)
    assert caught.value.code == "pack.missing"
    assert "baseline" in caught.value.remedy


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=120) | st.text(alphabet="ab:-{}[]&*!#'\" \n", max_size=80))
def test_any_manifest_loads_or_is_refused(write_pack: WritePack, content: bytes | str) -> None:
    folder = write_pack({"pack.yaml": content})
    try:
        load_pack(folder)
    except ConfigError as error:
        assert error.code.startswith("pack.")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
kinds = st.sampled_from(["boolean", "integer", "number", "string"])


@given(json_values, json_values)
def test_any_schema_and_values_give_complete_values_or_a_refusal(schema: Any, values: Any) -> None:
    given_schema = schema if isinstance(schema, dict) else {"type": "object", "properties": schema}
    try:
        chosen_values(given_schema, values if isinstance(values, dict) else {}, "pack.yaml")
    except ConfigError as error:
        assert error.code in {"pack.parameter-schema", "pack.parameter-value"}


@given(st.dictionaries(st.sampled_from("abc"), kinds), st.dictionaries(st.sampled_from("abc"), json_values))
def test_every_parameter_has_a_value_of_its_type(types: dict[str, str], values: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {name: {"type": kind} for name, kind in types.items()}}
    python = {"boolean": bool, "integer": int | float, "number": int | float, "string": str}
    try:
        chosen = chosen_values(schema, values, "pack.yaml")
    except ConfigError:
        return
    assert set(chosen) == set(types)
    assert all(isinstance(chosen[name], python[kind]) for name, kind in types.items())
