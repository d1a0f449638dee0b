"""Where commands and variables mention models: flags, positional names, downloads, program text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from govkernel.admission.extractors import servers
from govkernel.admission.extractors.commands import Command, program_of
from govkernel.admission.extractors.servers import Place
from govkernel.admission.extractors.words import Environment, Word
from govkernel.domain import ArtifactKind
from govkernel.domain.names import is_model_uri, looks_like_model, unknown

_CODE: Final = re.compile(servers.CODE)
_JSON_KEYS: Final = frozenset({"path", "model", "lora_path", "model_id", "local_path"})
_HUBS: Final = {"ollama": "ollama", "ramalama": ""}
_ON: Final = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True)
class Mention:
    """A place that names an artifact.

    Attributes:
        kind: what the place says it is.
        value: the name as written; empty when it is not known.
        where: the place in the manifest.
        revision: what was given beside it.
        problem: why the name is not known; empty when it is.
        hub: where names without a scheme lead; empty when that is not known.
    """

    kind: ArtifactKind
    value: str
    where: str
    revision: str = ""
    problem: str = ""
    hub: str = "hf"


def server_of(words: Sequence[Word]) -> str:
    """The model server that a command starts; empty when it is none we know."""
    for index, word in enumerate(words):
        program = program_of(word)
        if program in servers.PROGRAMS:
            return program
        if word.text == "-m" and index + 1 < len(words):
            module = words[index + 1].text
            if module.startswith(servers.MODULES):
                return module
    return ""


def in_command(command: Command, serving: str) -> Iterator[Mention]:
    """What a command mentions.

    Args:
        command: the command.
        serving: the server that it starts or whose image it runs in; empty for none.
    """
    hub = hub_of(command.variables)
    words = _with_entrypoint(command, serving)
    for index, flag, value in _flags(words):
        place = servers.FLAGS.get(flag) or (servers.SHORT_FLAGS.get(flag) if "llama" in serving else None)
        if place is not None:
            given = _values(words, index, value) if place.listed else [value]
            for word in given:
                if word is not None and (serving or _means_model(place, word)):
                    yield from _mentioned(place, word, _revision(words, place.kind), hub)
        elif serving and flag in servers.CONFIG_FLAGS and value is not None:
            yield Mention(ArtifactKind.MODEL, "", value.where, problem="config-file")
    yield from _positional(words, hub)
    for word in words:
        if _CODE.search(word.text):
            yield Mention(ArtifactKind.MODEL, "", word.where, problem="program-text")


def in_variables(variables: Environment, *, serving: bool, accelerated: bool) -> Iterator[Mention]:
    """What the variables of a container mention.

    Args:
        variables: the variables.
        serving: the container is known to serve or load models.
        accelerated: it asks for a GPU or the like, so that weaker hints count.
    """
    hub = hub_of(variables)
    revision = next(
        (variables.variables[it] for it in servers.REVISION_VARIABLES if it in variables.variables), None
    )
    for name, place in servers.VARIABLES.items():
        word = variables.variables.get(name)
        if word is None or (word.known and not word.text):
            continue
        plausible = place.strong or accelerated
        if serving or (plausible and (not word.known or looks_like_model(word.text))):
            beside = revision if place.kind is ArtifactKind.MODEL else None
            yield from _mentioned(place, word, beside, hub)
    switch = variables.variables.get(servers.RUNTIME_ADAPTERS)
    if switch is not None and (not switch.known or switch.text.lower() in _ON):
        yield Mention(ArtifactKind.ADAPTER, "", switch.where, problem="adapters-on-request")


def sources_in(command: Command) -> Iterator[Mention]:
    """Words of a command that are URIs of models, for commands that load them."""
    for word in command.words:
        text = word.text.partition("=")[2] if word.text.startswith("--") else word.text
        if is_model_uri(text):
            problem = "" if word.known else "not-in-manifest"
            yield Mention(
                ArtifactKind.MODEL, text, word.where, problem=problem, hub=hub_of(command.variables)
            )


def hub_of(variables: Environment) -> str:
    """The scheme of names without one; empty when a variable sends them to a hub we do not know."""
    if any(variables.value(name).lower() in _ON for name in servers.HUB_SWITCHES):
        return "modelscope"
    endpoint = variables.variables.get(servers.HUB_ENDPOINT)
    usual = endpoint is None or (
        endpoint.known and endpoint.text.rstrip("/") in {"", "https://huggingface.co"}
    )
    return "hf" if usual else ""


def _with_entrypoint(command: Command, serving: str) -> tuple[Word, ...]:
    """Arguments of vLLM's image follow ``vllm serve``, which the image starts by itself."""
    words = command.words
    if not (command.entrypoint and "vllm" in serving and words) or words[0].text.startswith("-"):
        return words
    if server_of(words) or program_of(words[0]).startswith("python"):
        return words
    return (Word("vllm"), *([] if words[0].text == "serve" else [Word("serve")]), *words)


