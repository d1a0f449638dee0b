"""Presidio's recognizers, compiled: what its engine finds, at many times its speed (ADR 0018)."""
