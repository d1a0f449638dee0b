"""The vault over every store: one surrogate for one value, for whom it belongs to, while its time lasts."""

from __future__ import annotations

import asyncio
import string
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govkernel.errors import GovkernelError
from runtime_guard.redact import Wanted
from runtime_guard.tokens.allocation import Limits
from runtime_guard.tokens.entry import Entry, Row
from runtime_guard.tokens.errors import VaultError
from runtime_guard.tokens.keys import KNOWN_FOR, KeyRing
from runtime_guard.tokens.memory import MemoryStore
from runtime_guard.tokens.normal import normal
from runtime_guard.tokens.store import Asked, Store
from runtime_guard.tokens.upkeep import Upkeep
from runtime_guard.tokens.vault import Vault
from runtime_guard.tokens.wrapping import LocalWrapper
from tests.runtime_guard.tokens.databases import store_at
from tests.simulators.vault_stores import KeyService

T = TypeVar("T")

NOW = 1_700_000_000
TTL = 1_000
LIMITS = Limits(ttl=TTL, conversation_entries=50, tenant_entries=1_000, deadline=20)
JANE, JOHN, MAIL = (
    Wanted("PERSON", "Jane Roe"),
    Wanted("PERSON", "John Doe"),
    Wanted("EMAIL_ADDRESS", "a@b.de"),
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Any]:
    pytest.importorskip("psycopg", reason='no driver: pip install "govkernel[postgres]"')
    from tests.simulators.postgres import INSTALL_HINT, find_binaries, running_server

    binaries = find_binaries()
    if binaries is None:
        pytest.skip(INSTALL_HINT)
    with running_server(binaries) as running:
        yield running


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    new = f"sqlite:///{tmp_path / 'vault.db'}"
    with store_at(
        new if request.param == "sqlite" else request.getfixturevalue("postgres").new_database()
    ) as opened:
        yield opened


@dataclass
class Scene:
    """Vaults on one store, each with a ring of its own, as replicas have."""

    store: Store
    key: Any
    limits: Limits = LIMITS
    wrappers: Sequence[Any] = ()

    def ring(self) -> tuple[Asked, KeyRing]:
        asked = Asked(self.store, self.limits.deadline)
        return asked, KeyRing(asked, [self.key, *self.wrappers], self.limits.deadline)

    def vault(self) -> Vault:
        return Vault(*self.ring(), self.limits)

    def upkeep(self) -> Upkeep:
        return Upkeep(*self.ring())

    def rows(self, tenant: str = "acme") -> list[Row]:
        with self.store.session(write=False) as session:
            return session.sealed_otherwise(tenant, b"", 10**6)

    def rewrite(self, old: Row, new: Row) -> None:
        """Change a row behind the vault's back."""
        with self.store.session(write=True) as session:
            session.erase(old.tenant, old.conversation)
            session.add([new])


@pytest.fixture
def scene(store: Store) -> Scene:
    return Scene(store, LocalWrapper.new())


def run(work: Awaitable[T]) -> T:
    async def wait() -> T:
        return await work

    return asyncio.run(wait())


async def given_by(
    vault: Vault, *wanted: Wanted, tenant: str = "acme", name: str = "chat", now: int = NOW, **more: Any
) -> list[str]:
    scope = await vault.scope(tenant, name, "", now)
    return [item.entry.surrogate for item in await vault.names(scope, wanted, now, **more)]


def names(scene: Scene, *wanted: Wanted, **more: Any) -> list[str]:
    return run(given_by(scene.vault(), *wanted, **more))


def look_up(
    scene: Scene, *surrogates: str, tenant: str = "acme", name: str = "chat", now: int = NOW
) -> list[Entry]:
    async def find() -> list[Entry]:
        vault = scene.vault()
        return await vault.look_up(await vault.scope(tenant, name, "", now), surrogates, now)

    return run(find())


