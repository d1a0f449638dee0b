"""What holds for every test here."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
"""How fast a law holds is for benchmarks to say; a busy machine breaks none."""
settings.load_profile("untimed")