def _flags(words: Sequence[Word]) -> Iterator[tuple[int, str, Word | None]]:
    """Each flag with its position and the value it has, if the value can be the next word."""
    for index, word in enumerate(words):
        if not word.text.startswith("-"):
            continue
        flag, equals, text = word.text.partition("=")
        following = words[index + 1] if index + 1 < len(words) else None
        value = word.part(text) if equals else following
        yield index, flag.replace("_", "-") if flag.startswith("--") else flag, value


def _values(words: Sequence[Word], index: int, first: Word | None) -> Iterator[Word | None]:
    """All values of a flag that takes several."""
    yield first
    for word in words[index + (1 if "=" in words[index].text else 2) :]:
        if word.text.startswith("-"):
            return
        yield word


def _means_model(place: Place, word: Word) -> bool:
    return place.strong and (not word.known or any(looks_like_model(text) for text in _listed(word.text)))


def _mentioned(place: Place, word: Word, revision: Word | None, hub: str) -> Iterator[Mention]:
    known = word.known and (revision is None or revision.known)
    texts = _listed(word.text) if place.listed and word.known else [word.text]
    for text in texts:
        name, inline = text, revision.text if revision is not None else ""
        if place.listed and "@" in text and "://" not in text:
            name, _, inline = text.partition("@")
        if place.quantised and "://" not in text:
            name = text.partition(":")[0]
        yield Mention(place.kind, name, word.where, inline, "" if known else "not-in-manifest", hub)


def _listed(text: str) -> list[str]:
    """The names in ``name=path``, ``a,b``, ``{"name": …, "path": …}`` or a list of such; itself if nothing else."""
    if text.startswith(("{", "[")):
        try:
            return list(_in_json(json.loads(text))) or [unknown("unreadable-name")]
        except (ValueError, RecursionError):
            return [unknown("unreadable-name")]
    return [part.partition("=")[2] or part for part in text.split(",") if part] or [text]


def _in_json(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value[:256]:
            yield from _in_json(item)
    elif isinstance(value, dict):
        yield from (str(value[key]) for key in sorted(_JSON_KEYS & value.keys()))


def _revision(words: Sequence[Word], kind: ArtifactKind) -> Word | None:
    given = {flag: value for _, flag, value in _flags(words)}
    return next((given[name] for name in servers.REVISIONS[kind] if given.get(name) is not None), None)


def _positional(words: Sequence[Word], hub: str) -> Iterator[Mention]:
    dataset = any(flag == "--repo-type" and it and it.text == "dataset" for _, flag, it in _flags(words))
    kind = ArtifactKind.DATASET if dataset else ArtifactKind.MODEL
    for index, word in enumerate(words):
        for program, *rest in servers.POSITIONAL:
            start = index + 1 + len(rest)
            following = [it.text for it in words[index + 1 : start]]
            if program_of(word) != program or following != rest or start >= len(words):
                continue
            if not words[start].text.startswith("-"):
                revision = _revision(words, kind)
                yield from _mentioned(Place(kind), words[start], revision, _HUBS.get(program, hub))