def test_one_name_for_one_value_whoever_asks_and_when(scene: Scene) -> None:
    assert names(scene, JANE, JOHN, MAIL, JANE) == [
        "<PERSON_1>",
        "<PERSON_2>",
        "<EMAIL_ADDRESS_1>",
        "<PERSON_1>",
    ]
    assert names(scene, MAIL, JOHN) == ["<EMAIL_ADDRESS_1>", "<PERSON_2>"]
    assert names(scene, Wanted("PERSON", "Al"), JANE) == ["<PERSON_3>", "<PERSON_1>"]


@pytest.mark.parametrize(
    ("label", "first", "again", "same"),
    [
        ("PERSON", "Jane Roe", "JANE  ROE", True),
        ("PERSON", "Jane Roe", "Jane\u00a0Roe", True),
        ("PERSON", "Jos\u00e9", "Jose\u0301", True),
        ("EMAIL_ADDRESS", "A@b.de", "a@B.DE", True),
        ("TICKET", "ab1", "AB1", False),
        ("PERSON", "Jane Roe", "Jane Rowe", False),
    ],
)
def test_when_two_values_are_the_same(scene: Scene, label: str, first: str, again: str, same: bool) -> None:
    one, other = names(scene, Wanted(label, first), Wanted(label, again))
    assert (one == other) is same
    assert look_up(scene, one)[0].value == first


def test_a_value_keeps_its_surrogate_when_it_is_found_to_be_something_else(scene: Scene) -> None:
    assert names(scene, Wanted("PERSON", "Jordan")) == ["<PERSON_1>"]
    assert names(scene, Wanted("LOCATION", "Jordan")) == ["<PERSON_1>"]


def test_a_surrogate_gives_its_value_in_its_conversation_only(scene: Scene) -> None:
    names(scene, JANE)
    assert look_up(scene, "<PERSON_1>", "<person_1>", "<PERSON_9>") == [
        Entry("PERSON", "Jane Roe", "<PERSON_1>", True)
    ]
    assert look_up(scene, "<PERSON_1>", name="other") == []
    assert look_up(scene, "<PERSON_1>", tenant="other") == []


def test_another_tenant_never_resolves_not_even_by_rows_of_this_one(scene: Scene) -> None:
    names(scene, JANE)
    names(scene, JOHN, tenant="thief")
    (stolen,) = scene.rows("acme")
    (own,) = scene.rows("thief")
    moved = replace(stolen, tenant="thief", conversation=own.conversation, surrogate_hash=own.surrogate_hash)
    scene.rewrite(own, replace(moved, value_hash=own.value_hash))
    with pytest.raises(VaultError):
        look_up(scene, "<PERSON_1>", tenant="thief")
    with scene.store.session(write=True) as session:
        (key,) = session.keys("acme")
        session.drop_keys("thief")
        session.add_key(replace(key, tenant="thief"))
    with pytest.raises(VaultError) as refused:
        look_up(scene, "<PERSON_1>", tenant="thief")
    assert refused.value.code == "vault.key-failed"


@pytest.mark.parametrize(
    "column", ["conversation", "value_hash", "surrogate_hash", "series", "number", "sent", "expires_at"]
)
def test_no_column_can_be_changed(scene: Scene, column: str) -> None:
    names(scene, JANE)
    (row,) = scene.rows()
    was = getattr(row, column)
    now = was + 7 if type(was) is int else not was if type(was) is bool else bytes(16)
    scene.rewrite(row, replace(row, **{column: now}))
    if column in ("conversation", "value_hash", "surrogate_hash"):  # moved out of reach of one of its looks
        found = [
            it
            for it in (lambda: look_up(scene, "<PERSON_1>"), lambda: names(scene, JANE))
            if not _refused(it)
        ]
        assert all("Jane Roe" not in repr(it()) for it in found)
        return
    assert _refused(lambda: look_up(scene, "<PERSON_1>")) == "vault.tampered"
    assert _refused(lambda: names(scene, JANE)) == "vault.tampered"


def _refused(work: Callable[[], Any]) -> str:
    try:
        work()
    except GovkernelError as error:
        return error.code
    return ""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 200), flip=st.integers(1, 255))
