"""Bounds on everything this room reads from strangers; checked before parsing."""

from __future__ import annotations

from typing import Final

MAX_BUNDLE: Final = 32 * 1024 * 1024
"""Bytes of one bundle, the same as :class:`govkernel.hookspecs.Bundle` allows."""

MAX_CLAIM: Final = 4 * 1024 * 1024
"""Bytes of one statement that is not a list of files; it becomes part of every record it is evidence in."""

MAX_BUNDLES: Final = 1000
"""Bundles about one subject, and digests that one name may have been bound to."""

MAX_RECEIPT: Final = 32 * 1024 * 1024
"""Bytes of one receipt, enough for 100,000 files with names of usual length."""

MAX_TREE: Final = 32 * 1024 * 1024
"""Bytes of the list of a dataset's shards."""

MAX_PROOF: Final = 64 * 1024
"""Bytes of one proof about a dataset."""

MAX_SUBJECTS: Final = 1000
"""Subjects of one statement."""

MAX_NAME: Final = 2048
"""Characters of a subject name."""

MAX_PROMPT: Final = 1024 * 1024
"""Bytes of one prompt file."""

MAX_KEY_FILE: Final = 64 * 1024
"""Bytes of one PEM file."""

MAX_TRUST_FILE: Final = 1024 * 1024
"""Bytes of one trust policy."""

MAX_YAML_DEPTH: Final = 32
"""Nesting of a YAML document."""

MAX_KEYS: Final = 256
"""Keys, identities and rules of one trust policy, each."""
