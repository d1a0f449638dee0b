"""What is kept of texts that come again: bounded, per tenant, nothing of the text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runtime_guard.cache import Cache


def put(cache: Cache[str], text: str, value: str, tenant: str = "", role: str = "user") -> None:
    key, _ = cache.get(text, role, tenant)
    cache.put(key, value, tenant)


def test_a_text_of_a_role_comes_back_for_its_tenant_only() -> None:
    cache: Cache[str] = Cache()
    put(cache, "text", "found", "a")
    assert cache.get("text", "user", "a")[1] == "found"
    assert cache.get("text", "tool", "a")[1] is None
    assert cache.get("text", "user", "b")[1] is None


def test_tenants_and_caches_have_keys_of_their_own() -> None:
    one, other = Cache[str](), Cache[str]()
    keys = {cache.get("text", "user", tenant)[0] for cache in (one, other) for tenant in ("a", "b")}
    assert len(keys) == 4


def test_one_tenant_cannot_drive_out_what_another_keeps() -> None:
    cache: Cache[str] = Cache(size=10)
    put(cache, "kept", "yes", "quiet")
    for number in range(1000):
        put(cache, str(number), "x", "busy")
    assert cache.get("kept", "user", "quiet")[1] == "yes"


def test_the_tenant_that_was_longest_away_makes_room() -> None:
    cache: Cache[str] = Cache(tenants=2)
    for tenant in ("a", "b", "a", "c"):
        put(cache, "text", tenant, tenant)
    assert [cache.get("text", "user", tenant)[1] for tenant in ("a", "c")] == ["a", "c"]
    assert cache.get("text", "user", "b")[1] is None


@given(st.lists(st.integers(0, 20), max_size=60))
def test_the_texts_that_were_used_last_are_kept(asked: list[int]) -> None:
    cache: Cache[int] = Cache(size=5)
    for number in asked:
        key, _ = cache.get(str(number), "user", "")
        cache.put(key, number, "")
    last = list(dict.fromkeys(reversed(asked)))[:5]
    assert all(cache.get(str(number), "user", "")[1] == number for number in last)
    gone = set(range(21)) - set(last)
    assert all(cache.get(str(number), "user", "")[1] is None for number in gone)


def test_nothing_of_a_text_is_kept() -> None:
    cache: Cache[str] = Cache()
    put(cache, "a secret text", "found", "tenant")
    assert "secret" not in repr(vars(cache))


def test_a_pair_of_surrogates_is_the_character_it_stands_for() -> None:
    cache: Cache[str] = Cache()
    put(cache, "\ud83d\ude00", "found")
    assert cache.get("😀", "user", "")[1] == "found"
    assert cache.get("\ud83d", "user", "")[1] is None