def test_no_byte_of_a_box_can_be_changed(place: int, flip: int) -> None:
    scene = Scene(MemoryStore(), LocalWrapper.new())
    names(scene, JANE)
    (row,) = scene.rows()
    box = bytearray(row.sealed)
    box[place % len(box)] ^= flip
    scene.rewrite(row, replace(row, sealed=bytes(box)))
    assert _refused(lambda: names(scene, JANE)) == "vault.tampered"
    scene.rewrite(row, replace(row, sealed=row.sealed[: place % len(box)]))
    assert _refused(lambda: names(scene, JANE)) == "vault.tampered"


def test_a_key_that_is_gone_or_another_is_a_typed_error(scene: Scene) -> None:
    names(scene, JANE)
    assert _refused(lambda: names(Scene(scene.store, LocalWrapper.new()), JANE)) == "vault.key-unknown"
    forged = LocalWrapper.new()
    forged.key_id = scene.key.key_id
    assert _refused(lambda: names(Scene(scene.store, forged), JANE)) == "vault.key-failed"
    with scene.store.session(write=True) as session:
        session.drop_keys("acme")
    assert _refused(lambda: look_up(scene, "<PERSON_1>")) == ""  # new keys find nothing
    (row,) = scene.rows()
    with scene.store.session(write=True) as session:
        session.replace([row], [replace(row, key_id=bytes(16))])
    assert names(scene, JANE) == ["<PERSON_1>"]


@pytest.mark.parametrize(
    ("mood", "code"),
    [("refuses", "vault.key-failed"), ("nonsense", "vault.key-failed"), ("stalls", "vault.key-failed")],
)
def test_a_key_service_that_fails_is_a_typed_error(store: Store, mood: str, code: str) -> None:
    scene = Scene(store, service := KeyService(), replace(LIMITS, deadline=0.2 if mood == "stalls" else 20))
    service.mood = mood
    with pytest.raises(VaultError) as failed:
        names(scene, JANE)
    assert failed.value.code == code
    assert "secret detail" not in f"{failed.value.as_dict()}"


def test_a_key_service_that_gives_another_key_is_found_out(store: Store) -> None:
    scene = Scene(store, service := KeyService())
    names(scene, JANE)
    service.mood = "lies"
    assert _refused(lambda: names(scene, JANE)) == "vault.key-failed"
    service.mood = "well"
    assert names(scene, JANE) == ["<PERSON_1>"]


def test_keys_are_asked_for_again_after_a_while(store: Store) -> None:
    scene = Scene(store, service := KeyService())
    vault = scene.vault()

    async def twice(later: int) -> int:
        before = service.calls
        await given_by(vault, JANE, now=NOW + later)
        return service.calls - before

    async def check() -> None:
        await given_by(vault, JANE)
        assert await twice(KNOWN_FOR - 1) == 0
        assert await twice(KNOWN_FOR) == 1
        service.mood = "refuses"
        with pytest.raises(VaultError):
            await twice(3 * KNOWN_FOR)

    run(check())


def test_an_entry_ends_and_its_value_begins_anew(scene: Scene) -> None:
    names(scene, JOHN, JANE)
    assert look_up(scene, "<PERSON_2>", now=NOW + TTL - 1)
    assert look_up(scene, "<PERSON_2>", now=NOW + TTL) == []
    assert names(scene, JANE, now=NOW + TTL) == ["<PERSON_1>"]
    assert [row.expires_at for row in scene.rows()] == [NOW + 2 * TTL]


