"""Gathering evidence: what is cached, for how long and for whom, and that every fault is a denial of its own."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkernel import gather
from govkernel.domain import (
    AcceptedStatement,
    Artifact,
    ArtifactRef,
    Digest,
    RejectedStatement,
    Signer,
    Statement,
    Subject,
)
from govkernel.domain.request import MAX_ARTIFACTS
from govkernel.errors import GovkernelError, PluginError
from govkernel.gather import CACHE_TTL, MAX_BUNDLES, EvidenceGatherer, Gathered
from govkernel.hookspecs import Bundle, VerifiedStatement, hookimpl
from govkernel.plugins import PluginHost
from tests.simulators.faulty_plugin import FaultyPlugin, raising, returning

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PREDICATE = "https://example.com/p"


def digest_of(name: str) -> Digest:
    return Digest.sha256(hashlib.sha256(name.encode()).hexdigest())


def ref(number: int = 0, scheme: str = "mlflow") -> ArtifactRef:
    return ArtifactRef(uri=f"{scheme}://models/m{number}/1", kind="model")


class Registry:
    """Knows every name, has ``bundles`` about each, and trusts whom it is told to; counts what it is asked."""

    schemes = frozenset({"mlflow", "file"})
    name = "registry"
    digest = digest_of("trust policy")

    def __init__(self, bundles: int = 1) -> None:
        self.bundles = bundles
        self.resolved: list[str] = []
        self.revoked: set[str] = set()
        self.until: datetime | None = None
        self.known: Callable[[ArtifactRef], bool] = lambda _: True

    @hookimpl
    def govkernel_reference_resolvers(self) -> list[Any]:
        return [self]

    @hookimpl
    def govkernel_attestation_sources(self) -> list[Any]:
        return [self]

    @hookimpl
    def govkernel_evidence_verifiers(self) -> list[Any]:
        return [self]

    def resolve(self, ref: ArtifactRef) -> Artifact | None:
        self.resolved.append(ref.uri)
        if not self.known(ref):
            return None
        return Artifact(kind=ref.kind, name=ref.uri, digest=digest_of(ref.uri))

    def find(self, artifact: Artifact) -> Sequence[Bundle]:
        return [Bundle(content=f"{artifact.digest} {n}".encode(), source="r") for n in range(self.bundles)]

    def verify(self, bundle: Bundle, artifact: Artifact, now: datetime) -> VerifiedStatement:
        said = bundle.content.decode().split()[0]
        statement = Statement(
            subjects=(Subject(digests=(Digest.parse(said),)),),
            predicate_type=PREDICATE,
            digest=digest_of(bundle.content.decode()),
        )
        return VerifiedStatement(statement=statement, signers=(Signer(name="release"),), formats=("gguf",))

    def judge(
        self, verified: VerifiedStatement, artifact: Artifact, now: datetime
    ) -> AcceptedStatement | RejectedStatement:
        if verified.signers[0].name in self.revoked:
            return RejectedStatement(code="provenance.signer-not-trusted", why="Revoked.")
        return AcceptedStatement(
            statement=verified.statement, signers=verified.signers, valid_until=self.until
        )

    def settle(
        self, accepted: Sequence[AcceptedStatement], artifact: Artifact, now: datetime
    ) -> tuple[tuple[AcceptedStatement, ...], tuple[RejectedStatement, ...]]:
        return tuple(accepted), ()

    def revocation(self, artifact: Artifact) -> RejectedStatement | None:
        return None


def built(
    registry: Registry, *plugins: object, ttl: timedelta = CACHE_TTL, builtin: bool = True
) -> EvidenceGatherer:
    host = PluginHost(deadline=30)
    host.register("registry", registry, builtin=builtin)
    for number, plugin in enumerate(plugins):
        host.register(f"stranger-{number}", plugin)
    return EvidenceGatherer(host, registry, ttl=ttl)


def gathered(gatherer: EvidenceGatherer, *refs: ArtifactRef, at: float = 0) -> tuple[Gathered, ...]:
    return asyncio.run(gatherer.gather(refs, NOW + timedelta(seconds=at)))


# Each artifact gets its own evidence

STEPS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 5), max_size=6),
        st.sampled_from([0, 1, 29.999, 30, 31, -40]),
        st.booleans(),
    ),
    max_size=6,
)


@given(STEPS)
def test_nobody_ever_gets_the_evidence_of_another_artifact(
    steps: list[tuple[list[int], float, bool]],
) -> None:
    gatherer, at = built(Registry()), 0.0
    for numbers, passed, forget in steps:
        at += passed
        refs = [ref(number) for number in numbers]
        found = gathered(gatherer, *refs, at=at)
        assert [item.judged.artifact.name for item in found] == [item.uri for item in refs]
        for item in found:
            assert item.judged.artifact.digest == digest_of(item.judged.artifact.name)
            assert item.judged.evidence.subject == item.judged.artifact.digest
            subjects = {one.statement.subjects[0].digests[0] for one in item.judged.evidence.accepted}
            assert subjects == {item.judged.artifact.digest}
        if forget:
            gatherer.forget(refs)


@given(st.sampled_from([0, 1, 10, 30]), st.floats(-100, 100), st.floats(-100, 100) | st.none())
def test_what_is_cached_is_used_from_its_moment_until_it_lapses(
    ttl: int, later: float, until: float | None
) -> None:
    registry = Registry()
    registry.until = None if until is None else NOW + timedelta(seconds=until)
    gatherer = built(registry, ttl=timedelta(seconds=ttl))
    gathered(gatherer, ref())
    gathered(gatherer, ref(), at=later)
    at = timedelta(seconds=later)
    lapsed = registry.until is not None and NOW + at >= registry.until
    fresh = timedelta(0) <= at < timedelta(seconds=ttl) and not lapsed
    assert len(registry.resolved) == (1 if fresh else 2)


def test_the_same_evidence_has_the_same_digest_and_other_evidence_another() -> None:
    first, other = gathered(built(Registry()), ref(0), ref(1))
    assert gathered(built(Registry()), ref(0))[0].digest == first.digest
    assert len({first.digest, other.digest, gathered(built(Registry(2)), ref(0))[0].digest}) == 3


def test_evidence_says_when_the_first_of_it_lapses() -> None:
    registry = Registry(3)
    moments = iter([NOW + timedelta(days=3), NOW + timedelta(days=1), None])
    judge = registry.judge

    def judged(*args: Any) -> Any:
        registry.until = next(moments)
        return judge(*args)

    registry.judge = judged  # type: ignore[method-assign]
    (found,) = gathered(built(registry), ref())
    assert found.judged.evidence.valid_until == NOW + timedelta(days=1)


def test_formats_of_accepted_signatures_count_and_those_of_rejected_ones_do_not() -> None:
    registry = Registry()
    assert gathered(built(registry), ref())[0].judged.artifact.formats == ("gguf",)
    registry.revoked = {"release"}
    assert gathered(built(registry), ref())[0].judged.artifact.formats == ()


class Teller:
    """Resolves every name to the digest that :class:`Registry` gives it, with formats."""

    schemes = frozenset({"*"})

    def __init__(self, *formats: str, observed: bool = False) -> None:
        self.told: dict[str, Any] = {"formats": formats, "observed": observed}

    @hookimpl
    def govkernel_reference_resolvers(self) -> list[Any]:
        return [self]

    def resolve(self, ref: ArtifactRef) -> Artifact:
        return Artifact(kind=ref.kind, name=ref.uri, digest=digest_of(ref.uri), **self.told)


@pytest.mark.parametrize(
    ("tellers", "formats"),
    [
        ([Teller()], ()),
        ([Teller("pickle", "json")], ("json", "pickle")),
        ([Teller("json"), Teller(), Teller("pickle")], ("json", "pickle")),
        ([Teller("pickle"), Teller("gguf", observed=True), Teller("h5")], ("gguf",)),
    ],
)
def test_formats_are_all_that_is_told_about_the_same_content_unless_somebody_saw_it(
    tellers: list[Teller], formats: tuple[str, ...]
) -> None:
    for order in (tellers, tellers[::-1]):
        (found,) = gathered(built(Registry(0), *order), ref())
        assert found.judged.artifact.formats == formats


# What is not cached


def test_a_revocation_counts_once_the_cache_lapsed_or_forgot() -> None:
    for at, forget in ((CACHE_TTL.total_seconds(), False), (0.0, True)):
        registry = Registry()
        gatherer = built(registry)
        assert gathered(gatherer, ref())[0].judged.evidence.accepted
        registry.revoked = {"release"}
        assert gathered(gatherer, ref())[0].judged.evidence.accepted
        if forget:
            gatherer.forget([ref(), ref(7)])
        evidence = gathered(gatherer, ref(), at=at)[0].judged.evidence
        assert evidence.accepted == ()
        assert [item.code for item in evidence.rejected] == ["provenance.signer-not-trusted"]


@pytest.mark.parametrize("where", ["resolver", "source", "verifier"])
def test_a_fault_is_not_cached(where: str) -> None:
    acts = [raising(OSError("away")), returning([] if where == "source" else None)]
    plugin = FaultyPlugin(where, lambda _: acts.pop(0)(None))
    host = PluginHost(deadline=30)
    host.register("stranger", plugin)
    registry = Registry()
    host.register("registry", registry)  # after it, so that each is asked
    gatherer = EvidenceGatherer(host, registry)
    with pytest.raises(PluginError) as caught:
        gathered(gatherer, ref())
    assert (caught.value.code, caught.value.plugin) == ("plugin.raised", "stranger")
    assert gathered(gatherer, ref())[0].judged.evidence.accepted
    assert acts == []


def test_files_and_names_nobody_knows_are_looked_up_each_time() -> None:
    registry = Registry()
    registry.known = lambda item: "m1" not in item.uri
    gatherer = built(registry)
    for _ in range(2):
        gathered(gatherer, ref(0, "file"), ref(1))
    assert len(registry.resolved) == 4


def test_an_unresolved_name_has_no_evidence() -> None:
    registry = Registry()
    registry.known = lambda _: False
    (found,) = gathered(built(registry), ref())
    assert not found.judged.artifact.resolved
    assert (found.judged.evidence.subject, found.judged.evidence.accepted) == (None, ())


def test_the_cache_forgets_what_was_used_longest_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "CACHE_SIZE", 3)
    registry = Registry()
    gatherer = built(registry)
    for number in (0, 1, 2, 0, 3):  # 0 is used again, so that 1 has to go
        gathered(gatherer, ref(number))
    assert len(gatherer._cache) == 3
    registry.resolved.clear()
    gathered(gatherer, ref(0), ref(2), ref(3))
    assert registry.resolved == []
    gathered(gatherer, ref(1))
    assert registry.resolved == [ref(1).uri]


# Many at once


def test_artifacts_are_gathered_at_the_same_time_and_answered_in_order() -> None:
    registry = Registry()

    async def run() -> None:
        started = [asyncio.Event() for _ in range(3)]

        async def resolve(item: ArtifactRef) -> Artifact:
            number = int(item.uri.split("/")[-2][1:])
            started[number].set()
            for other in started:
                await other.wait()
            return Artifact(kind=item.kind, name=item.uri, digest=digest_of(item.uri))

        registry.resolve = resolve  # type: ignore[method-assign, assignment]
        async with asyncio.timeout(30):
            found = await built(registry).gather([ref(2), ref(0), ref(1)], NOW)
        assert [item.judged.artifact.name for item in found] == [ref(2).uri, ref(0).uri, ref(1).uri]

    asyncio.run(run())


def test_a_request_of_many_artifacts_does_not_look_like_a_stuck_plugin() -> None:
    release = threading.Event()

    async def run() -> None:
        registry = Registry()
        resolve = registry.resolve
        registry.resolve = lambda item: resolve(item) if release.wait(30) else None  # type: ignore[method-assign]
        refs = [ref(number) for number in range(MAX_ARTIFACTS)]
        gathering = asyncio.ensure_future(built(registry, builtin=False).gather(refs, NOW))
        for _ in range(5):
            await asyncio.sleep(0)  # time enough to call for every one of them
        release.set()
        assert len(await gathering) == MAX_ARTIFACTS

    asyncio.run(run())


def test_one_fault_among_many_is_the_answer() -> None:
    plugin = FaultyPlugin("resolver", lambda item: 1 / 0 if "m3" in item.uri else None)
    with pytest.raises(PluginError) as caught:
        gathered(built(Registry(), plugin), *(ref(number) for number in range(6)))
    assert caught.value.plugin == "stranger-0"


# Who says what


def test_a_plugin_that_fails_to_offer_is_a_fault_already_of_the_first_request() -> None:
    class NoLicence:
        @hookimpl
        def govkernel_attestation_sources(self) -> list[Any]:
            raise RuntimeError("no licence")

    with pytest.raises(PluginError) as caught:
        gathered(built(Registry(), NoLicence()), ref())
    assert (caught.value.code, caught.value.plugin) == ("plugin.not-loaded", "stranger-0")


@pytest.mark.parametrize("schemes", [None, 7, "mlflow", raising(KeyError("x"))])
def test_a_resolver_without_proper_schemes_is_named(schemes: Any) -> None:
    class Odd:
        @hookimpl
        def govkernel_reference_resolvers(self) -> list[Any]:
            return [self]

        @property
        def schemes(self) -> Any:
            return schemes() if callable(schemes) else schemes

        def resolve(self, item: ArtifactRef) -> None:
            return None

    with pytest.raises(PluginError) as caught:
        gathered(built(Registry(), Odd()), ref())
    assert caught.value.plugin == "stranger-0"


def test_a_resolver_of_other_schemes_is_not_asked() -> None:
    asked: list[str] = []
    plugin = FaultyPlugin("resolver", lambda item: asked.append(item.uri))
    plugin.schemes = frozenset({"hf"})  # type: ignore[misc]
    gatherer = built(Registry(), plugin)
    gathered(gatherer, ref())
    assert asked == []
    gathered(gatherer, ref(scheme="hf"))
    assert asked == [ref(scheme="hf").uri]


@pytest.mark.parametrize("other", [digest_of("another"), None])
def test_resolvers_agree_or_nothing_is_known(other: Digest | None) -> None:
    plugin = FaultyPlugin("resolver", returning(Artifact(kind="model", name="m", digest=other)))
    gatherer = built(Registry(), plugin)
    if other is None:
        assert gathered(gatherer, ref())[0].judged.artifact.digest == digest_of(ref().uri)
        return
    with pytest.raises(GovkernelError) as caught:
        gathered(gatherer, ref())
    assert caught.value.code == "resolve.ambiguous"


def test_what_was_read_is_preferred_to_what_was_said() -> None:
    seen = Artifact(
        kind="model", name="m", digest=digest_of(ref().uri), observed=True, formats=("safetensors",)
    )
    (found,) = gathered(built(Registry(), FaultyPlugin("resolver", returning(seen))), ref())
    assert found.judged.artifact.observed
    assert found.judged.artifact.formats == ("gguf", "safetensors")


def test_a_digest_in_the_name_is_the_digest() -> None:
    name = ArtifactRef(uri=f"oci://registry.example/m@{digest_of('x')}", kind="model")
    assert gathered(built(Registry()), name)[0].judged.artifact.digest == digest_of("x")


def test_a_bundle_in_two_places_counts_once() -> None:
    registry = Registry()
    copy = FaultyPlugin(
        "source", lambda artifact: [Bundle(content=f"{artifact.digest} 0".encode(), source="b")]
    )
    assert len(gathered(built(registry, copy), ref())[0].judged.evidence.accepted) == 1


def test_a_bundle_nobody_understands_is_rejected() -> None:
    registry = Registry()
    registry.verify = returning(None)  # type: ignore[method-assign]
    (found,) = gathered(built(registry), ref())
    assert [item.code for item in found.judged.evidence.rejected] == ["provenance.format-unknown"]


def test_bundles_are_bounded_over_all_sources() -> None:
    each = MAX_BUNDLES // 2 + 1
    more = FaultyPlugin("source", returning([Bundle(content=b"%d" % n, source="x") for n in range(each)]))
    with pytest.raises(GovkernelError) as caught:
        gathered(built(Registry(each), more), ref())
    assert caught.value.code == "evidence.too-many"
