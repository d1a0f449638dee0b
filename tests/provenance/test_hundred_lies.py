"""A hundred ways to lie about an artifact, each refused with its own code.

The tables lie beside the simulators; the keyless lies, those of certificates and of timestamps are also told end to
end by ``test_keyless``, ``test_keyless_unlogged``, ``test_x509``, ``test_timestamps`` and ``test_timestamped``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.provenance.test_lies import ENVELOPE_LIES, OMS_LIES, PAYLOAD_LIES
from tests.simulators import certificate_lies, keyless_lies, timestamp_lies, tuf_lies
from tests.simulators.envelope_lies import ENVELOPES, SUBJECTS
from tests.simulators.file_lies import FILES
from tests.simulators.lie_scene import Lie, Scene, refusal, verified
from tests.simulators.sigstore import Instance
from tests.simulators.trust_lies import CROWDS, LINEAGE, TRUST

LIES: dict[str, tuple[Lie, str]] = {**FILES, **SUBJECTS, **ENVELOPES, **TRUST, **LINEAGE, **CROWDS}
ERRORS = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"


@pytest.fixture
def scene(model: Path) -> Scene:
    return Scene(model)


def test_the_truth_is_believed(scene: Scene) -> None:
    """Else the lies might be refused for a reason that has nothing to do with them."""
    assert not isinstance(verified(scene, scene.signature), BaseException)
    with pytest.raises(AssertionError, match="believed"):
        refusal(lambda it: verified(it, it.signature), scene)


@pytest.mark.parametrize("name", LIES)
def test_each_lie_is_refused_with_its_own_code(name: str, scene: Scene) -> None:
    lie, code = LIES[name]
    assert refusal(lie, scene) == code


def tables() -> dict[str, dict[str, str]]:
    """Code by name of each lie, by table."""
    keyless = keyless_lies.lies(Instance(now=lambda: keyless_lies.NOW))
    chains = certificate_lies.lies(certificate_lies.Family())
    times = timestamp_lies.lies(timestamp_lies.Clock())
    private = keyless_lies.unlogged(Instance(now=lambda: keyless_lies.NOW))
    del private["the truth"]
    old = {"an envelope's": ENVELOPE_LIES, "a payload's": PAYLOAD_LIES, "a model's": OMS_LIES}
    roots = dict(tuf_lies.LIES)
    new = {"a repository that": roots, "a timestamp": times, "keyless without a log": private}
    named = {"": LIES, "keyless": keyless, "a chain's": chains, **old, **new}
    return {table: {name: row[1] for name, row in rows.items()} for table, rows in named.items()}


def test_there_are_at_least_a_hundred_and_each_code_is_documented() -> None:
    rows = [(f"{table} {name}", code) for table, lies in tables().items() for name, code in lies.items()]
    assert len({name for name, _ in rows}) == len(rows) >= 200
    assert len({code for _, code in rows}) >= 70
    documented = set(re.findall(r"`([a-z0-9.-]+)`", ERRORS.read_text(encoding="utf-8")))
    pages = (ERRORS.parent / name for name in ("predicates.md", "trust-policy.md"))
    documented |= {name for page in pages for name in re.findall(r"`([a-z0-9.-]+)`", page.read_text("utf-8"))}
    assert {code for _, code in rows} <= documented