def test_use_in_the_second_half_of_its_time_makes_an_entry_last(scene: Scene) -> None:
    names(scene, JANE)
    names(scene, JANE, now=NOW + TTL // 2 - 1)
    assert [row.expires_at for row in scene.rows()] == [NOW + TTL]
    names(scene, JANE, now=NOW + TTL // 2 + 1)
    assert [row.expires_at for row in scene.rows()] == [NOW + TTL // 2 + 1 + TTL]
    assert look_up(scene, "<PERSON_1>", now=NOW + TTL + 10)


def test_purging_removes_what_has_ended_and_nothing_else(scene: Scene) -> None:
    names(scene, JANE, JOHN)
    names(scene, MAIL, now=NOW + 100, tenant="other")
    assert run(scene.vault().purge(NOW + TTL - 1)) == 0
    assert run(scene.vault().purge(NOW + TTL)) == 2
    assert (len(scene.rows("acme")), len(scene.rows("other"))) == (0, 1)


def test_erasing_a_conversation_leaves_the_others(scene: Scene) -> None:
    names(scene, JANE, JOHN, name="one")
    names(scene, JANE, name="two")
    assert run(scene.upkeep().erase("acme", NOW, "one")) == 2
    assert look_up(scene, "<PERSON_1>", name="one") == []
    assert look_up(scene, "<PERSON_1>", name="two")


def test_erasing_a_tenant_takes_its_keys_and_running_guards_go_on_with_new_ones(scene: Scene) -> None:
    running = scene.vault()

    async def check() -> None:
        await given_by(running, JANE, JOHN)
        await given_by(running, JANE, tenant="other")
        (old,) = scene.rows("other")
        with scene.store.session(write=False) as session:
            (before,) = session.keys("acme")
        assert await scene.upkeep().erase("acme", NOW) == 2
        assert scene.rows("acme") == []
        assert await given_by(running, JOHN) == ["<PERSON_1>"]
        with scene.store.session(write=False) as session:
            (after,) = session.keys("acme")
        assert after.key_id != before.key_id
        assert await given_by(scene.vault(), JOHN) == ["<PERSON_1>"]
        assert scene.rows("other") == [old]

    run(check())


def test_rotation_seals_everything_anew_while_guards_run(scene: Scene) -> None:
    running = scene.vault()

    async def check() -> None:
        people = [Wanted("PERSON", f"Person {number}") for number in range(40)]
        before = await given_by(running, *people)
        old = scene.rows()
        with scene.store.session(write=False) as session:
            (first,) = session.keys("acme")
        assert await scene.upkeep().rotate("acme", NOW) == 40
        with scene.store.session(write=False) as session:
            (second,) = session.keys("acme")
        assert second.key_id != first.key_id
        assert {row.key_id for row in scene.rows()} == {second.key_id}
        assert not {row.sealed for row in old} & {row.sealed for row in scene.rows()}
        assert await given_by(running, *people) == before  # reads with keys it must fetch first
        assert await given_by(running, MAIL) == ["<EMAIL_ADDRESS_1>"]
        assert await given_by(scene.vault(), *people) == before

    run(check())


def test_a_guard_that_does_not_know_of_a_rotation_learns_it_when_it_writes(scene: Scene) -> None:
    running = scene.vault()

    async def check() -> None:
        await running.scope("acme", "chat", "", NOW)
        await scene.upkeep().rotate("acme", NOW)
        assert await given_by(running, JANE) == ["<PERSON_1>"]
        assert await given_by(scene.vault(), JANE) == ["<PERSON_1>"]

    run(check())


def test_rotation_moves_to_another_key_encryption_key(scene: Scene) -> None:
    names(scene, JANE)
    newer = Scene(scene.store, LocalWrapper.new(), wrappers=[scene.key])
    assert names(newer, JANE) == ["<PERSON_1>"]
    run(newer.upkeep().rotate("acme", NOW))
    assert names(Scene(scene.store, newer.key), JANE) == ["<PERSON_1>"]
    assert _refused(lambda: names(scene, JANE)) == "vault.key-unknown"


def test_two_rotations_at_once_lose_nothing(scene: Scene) -> None:
    people = [Wanted("PERSON", f"Person {number}") for number in range(40)]
    before = names(scene, *people)

    async def both() -> None:
        await asyncio.gather(*(scene.upkeep().rotate("acme", NOW) for _ in range(4)), return_exceptions=False)

    run(both())
    run(scene.upkeep().rotate("acme", NOW))
    assert names(scene, *people) == before
    with scene.store.session(write=False) as session:
        assert len(session.keys("acme")) == 1


def test_a_full_conversation_lets_its_oldest_go(scene: Scene) -> None:
    for number in range(0, 120, 10):
        people = [Wanted("PERSON", f"Person {it}") for it in range(number, number + 10)]
        assert len(set(names(scene, *people, now=NOW + number))) == 10
    rows = scene.rows()
    assert len(rows) == LIMITS.conversation_entries
    assert min(row.expires_at for row in rows) == NOW + TTL + 70
    assert look_up(scene, "<PERSON_1>") == []
    assert look_up(scene, "<PERSON_120>")[0].value == "Person 119"
    with pytest.raises(VaultError) as full:
        names(scene, *[Wanted("PERSON", f"P {it}") for it in range(51)])
    assert full.value.code == "vault.full"
    assert len(scene.rows()) == LIMITS.conversation_entries


def test_what_a_request_uses_does_not_give_way_to_what_it_adds(scene: Scene) -> None:
    old = [Wanted("PERSON", f"Old {number}") for number in range(50)]
    before = names(scene, *old)
    new = [Wanted("PERSON", f"New {number}") for number in range(10)]
    assert names(scene, *old[:40], *new, now=NOW + 1)[:40] == before[:40]
    assert len(look_up(scene, *before[:40], now=NOW + 1)) == 40
    assert len(scene.rows()) == LIMITS.conversation_entries
    with pytest.raises(VaultError) as full:
        names(scene, *old[:45], *new, now=NOW + 2)
    assert full.value.code == "vault.full"


def test_a_tenant_is_cut_to_its_limit(store: Store) -> None:
    scene = Scene(store, LocalWrapper.new(), replace(LIMITS, tenant_entries=100))
    vault = scene.vault()

    async def fill() -> None:
        for number in range(30):
            people = [Wanted("PERSON", f"Person {number} {it}") for it in range(10)]
            await given_by(vault, *people, name=f"chat {number}", now=NOW + number)

    run(fill())
    assert len(scene.rows()) == 100


def test_a_hundred_thousand_values_stay_bounded() -> None:
    scene = Scene(
        MemoryStore(), LocalWrapper.new(), replace(LIMITS, conversation_entries=2_000, tenant_entries=5_000)
    )
    vault = scene.vault()

    async def fill() -> None:
        for start in range(0, 100_000, 2_000):
            people = [Wanted("PERSON", f"Person {it}") for it in range(start, start + 2_000)]
            await given_by(vault, *people, name=f"chat {start % 10_000}", now=NOW + start // 1_000)

    run(fill())
    assert len(scene.rows()) <= 5_000


def test_names_that_stand_in_a_text_are_not_given(scene: Scene) -> None:
    taken = {"<PERSON_1>", "<PERSON_3>"}
    assert names(scene, JANE, JOHN, taken=taken.__contains__) == ["<PERSON_2>", "<PERSON_4>"]


def test_what_only_a_model_said_is_marked_until_a_client_sends_it(scene: Scene) -> None:
    names(scene, JANE, sent=False)
    assert [entry.sent for entry in look_up(scene, "<PERSON_1>")] == [False]
    assert names(scene, JANE) == ["<PERSON_1>"]
    assert [entry.sent for entry in look_up(scene, "<PERSON_1>")] == [True]
    names(scene, JANE, sent=False)
    assert [entry.sent for entry in look_up(scene, "<PERSON_1>")] == [True]


FAKE = [Wanted(item.label, item.value, fake=True) for item in (JANE, MAIL)]


def test_fakes_are_kept_and_recognised(scene: Scene) -> None:
    person, mail = names(scene, *FAKE)
    assert names(scene, *FAKE) == [person, mail]
    assert [entry.value for entry in look_up(scene, mail.upper())] == ["a@b.de"]

    async def standing() -> list[bool]:
        vault = scene.vault()
        scope = await vault.scope("acme", "chat", "", NOW)
        return [it.standing for it in await vault.names(scope, [Wanted("EMAIL_ADDRESS", mail), MAIL], NOW)]

    assert run(standing()) == [True, False]


def test_replicas_propose_the_same_fake_and_others_do_not(scene: Scene) -> None:
    (one,) = names(scene, FAKE[1])
    run(scene.vault().purge(NOW + TTL))
    assert names(scene, FAKE[1]) == [one]
    assert names(scene, FAKE[1], name="other") != [one]
    assert names(scene, FAKE[1], tenant="other") != [one]


def test_a_fake_is_never_a_value_of_the_conversation_nor_stands_in_its_texts(scene: Scene) -> None:
    (first,) = names(scene, FAKE[1], name="a")
    run(scene.upkeep().erase("acme", NOW, "a"))
    names(scene, Wanted("EMAIL_ADDRESS", first), name="a")
    (second,) = names(scene, FAKE[1], name="a")
    assert second != first
    run(scene.upkeep().erase("acme", NOW, "a"))
    (third,) = names(scene, FAKE[1], name="a", taken={first, second}.__contains__)
    assert third not in (first, second)


def test_where_no_fake_is_left_a_value_gets_a_name(scene: Scene) -> None:
    assert names(scene, *FAKE, taken=lambda made: not made.startswith("<")) == [
        "<PERSON_1>",
        "<EMAIL_ADDRESS_1>",
    ]
    assert names(scene, Wanted("TICKET", "T-1", fake=True)) == ["<TICKET_1>"]


def test_labels_that_differ_in_case_share_their_numbers(scene: Scene) -> None:
    assert names(scene, JANE, Wanted("person", "somebody")) == ["<PERSON_1>", "<person_2>"]


def test_many_replicas_at_once_agree(scene: Scene) -> None:
    people = [Wanted("PERSON", f"Person {number}", fake=number % 2 == 0) for number in range(12)]

    async def race() -> list[list[str]]:
        vaults = [scene.vault() for _ in range(6)]
        return await asyncio.gather(
            *(
                given_by(vault, *(people if number % 2 else people[::-1]))
                for number, vault in enumerate(vaults)
            )
        )

    answers = [given if number % 2 else given[::-1] for number, given in enumerate(run(race()))]
    assert len(set(map(tuple, answers))) == 1
    assert len(set(answers[0])) == 12


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["PERSON", "URL", "X_1", "é"]), st.text(max_size=20), st.booleans(), st.booleans()
        ),
        max_size=20,
    )
)
def test_every_value_gets_a_surrogate_of_its_own_that_leads_back(
    asked: list[tuple[str, str, bool, bool]],
) -> None:
    scene = Scene(MemoryStore(), LocalWrapper.new())
    for label, value, fake, sent in asked:
        (surrogate,) = names(scene, Wanted(label, value, fake), sent=sent)
        (entry,) = look_up(scene, surrogate)
        assert entry.surrogate == surrogate
        assert normal(label, entry.value) == normal(label, value)
    rows = scene.rows()
    assert len({row.surrogate_hash for row in rows}) == len(rows) == len({row.value_hash for row in rows})


