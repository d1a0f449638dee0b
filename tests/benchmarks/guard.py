"""``make bench-guard``: the guard's tiers, each beside its peer in one process; ratios are what travels.

``python -m tests.benchmarks.guard --memory`` screens a million different messages and prints the resident set instead.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from faker import Faker
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

from runtime_guard.detectors.cascade import Cascade
from runtime_guard.detectors.defaults import default_detectors
from runtime_guard.encoder.guard import GuardEncoder
from runtime_guard.gate.model import Gate
from runtime_guard.options import Options
from runtime_guard.patterns.engine import PatternEngine
from runtime_guard.patterns.recognizers import all_countries, country_recognizers, default_recognizers
from runtime_guard.patterns.words import Tokens
from runtime_guard.readers.interface import Reader
from runtime_guard.screen import Screen
from tests.benchmarks.compare import MILLISECONDS, interleaved, show
from tests.benchmarks.plain import plain_model
from tests.benchmarks.texts import SENTENCES, asked, clean, dense

KILOBYTE = 1024
TIERS = Options(tiers=frozenset({0, 1}))


def main() -> None:
    """Print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--memory", action="store_true", help="screen a million messages, print the resident set"
    )
    if parser.parse_known_args()[0].memory:
        memory()
        return
    patterns()
    growth()
    first_tiers()
    encoder()
    cascade()


def presidio_of(recognizers: Sequence[Any]) -> AnalyzerEngine:
    """Presidio's engine with these recognizers and no language model."""
    registry = RecognizerRegistry(recognizers=list(recognizers))
    return AnalyzerEngine(registry=registry, nlp_engine=Tokens(), supported_languages=["en"])


def patterns() -> None:
    """Tier 1's patterns beside Presidio's engine with the same recognizers: the same findings."""
    recognizers = default_recognizers()
    ours, theirs = PatternEngine(recognizers), presidio_of(recognizers)
    for name, make in (("clean", clean), ("dense with personal data", dense)):
        texts = [make(KILOBYTE, seed) for seed in range(20)]
        sides = {
            "govkernel": partial(_each, ours.analyze, texts * 20),
            "Presidio": partial(_each, partial(theirs.analyze, language="en"), texts),
        }
        show(
            f"patterns, {len(recognizers)} recognizers, texts of 1 KB, {name}",
            interleaved(sides, 5),
            "texts/s",
        )


def growth() -> None:
    """How cost grows with length, and with the number of recognizers."""
    few = default_recognizers()
    known = {type(item) for item in few}
    many = [*few, *(item for item in country_recognizers(all_countries()) if type(item) not in known)]
    engines = {len(few): PatternEngine(few), len(many): PatternEngine(many)}
    sides = {
        f"{count} recognizers, {make.__name__}, {size} KB": partial(
            _repeated, engine.analyze, make(size * KILOBYTE), 200 // size
        )
        for make in (clean, dense)
        for size in (16, 4, 1)
        for count, engine in engines.items()
    }
    show("patterns, cost by length and number", interleaved(sides, 5), MILLISECONDS)


def first_tiers() -> None:
    """Views, patterns and rules, the gate, and all of them, message by message, nothing cached."""
    texts = [f"{number} {clean(KILOBYTE - 8, number)}" for number in range(300)]
    messages = [f"{number} {clean(180, number)}" for number in range(300)]
    gate = Gate.load()
    for name, given in (("1 KB", texts), ("180 characters", messages)):
        without = [item for item in default_detectors(TIERS) if not isinstance(item, Reader)]
        show_times(
            f"views, patterns and rules, a message of {name}",
            asyncio.run(_messages(Screen(without, options=TIERS), given)),
        )
        show_times(
            f"the same and the gate, a message of {name}",
            asyncio.run(_messages(Screen(options=TIERS), given)),
        )
        show_times(
            f"the gate alone, a message of {name}",
            [_timed(partial(gate.glance, text, "user")) for text in given],
        )


async def _messages(screen: Screen, texts: Sequence[str]) -> list[float]:
    await screen.message("warm")
    found = []
    for text in texts:
        start = time.perf_counter()
        await screen.message(text)
        found.append(time.perf_counter() - start)
    return found


