"""A screen that finds colours, made in the workers of Ray."""

from __future__ import annotations

from govkernel.domain import Finding
from runtime_guard.screen import Screen


class Colours:
    """Finds ``red``; cannot say anything of ``broken``; takes ``shout`` for an attack."""

    name = "colours"
    labels = frozenset({"COLOUR", "jailbreak"})

    def detect(self, text: str, role: str) -> list[Finding]:
        if "broken" in text:
            raise ValueError(text)
        found = [Finding(label="jailbreak", detector=self.name)] if "shout" in text else []
        at = text.find("red")
        return (
            [*found, Finding(label="COLOUR", start=at, end=at + 3, detector=self.name)] if at >= 0 else found
        )


def colour_screen() -> Screen:
    """A screen of this one detector."""
    return Screen([Colours()], tiers={1})
