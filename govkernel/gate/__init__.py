"""The CI door: verify artifacts, evaluate packs, report."""
