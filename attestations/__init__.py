"""Predicate types defined by govkernel, one folder each, and example trust policies."""
