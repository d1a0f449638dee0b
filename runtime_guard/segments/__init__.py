"""Cut a growing text, by content alone, into stretches whose findings are certain.

docs/adr/0028-knowing-what-is-pending.md.
"""
