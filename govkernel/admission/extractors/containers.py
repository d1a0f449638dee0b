"""One container: its image, whether it serves a model, and what it mentions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from govkernel.admission.extractors import servers
from govkernel.admission.extractors.commands import Command, commands_of, program_of
from govkernel.admission.extractors.mentions import Mention, in_command, in_variables, server_of, sources_in
from govkernel.admission.extractors.volumes import Mount, mounts_of
from govkernel.admission.extractors.words import Environment
from govkernel.domain import ArtifactKind
from govkernel.domain.names import image_uri, is_model_file, repository_of

NO_MODEL: Final = "no-model-named"
"""Problem of a server that is told no model: it would load a default, or one that its image holds."""

CARRIERS: Final = ("modelcar",)
"""Beginnings of the names of containers whose image is itself a model (KServe)."""


@dataclass(frozen=True)
class Container:
    """What was read of a container.

    Attributes:
        image: normalised image URI; None when the object names no image.
        where: place in the manifest.
        serving: the model server it runs; empty when it runs none we know.
        accelerated: it asks for a GPU or the like.
        mentions: artifacts that its command and variables name.
        sources: URIs of models in commands that are no server's; they count when the pod uses models.
        mounts: its mounts.
    """

    image: str | None
    where: str
    serving: str
    accelerated: bool
    mentions: tuple[Mention, ...]
    sources: tuple[Mention, ...]
    mounts: tuple[Mount, ...]

    @property
    def uses_models(self) -> bool:
        """Whether it is known to serve, load or name a model."""
        return bool(self.serving or self.mentions)


def read_container(container: Mapping[str, Any], where: str) -> Container:
    """Read something shaped like a container."""
    image = container.get("image")
    uri = image_uri(image) if isinstance(image, str) and image else None
    repository = repository_of(uri) if uri else ""
    variables = Environment.of(container, where)
    commands = list(commands_of(container, variables, where))
    loader = servers.downloads(repository)
    serving = "" if loader else _serving(commands, repository)
    accelerated = _accelerated(container)
    mentions = [mention for command in commands for mention in _mentions(command, serving)]
    mentions += in_variables(variables, serving=bool(serving or loader), accelerated=accelerated)
    sources = [
        mention for command in commands for mention in sources_in(command) if not server_of(command.words)
    ]
    if loader:
        mentions, sources = mentions + sources, []
    mentions += [mention for mention in sources if is_model_file(mention.value)]
    if uri and str(container.get("name", "")).startswith(CARRIERS):
        mentions.append(Mention(ArtifactKind.MODEL, uri, f"{where}.image"))
    mentions += _missing(serving, loader=loader, mentions=mentions, where=where)
    return Container(
        uri, where, serving, accelerated, tuple(dict.fromkeys(mentions)), tuple(sources), mounts_of(container)
    )


def _serving(commands: list[Command], repository: str) -> str:
    """The server: one that a command starts, or the image's, unless all it runs is known to serve nothing."""
    started = next((found for command in commands if (found := server_of(command.words))), "")
    image = servers.serves(repository)
    idle = bool(commands) and all(_harmless(command) for command in commands)
    return started or ("" if idle else image)


def _harmless(command: Command) -> bool:
    return command.readable and not command.entrypoint and program_of(command.words[0]) in servers.HARMLESS


def _mentions(command: Command, serving: str) -> Iterator[Mention]:
    if command.readable:
        yield from in_command(command, serving if command.entrypoint else server_of(command.words) or serving)
    elif (
        serving or server_of(command.words) or any(part in command.words[0].text for part in servers.PROGRAMS)
    ):
        yield Mention(ArtifactKind.MODEL, "", command.words[0].where, problem="unreadable-script")


def _missing(serving: str, *, loader: bool, mentions: list[Mention], where: str) -> list[Mention]:
    """What a container that uses models must name and does not."""
    named = any(mention.kind is ArtifactKind.MODEL for mention in mentions)
    if serving in servers.ON_REQUEST:
        return [Mention(ArtifactKind.MODEL, "", where, problem="models-on-request")]
    if (serving or loader) and not named:
        return [Mention(ArtifactKind.MODEL, "", where, problem=NO_MODEL)]
    return []


def _accelerated(container: Mapping[str, Any]) -> bool:
    resources = container.get("resources")
    asked = [resources.get(key) for key in ("limits", "requests")] if isinstance(resources, Mapping) else []
    names = [str(name).lower() for item in asked if isinstance(item, Mapping) for name in item]
    return any(part in name for name in names for part in servers.ACCELERATORS)
