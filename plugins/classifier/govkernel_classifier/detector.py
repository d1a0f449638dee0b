"""A classifier somewhere else as a detector of the guard."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from govkernel.domain import Finding
from govkernel.domain.finding import UNSCREENED
from govkernel.errors import GovkernelError
from govkernel_classifier.answers import Said, WrongAnswer, read, request
from govkernel_classifier.client import Client
from govkernel_classifier.settings import Endpoint

_log: Final = logging.getLogger(__name__)


class RemoteClassifier:
    """Follows :class:`govkernel.hookspecs.Detector`.

    Args:
        endpoint: what is asked, and what its answers mean.

    Raises:
        ConfigError: ``classifier.certificates``.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client = Client(endpoint)
        self.name = endpoint.name
        faults = {UNSCREENED} if endpoint.on_fault == "flag" else set[str]()
        self.labels = frozenset({*endpoint.labels.values(), *faults})

    async def detect(self, text: str, role: str) -> Sequence[Finding]:
        """What the endpoint says of a text, from the thresholds on; of roles that it is not asked about, nothing.

        Raises:
            GovkernelError: ``classifier.*``; never with the text or the answer.
        """
        if role not in self._endpoint.roles or not text.strip():
            return []
        try:
            said = await self._said(text, role)
        except GovkernelError as error:
            if self._endpoint.on_fault == "refuse":
                raise
            _log.warning("%s %s", error.what, error.why)
            return [Finding(label=UNSCREENED, detector=self.name)]
        return self._findings(said)

    async def close(self) -> None:
        """Close its connections; those of a guard end with its process."""
        await self._client.close()

    async def _said(self, text: str, role: str) -> list[Said]:
        answer = await self._client.ask(request(self._endpoint, text, role))
        try:
            return read(self._endpoint, text, answer)
        except WrongAnswer as error:
            raise self._client.wrong(str(error)) from None

    def _findings(self, said: Sequence[Said]) -> list[Finding]:
        found: dict[tuple[str, int, int], float] = {}
        for item in said:
            label = self._endpoint.labels.get(item.label)
            if label is not None and item.score >= self._endpoint.bound(label):
                place = (label, item.start, item.end)
                found[place] = max(item.score, found.get(place, 0.0))
        return [
            Finding(label=label, start=start, end=end, score=score, detector=self.name)
            for (label, start, end), score in found.items()
        ]