def show_times(title: str, seconds: Sequence[float]) -> None:
    """Print median and 99th percentile."""
    ordered = sorted(seconds)
    median, late = statistics.median(ordered), ordered[int(0.99 * (len(ordered) - 1))]
    print(f"\n{title}: median {median * 1e6:,.0f} µs, p99 {late * 1e6:,.0f} µs")


def encoder() -> None:
    """Tier 2 beside the same model in plain transformers, float32, eager, at 128 word pieces."""
    guard = GuardEncoder.load()
    model = plain_model()
    for batch in (1, 32):
        texts = [clean(560, seed) for seed in range(batch)]
        ids = torch.randint(1000, 20_000, (batch, 128))

        def theirs(ids: torch.Tensor = ids, batch: int = batch) -> int:
            with torch.inference_mode():
                model(input_ids=ids, attention_mask=torch.ones_like(ids))
            return batch

        def ours(texts: Sequence[str] = texts, batch: int = batch) -> int:
            guard.encode(texts, ["user"] * batch)
            return batch

        sides = {
            "govkernel: tokenised, encoded, decoded": ours,
            "transformers, float32, eager: forward only": theirs,
        }
        show(f"encoder, 128 word pieces, batch of {batch}", interleaved(sides, 5), "messages/s")


def cascade() -> None:
    """The whole cascade beside the encoder alone, on chats that send their history again; one in ten is doubtful.

    Of the others those that the gate settles, and then all of them as they come.
    """
    gate, guard = Gate.load(), GuardEncoder.load()
    both = Cascade(gate, guard)

    def clear(text: str) -> bool:
        return both.glance(text, "user").settled

    rng = random.Random(1)
    share = statistics.mean(clear(asked(rng)) for _ in range(500))
    print(f"\nmessages to an assistant that the gate settles: {share:.0%}")
    for name, fits in (("nine in ten clear", clear), ("as they come", lambda _: True)):
        turns = list(_chat_turns(60, fits))
        sides = {
            "cascade, gate first, known texts cached": partial(_chats, both, turns),
            "encoder asked about every message": partial(_all, guard, turns),
        }
        show(f"chats of eight turns, histories resent, {name}", interleaved(sides, 3), "messages/s")


def _chat_turns(chats: int, fits: Callable[[str], bool]) -> Sequence[list[str]]:
    """What each request of each chat sends: everything said so far, the instructions of its application first."""
    sent = []
    for chat in range(chats):
        fake, rng = Faker("en_US"), random.Random(chat)
        fake.seed_instance(chat)
        said = [next(text for seed in itertools.count(1000 * chat) if fits(text := clean(500, seed)))]
        for turn in range(8):
            doubtful = (chat + turn) % 10 == 0
            harmless = next(text for _ in itertools.count() if fits(text := asked(rng)))
            said.append(f"My name is {fake.name()}, I live in {fake.city()}." if doubtful else harmless)
            sent.append(list(said))
    return sent


def _chats(reader: Reader, turns: Sequence[list[str]]) -> int:
    screen = Screen([reader], tiers={1, 2})

    async def run() -> int:
        for said in turns:
            for text in said:
                await screen.message(text)
        return sum(map(len, turns))

    return asyncio.run(run())


def _all(guard: GuardEncoder, turns: Sequence[list[str]]) -> int:
    some = turns[::30]
    for said in some:
        guard.encode(said, ["user"] * len(said))
    return sum(map(len, some))


def memory(messages: int = 1_000_000) -> None:
    """The resident set while messages are screened, none like another."""
    screen = Screen(tiers={0, 1})

    async def run() -> None:
        for number in range(messages + 1):
            if number % (messages // 10) == 0:
                print(f"{number:>9,} messages: {_resident():,.0f} MiB, peak {_peak():,.0f} MiB")
            await screen.message(
                f"{number}: {SENTENCES[number % len(SENTENCES)]} ask user{number}@example.com"
            )

    asyncio.run(run())


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _each(work: Callable[[str], Any], texts: Sequence[str]) -> int:
    for text in texts:
        work(text)
    return len(texts)


def _repeated(work: Callable[[str], Any], text: str, times: int) -> int:
    for _ in range(times):
        work(text)
    return times


if __name__ == "__main__":
    main()
