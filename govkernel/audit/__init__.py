"""Audit: every decision in a Merkle log, signed, queryable, verifiable."""
