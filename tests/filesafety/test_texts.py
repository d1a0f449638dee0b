"""Templates, configurations, and what stands beside weights."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govkernel.filesafety.jinja import dangers
from tests.filesafety.test_weights import quick

GOOD = {
    "chatml": "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ '<|im_end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    "llama 2": "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = "
    "messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
    "{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}{{ bos_token + message['content'].strip() + eos_token }}"
    "{% endfor %}",
    "tools": "{%- macro render(item) -%}{{ item | tojson(indent=4) }}{%- endmacro -%}{%- set ns = namespace("
    "found=false, last=messages|length - 1) -%}{%- for tool in tools -%}{{ render(tool.function) }}"
    "{%- for key, value in tool.parameters.items() -%}{{ key ~ ': ' ~ value }}{%- endfor -%}{%- endfor -%}"
    "{%- for m in messages[::-1] -%}{%- set i = (messages|length - 1) - loop.index0 -%}{%- if "
    "messages[i].content is string and not(m.content.startswith('<tool>') and m.content.endswith('</tool>')) -%}"
    "{%- set ns.found = true -%}"
    "{%- endif -%}{%- endfor -%}{{ m.content.split('</think>')[-1].lstrip('\\n') }}{{ strftime_now('%Y') }}"
    "{{ messages[ns.last].role | trim }}{{ messages | selectattr('role', 'equalto', 'user') | list }}",
    "names of its own": "{% set _last = messages[-1] %}{{ _last.content }}{% for m in messages[::-1] %}"
    "{% for k in m.arguments %}{{ k }}: {{ m.arguments[k] }}{% endfor %}{% endfor %}",
    "prose": "Call __init__ and os.system by hand. {# {{ x.__class__ }} #}{% raw %}{{ x.__class__ }}{% endraw %}"
    "{{ content }}",
}
BAD = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ self.environment }}",
    "{{ x | attr('__class__') }}",
    "{{ x | attr('_' ~ '_class_' ~ '_') }}",
    "{{ x['__class__'] }}",
    "{{ x['_' ~ '_class_' ~ '_'] }}",
    "{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ x['\\u005f\\u005fclass__'] }}",
    "{{ x['_' * 2 + 'class' + '_' * 2] }}",
    "{% set u = '_' %}{{ x[u ~ u ~ 'class' ~ u ~ u] }}",
    "{% set a = 'a_'[1] %}{% set n = a ~ a ~ 'class' ~ a ~ a %}{{ x[n] }}",
    "{% set n = ['a','b'] | join('c') %}{% set k = n %}{{ x[k] }}",
    "{{ x[('%s%s' % ('a', 'b'))] }}",
    "{{ x['ssalc'[::-1]|reverse] }}",
    "{{ x|map(attribute='__class__')|list }}",
    "{{ ().__class__ }}",
    "{% import 'os' as os %}",
    "{% include '/etc/passwd' %}",
    "{% extends 'x' %}",
    "{{ request.application }}",
    "{{ config.items() }}",
    "{{ x.mro() }}",
    "{{ x.popen('id') }}",
    "{{ open('/etc/passwd') }}",
    "{{ eval('1') }}",
    "{{ x.y()()  }}",
    "{{ x[0]('id') }}",
    "{{ x|pprint }}",
    "{% for c in x.__subclasses__() %}{% endfor %}",
    "{% if x.gi_frame.f_builtins.exec('id') %}{% endif %}",
    "{{ '{}'.format(x) }}",
    "{{ x ? y }}",
    "{{ 'unclosed }}",
    "{%- set x = cycler -%}",
    "{{ joiner.__init__ }}",
    "{{\nx\n.\n__class__\n}}",
    "{% call x.__class__() %}{% endcall %}",
    "{{ x.ｆｏｏ }}",
    "{% set n %}_{# #}_class_{# #}_{% endset %}{{ x[n] }}",
    "{% set n %}__class__{% endset %}{% set k = n %}{{ x[k] }}",
    "{% macro n() %}__class__{% endmacro %}{{ x[n()] }}",
    "{% macro n() %}__class__{% endmacro %}{% set k = n() %}{{ x[k] }}",
    "{% macro get(k) %}{{ x[k] }}{% endmacro %}{{ get('_c' ~ 'lass_') }}",
    "{% macro get(k) %}{{ x[k] }}{% endmacro %}{% set n = 'x_'.replace('x', 'y') %}{{ get(n) }}",
    "{% macro popen() %}{% endmacro %}{{ x.popen('id') }}",
    "{% with a = 'x', b = a ~ 'y' %}{{ x[b] }}{% endwith %}",
    "{% set p = 'a,b'.split(',') %}{% set n = p | join %}{{ x[n] }}",
    "{% set p = 'a,b'.split(',') %}{{ x[p[0] + p[1]] }}",
    "{% set n = 'xaclassxa'.replace('xa', u) %}{{ x[n] }}",
    "{{ [x] | map('attr', n) | list }}",
    "{{ [x] | map(attribute='a' ~ 'b') | list }}",
    "{% set n = 'a' ~ 'b' %}{{ [x] | groupby(n) }}",
    "{{ x['a' 'b'] }}",
    "{% filter attr('x') %}y{% endfilter %}",
    "{{ (x | map('upper')).gi_frame.f_globals }}",
    "{% set e = x.gi_frame.f_builtins.eval %}",
    "{{ 1.__class__.__base__.__subclasses__() }}",
    "{{ 1.5.__class__ }}",
    "{{ 0x1.__class__ }}",
    "{{ 1_0e2.__class__ }}",
    "{{ {'a': {'b': 1}}['a'].__class__ }}",
    "{{ y if x else {'a': {}}.__class__ }}",
    "{% set ns = namespace(n='ab'[0] ~ 'x') %}{{ x[ns.n] }}",
    "{% set q = dict(n='a' ~ 'b') %}{{ x[q.n] }}",
    "{% set q = {'n': 'a' ~ 'b'} %}{% set k = q.n %}{{ x[k] }}",
    "{% set ns = namespace(n=bos_token) %}{{ x[ns.n] }}",
    "{% do messages.append('a' ~ 'b') %}{{ x[messages[0]] }}",
    "{% set l = [] %}{% set _ = l.append('a' ~ 'b') %}{% for k in l %}{{ x[k] }}{% endfor %}",
    "{{ x['a_1_1c1l1a1s1s1_1_'[1::2]] }}",
    "{% set t = 'a_1_1c1l1a1s1s1_1_'[1::2] %}{{ x[t] }}",
    "{{ x[strftime_now('-_%Z_class')] }}",
    "{{ x['gi_frame'] }}",
    "{{ x['xgi_framex'[1:9]] }}",
    "{{ x['mro'] }}",
    "{% macro f() %}{% endmacro %}{{ f['_environment'] }}",
    "{{ x | map(attribute='func_globals') | list }}",
    "{{ 4[bos_token] }}",
    "{{ {1: 2}[bos_token] }}",
    "{% set n %}__class__{% endset %}{% filter groupby(n) %}{% endfilter %}",
    "{{ x['emarf_ig'[::-1]] }}",
    "{% for k in ['a' ~ 'b', 'c'] %}{{ x[loop.previtem] }}{% endfor %}",
    "{{ x._y }}",
    "{{ _x() }}",
    "{{ ''[bos_token][eos_token] }}",
    "{% set k = pad_token %}{{ x[k] }}",
    "{{ [x] | map(attribute=additional_special_tokens[0]) | list }}",
]


@pytest.mark.parametrize("name", GOOD)
def test_templates_that_only_write_text(name: str) -> None:
    assert dangers(GOOD[name]) == []


@pytest.mark.parametrize("template", BAD)
def test_templates_that_reach_further(template: str) -> None:
    assert dangers(template)
    assert dangers("Hello {{ name }}" + template)


def test_templates_are_found_where_they_are_kept() -> None:
    bad = BAD[0]
    assert quick(json.dumps({"chat_template": bad}).encode(), "tokenizer_config.json") == {"template-danger"}
    named = {
        "chat_template": [{"name": "default", "template": GOOD["chatml"]}, {"name": "x", "template": bad}]
    }
    assert quick(json.dumps(named).encode(), "tokenizer_config.json") == {"template-danger"}
    assert quick(bad.encode(), "chat_template.jinja") == {"template-danger"}
    assert quick(json.dumps({"chat_template": GOOD["tools"]}).encode(), "chat_template.json") == set()
    assert quick(json.dumps({"a": [{"chat_template": bad}]}).encode(), "config.json") == {"template-danger"}
    assert quick(f'chat_template: "{bad}"\n'.encode(), "config.yaml") == {"template-danger"}
    assert quick(b"job: ${{ inputs.name }}\nsteps: {% x %}\n", "workflow.yaml") == set()


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="{}%#'\"[]()|.~_+- \nabxset", max_size=60))
def test_any_template_is_judged(template: str) -> None:
    assert isinstance(dangers(template), list)


CONFIGS: dict[str, tuple[str, str, str]] = {
    "auto_map": ("config.json", '{"auto_map": {"AutoModel": "modeling.X"}}', "remote-code"),
    "auto_map deep inside": (
        "config.json",
        '{"a": [{"b": {"auto_map": {"AutoModel": "x--m.X"}}}]}',
        "remote-code",
    ),
    "auto_map of a tokenizer": ("tokenizer_config.json", '{"auto_map": ["t.T", null]}', "remote-code"),
    "trust_remote_code": ("generation_config.json", '{"trust_remote_code": true}', "remote-code"),
    "hydra": ("config.json", '{"model": {"_target_": "os.system"}}', "remote-code"),
    "a part of a pipeline from elsewhere": ("model_index.json", '{"unet": ["evil", "Unet"]}', "remote-code"),
    "a pipeline of its own": ("model_index.json", '{"_class_name": ["pipeline", "Mine"]}', "remote-code"),
    "an adapter's parent": (
        "adapter_config.json",
        '{"auto_mapping": {"base_model_class": "X", "parent_library": "evil"}}',
        "remote-code",
    ),
    "sentence-transformers": ("modules.json", '[{"idx": 0, "type": "os.system"}]', "remote-code"),
    "sentence-transformers, its own": ("modules.json", '[{"type": "custom_st.Transformer"}]', "remote-code"),
    "a router of sentence-transformers": (
        "router_config.json",
        '{"types": {"q": "os.system"}}',
        "remote-code",
    ),
    "a key twice": ("config.json", '{"a": 1, "a": 2}', "json-duplicate"),
    "nesting": ("config.json", "[" * 5000 + "]" * 5000, "too-deep"),
    "no JSON": ("config.json", "{", "unreadable-structure"),
    "python in YAML": ("config.yaml", "x: !!python/object/apply:os.system [id]", "yaml-tag"),
    "the tag in full": ("config.yaml", "x: !<tag:yaml.org,2002:python/name:os.system>", "yaml-tag"),
    "the tag renamed": ("config.yaml", "%TAG !p! tag:yaml.org,2002:\n---\nx: !p!y", "yaml-tag"),
    "hydra behind an escape": ("config.yaml", 'm: {"_target\\u005f": os.system}', "yaml-tag"),
    "hydra behind a line that goes on": ("config.yaml", '? "_tar\\\n  get_"\n: os.system', "yaml-tag"),
    "hydra behind an alias": ("config.yaml", "- &a _target_\n- {*a : os.system}", "yaml-tag"),
    "hydra in YAML": ("model_config.yaml", "model:\n  _target_: os.system", "yaml-tag"),
    "a script": ("handler.py", "x = 1", "code"),
    "a script without a suffix": ("run", "#!/bin/sh\nid", "code"),
    "a script called text": ("readme.txt", "#!/bin/sh\nid", "code"),
    "a notebook": ("x.ipynb", "{}", "code"),
    "a page": ("readme.md", "<script>alert(1)</script>", "code"),
    "a library": ("x.bin", "\x7fELF", "not-a-pickle"),
    "a library by content": ("weights", "\x7fELF\x02\x01\x01", "code"),
    "something else": ("model.pmml", "<PMML/>", "unknown-format"),
    "binary called text": ("vocab.txt", "a\0b", "unknown-format"),
    "binary far behind text": ("vocab.txt", "a\n" * 9000 + "\x01", "unknown-format"),
    "binary behind a template": ("x.jinja", "hello" + "\x03", "unknown-format"),
    "a compressed file of no known kind": ("x.rds", "\x1f\x8b\x08\x00", "archive-malformed"),
}


INDEXES = ("pytorch_model.bin.index.json", "model.safetensors.index.json", "any.json")
OUTSIDE = (
    "../../x.bin",
    "/tmp/evil.bin",
    "a/../../x",
    "..",
    "C:\\\\x",
    "\\\\\\\\host\\\\x",
    "https://x/y",
    "~/x",
    "a\\u0000b",
    "",
)


@pytest.mark.parametrize("path", OUTSIDE)
def test_what_a_configuration_names_lies_in_its_folder(path: str) -> None:
    for name in INDEXES:
        assert quick(f'{{"weight_map": {{"w": "x.bin", "v": "{path}"}}}}'.encode(), name) == {"config-path"}
    if path:
        for name, document in (
            ("tokenizer_config.json", f'{{"vocab_file": "{path}"}}'),
            ("deep.json", f'{{"a": [{{"model_file": "{path}"}}]}}'),
            ("adapter_config.json", f'{{"corda_config": {{"cache_file": "{path}"}}}}'),
            ("modules.json", f'[{{"path": "{path}", "type": "sentence_transformers.models.Pooling"}}]'),
            ("model_index.json", f'{{"{path}": ["diffusers", "UNet2DConditionModel"]}}'),
        ):
            assert quick(document.encode(), name) == {"config-path"}, name


def test_paths_of_other_types_are_refused_and_inner_ones_are_not() -> None:
    assert quick(b'{"weight_map": {"w": ["../x"]}}', "x.index.json") == {"config-path"}
    assert quick(b'[{"path": 1, "type": "sentence_transformers.models.Pooling"}]', "modules.json") == {
        "config-path"
    }
    for name, document in (
        ("x.index.json", '{"metadata": {}, "weight_map": {"w": "a-00001-of-00002.bin", "v": "sub/..x.bin"}}'),
        ("tokenizer_config.json", '{"vocab_file": null, "tokenizer_file": "", "merges_file": "merges.txt"}'),
        ("tokenizer_config.json", '{"special_tokens_map_file": "/root/.cache/x", "name_or_path": "/a/b"}'),
        ("modules.json", '[{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]'),
        ("config.json", '{"weight_map": [1]}'),
        ("router_config.json", '{"types": {"q": "sentence_transformers.models.Dense"}, "structure": {}}'),
    ):
        assert quick(document.encode(), name) == set(), document


@pytest.mark.parametrize("name", CONFIGS)
def test_configurations_and_neighbours(name: str) -> None:
    file, content, rule = CONFIGS[name]
    assert quick(content.encode("latin-1"), file) == {rule}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (
            "config.json",
            '{"model_type": "bert", "auto_map": null, "trust_remote_code": false, "x": Infinity}',
        ),
        ("modules.json", '[{"idx": 0, "type": "sentence_transformers.models.Transformer"}]'),
        (
            "model_index.json",
            '{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],'
            ' "safety_checker": [null, null], "text_encoder": ["transformers", "CLIPTextModel"]}',
        ),
        ("adapter_config.json", '{"auto_mapping": null, "base_model_name_or_path": "x"}'),
        (
            "adapter_config.json",
            '{"auto_mapping": {"parent_library": "transformers.models.bert.modeling_bert"}}',
        ),
        ("config.yaml", "a: 1\nb: [x, y]\n"),
        ("vocab.txt", "a\nb\n"),
        ("merges.txt", "#version: 0.2\na b\n"),
        ("README.md", "# Model\n\nSee `auto_map`.\n"),
        ("LICENSE", "Apache"),
        ("NOTICE.txt", "copyright\nnotice\n(c) 2026 Acme\nof the\n"),
        ("poem.txt", "(in the\nbeginning\n.\n"),
        ("data.jsonl", '{"a": 1}\n'),
        ("x.csv", "a,b\n1,2\n"),
    ],
)
def test_plain_neighbours_are_safe(file: str, content: str) -> None:
    assert quick(content.encode("latin-1"), file) == set()


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


@settings(max_examples=150, deadline=None)
@given(JSON, st.sampled_from(["config.json", "modules.json", "tokenizer_config.json"]))
def test_any_json_gets_a_verdict(document: Any, name: str) -> None:
    assert "examiner-failed" not in quick(
        json.dumps({"class_name": document, "config": document}).encode(), name
    )
