"""Every code this room can give is documented."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_code_is_documented() -> None:
    source = "".join(path.read_text() for path in (ROOT / "govkernel" / "provenance").glob("*.py"))
    given = set(re.findall(r'"provenance\.([a-z0-9-]+)"', source))
    given |= set(re.findall(r'(?<!_)refuse\(\s*"([a-z0-9-]+)"', source))
    given |= {f"{what}-{when}" for what in ("key", "rule") for when in ("expired", "not-yet-valid")}
    docs = [ROOT / "docs" / "reference" / name for name in ("predicates.md", "trust-policy.md", "verify.md")]
    named = set(re.findall(r"`(?:provenance\.)?([a-z0-9-]+)`", "".join(path.read_text() for path in docs)))
    assert len(given) > 30
    assert not {code for code in given if code not in named}