def test_nothing_that_is_shown_or_kept_tells_a_value(scene: Scene) -> None:
    value = "Qwertz Uiopü"

    async def all_there_is() -> list[object]:
        vault = scene.vault()
        scope = await vault.scope("acme", "chat", "", NOW)
        wanted = [Wanted("PERSON", value)]
        given_back = await vault.names(scope, wanted, NOW)
        return [
            vault,
            scope,
            wanted,
            given_back,
            scene.rows(),
            await vault.look_up(scope, ["<PERSON_1>"], NOW),
        ]

    shown = repr(run(all_there_is()))
    assert "Qwertz" not in shown
    assert all(part.encode() not in row.sealed for row in scene.rows() for part in ("Qwertz", "PERSON"))


def test_the_length_of_a_box_tells_little(scene: Scene) -> None:
    names(
        scene,
        *(
            Wanted("PERSON", letter * length)
            for letter, length in zip(string.ascii_letters, range(1, 9), strict=False)
        ),
    )
    assert len({len(row.sealed) for row in scene.rows()}) == 1


def test_a_store_that_does_not_answer_in_time_is_unavailable(store: Store) -> None:
    if not store.waits:
        pytest.skip("a store in memory does not wait")
    scene = Scene(store, LocalWrapper.new(), replace(LIMITS, deadline=0.3))
    names(scene, JANE)
    with store.session(write=True) as holding:
        holding.keys("acme", alone=True)
        assert _refused(lambda: names(scene, JOHN)) == "vault.unavailable"
    assert names(replace(scene, limits=LIMITS), JOHN) == ["<PERSON_2>"]
