from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from govkernel.domain import AcceptedStatement, Artifact, ArtifactKind, Digest, RejectedStatement, Signer
from govkernel.domain.manifest import MANIFEST_KINDS
from govkernel.domain.predicates import APPROVAL, MODEL_CARD, OMS_SIGNATURE, PII_SCAN, SIGNATURE
from govkernel.errors import ConfigError
from govkernel.hookspecs import Bundle, VerifiedStatement
from govkernel.provenance import (
    KeyVerifier,
    LocalKey,
    TrustPolicy,
    attest,
    sign_artifact,
    trust_policy_schema,
    verify_path,
)
from govkernel.provenance.globs import matches
from tests.provenance.conftest import NOW, policy
from tests.simulators.lying_signer import signed, statement

HEX = "ab" * 32
MODEL = Artifact(kind=ArtifactKind.MODEL, name="mlflow://models/minilm/1", digest=Digest.sha256(HEX))
CARD = {"license": "MIT", "riskClass": "minimal", "intendedUse": "Greeting."}
FOLDERS = {*MANIFEST_KINDS, ArtifactKind.DATASET}
APPROVE = {"approver": "dana", "role": "risk-officer", "decision": "approve"}


def verified(trust: TrustPolicy, content: bytes, artifact: Artifact = MODEL) -> VerifiedStatement:
    outcome = KeyVerifier(trust.keys).verify(Bundle(content=content, source="test"), artifact, NOW)
    assert isinstance(outcome, VerifiedStatement), outcome
    return outcome


def say(
    trust: TrustPolicy,
    key: LocalKey,
    kind: str = "model-card",
    predicate: object = None,
    artifact: Artifact = MODEL,
) -> AcceptedStatement | RejectedStatement:
    content = attest(artifact, kind, CARD if predicate is None else predicate, key)  # type: ignore[arg-type]
    return trust.judge(verified(trust, content, artifact), artifact, NOW)


def code(outcome: AcceptedStatement | RejectedStatement) -> str:
    if isinstance(outcome, RejectedStatement):
        assert outcome.why
        assert outcome.remedy
        return outcome.code.removeprefix("provenance.")
    return "accepted"


REFUSALS = {
    "accepted": "rules: [{signers: [a], may: [model-card]}]",
    "signer-not-trusted": "rules: [{signers: [b], may: [model-card]}]",
    "predicate-not-allowed": "rules: [{signers: [a], may: [approval]}]",
    "kind-not-allowed": "rules: [{signers: [a], may: [model-card], about: {kinds: [prompt]}}]",
    "name-not-allowed": 'rules: [{signers: [a], may: [model-card], about: {names: ["mlflow://models/other/*"]}}]',
    "rule-not-yet-valid": "rules: [{signers: [a], may: [model-card], from: 2027-01-01T00:00:00Z}]",
    "rule-expired": "rules: [{signers: [a], may: [model-card], until: 2026-01-01T00:00:00Z}]",
    "revoked": f"rules: [{{signers: [a], may: [model-card]}}]\nrevoked: {{digests: ['sha256:{HEX}']}}",
}


@pytest.mark.parametrize("expected", REFUSALS)
def test_each_refusal_has_its_code(expected: str, key: LocalKey, stranger: LocalKey) -> None:
    assert code(say(policy(REFUSALS[expected], a=key, b=stranger), key)) == expected


def test_of_several_rules_one_that_allows_is_enough(key: LocalKey) -> None:
    rules = "rules:\n" + "".join(
        f"- {text.removeprefix('rules: [').removesuffix(']')}\n"
        for name, text in REFUSALS.items()
        if name not in {"revoked", "signer-not-trusted"}
    )
    assert code(say(policy(rules, a=key), key)) == "accepted"


def test_the_refusal_that_got_furthest_is_told(key: LocalKey) -> None:
    rules = "rules: [{signers: [a], may: [model-card], about: {kinds: [prompt]}}, {signers: [a], may: [approval]}]"
    assert code(say(policy(rules, a=key), key)) == "kind-not-allowed"


