"""What the proxy knows of a provider's wire form. Each stands in a room of its own, in ``form.py``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from govkernel.domain import strict_json
from govkernel.errors import GovkernelError, InputError
from runtime_guard.proxy.told import names_of_fault
from runtime_guard.proxy.wire import Words

if TYPE_CHECKING:
    from runtime_guard.proxy.exchange import Conversation

BY_POLICY: Final = frozenset({"guard.blocked", "guard.denied"})
"""Codes of errors that are a decision."""


def _nothing() -> None:
    """What is left to do for requests in which nothing hangs on a text."""


def _watch_nothing(body: dict[str, Any]) -> Callable[[], None]:
    return _nothing


@dataclass(frozen=True)
class Api:
    """What an API and its parts are called in errors.

    Attributes:
        name: whose it is.
        request, answer: with their article.
    """

    name: str
    request: str
    answer: str

    def malformed(self, why: str) -> InputError:
        """The error for a request that is none of this API."""
        return InputError(
            "guard.request-malformed",
            f"The request is not {self.request}.",
            why=why,
            remedy=f"Send JSON as the {self.name} API reference describes it.",
        )

    def not_an_answer(self, why: str) -> InputError:
        """The error for a model server's answer that is none of this API."""
        return InputError(
            "guard.upstream-answer",
            f"The model server's answer is not {self.answer}.",
            why=why,
            remedy=f"Check that the upstream is an {self.name}-compatible server.",
        )

    def event(self, data: str) -> dict[str, Any]:
        """The object that an event of a stream holds.

        Raises:
            InputError: ``guard.upstream-answer``.
        """
        try:
            document = strict_json.loads(data, halves=True)
        except InputError as error:
            raise self.not_an_answer(f"An event is not JSON: {error.code}.") from None
        if not isinstance(document, dict):
            raise self.not_an_answer("An event is not an object.")
        return document


@dataclass(frozen=True)
class WireForm:
    """One way to talk to a model server.

    Attributes:
        name: of the route, in metrics.
        path: where clients send requests.
        api: what it is called in errors.
        words: what names and types mean.
        headers: request headers that are passed on; every other one stays here.
        credentials: those of them that carry a key.
        authorization: the ``Authorization`` header that the request headers amount to.
        beginning: what is the same in every turn of a conversation.
        in_json: whether a request asks for an answer that is JSON.
        screen: what may be released of a whole answer.
        stream: the events to release for the data of a stream's events.
        encode: an event as bytes.
        end: bytes that end a stream.
        error: an error in the shape clients know, for an HTTP status.
        watch: called with a request, and what it returns once the texts in it are masked.
        queries: query strings that are passed on; any other is left out.
    """

    name: str
    path: str
    api: Api
    words: Words
    headers: tuple[str, ...]
    credentials: frozenset[str]
    authorization: Callable[[Mapping[str, str]], str]
    beginning: Callable[[dict[str, Any]], str]
    in_json: Callable[[dict[str, Any]], bool]
    screen: Callable[[Conversation, Any], Awaitable[dict[str, Any]]]
    stream: Callable[[Conversation, AsyncIterator[str]], AsyncIterator[dict[str, Any]]]
    encode: Callable[[dict[str, Any]], bytes]
    end: bytes
    error: Callable[[GovkernelError, int], dict[str, Any]]
    watch: Callable[[dict[str, Any]], Callable[[], None]] = field(default=_watch_nothing)
    queries: frozenset[str] = frozenset()

    def relayed(self, headers: Mapping[str, str], own: Iterable[str]) -> dict[str, str]:
        """The request headers that are passed on.

        Args:
            headers: of the client's request.
            own: names of headers that the route sets; if one carries a key, none of the client's is passed on.
        """
        set_here = {name.lower() for name in own}
        kept_back = set_here | (self.credentials if set_here & self.credentials else set())
        return {name: headers[name] for name in self.headers if name in headers and name not in kept_back}


def ended_early() -> InputError:
    """The error for a stream that just stops."""
    return InputError(
        "guard.upstream-stream",
        "The model server's stream ended before its answer did.",
        why="It said neither why it stopped nor that it is done.",
        remedy="Take the answer for incomplete, or ask again; what was received and screened was released.",
    )


def failed_within(event: dict[str, Any]) -> InputError:
    """The error for a stream in which the model server reports one."""
    return InputError(
        "guard.upstream-error",
        "The model server reported an error in the middle of its answer.",
        why=f"It is called {names}." if (names := names_of_fault(event)) else "",
        remedy="Try again; if it lasts, look at the model server.",
    )


def message(error: GovkernelError) -> str:
    """What an error says, in one line."""
    return " ".join(part for part in (error.what, error.why, error.remedy) if part)
