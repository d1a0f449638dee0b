"""Suites of strangers' test vectors; nothing of them is part of this project."""