def with_window(key: LocalKey, window: str) -> TrustPolicy:
    pem = "".join(f"\n      {line}" for line in key.public_key_pem().decode().splitlines())
    head = f"version: 1\nkeys:\n  - name: a\n    publicKey: |{pem}\n    {window}\n"
    return TrustPolicy.parse(
        f"{head}rules: [{{signers: [a], may: ['*'], until: 2026-12-01T00:00:00Z}}]".encode()
    )


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("notAfter: 2026-06-01T11:59:59Z", "key-expired"),
        ("notAfter: 2026-06-01T12:00:00Z", "key-expired"),
        ("notAfter: 2026-06-01T12:00:01Z", "accepted"),
        ("notAfter: 2026-06-01T14:00:00+02:00", "key-expired"),
        ("notBefore: 2026-06-01T12:00:00Z", "accepted"),
        ("notBefore: 2026-06-01T12:00:01Z", "key-not-yet-valid"),
    ],
)
def test_keys_have_a_time(window: str, expected: str, key: LocalKey) -> None:
    assert code(say(with_window(key, window), key)) == expected


@pytest.mark.parametrize(
    ("window", "until"),
    [
        ("notAfter: 2026-07-01T00:00:00Z", datetime(2026, 7, 1, tzinfo=UTC)),
        ("notAfter: 2027-07-01T00:00:00Z", datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_acceptance_lapses_with_key_or_rule(window: str, until: datetime, key: LocalKey) -> None:
    outcome = say(with_window(key, window), key)
    assert isinstance(outcome, AcceptedStatement)
    assert outcome.valid_until == until


def test_acceptance_holds_as_long_as_any_rule(key: LocalKey) -> None:
    rules = "rules: [{signers: [a], may: ['*'], until: 2027-01-01T00:00:00Z}, {signers: [a], may: ['*']}]"
    outcome = say(policy(rules, a=key), key)
    assert isinstance(outcome, AcceptedStatement)
    assert outcome.valid_until is None


@pytest.mark.parametrize(
    ("until", "lapses"), [("2026-06-02T00:00:00Z", True), ("2026-01-01T00:00:00Z", False)]
)
def test_an_approval_lapses_and_a_lapsed_one_is_for_policy_to_see(
    until: str, lapses: bool, key: LocalKey
) -> None:
    trust = policy("rules: [{signers: [a], may: [approval]}]", a=key)
    outcome = say(trust, key, "approval", {**APPROVE, "validUntil": until})
    assert isinstance(outcome, AcceptedStatement)
    assert outcome.valid_until == (datetime.fromisoformat(until) if lapses else None)


def test_revoked_keys_and_statements(key: LocalKey) -> None:
    rules = "rules: [{signers: [a], may: ['*']}]\n"
    for entry in ("a", key.key_id, "{key: a, reason: stolen}"):
        outcome = say(policy(f"{rules}revoked: {{keys: [{entry}]}}", a=key), key)
        assert code(outcome) == "revoked"
    assert isinstance(outcome, RejectedStatement)
    assert "stolen" in outcome.why
    plain = policy(rules, a=key)
    one = verified(plain, attest(MODEL, "model-card", CARD, key))
    revoking = policy(f"{rules}revoked: {{digests: ['{one.statement.digest}']}}", a=key)
    assert code(revoking.judge(one, MODEL, NOW)) == "revoked"


def test_unknown_types_must_be_written_out(key: LocalKey) -> None:
    kind = "https://example.com/mood/v1"
    for may, expected in {
        '"*"': "predicate-unknown",
        '"https://example.com/*"': "predicate-unknown",
        f'"{kind}"': "accepted",
    }.items():
        assert code(say(policy(f"rules: [{{signers: [a], may: [{may}]}}]", a=key), key, kind, {})) == expected


@pytest.mark.parametrize(
    ("may", "kind", "expected"),
    [
        ("signature", OMS_SIGNATURE, True),
        ("signature", SIGNATURE, True),
        (SIGNATURE, OMS_SIGNATURE, False),
        ("https://govkernel.dev/attestations/*", PII_SCAN, True),
        ("https://govkernel.dev/attestations/*", OMS_SIGNATURE, False),
        ("*", OMS_SIGNATURE, True),
        ("approval", APPROVAL, True),
        ("approval", MODEL_CARD, False),
    ],
)
def test_short_names_uris_and_patterns(may: str, kind: str, expected: bool) -> None:
    from govkernel.provenance.rules import may_say

    assert may_say([may], kind) is expected


def test_a_known_type_is_held_to_its_schema(key: LocalKey) -> None:
    trust = policy("rules: [{signers: [a], may: ['*']}]", a=key)
    bad = verified(trust, signed(statement(HEX, MODEL_CARD, {"license": "MIT"}), key))
    assert code(trust.judge(bad, MODEL, NOW)) == "predicate-invalid"


def test_a_signature_counts_for_the_kind_it_names(key: LocalKey) -> None:
    trust = policy("rules: [{signers: [a], may: ['*']}]", a=key)
    as_data = verified(trust, signed(statement(HEX, SIGNATURE, {"kind": "dataset"}), key))
    assert code(trust.judge(as_data, MODEL, NOW)) == "kind-mismatch"


def test_a_model_signature_counts_for_nothing_but_what_is_signed_as_models_are(
    key: LocalKey, model: Path
) -> None:
    trust = policy("rules: [{signers: [a], may: ['*']}]", a=key)
    made = sign_artifact(model, ArtifactKind.MODEL, key)
    expected = dict.fromkeys(ArtifactKind, "kind-mismatch") | dict.fromkeys(MANIFEST_KINDS, "accepted")
    for kind, verdict in expected.items():
        artifact = made.artifact.model_copy(update={"kind": kind})
        judged = trust.judge(verified(trust, made.bundles[0].content, artifact), artifact, NOW)
        assert (kind, code(judged)) == (kind, verdict)
        outcome = (
            verify_path(model, made.bundles[0].content, trust, kind, now=NOW) if kind in FOLDERS else None
        )
        assert isinstance(outcome, RejectedStatement) is (kind is ArtifactKind.DATASET)


def test_scope_is_held_against_the_name_it_was_asked_for_by(key: LocalKey, prompt: Path) -> None:
    """Nobody widens their scope by choosing the names in their own statements."""
    trust = policy(
        'rules: [{signers: [a], may: ["*"], about: {names: ["mlflow://models/mine/*", "greeting*"]}}]', a=key
    )
    mine = attest(MODEL, "model-card", CARD, key, names=["mlflow://models/mine/1"])
    assert code(trust.judge(verified(trust, mine), MODEL, NOW)) == "name-not-allowed"
    named = MODEL.model_copy(update={"name": "mlflow://models/mine/1"})
    assert code(trust.judge(verified(trust, mine), named, NOW)) == "accepted"
    local = MODEL.model_copy(update={"name": "file:/tmp/x"})
    assert code(trust.judge(verified(trust, mine), local, NOW)) == "accepted"
    for name, expected in {"greeting.yaml": "accepted", "farewell.yaml": "name-not-allowed"}.items():
        path = prompt.rename(prompt.with_name(name))
        made = sign_artifact(path, ArtifactKind.PROMPT, key)
        outcome = trust.judge(verified(trust, made.bundles[0].content, made.artifact), made.artifact, NOW)
        assert code(outcome) == expected
        path.rename(prompt)


def test_a_statement_another_verifier_let_through_is_checked_again(key: LocalKey, stranger: LocalKey) -> None:
    trust = policy("rules: [{signers: [a], may: ['*']}]", a=key)
    honest = verified(trust, attest(MODEL, "model-card", CARD, key))
    other = MODEL.model_copy(update={"digest": Digest.sha256("00" * 32)})
    assert code(trust.judge(honest, other, NOW)) == "subject-mismatch"
    weak = other.model_copy(update={"aliases": (Digest.sha256(HEX),)})
    assert code(trust.judge(honest, weak, NOW)) == "weak-subject"
    for signer in (
        Signer(name="a", key_id=stranger.key_id),
        Signer(name="a"),
        Signer(name="a", identity="a@b.c"),
    ):
        claimed = honest.model_copy(update={"signers": (signer,)})
        assert code(trust.judge(claimed, MODEL, NOW)) == "signer-not-trusted"


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))
def test_what_is_accepted_lapses_in_the_future(moment: datetime) -> None:
    outcome = POLICY.judge(STATEMENT, MODEL, moment)
    assert isinstance(outcome, AcceptedStatement) == (START <= moment < END)
    if isinstance(outcome, AcceptedStatement):
        assert outcome.valid_until is not None
        assert outcome.valid_until > moment


START, END = NOW - timedelta(days=30), NOW + timedelta(days=30)
_KEY = LocalKey.generate()
POLICY = policy(
    f"rules: [{{signers: [a], may: ['*'], from: {START.isoformat()}, until: {END.isoformat()}}}]", a=_KEY
)
STATEMENT = verified(
    POLICY, attest(MODEL, "approval", {**APPROVE, "validUntil": "2026-06-15T00:00:00Z"}, _KEY)
)


def test_the_digest_is_of_the_meaning(tmp_path: Path, key: LocalKey, stranger: LocalKey) -> None:
    public = key.write(tmp_path / "a.key")
    text = "keys: [{name: a, publicKey: %s}]\nversion: 1\nrules: [{signers: [a], may: [approval]}]\n"
    (tmp_path / "trust.yaml").write_text(text % public.name)
    loaded = TrustPolicy.load(tmp_path / "trust.yaml")
    inline = policy("rules:\n  - may: [approval]\n    signers: [a]", a=key)
    assert loaded.digest == inline.digest
    assert loaded.keys[0].name == "a"
    for other in (
        policy("rules: [{signers: [a], may: [approval]}]", a=stranger),
        policy("rules: [{signers: [a], may: [pii-scan]}]", a=key),
        policy("rules: []", a=key),
    ):
        assert other.digest != loaded.digest


PEM = LocalKey.generate().public_key_pem().decode().replace("\n", "\\n")
BAD = {
    "no version": ("keys: []", "version"),
    "version 2": ("version: 2", "line 1: version"),
    "a list": ("- 1", "line 1"),
    "empty": ("", "line 1"),
    "not YAML": ("version: [", "line"),
    "duplicate key": ("version: 1\nversion: 1", "line 2"),
    "alias": ("version: 1\nkeys: &a []\nrules: *a", "line 3"),
    "unknown field": ("version: 1\nrools: []", "line 2: rools"),
    "time without zone": (
        f'version: 1\nkeys:\n- name: a\n  publicKey: "{PEM}"\n  notAfter: 2026-01-01T00:00:00',
        "line 5",
    ),
    "a date": (f'version: 1\nkeys:\n- name: a\n  publicKey: "{PEM}"\n  notAfter: 2026-01-01', "line 5"),
    "a date as a number, which pydantic takes for a moment in 1970": (
        f'version: 1\nkeys:\n- name: a\n  publicKey: "{PEM}"\n  notBefore: 20270101',
        "line 5",
    ),
    "a moment as a number, which pydantic takes for one in 2612": (
        f'version: 1\nkeys:\n- name: a\n  publicKey: "{PEM}"\n  notAfter: "20270101000000"',
        "line 5",
    ),
    "a name like a key id": (
        f'version: 1\nkeys: [{{name: {"ab" * 32}, publicKey: "{PEM}"}}]',
        "looks like a key id",
    ),
    "unknown signer": ("version: 1\nrules: [{signers: [bob], may: [approval]}]", "bob"),
    "unknown type": (
        f'version: 1\nkeys: [{{name: a, publicKey: "{PEM}"}}]\nrules: [{{signers: [a], may: [aproval]}}]',
        "aproval",
    ),
    "unknown kind": (
        "version: 1\nkeys: []\nrules:\n- signers: [a]\n  may: [approval]\n  about: {kinds: [poem]}",
        "line 6",
    ),
    "no signers": ("version: 1\nrules: [{signers: [], may: [approval]}]", "line 2"),
    "same name": (
        f'version: 1\nkeys: [{{name: a, publicKey: "{PEM}"}}, {{name: a, publicKey: x}}]',
        "'a' stands twice",
    ),
    "same key": (
        f'version: 1\nkeys: [{{name: a, publicKey: "{PEM}"}}, {{name: b, publicKey: "{PEM}"}}]',
        "same content",
    ),
    "bad digest": ("version: 1\nrevoked: {digests: ['sha256:00']}", "line 2: revoked.digests.0"),
    "unknown revoked key": ("version: 1\nrevoked: {keys: [release]}", "'release'"),
    "field by its name in Python": (
        "version: 1\nrules: [{signers: [a], may: [approval], from_: x}]",
        "from_",
    ),
    "too large": ("version: 1\n#" + "x" * 1_100_000, "bytes"),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_policies_name_the_place(bad: str) -> None:
    text, why = BAD[bad]
    with pytest.raises(ConfigError) as caught:
        TrustPolicy.parse(text.encode(), source="trust.yaml")
    assert caught.value.code == "trust.malformed"
    assert why in caught.value.why
    assert "trust.yaml" in caught.value.what
    assert caught.value.remedy


def test_a_policy_of_keys_alone(key: LocalKey, stranger: LocalKey) -> None:
    trust = TrustPolicy.from_keys({"a": key.public_key_pem(), "b": stranger.public_key_pem()})
    assert code(say(trust, key)) == "accepted"
    assert code(say(trust, key, "https://example.com/mood/v1", {})) == "predicate-unknown"
    assert TrustPolicy.from_keys({}).keys == ()
    for pems, problem in (
        ({"a": b"/etc/hostname"}, "key.malformed"),
        ({"a": key.public_key_pem(), "b": key.public_key_pem()}, "trust.malformed"),
        ({"a b": key.public_key_pem()}, "trust.malformed"),
    ):
        with pytest.raises(ConfigError) as caught:
            TrustPolicy.from_keys(pems)
        assert caught.value.code == problem


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        TrustPolicy.load(tmp_path / "trust.yaml")
    assert caught.value.code == "trust.unreadable"
    (tmp_path / "trust.yaml").write_text("version: 1\nkeys: [{name: a, publicKey: a.pub}]")
    with pytest.raises(ConfigError) as caught:
        TrustPolicy.load(tmp_path / "trust.yaml")
    assert caught.value.code == "key.unreadable"


@given(st.binary(max_size=120))
def test_arbitrary_policies_raise_only_config_errors(content: bytes) -> None:
    for text in (content, b"version: 1\nkeys: " + content):
        try:
            TrustPolicy.parse(text)
        except ConfigError as error:
            assert error.remedy


def test_the_schema_takes_what_the_loader_takes() -> None:
    schema = trust_policy_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    good = {
        "version": 1,
        "keys": [{"name": "a", "publicKey": "a.pub"}],
        "rules": [{"signers": ["a"], "may": ["*"]}],
    }
    assert validator.is_valid(good)
    assert not validator.is_valid({**good, "rools": []})
    assert not validator.is_valid({**good, "version": 2})


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "", True),
        ("*", "a/b\nc", True),
        ("a*", "ab", True),
        ("a*", "ba", False),
        ("*.safetensors", "a.safetensors", True),
        ("*.safetensors", "a.safetensors.py", False),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("a*a", "a", False),
        ("a.c", "abc", False),
        ("[a]", "a", False),
        ("**", "x", True),
    ],
)
def test_patterns(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_patterns_are_those_of_fnmatch(pattern: str, text: str) -> None:
    from fnmatch import fnmatchcase

    assert matches(pattern, text) == fnmatchcase(text, pattern)
